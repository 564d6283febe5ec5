"""What each thought is worth, read from runs with every subset of the thoughts ablated (spec: measures, Shapley).

A subset is a number: bit j is set when thought j is ablated, so condition 0 is the baseline and `2**T - 1` ablates all.
Values `[..., 2**T]` are a metric under every subset: right or wrong, or the log-probability of the gold answer.
"""

from collections.abc import Callable, Mapping
from math import factorial

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, TooFewLatents


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
                weight = factorial(intact) * factorial(T - intact - 1)
                weights[subset ^ (1 << position), position] += weight
                weights[subset, position] -= weight
    # Divided last: of right and wrong answers the sums are whole numbers, and what is 0 is exactly 0.
    return np.asarray(known @ weights / factorial(T))


DESIGNS: Mapping[str, Callable[[NDArray[np.generic]], Array]] = {
    "nested": nested_drop,
    "single": single_drop,
    "leave_one_in": leave_one_in,
    "shapley": shapley,
}
"""Ways to ask what each thought is worth, each `[..., 2**T]` to `[..., T]`."""


def nested_steps(values: NDArray[np.generic]) -> Array:
    """`[..., 2**T]` to `[..., T-1]`: what the nested curve loses from one count to the next.

    Step k ablates thought k when those before it are gone already. The curve ends before the last thought, which has none.
    """
    return np.diff(nested_drop(values), axis=-1)


def halves_of(T: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Early positions 0..T//2-1, and the late rest. Raises `TooFewLatents` for a single thought."""
    if T < 2:
        raise TooFewLatents(f"early against late needs at least 2 latents, got {T}")
    return tuple(range(T // 2)), tuple(range(T // 2, T))


def early_less_late(by_position: NDArray[np.generic]) -> Array:
    """`[..., T]` to `[...]`: mean over early positions minus mean over late ones. Raises `TooFewLatents` below 2."""
    known = np.asarray(by_position, dtype=np.float64)
    early, late = halves_of(known.shape[-1])
    return known[..., early].mean(axis=-1) - known[..., late].mean(axis=-1)


def most_early_less_late(T: int) -> float:
    """The largest early-minus-late difference of Shapley values where the metric lies between 0 and 1.

    The difference is a weighted sum of the metric's values under every subset, largest where the metric is 1 under those of
    positive weight and 0 elsewhere; its smallest value is the same with the other sign.
    """
    weights = early_less_late(shapley(np.eye(1 << T)))
    return float(weights[weights > 0].sum())
