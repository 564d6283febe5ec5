"""Measures that select heads or positions first: the top k, those above a limit, the largest.

Each carries its selection apart from its value, so that cross-fitting can choose on one half of the
problems and measure on the other.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.hypothesis import Bounds, MeanMeasure, Selection, Shuffle
from harness.criteria.sample import Sample
from harness.measures import head_max, take_scores, top_k

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
    return _selected(holds, lambda mean, chosen: (holds(mean) & chosen).mean(axis=(-2, -1)), bounds, shuffle, beside)


def count_of_heads(holds: PerHead, bounds: Bounds, shuffle: Shuffle = "rows", beside: Beside = None) -> MeanMeasure:
    """Number of heads for which ``holds`` is true."""
    return _selected(holds, lambda mean, chosen: (holds(mean) & chosen).sum(axis=(-2, -1)), bounds, shuffle, beside)


def share_of_top(
    holds: PerHead, k: int, bounds: Bounds, shuffle: Shuffle = "rows", score: PerHead = head_max
) -> MeanMeasure:
    """Share of the top k heads by ``score`` for which ``holds`` is true."""

    def at(mean: Array, heads: Array) -> Array:
        return take_scores(holds(mean), heads).mean(axis=-1)

    return _selected(lambda mean: top_k(score(mean), k), at, bounds, shuffle)


def count_of_top(
    holds: PerHead, k: int, bounds: Bounds, shuffle: Shuffle = "rows", score: PerHead = head_max
) -> MeanMeasure:
    """Number of the top k heads by ``score`` for which ``holds`` is true."""

    def at(mean: Array, heads: Array) -> Array:
        return take_scores(holds(mean), heads).sum(axis=-1)

    return _selected(lambda mean: top_k(score(mean), k), at, bounds, shuffle)


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
) -> MeanMeasure:
    return MeanMeasure(
        of_mean=lambda mean: at(mean, choose(mean)),
        bounds=bounds,
        shuffle=shuffle,
        selection=Selection(choose, at),
        beside=beside,
    )
