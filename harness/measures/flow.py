"""How a head moves information along the chain of latents: to the next, across a gap, or forward at all."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, checked, mean_over_heads, ratio, sums_of_cells

SKIP_SOURCES = 3


def latent_mass(mean: NDArray[Any]) -> Array:
    """`[..., L, H, T]`: how much of each query's attention falls on latents at all."""
    patterns = checked(mean, "latent_mass")
    T = patterns.shape[-1]
    return sums_of_cells(patterns, [[(i, j) for j in range(i + 1)] for i in range(T)])


def sequential_share(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: attention to the immediate predecessor over all attention to latents, rows 1..T-1.

    NaN for a head without attention in those rows.
    """
    patterns = checked(mean, "sequential_share", at_least=2)
    return ratio(_to_previous(patterns), latent_mass(patterns)[..., 1:].sum(axis=-1))


def sequential_ratio(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: mean weight on the predecessor over the mean causal weight of rows 1..T-1."""
    patterns = checked(mean, "sequential_ratio", at_least=2)
    T = patterns.shape[-1]
    cells = T * (T + 1) / 2 - 1
    return sequential_share(patterns) * (cells / (T - 1))


def _to_previous(patterns: Array) -> Array:
    return np.diagonal(patterns, offset=-1, axis1=-2, axis2=-1).sum(axis=-1)


def previous_weight(mean: NDArray[Any]) -> Array:
    """`[...]`: mean over heads of the share of the last query's attention that its predecessor gets."""
    patterns = checked(mean, "previous_weight", at_least=2)
    last = patterns[..., -1, :]
    return mean_over_heads(ratio(last[..., -2], last.sum(axis=-1)))


def skip(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: mean weight of the last query on latents 0, 1 and 2; needs at least 5 latents."""
    return checked(mean, "skip", at_least=5)[..., -1, :SKIP_SOURCES].mean(axis=-1)


def forward_mass(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: sum of the weights on earlier latents (`j < i`)."""
    patterns = checked(mean, "forward_mass", at_least=2)
    T = patterns.shape[-1]
    return sums_of_cells(patterns, [[(i, j) for i in range(T) for j in range(i)]])[..., 0]


def flow(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: share of a head's attention to latents that goes to earlier ones; NaN for none.

    A head reading uniformly has 0.714 with a long context around six latents (equal weights) and 0.592
    with all weight on the latents (equal rows).
    """
    forward = forward_mass(mean)
    return ratio(forward, latent_mass(mean).sum(axis=-1))
