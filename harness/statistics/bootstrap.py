"""Bootstrap over problems: resamples as weights, so that a resampled mean is one matrix product."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array
from harness.statistics.parallel import side_by_side

COUNTED_AT_ONCE = 50


@lru_cache(maxsize=4)
def resample_weights(n: int, draws: int = 2000, seed: int = 0) -> Array:
    """`[draws, n]` weights of n problems drawn with replacement, read-only; every row sums to 1."""
    weights = resample_counts(n, draws, seed) / n
    weights.setflags(write=False)
    return weights


def resample_counts(n: int, draws: int = 2000, seed: int = 0) -> NDArray[np.uint16]:
    """`[draws, n]`: how often each of n problems is among n drawn with replacement. Two bytes each: n may be large."""
    rng = np.random.default_rng(seed)
    counts = np.empty((draws, n), np.uint16)
    for start in range(0, draws, COUNTED_AT_ONCE):
        some = counts[start : start + COUNTED_AT_ONCE]
        some[:] = rng.multinomial(n, np.full(n, 1 / n), size=len(some))
    return counts


def subset_counts(n: int, size: int, draws: int = 2000, seed: int = 0) -> NDArray[np.uint16]:
    """`[draws, n]`: 1 for each of ``size`` of n problems drawn without replacement, 0 for the others."""
    rng = np.random.default_rng((seed, 44))
    counts = np.zeros((draws, n), np.uint16)
    for draw in counts:
        draw[rng.choice(n, size, replace=False)] = 1
    return counts


def weighted_means(raw: NDArray[Any], weights: Array) -> Array:
    """`[n, ...]` values and `[draws, n]` weights to the `[draws, ...]` weighted means, float64."""
    flat = raw.reshape(len(raw), -1).astype(np.float64)
    return (weights @ flat).reshape(len(weights), *raw.shape[1:])


def mean_patterns(raw: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """`weighted_means` of patterns `[n, ..., T, T]`, without the products of cells above the diagonal, which are 0.

    The heads of one cell lie side by side in memory, which is how measures go through them. As exact as the weights are:
    of single precision in half the time.
    """
    T, heads = raw.shape[-1], raw.shape[1:-2]
    means = np.zeros((len(weights), T, T, *heads), weights.dtype)
    for i in range(T):
        row = np.moveaxis(raw[..., i, : i + 1], -1, 1).reshape(len(raw), -1).astype(weights.dtype)
        np.matmul(weights, row, out=means[:, i, : i + 1].reshape(len(weights), -1))
    return np.moveaxis(means, (1, 2), (-2, -1))


def resample(
    measure: Callable[[Array], NDArray[Any]], raw: NDArray[Any], weights: Array, chunk: int = 100
) -> NDArray[Any]:
    """`measure` of the weighted mean of `raw [n, ...]` for each row of `weights [draws, n]`.

    `chunk` resamples are held in memory at a time for each core; the result does not depend on it.
    """
    chunks = [weights[start : start + chunk] for start in range(0, len(weights), chunk)]
    return np.concatenate(side_by_side(lambda some: measure(weighted_means(raw, some)), chunks))


def percentile_interval(values: NDArray[Any], level: float = 0.95) -> tuple[Array, Array]:
    """Lower and upper percentile bound over the first axis (the resamples); NaN if any resample is."""
    tail = (1 - level) / 2
    low, high = np.quantile(np.asarray(values, dtype=np.float64), [tail, 1 - tail], axis=0)
    return low, high


def simultaneous_interval(points: NDArray[Any], values: NDArray[Any], level: float = 0.95) -> tuple[Array, Array]:
    """Bounds of `points [k]` that all hold together, from their resampled `values [draws, k]`.

    As wide for each as the largest deviation among them is in all but 5 % of the resamples, so that one may be picked out
    after looking.
    """
    known = np.asarray(points, dtype=np.float64)
    margin = np.quantile(np.abs(np.asarray(values) - known).max(axis=1), level)
    return known - margin, known + margin


def agreement(values: NDArray[Any], holds: Callable[[float], bool], verdict: bool = True) -> float:
    """Share of resampled `values [draws]` for which `holds(value)` equals `verdict`."""
    return sum(holds(float(value)) == verdict for value in values) / len(values)
