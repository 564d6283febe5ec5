"""Correlations across problems of several quantities with several others, their permutation tests and resamples.

Everywhere ``first`` is [n, F] and ``second`` [n, K], a row per problem, and results are [F, K]: every column of one with every
column of the other. A column that does not vary has no correlation: NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from harness.measures.patterns import Array
from harness.statistics.permutation import p_value

_TIE, _NOTHING = 1e-9, 1e-12
_CHUNK_VALUES = 300_000


def pearson(first: NDArray[Any], second: NDArray[Any]) -> Array:
    """Pearson's r of every two columns, `[F, K]`."""
    return np.asarray(_unit(first).T @ _unit(second))


def spearman(first: NDArray[Any], second: NDArray[Any]) -> Array:
    """Spearman's rho of every two columns, `[F, K]`: Pearson's r of their midranks."""
    return pearson(midranks(first), midranks(second))


def midranks(values: NDArray[Any]) -> Array:
    """Ranks `[n, k]` within each column of values `[n, k]`, from 1; those that are equal share their mean rank."""
    return np.asarray(rankdata(values, axis=0), dtype=np.float64)


def pairing_p(first: NDArray[Any], second: NDArray[Any], draws: int = 9999, seed: int = 0) -> Array:
    """Two-sided p `[F, K]` of Pearson's r, over random pairings of the rows of both; NaN where there is no r.

    A problem stays whole, and every two columns see the same pairings, of which there are ``draws``. Give
    :func:`midranks` for Spearman's rho.
    """
    x, y = _unit(first), _unit(second)
    n, columns = x.shape
    observed = np.abs(x.T @ y)
    hits = np.zeros(observed.shape, dtype=np.int64)
    rng, rows = np.random.default_rng((seed, 7)), np.arange(n)
    chunk = max(1, _CHUNK_VALUES // (columns * max(n, y.shape[1])))
    for start in range(0, draws, chunk):
        orders = rng.permuted(np.tile(rows, (min(chunk, draws - start), 1)), axis=1)
        found = np.abs(np.take(x.T, orders, axis=1).reshape(-1, n) @ y).reshape(columns, len(orders), -1)
        hits += (found >= (observed - _TIE)[:, None]).sum(axis=1)
    return np.where(np.isfinite(observed), p_value(hits, draws), np.nan)


def resampled_pearson(first: NDArray[Any], second: NDArray[Any], weights: Array) -> Array:
    """`[draws, F, K]`: Pearson's r under each row of `weights [draws, n]`; NaN where a column does not vary there."""
    x, y = _unit(first), _unit(second)
    mean_x, mean_y = weights @ x, weights @ y
    joint = np.stack([weights @ (one[:, None] * y) for one in x.T], axis=1) - mean_x[:, :, None] * mean_y[:, None]
    return _ratio(joint, weights @ (x * x) - mean_x**2, weights @ (y * y) - mean_y**2, 1 / len(x))


def resampled_spearman(first: NDArray[Any], second: NDArray[Any], weights: Array) -> Array:
    """`[draws, F, K]`: Spearman's rho under each row of `weights [draws, n]`, ranked anew; NaN as above."""
    x, y = _Ranked(first), _Ranked(second)
    chunk = max(1, _CHUNK_VALUES // (len(first) * (x.columns + y.columns)))
    return np.concatenate(
        [_ranked_anew(x, y, weights[start : start + chunk]) for start in range(0, len(weights), chunk)]
    )


def _ranked_anew(x: "_Ranked", y: "_Ranked", weights: Array) -> Array:
    one, other = x.under(weights), y.under(weights)
    weighted = one * weights[:, :, None]
    spreads = (weighted * one).sum(axis=1), (other * other * weights[:, :, None]).sum(axis=1)
    return _ratio(weighted.swapaxes(1, 2) @ other, *spreads, 1.0)


class _Ranked:
    """Columns whose different values are known, so that ranking under other weights is a running sum over them."""

    def __init__(self, values: NDArray[Any]):
        self._places = [np.unique(column, return_inverse=True)[1] for column in np.asarray(values).T]
        self.columns = len(self._places)

    def under(self, weights: Array) -> Array:
        """`[draws, n, k]`: midranks as shares of the weight below, less their mean, one half."""
        found = np.empty((*weights.shape, self.columns))
        for column, places in enumerate(self._places):
            shares = weights @ np.eye(places.max() + 1)[places]
            found[:, :, column] = (shares.cumsum(axis=1) - shares / 2 - 0.5)[:, places]
        return found


def _unit(values: NDArray[Any]) -> Array:
    """Columns `[n, k]` less their means, of length 1; NaN where they do not vary."""
    known = np.asarray(values, dtype=np.float64)
    centred = known - known.mean(axis=0)
    length = np.sqrt((centred * centred).sum(axis=0))
    varies = np.ptp(known, axis=0) > 0
    return np.where(varies, centred / np.where(varies, length, 1.0), np.nan)


def _ratio(joint: Array, first: Array, second: Array, scale: float) -> Array:
    """Correlations from covariances `[draws, F, K]` and variances `[draws, F]`, `[draws, K]` of about ``scale`` or 0."""
    nothing = _NOTHING * scale
    defined = (first > nothing)[:, :, None] & (second > nothing)[:, None]
    product = np.where(defined, first[:, :, None] * second[:, None], 1.0)
    return np.where(defined, joint / np.sqrt(product), np.nan)
