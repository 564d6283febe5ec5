"""How far apart heads' patterns lie: every two, a group from all others, and groups from each other.

Pairs of k heads are in scipy's condensed order, (0, 1), (0, 2) .. (k - 2, k - 1).
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from harness.measures.patterns import (
    Array,
    EmptyGroup,
    Indices,
    causal_cells,
    checked,
    mean_of_defined,
    normalise_rows,
    ratio,
)


class Contrast(NamedTuple):
    """Two mean distances, `[...]` each; NaN where no pair of heads has a row in common."""

    across: Array
    """Mean distance of pairs that belong to different groups."""
    inside: Array
    """Mean distance of pairs that belong together."""

    @property
    def difference(self) -> Array:
        """How much farther apart pairs of different groups are."""
        return self.across - self.inside


def pairwise_distances(patterns: NDArray[Any]) -> Array:
    """`[..., k, T, T]` to `[..., pairs]`: the distance between every two of k patterns, NaN without a common row.

    Rows are normalised here.
    """
    normalised = normalise_rows(checked(patterns, "pairwise_distances", at_least=2))
    present = ~np.isnan(normalised[..., 1:, 0])
    queries, keys = causal_cells(normalised.shape[-1])
    apart = _city_block(np.nan_to_num(normalised[..., queries[1:], keys[1:]])) / 2
    # A row that only one of two has is 1/2 away from the other's zeros.
    lone = _city_block(present.astype(np.float64))
    first, second = _pairs(present.shape[-2])
    rows_of = present.sum(axis=-1)
    common = (rows_of[..., first] + rows_of[..., second] - lone) / 2
    return ratio(apart - lone / 2, common)


def _city_block(points: Array) -> Array:
    """`[..., k, d]` to `[..., pairs]`."""
    flat = points.reshape(-1, *points.shape[-2:])
    return np.stack([pdist(np.ascontiguousarray(one), "cityblock") for one in flat]).reshape(*points.shape[:-2], -1)


@cache
def _pairs(heads: int) -> tuple[Indices, Indices]:
    first, second = np.triu_indices(heads, k=1)
    return first, second


def from_others(distances: Array, chosen: NDArray[np.bool_]) -> Contrast:
    """Distances `[..., pairs]` and the heads chosen `[..., k]`: from those to the others, and among the others.

    Raises `EmptyGroup` when fewer than two heads are left to be compared with each other.
    """
    others = ~chosen
    if (others.sum(axis=-1) < 2).any():
        raise EmptyGroup(f"needs two heads beside the {chosen.sum(axis=-1).max()} compared, of {chosen.shape[-1]}")
    first, second = _pairs(chosen.shape[-1])
    return Contrast(
        _mean_where(distances, chosen[..., first] != chosen[..., second]),
        _mean_where(distances, others[..., first] & others[..., second]),
    )


def between_groups(distances: Array, groups: NDArray[Any]) -> Contrast:
    """Distances `[..., pairs]` and a label per head `[..., k]`: between heads of different and of the same label."""
    first, second = _pairs(groups.shape[-1])
    same = groups[..., first] == groups[..., second]
    return Contrast(_mean_where(distances, ~same), _mean_where(distances, same))


def _mean_where(values: Array, where: NDArray[np.bool_]) -> Array:
    return mean_of_defined(np.where(where, values, np.nan))
