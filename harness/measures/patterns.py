"""Attention patterns between latents: which cells count, how rows become distributions, how far they differ.

A pattern is a `[T, T]` block of attention weights: row `i` is the query (reader), column `j` the key
(source). Only causal cells, `j <= i`, count. Functions take patterns with any leading axes; where a
function speaks of heads, the axes are `[..., L, H, T, T]`: layers, heads, queries, keys.

A row whose causal weights sum to less than `EMPTY` says nothing about where a head looks. Such rows are
NaN after normalisation and are left out of that head's mean; a head without any other row is NaN.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

EMPTY = 1e-12


class NotApplicable(ValueError):
    """The measure does not exist for this number of latents, layers or heads; the message says why."""


class TooFewLatents(NotApplicable):
    """Too few latents; the message names the measure and its minimum."""


class EmptyGroup(NotApplicable):
    """A comparison with a group that has no members."""


class NotFinite(ValueError):
    """Attention weights that are NaN or infinite; nothing can be said about them."""


def checked(mean: NDArray[Any], measure: str, at_least: int = 1) -> Array:
    """Return `mean` as float64 patterns, or say why `measure` cannot be taken of it.

    Raises `TooFewLatents` below `at_least` latents, `NotFinite` for weights that are NaN or infinite,
    `ValueError` for patterns that are not square.
    """
    patterns = np.asarray(mean, dtype=np.float64)
    if patterns.ndim < 2 or patterns.shape[-1] != patterns.shape[-2]:
        raise ValueError(f"{measure} expects square patterns [..., T, T], got shape {patterns.shape}")
    latents = patterns.shape[-1]
    if latents < at_least:
        raise TooFewLatents(f"{measure} needs at least {at_least} latents, got {latents}")
    if not np.isfinite(patterns.sum()):
        raise NotFinite(f"{measure} expects finite attention weights, got NaN or infinity")
    return patterns


def causal_mask(T: int) -> NDArray[np.bool_]:
    """`[T, T]`, true where the query may read the key (`j <= i`)."""
    return np.tri(T, dtype=np.bool_)


def causal_cells(T: int) -> tuple[Indices, Indices]:
    """Row and column indices of the `T (T + 1) / 2` causal cells, row by row."""
    rows, cols = np.nonzero(causal_mask(T))
    return rows, cols


def sums_of_cells(patterns: Array, groups: Sequence[Iterable[tuple[int, int]]]) -> Array:
    """`[..., T, T]` to `[..., groups]`: for each group of cells the sum of their weights.

    Cell by cell: numpy's sums over a mask, or over short axes, take several times as long.
    """
    sums = np.zeros((len(groups), *patterns.shape[:-2]))
    for group, cells in enumerate(groups):
        for i, j in cells:
            sums[group] += patterns[..., i, j]
    return np.moveaxis(sums, 0, -1)


def mean_over_heads(scores: Array) -> Array:
    """`[..., L, H]` to `[...]`: the mean over heads, NaN heads left out; NaN when every head is."""
    return mean_of_defined(scores, axis=(-2, -1))


def mean_of_defined(values: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """Mean over `axis` of what is not NaN; NaN where nothing is left."""
    missing = np.isnan(values)
    return ratio(np.where(missing, 0.0, values).sum(axis=axis), (~missing).sum(axis=axis))


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Array:
    """Elementwise quotient, NaN where the denominator is below `EMPTY`."""
    return np.asarray(numerator / np.where(denominator >= EMPTY, denominator, np.nan))


def normalise_rows(mean: NDArray[Any]) -> Array:
    """Patterns whose rows sum to 1 over the causal cells, 0 elsewhere; empty rows are NaN."""
    kept = np.tril(checked(mean, "normalise_rows"))
    mass = kept.sum(axis=-1, keepdims=True)
    return np.divide(kept, np.where(mass >= EMPTY, mass, np.nan), out=kept)


def uniform_rows(T: int) -> Array:
    """`[T, T]`: each row spread equally over its causal cells."""
    return normalise_rows(np.tri(T))


def total_variation(a: Array, b: Array) -> Array:
    """Half the sum of absolute differences along the last axis (0..1 between distributions)."""
    difference = np.subtract(a, b)
    np.abs(difference, out=difference)
    return 0.5 * difference.sum(axis=-1)


def distance(a: Array, b: Array) -> Array:
    """Mean over rows 1..T-1 of the total variation between two row-normalised patterns.

    Row 0 has a single cell and is the same in every pattern. Rows that are NaN in either pattern are
    left out; NaN when no row is left.
    """
    if a.shape[-1] < 2:
        raise TooFewLatents(f"distance needs at least 2 latents, got {a.shape[-1]}")
    return mean_of_defined(total_variation(a[..., 1:, :], b[..., 1:, :]))


def structure(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: distance of each head from reading every causal cell equally."""
    patterns = checked(mean, "structure", at_least=2)
    return distance(normalise_rows(patterns), uniform_rows(patterns.shape[-1]))


def mean_structure(mean: NDArray[Any]) -> Array:
    """`[...]`: the mean of `structure` over heads."""
    return mean_over_heads(structure(mean))


def head_max(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: the largest causal weight of each head, attention to itself included."""
    patterns = checked(mean, "head_max")
    return _largest(patterns, [(i, j) for i in range(patterns.shape[-1]) for j in range(i + 1)])


def head_max_cross(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: the largest weight on an earlier latent (`j < i`)."""
    patterns = checked(mean, "head_max_cross", at_least=2)
    return _largest(patterns, [(i, j) for i in range(patterns.shape[-1]) for j in range(i)])


def _largest(patterns: Array, cells: Iterable[tuple[int, int]]) -> Array:
    largest = np.full(patterns.shape[:-2], -np.inf)
    for i, j in cells:
        np.maximum(largest, patterns[..., i, j], out=largest)
    return largest


def within_head_std(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: population standard deviation over the causal cells of each head."""
    patterns = checked(mean, "within_head_std")
    rows, cols = causal_cells(patterns.shape[-1])
    return patterns[..., rows, cols].std(axis=-1)


def column_sums(mean: NDArray[Any]) -> Array:
    """`[..., L, H, T]`: the attention each key receives from all causal queries."""
    patterns = checked(mean, "column_sums")
    T = patterns.shape[-1]
    return sums_of_cells(patterns, [[(i, j) for i in range(j, T)] for j in range(T)])


def column_share(mean: NDArray[Any]) -> Array:
    """`[..., L, H, T]`: each key's share of all the attention a head pays to latents; NaN for none."""
    columns = column_sums(mean)
    return ratio(columns, columns.sum(axis=-1, keepdims=True))


def block_distance(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: distance from uniform of the pattern seen in 2x2 blocks, for six latents only.

    The row-normalised pattern is summed over 2x2 blocks and halved, so that each of the three block rows
    sums to 1, and compared with the uniform causal pattern treated alike: mean total variation over block
    rows 1 and 2. A block row with an empty row is left out. Raises `NotApplicable` for other than 6 latents.
    """
    patterns = checked(mean, "block_distance")
    if patterns.shape[-1] != 6:
        raise NotApplicable(f"block_distance is defined for 6 latents, got {patterns.shape[-1]}")
    return distance(_blocks(normalise_rows(patterns)), _blocks(uniform_rows(6)))


def _blocks(normalised: Array) -> Array:
    blocks: Array = normalised.reshape(*normalised.shape[:-2], 3, 2, 3, 2).sum(axis=(-3, -1)) / 2
    return blocks


def mean_pairwise_distance(patterns: NDArray[Any]) -> Array:
    """`[..., k, T, T]` to `[...]`: mean distance over all pairs of `k >= 2` patterns.

    Rows are normalised here. Pairs without a common row are left out.
    """
    weights = checked(patterns, "mean_pairwise_distance", at_least=2)
    if weights.ndim < 3 or weights.shape[-3] < 2:
        raise EmptyGroup(f"mean_pairwise_distance needs at least 2 patterns, got shape {weights.shape}")
    normalised = normalise_rows(weights)
    first, second = np.triu_indices(weights.shape[-3], k=1)
    rows = [
        total_variation(normalised[..., first, i, : i + 1], normalised[..., second, i, : i + 1])
        for i in range(1, weights.shape[-1])
    ]
    return mean_of_defined(mean_of_defined(np.stack(rows, axis=-1)))
