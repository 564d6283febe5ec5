"""Measures that select heads or positions first: the top k, those above a limit, the largest.

Each carries its selection apart from its value, so that cross-fitting can choose on one half of the
problems and measure on the other.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.hypothesis import Bounds, MeanMeasure, Selection
from harness.criteria.sample import Sample, Shuffle
from harness.measures import EmptyGroup, head_max, take_scores, top_k
from harness.measures.patterns import mean_of_defined, ratio

Array = NDArray[Any]
PerHead = Callable[[Array], Array]
"""Means [..., L, H, T, T] to one value per head [..., L, H]."""
Beside = Callable[[Sample], dict[str, Any]] | None


def smallest_of_top(score: PerHead, k: int, bounds: Bounds, shuffle: Shuffle = "rows") -> MeanMeasure:
    """The k-th largest score over heads (the smallest of all when there are fewer)."""

    def choose(mean: Array) -> Array:
        return top_k(score(mean), k)[..., -1:]

    def at(mean: Array, heads: Array) -> Array:
        return take_scores(score(mean), heads)[..., 0]

    return _selected(choose, at, bounds, shuffle)


def share_of_heads(holds: PerHead, bounds: Bounds, shuffle: Shuffle = "rows", beside: Beside = None) -> MeanMeasure:
    """Share of heads for which ``holds`` is true."""
    return _selected(
        holds,
        lambda mean, chosen: (holds(mean) & chosen).mean(axis=(-2, -1)),
        bounds,
        shuffle,
        beside,
        ends_attained=True,
    )


def count_of_heads(holds: PerHead, bounds: Bounds, shuffle: Shuffle = "rows", beside: Beside = None) -> MeanMeasure:
    """Number of heads for which ``holds`` is true."""
    return _selected(
        holds,
        lambda mean, chosen: (holds(mean) & chosen).sum(axis=(-2, -1)),
        bounds,
        shuffle,
        beside,
        ends_attained=True,
    )


def share_of_top(
    holds: PerHead, k: int, bounds: Bounds, shuffle: Shuffle = "rows", score: PerHead = head_max
) -> MeanMeasure:
    """Share of the top k heads by ``score`` for which ``holds`` is true."""

    def at(mean: Array, heads: Array) -> Array:
        return take_scores(holds(mean), heads).mean(axis=-1)

    return _selected(lambda mean: top_k(score(mean), k), at, bounds, shuffle, ends_attained=True)


def count_of_top(
    holds: PerHead, k: int, bounds: Bounds, shuffle: Shuffle = "rows", score: PerHead = head_max
) -> MeanMeasure:
    """Number of the top k heads by ``score`` for which ``holds`` is true."""

    def at(mean: Array, heads: Array) -> Array:
        return take_scores(holds(mean), heads).sum(axis=-1)

    return _selected(lambda mean: top_k(score(mean), k), at, bounds, shuffle, ends_attained=True)


def mean_of_top(
    score: PerHead, k: int, bounds: Bounds, shuffle: Shuffle = "rows", of: PerHead | None = None
) -> MeanMeasure:
    """Mean over the top k heads by ``score`` of ``of`` (the score itself)."""
    measured = of or score

    def at(mean: Array, heads: Array) -> Array:
        return mean_of_defined(take_scores(measured(mean), heads))

    return _selected(lambda mean: top_k(score(mean), k), at, bounds, shuffle)


def top_over_rest(score: PerHead, k: int, bounds: Bounds, shuffle: Shuffle = "rows") -> MeanMeasure:
    """Mean score of the top k heads over the mean of all others; infinite where those have none."""

    def at(mean: Array, heads: Array) -> Array:
        scores = score(mean)
        flat = scores.reshape(*scores.shape[:-2], -1)
        if flat.shape[-1] <= k:
            raise EmptyGroup(f"all {flat.shape[-1]} heads are among the top {k}; there is no rest to compare with")
        rest = np.ones(flat.shape, dtype=bool)
        np.put_along_axis(rest, heads, False, axis=-1)
        others = mean_of_defined(np.where(rest, flat, np.nan))
        with np.errstate(divide="ignore"):
            return np.asarray(mean_of_defined(take_scores(scores, heads)) / others)

    return _selected(lambda mean: top_k(score(mean), k), at, bounds, shuffle)


def share_of_total(
    score: PerHead, k: int, bounds: Bounds, shuffle: Shuffle = "rows", beside: Beside = None
) -> MeanMeasure:
    """Share of the score's sum over all heads that the top k heads have."""

    def at(mean: Array, heads: Array) -> Array:
        scores = score(mean)
        return ratio(take_scores(scores, heads).sum(axis=-1), scores.sum(axis=(-2, -1)))

    return _selected(lambda mean: top_k(score(mean), k), at, bounds, shuffle, beside)


def largest_position(
    per_position: Callable[[Array], Array], bounds: Bounds, shuffle: Shuffle, beside: Beside = None
) -> MeanMeasure:
    """The largest value over positions, of a measure [..., positions]."""

    def choose(mean: Array) -> Array:
        return np.argmax(per_position(mean), axis=-1, keepdims=True)

    def at(mean: Array, position: Array) -> Array:
        return np.take_along_axis(per_position(mean), position, axis=-1)[..., 0]

    return _selected(choose, at, bounds, shuffle, beside)


def of_top_heads(
    measure: Callable[[Array], Array], k: int, bounds: Bounds, shuffle: Shuffle = "rows", score: PerHead = head_max
) -> MeanMeasure:
    """A measure of the patterns [..., k, T, T] of the top k heads."""
    from harness.measures import take_patterns

    return _selected(
        lambda mean: top_k(score(mean), k), lambda mean, heads: measure(take_patterns(mean, heads)), bounds, shuffle
    )


def _selected(
    choose: Callable[[Array], Array],
    at: Callable[[Array, Array], Array],
    bounds: Bounds,
    shuffle: Shuffle,
    beside: Beside = None,
    *,
    ends_attained: bool = False,
) -> MeanMeasure:
    return MeanMeasure(
        of_mean=lambda mean: at(mean, choose(mean)),
        bounds=bounds,
        shuffle=shuffle,
        selection=Selection(choose, at),
        beside=beside,
        ends_attained=ends_attained,
    )
