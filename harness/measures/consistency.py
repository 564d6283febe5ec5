"""How much the attention weights of one cell vary from problem to problem.

The standard deviation is the population one, taken from the first two moments over problems, so that a
resample of problems needs only two weighted means. The difference of moments can fall below zero by
rounding (about 1e-16, so standard deviations below about 1e-8 are noise); such values count as 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, causal_cells, checked


def problem_std(mean: NDArray[Any], mean_square: NDArray[Any]) -> Array:
    """`[..., L, H, cells]`: standard deviation over problems of each causal cell, row by row.

    `mean` and `mean_square` are the means over problems of the weights and of their squares.
    """
    first = checked(mean, "problem_std")
    second = checked(mean_square, "problem_std")
    rows, cols = causal_cells(first.shape[-1])
    variance = second[..., rows, cols] - first[..., rows, cols] ** 2
    return np.sqrt(np.maximum(variance, 0.0))


def across_problem_std(mean: NDArray[Any], mean_square: NDArray[Any]) -> Array:
    """`[...]`: mean over layers, heads and causal cells of the standard deviation over problems."""
    return problem_std(mean, mean_square).mean(axis=(-3, -2, -1))


def unstable_share(mean: NDArray[Any], mean_square: NDArray[Any], limit: float) -> Array:
    """`[...]`: share of (head, causal cell) whose standard deviation over problems is at least `limit`."""
    return (problem_std(mean, mean_square) >= limit).mean(axis=(-3, -2, -1))
