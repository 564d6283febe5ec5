"""Early, middle and late layers: groups of layers and how far apart their mean patterns are."""

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, EmptyGroup, Indices, checked, distance, normalise_rows, ratio

LAYER_TYPES = ("early", "mid", "late")


def layer_type(L: int) -> Indices:
    """`[L]`: `floor(3 l / L)` for each layer, an index into `LAYER_TYPES`."""
    return 3 * np.arange(L) // L


def group_means(mean: NDArray[Any], members: NDArray[Any]) -> Array:
    """`[..., groups, T, T]`: the mean row-normalised pattern of each group of heads.

    `members` is `[..., groups, L * H]`, 1 where the head belongs to the group. Empty rows are left out of
    their group's mean; a row that no member has is NaN.
    """
    normalised = normalise_rows(mean)
    T = normalised.shape[-1]
    heads = normalised.shape[-4] * normalised.shape[-3]
    cells = normalised.reshape(*normalised.shape[:-4], heads, T * T)
    present = ~np.isnan(normalised[..., 0]).reshape(*normalised.shape[:-4], heads, T)
    counts = members @ present.astype(np.float64)
    totals = members @ np.nan_to_num(cells)
    return ratio(totals.reshape(*counts.shape, T), counts[..., None])


def layer_members(L: int, H: int) -> NDArray[np.bool_]:
    """`[3, L * H]`: which heads lie in early, middle and late layers; needs at least 3 layers."""
    if L < 3:
        raise EmptyGroup(f"early, middle and late layers need at least 3 layers, got {L}")
    return np.repeat(layer_type(L), H) == np.arange(3)[:, None]


def largest_distance(patterns: Array) -> Array:
    """`[..., groups, T, T]` to `[...]`: the largest distance between any two normalised patterns."""
    pairs = combinations(range(patterns.shape[-3]), 2)
    return np.maximum.reduce([distance(patterns[..., a, :, :], patterns[..., b, :, :]) for a, b in pairs])


def layer_distance(mean: NDArray[Any]) -> Array:
    """`[...]`: the largest distance between the mean patterns of early, middle and late layers."""
    patterns = checked(mean, "layer_distance", at_least=2)
    return largest_distance(group_means(patterns, layer_members(*patterns.shape[-4:-2])))
