"""What thoughts read in the question, by class of token: mass, and mass beyond the class's share of the tokens."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, ratio


def class_mass(by_class: NDArray[Any], tokens: NDArray[Any]) -> Array:
    """`[n, 2, L, T, C]` from weights `[n, L, H, T, C]` and counts of tokens `[n, C]`, float64.

    First the mass on each class, mean over heads; then the mass it would have if the weight that the thought gives to
    the question were spread equally over the question's tokens.
    """
    mass = by_class.mean(axis=2, dtype=np.float64)
    share = tokens / tokens.sum(-1, keepdims=True)
    even = mass.sum(-1, keepdims=True) * share[:, None, None, :]
    return np.stack([mass, even], axis=1)


def class_enrichment(mass: NDArray[Any]) -> Array:
    """`[..., 2, L, T, C]` means of `class_mass` to `[..., L, T, C]`: mass over even mass; NaN for a class without tokens.

    For one problem this is the class's share of the question's mass divided by its share of the tokens.
    """
    return ratio(mass[..., 0, :, :, :], mass[..., 1, :, :, :])
