"""Cross-fitting: choose on one random half of the problems, measure on the other."""

import numpy as np

from harness.measures.patterns import Array


def halves(n: int, splits: int = 100, seed: int = 0) -> tuple[Array, Array]:
    """Two `[splits, n]` weight matrices: the mean over a random half and over its complement.

    Rows sum to 1; with an odd n the second half has one problem more. Needs at least 2 problems.
    """
    if n < 2:
        raise ValueError(f"halves needs at least 2 problems, got {n}")
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (splits, 1)), axis=1)
    first = order < n // 2
    return first / (n // 2), ~first / (n - n // 2)
