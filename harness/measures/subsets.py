"""What each thought is worth, read from runs with every subset of the thoughts ablated (spec: measures, Shapley).

A subset is a number: bit j is set when thought j is ablated, so condition 0 is the baseline and `2**T - 1` ablates all.
Values `[..., 2**T]` are a metric under every subset: right or wrong, or the log-probability of the gold answer.
"""

from math import factorial

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array


def subset_of(positions: tuple[int, ...]) -> int:
    """The number of the subset in which exactly these thoughts are ablated."""
    return sum(1 << position for position in set(positions))


def positions_of(subset: int, T: int) -> tuple[int, ...]:
    """The thoughts that are ablated in a subset, ascending."""
    return tuple(position for position in range(T) if subset >> position & 1)


def thoughts_in(values: NDArray[np.generic]) -> int:
    """T. Raises `ValueError` when the last axis is not as long as there are subsets of T thoughts."""
    T = values.shape[-1].bit_length() - 1
    if values.shape[-1] != 1 << T:
        raise ValueError(f"values of all subsets come in powers of two, got {values.shape[-1]}")
    return T


def single_drop(values: NDArray[np.generic]) -> Array:
    """`[..., 2**T]` to `[..., T]`: what is lost when each thought is ablated alone."""
    known = np.asarray(values, dtype=np.float64)
    alone = [1 << position for position in range(thoughts_in(known))]
    return known[..., :1] - known[..., alone]


def nested_drop(values: NDArray[np.generic]) -> Array:
    """`[..., 2**T]` to `[..., T]`: what is lost when the first 0, 1 .. T-1 thoughts are ablated together."""
    known = np.asarray(values, dtype=np.float64)
    first = [(1 << count) - 1 for count in range(thoughts_in(known))]
    return known[..., :1] - known[..., first]


def leave_one_in(values: NDArray[np.generic]) -> Array:
    """`[..., 2**T]` to `[..., T]`: what each thought gives when it is the only one left."""
    known = np.asarray(values, dtype=np.float64)
    everything = known.shape[-1] - 1
    only = [everything ^ (1 << position) for position in range(thoughts_in(known))]
    return known[..., only] - known[..., everything:]


def shapley(values: NDArray[np.generic]) -> Array:
    """`[..., 2**T]` to `[..., T]`: the exact Shapley value of each thought.

    The mean, over all orders in which thoughts are restored, of what restoring it adds (Shapley 1953). The values of all
    thoughts sum to the baseline minus all ablated.
    """
    known = np.asarray(values, dtype=np.float64)
    T = thoughts_in(known)
    weights = np.zeros((1 << T, T))
    for subset in range(1 << T):
        intact = T - subset.bit_count()
        for position in range(T):
            if subset >> position & 1:
                weight = factorial(intact) * factorial(T - intact - 1) / factorial(T)
                weights[subset ^ (1 << position), position] += weight
                weights[subset, position] -= weight
    return np.asarray(known @ weights)
