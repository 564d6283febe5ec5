"""How much a thought matters, and whether attention says so (spec: measures, importance)."""

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array


def importance(baseline: NDArray[np.bool_], ablated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`[n, T]`: the baseline `[n]` is right and the answer without the thought `[n, T]` is wrong."""
    return np.asarray(baseline)[:, None] & ~np.asarray(ablated)


def paired_drop(baseline: NDArray[np.generic], ablated: NDArray[np.generic]) -> Array:
    """`[n, ...]`: the metric of the baseline `[n]` less that of the condition `[n, ...]`; below 0 where it gained."""
    after = np.asarray(ablated, dtype=np.float64)
    return np.asarray(baseline, dtype=np.float64).reshape(-1, *(1,) * (after.ndim - 1)) - after


def centred(values: NDArray[np.generic]) -> Array:
    """`[n, T]` less each problem's mean over its thoughts."""
    known = np.asarray(values, dtype=np.float64)
    return known - known.mean(axis=-1, keepdims=True)


def correlation_parts(first: NDArray[np.generic], second: NDArray[np.generic]) -> Array:
    """`[n, 3]` of values `[n, T]`: each problem's covariance and two variances, from which :func:`correlation` comes.

    Their means over problems, or over resampled problems, give the correlation within problems.
    """
    x, y = centred(first), centred(second)
    return np.stack([(x * y).sum(axis=-1), (x * x).sum(axis=-1), (y * y).sum(axis=-1)], axis=-1)


def correlation(parts: Array) -> Array:
    """`[..., 3]` means of :func:`correlation_parts` to Pearson's r `[...]`; NaN where either never varies."""
    joint, first, second = np.moveaxis(parts, -1, 0)
    product = first * second
    defined = product > 1e-24
    return np.where(defined, joint / np.sqrt(np.where(defined, product, 1.0)), np.nan)
