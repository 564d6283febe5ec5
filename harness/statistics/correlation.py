"""Is a correlation within problems more than a profile of positions that all problems share?"""

from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from harness.measures.importance import centred
from harness.measures.patterns import Array
from harness.statistics.permutation import p_value

MOST_ORDERS = 5040
"""Orders of positions that are all tried; of more, so many random ones."""
AT_ONCE = 500
"""Pairings held in memory."""


def within_problem_p(
    first: NDArray[np.generic], second: NDArray[np.generic], draws: int = 9999, seed: int = 0
) -> float:
    """Two-sided p of the correlation of values `[n, T]` that are centred within each problem.

    The larger of two: positions change places, alike in all problems; and, position means removed, whole problems change
    places. Either alone takes what positions, or problems, have in common for a relation (spec: measures, uncertainty).
    """
    x, y = centred(first), centred(second)
    return max(position_p(x, y, draws, seed), problem_p(x, y, draws, seed))


def least_p(T: int, draws: int = 9999) -> float:
    """The smallest p that :func:`within_problem_p` can give for T positions."""
    orders = factorial(T) if factorial(T) <= MOST_ORDERS else 1 + draws
    return 1 / min(orders, 1 + draws)


def position_p(x: Array, y: Array, draws: int = 9999, seed: int = 0) -> float:
    """Two-sided p over orders of the positions of `y [n, T]` that all problems share."""
    joint = x.T @ y
    T = len(joint)
    if factorial(T) <= MOST_ORDERS:
        orders = np.array(list(permutations(range(T))))
    else:
        drawn = np.random.default_rng(seed).permuted(np.tile(np.arange(T), (draws, 1)), axis=1)
        orders = np.concatenate([np.arange(T)[None], drawn])
    found = np.abs(joint[np.arange(T), orders].sum(axis=1))
    # The order as it stands is among them.
    return float((found >= found[0] - _tie(x, y)).mean())


def problem_p(x: Array, y: Array, draws: int = 9999, seed: int = 0) -> float:
    """Two-sided p over the pairing of whole problems, position means removed."""
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    joint = a @ b.T
    n = len(joint)
    rng, rows = np.random.default_rng((seed, 4)), np.arange(n)
    observed = abs(float(np.trace(joint)))
    hits = 0
    for start in range(0, draws, AT_ONCE):
        orders = rng.permuted(np.tile(rows, (min(AT_ONCE, draws - start), 1)), axis=1)
        hits += int((np.abs(joint[rows, orders].sum(axis=1)) >= observed - _tie(a, b)).sum())
    return float(p_value(hits, draws))


def _tie(x: Array, y: Array) -> float:
    return 1e-9 * float(np.sqrt((x * x).sum() * (y * y).sum()))
