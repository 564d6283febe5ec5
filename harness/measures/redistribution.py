"""Where the weight goes that a blocked key had: what every other key gains, and what it would gain in proportion."""

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array


def gained(before: NDArray[np.generic], after: NDArray[np.generic], key: int) -> Array:
    """`[..., C]` weights before and after to `[..., C - 1]`: what each other key has more of."""
    return _others(after, key) - _others(before, key)


def in_proportion(before: NDArray[np.generic], key: int) -> Array:
    """`[..., C]` to `[..., C - 1]`: what each other key gains if scores stay as they were and the softmax leaves one key out.

    A query that reads the key alone leaves nothing to go by; it is taken to give all others the same.
    """
    others, removed = _others(before, key), np.asarray(before, dtype=np.float64)[..., key, None]
    left = others.sum(axis=-1, keepdims=True)
    shares = np.divide(others, left, out=np.full(others.shape, 1 / others.shape[-1]), where=left > 0)
    return np.asarray(shares * removed)


def _others(weights: NDArray[np.generic], key: int) -> Array:
    return np.delete(np.asarray(weights, dtype=np.float64), key, axis=-1)
