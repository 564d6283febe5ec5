"""A sample of problems as the hypotheses see it: attention patterns, a seed, and draws of its shuffled control."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.measures import NotApplicable, mean_structure
from harness.statistics import resample, resample_weights, shuffled_means, shuffles, weighted_means

Array = NDArray[Any]

RESAMPLES = 2000
KEPT_BYTES = 400_000_000
"""Resampled mean patterns are kept for the next measure up to this size."""
RESAMPLES_AT_ONCE = 100
DRAWS = 1000
MANY_DRAWS = 9999
"""Draws where the rule asks for p < 0.001."""
CHUNK = 250
"""Draws held in memory at a time."""


@dataclass(frozen=True)
class Sample:
    """Patterns of n problems. ``draw_controls`` is off where a control of a control would make no sense."""

    raw: Array
    """[n, L, H, T, T]"""
    seed: int
    draw_controls: bool = True
    second: Callable[[], Array] | None = None
    """Brings the patterns of a second sample of problems, disjoint from the first."""
    _drawn: dict[Callable[[Array], Any], Array] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def other(self) -> "Sample":
        """The second sample. Errors: ``NotApplicable`` where there is none."""
        if self.second is None:
            raise NotApplicable("needs a second sample of problems")
        return Sample(self.second(), self.seed + 1, self.draw_controls)

    @cached_property
    def mean(self) -> Array:
        """[L, H, T, T], float64."""
        return np.asarray(self.raw.mean(axis=0, dtype=np.float64))

    def resample(self, measure: Callable[[Array], Array]) -> Array:
        """The measure on the mean patterns of resampled problems, [2000, ...]; the same resamples for every measure.

        Errors: ``NotApplicable`` for a single problem, whose resamples would all be itself.
        """
        if len(self.raw) < 2:
            raise NotApplicable("needs at least 2 problems to resample")
        if RESAMPLES * self.mean.nbytes > KEPT_BYTES:
            return resample(measure, self.raw, self._weights)
        starts = range(0, RESAMPLES, RESAMPLES_AT_ONCE)
        return np.concatenate([measure(self._resampled[start : start + RESAMPLES_AT_ONCE]) for start in starts])

    @cached_property
    def _weights(self) -> Array:
        return resample_weights(len(self.raw), RESAMPLES, self.seed)

    @cached_property
    def _resampled(self) -> Array:
        means = weighted_means(self.raw, self._weights)
        means.setflags(write=False)
        return means

    def with_raw(self, raw: Array, second: Callable[[], Array] | None = None) -> "Sample":
        """The same sample with other patterns, without controls of its own."""
        return replace(self, raw=raw, second=second, draw_controls=False)

    def draws(self, kind: Literal["rows", "off-diagonal"], count: int = DRAWS) -> Iterator[Array]:
        """Draws of the shuffled control, one at a time; the same ones every time."""
        return shuffles(self.raw, count, self.seed, off_diagonal=kind == "off-diagonal")

    def draw_means(self, kind: Literal["rows", "off-diagonal"]) -> Array:
        """[draws, L, H, T, T]: mean patterns of the draws, computed once."""
        return self._row_means if kind == "rows" else self._off_diagonal_means

    def drawn(self, measure: Callable[[Array], Any]) -> Array:
        """[1000]: ``measure`` of the mean patterns [L, H, T, T] of each draw that keeps rows' mass, computed once.

        The draws are those of :meth:`draw_means`, without holding them all in memory.
        """
        if measure not in self._drawn:
            chunks = (shuffled_means(self.raw, CHUNK, self.seed, start=start) for start in range(0, DRAWS, CHUNK))
            self._drawn[measure] = np.array([measure(mean) for means in chunks for mean in means], dtype=np.float64)
        return self._drawn[measure]

    @cached_property
    def shuffled_structure(self) -> Array:
        """[9999]: mean structure of the draws that keep each row's mass; ascending draw number, computed once."""
        starts = range(0, MANY_DRAWS, CHUNK)
        return np.concatenate(
            [
                mean_structure(shuffled_means(self.raw, min(CHUNK, MANY_DRAWS - start), self.seed, start=start))
                for start in starts
            ]
        )

    @cached_property
    def _row_means(self) -> Array:
        return shuffled_means(self.raw, DRAWS, self.seed)

    @cached_property
    def _off_diagonal_means(self) -> Array:
        return shuffled_means(self.raw, DRAWS, self.seed, off_diagonal=True)
