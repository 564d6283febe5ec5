"""How far apart heads' patterns lie: every two, a group from all others, and groups from each other."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, EmptyGroup, checked, mean_of_defined, normalise_rows, ratio


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
    """`[..., k, T, T]` to `[..., k, k]`: the distance between every two of k patterns, NaN without a common row.

    Rows are normalised here. A cell at a time, so that 512 heads need no array larger than the result.
    """
    normalised = normalise_rows(checked(patterns, "pairwise_distances", at_least=2))
    heads = normalised.shape[-3]
    total = np.zeros((*normalised.shape[:-3], heads, heads))
    common = np.zeros_like(total)
    for i in range(1, normalised.shape[-1]):
        row = np.zeros_like(total)
        for j in range(i + 1):
            weights = normalised[..., i, j]
            difference = weights[..., :, None] - weights[..., None, :]
            row += np.abs(difference, out=difference)
        defined = ~np.isnan(row)
        np.add(total, row / 2, out=total, where=defined)
        common += defined
    return ratio(total, common)


def from_others(distances: Array, chosen: NDArray[np.bool_]) -> Contrast:
    """Distances `[..., k, k]` and the heads chosen `[..., k]`: from those to the others, and among the others.

    Raises `EmptyGroup` when fewer than two heads are left to be compared with each other.
    """
    others = ~chosen
    if (others.sum(axis=-1) < 2).any():
        raise EmptyGroup(f"needs two heads beside the {chosen.sum(axis=-1).max()} compared, of {chosen.shape[-1]}")
    apart = ~np.eye(chosen.shape[-1], dtype=np.bool_)
    return Contrast(
        _mean_where(distances, chosen[..., :, None] & others[..., None, :]),
        _mean_where(distances, others[..., :, None] & others[..., None, :] & apart),
    )


def between_groups(distances: Array, groups: NDArray[Any]) -> Contrast:
    """Distances `[..., k, k]` and a label per head `[..., k]`: between heads of different and of the same label."""
    first, second = np.triu_indices(distances.shape[-1], k=1)
    pairs = distances[..., first, second]
    same = groups[..., first] == groups[..., second]
    return Contrast(_mean_where(pairs, ~same, axis=-1), _mean_where(pairs, same, axis=-1))


def _mean_where(values: Array, where: NDArray[np.bool_], axis: int | tuple[int, ...] = (-2, -1)) -> Array:
    return mean_of_defined(np.where(where, values, np.nan), axis=axis)
