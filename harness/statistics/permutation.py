"""Permutation tests that keep a problem, or a head, whole. p = (1 + hits) / (1 + draws)."""

from collections.abc import Iterator
from math import factorial, prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.measures.contrast import between_groups
from harness.measures.layers import group_means, largest_distance
from harness.measures.patterns import Array

Alternative = Literal["two-sided", "greater", "less"]

_TIE = 1e-12
_CHUNK_VALUES = 8_000_000


def p_value(hits: NDArray[Any] | int, draws: int) -> Any:
    """`(1 + hits) / (1 + draws)`: the observed arrangement counts as one of its own permutations."""
    return (1 + hits) / (1 + draws)


def drawn_p(observed: float, null: NDArray[Any]) -> float:
    """One-sided p of `observed` against drawn values `null [draws]`: how often the null is as large."""
    tie = _TIE * max(1.0, abs(observed))
    return float(p_value(int(np.count_nonzero(null >= observed - tie)), len(null)))


def sign_flip_p(
    differences: NDArray[Any], draws: int = 9999, seed: int = 0, alternative: Alternative = "two-sided"
) -> Array:
    """p of the mean over problems of paired differences `[n]` or `[n, k]`, against random signs.

    All k columns of a problem flip together. "greater" asks whether the mean is above 0.
    """
    values = np.asarray(differences, dtype=np.float64)
    oriented = -values if alternative == "less" else values
    columns = oriented.reshape(len(values), -1)
    statistic = columns.sum(axis=0)
    tie = _TIE * np.maximum(1.0, np.abs(columns).sum(axis=0))
    rng = np.random.default_rng(seed)
    hits = np.zeros(columns.shape[1], dtype=np.int64)
    chunk = max(1, _CHUNK_VALUES // max(columns.shape))
    for start in range(0, draws, chunk):
        signs = rng.integers(0, 2, size=(min(chunk, draws - start), len(values)), dtype=np.int8) * 2.0 - 1.0
        flipped = signs @ columns
        if alternative == "two-sided":
            hits += (np.abs(flipped) >= np.abs(statistic) - tie).sum(axis=0)
        else:
            hits += (flipped >= statistic - tie).sum(axis=0)
    return np.asarray(p_value(hits, draws)).reshape(values.shape[1:])


def group_difference_p(values: NDArray[Any], members: NDArray[np.bool_], draws: int = 9999, seed: int = 0) -> float:
    """Two-sided p of the mean of `values [n]` over `members [n]` minus that over the others, permuting who is a member.

    Every other way to choose as many members is gone through where there are at most `draws`.
    """
    known, chosen = np.asarray(values, dtype=np.float64), np.asarray(members, dtype=bool)

    def difference(chosen: Array) -> Array:
        inside = chosen.sum(axis=-1)
        total = chosen @ known
        return total / inside - (known.sum() - total) / (len(known) - inside)

    return drawn_p(abs(float(difference(chosen))), np.abs(difference(rearranged(chosen, draws, seed))))


def group_permutation_p(mean: NDArray[Any], members: NDArray[np.bool_], draws: int = 999, seed: int = 0) -> Array:
    """p of the largest distance between groups of heads, permuting heads over the groups.

    `mean` is `[..., L, H, T, T]`, `members` is `[groups, L * H]` (see `layer_members`); the statistic is
    the largest distance between the groups' mean row-normalised patterns. Returns `[...]`; all leading
    entries see the same permutations.
    """
    patterns = np.asarray(mean, dtype=np.float64)
    leading = patterns.shape[:-4]
    flat = patterns.reshape(-1, *patterns.shape[-4:])
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(members.shape[1]), (draws, 1)), axis=1)
    dealt = np.concatenate([members[None], members[:, orders].swapaxes(0, 1)]).astype(np.float64)
    p = np.empty(len(flat))
    for k, one in enumerate(flat):
        statistics = largest_distance(group_means(one[None], dealt))
        p[k] = drawn_p(float(statistics[0]), statistics[1:])
    return p.reshape(leading)


def label_permutation_p(distances: Array, labels: NDArray[Any], draws: int = 9999, seed: int = 0) -> float:
    """One-sided p of `between_groups` of `distances [pairs]`, permuting the `labels [k]` over the heads."""
    observed = between_groups(distances, labels).difference
    return drawn_p(float(observed), between_groups(distances, rearranged(labels, draws, seed)).difference)


def rearranged(labels: NDArray[Any], draws: int, seed: int = 0) -> NDArray[Any]:
    """`[m, k]`: every other order of the `labels [k]` where there are at most `draws`, else so many random ones."""
    values, counts = np.unique(labels, return_counts=True)
    others = factorial(len(labels)) // prod(factorial(int(count)) for count in counts) - 1
    if others > draws:
        return np.random.default_rng(seed).permuted(np.tile(labels, (draws, 1)), axis=1)
    orders = np.array(list(_orders(dict(zip(values.tolist(), counts.tolist(), strict=True)))), dtype=labels.dtype)
    return orders[(orders != labels).any(axis=1)]


def _orders(left: dict[Any, int]) -> Iterator[tuple[Any, ...]]:
    """Every different sequence in which each key occurs as often as its count says."""
    if not any(left.values()):
        yield ()
    for label, count in left.items():
        if count:
            for rest in _orders({**left, label: count - 1}):
                yield (label, *rest)
