"""A sample of problems as the hypotheses see it: attention patterns, a seed, and draws of its shuffled control."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.measures import NotApplicable, mean_structure
from harness.statistics import (
    mean_patterns,
    percentile_interval,
    resample,
    resample_counts,
    resample_weights,
    shuffled,
    shuffled_means,
    side_by_side,
    subset_counts,
    weighted_means,
)

Array = NDArray[Any]
PerProblem = Callable[[Array], Array]
Shuffle = Literal["rows", "off-diagonal"]

RESAMPLES = 2000
KEPT_BYTES = 400_000_000
"""Resampled mean patterns are kept for the next measure up to this size."""
DRAWS = 1000
MOST_SHUFFLED = 1000
"""Problems that the shuffled control draws from: the first ones of a larger sample."""
MANY_DRAWS = 9999
"""Draws where the rule asks for p < 0.001."""
CHUNK = 250
"""Draws held in memory at a time."""
AT_ONCE = 512
"""Problems in memory at a time where patterns lie in a file."""
BYTES_AT_ONCE = 8_000_000
"""Mean patterns that a measure sees at a time; more do not fit the processor's cache."""


class Rows(Protocol):
    """Patterns of n problems in a file, read a slice at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, L, H, T, T]."""

    @property
    def dtype(self) -> np.dtype:
        """Type of what is in the file."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Array: ...


@dataclass(frozen=True)
class Draws:
    """Problems drawn many times: ``counts`` [draws, n] of each of them, ``of`` in every draw.

    Two bytes for each problem and draw are kept; weights, which take eight, are made for some problems at a time.
    """

    counts: NDArray[np.uint16]
    of: int

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, draws: slice) -> "Draws":
        return Draws(self.counts[draws], self.of)

    def weights(self, problems: slice) -> Array:
        """[draws, problems]: over all problems they sum to 1."""
        return self.counts[:, problems] / self.of


@dataclass(frozen=True)
class Sample:
    """Patterns of n problems. ``draw_controls`` is off where a control of a control would make no sense.

    What is asked of single problems goes through :meth:`pieces`, so that patterns in a file are never all in memory.
    """

    raw: Any
    """[n, L, H, T, T]: an array, or :class:`Rows`."""
    seed: int
    draw_controls: bool = True
    second: Callable[[], Array] | None = None
    """Brings the patterns of a second sample of problems, disjoint from the first."""
    _drawn: dict[Callable[[Array], Any], Array] = field(default_factory=dict, init=False, repr=False, compare=False)
    _subsets: dict[int, Array] = field(default_factory=dict, init=False, repr=False, compare=False)
    _draw_means: dict[tuple[Shuffle, int], Array] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def other(self) -> "Sample":
        """The second sample. Errors: ``NotApplicable`` where there is none."""
        if self.second is None:
            raise NotApplicable("needs a second sample of problems")
        return Sample(self.second(), self.seed + 1, self.draw_controls)

    def pieces(self) -> Iterator[tuple[slice, Array]]:
        """Which problems, and their patterns: all at once where they are in memory, else some at a time."""
        step = len(self.raw) if isinstance(self.raw, np.ndarray) else AT_ONCE
        for start in range(0, len(self.raw), step):
            rows = slice(start, min(start + step, len(self.raw)))
            yield rows, self._read(rows)

    def _read(self, rows: slice) -> Array:
        """Patterns in memory; in single precision where they are kept in half."""
        return np.asarray(self.raw[rows], dtype=np.result_type(self.raw.dtype, np.float32))

    @cached_property
    def patterns(self) -> Array:
        """``raw`` with the heads of one cell side by side in memory, which is how measures go through them."""
        return _side_by_side(self.raw)

    @cached_property
    def mean(self) -> Array:
        """[L, H, T, T], float64."""
        return self.mean_of(lambda raw: raw)

    def mean_of(self, per_problem: PerProblem) -> Array:
        """Mean over problems of ``per_problem`` of patterns [n, L, H, T, T], float64."""
        return np.asarray(
            sum(per_problem(piece).sum(axis=0, dtype=np.float64) for _, piece in self.pieces()) / len(self.raw)
        )

    def each(self, per_problem: PerProblem) -> Array:
        """[n, *]: ``per_problem`` of all patterns; it must be small."""
        return np.concatenate([per_problem(piece) for _, piece in self.pieces()])

    def weighted(self, per_problem: PerProblem, draws: Draws | Array) -> Array:
        """[draws, *]: means of ``per_problem`` over problems drawn, or under their weights [draws, n]."""

        def weights(rows: slice) -> Array:
            return draws.weights(rows) if isinstance(draws, Draws) else draws[:, rows]

        return np.asarray(
            sum(weighted_means(per_problem(piece), weights(rows)) for rows, piece in self.pieces()), dtype=np.float64
        )

    def resample_of(self, per_problem: PerProblem, measure: Callable[[Array], Array]) -> Array:
        """[2000, ...]: the measure on resampled means of ``per_problem``; the same resamples for every measure.

        Errors: as :meth:`resample`.
        """
        self._require_two()
        if isinstance(self.raw, np.ndarray):
            return resample(measure, per_problem(self.raw), self._resamples.weights(slice(None)))
        at_once = max(1, KEPT_BYTES // per_problem(self._read(slice(1))).astype(np.float64).nbytes)
        return np.concatenate(
            [
                measure(self.weighted(per_problem, self._resamples[start : start + at_once]))
                for start in range(0, RESAMPLES, at_once)
            ]
        )

    def resample(self, measure: Callable[[Array], Array]) -> Array:
        """The measure on the mean patterns of resampled problems, [2000, ...]; the same resamples for every measure.

        Errors: ``NotApplicable`` for a single problem, whose resamples would all be itself.
        """
        self._require_two()
        if RESAMPLES * self.mean.nbytes > KEPT_BYTES:
            at_once = max(1, BYTES_AT_ONCE // self.mean.nbytes)
            return of_each(lambda draws: measure(self._mean_patterns(draws)), self._resamples, at_once)
        return of_each(measure, self._resampled)

    def subsets(self, size: int) -> Array:
        """[2000, L, H, T, T]: mean patterns of so many problems, drawn without replacement; computed once for each size."""
        if size not in self._subsets:
            draws = Draws(subset_counts(len(self.raw), size, RESAMPLES, self.seed), size)
            self._subsets[size] = self._mean_patterns(draws)
        return self._subsets[size]

    def _require_two(self) -> None:
        if len(self.raw) < 2:
            raise NotApplicable("needs at least 2 problems to resample")

    def _mean_patterns(self, draws: Draws) -> Array:
        if isinstance(self.raw, np.ndarray):
            return mean_patterns(self.patterns, draws.weights(slice(None)))
        total = np.zeros((len(draws), *self.raw.shape[1:]))
        for rows, piece in self.pieces():
            total += mean_patterns(_side_by_side(piece), draws.weights(rows))
        return total

    @cached_property
    def _resamples(self) -> Draws:
        return Draws(resample_counts(len(self.raw), RESAMPLES, self.seed), len(self.raw))

    @cached_property
    def _resampled(self) -> Array:
        means = self._mean_patterns(self._resamples)
        means.setflags(write=False)
        return means

    def with_raw(self, raw: Array, second: Callable[[], Array] | None = None) -> "Sample":
        """The same sample with other patterns, without controls of its own."""
        return replace(self, raw=raw, second=second, draw_controls=False)

    @cached_property
    def _to_shuffle(self) -> Array:
        if isinstance(self.raw, np.ndarray):
            return self.patterns[:MOST_SHUFFLED]
        return _side_by_side(self._read(slice(MOST_SHUFFLED)))

    def of_draws(self, shuffle: Shuffle, measure: Callable[[Array], Any]) -> Array:
        """[1000]: ``measure`` of the patterns [n, L, H, T, T] of each draw of the shuffled control."""
        off_diagonal = shuffle == "off-diagonal"
        return np.array(
            side_by_side(lambda draw: measure(shuffled(self._to_shuffle, self.seed, draw, off_diagonal)), range(DRAWS)),
            dtype=np.float64,
        )

    def draw_means(self, shuffle: Shuffle, power: int = 1) -> Array:
        """[1000, L, H, T, T]: means over problems of the draws' weights, or of a power of them; computed once."""
        if (shuffle, power) not in self._draw_means:
            means = shuffled_means(self._to_shuffle**power, DRAWS, self.seed, off_diagonal=shuffle == "off-diagonal")
            self._draw_means[shuffle, power] = means
        return self._draw_means[shuffle, power]

    def drawn(self, measure: Callable[[Array], Any]) -> Array:
        """[1000]: ``measure`` of the mean patterns [L, H, T, T] of each draw that keeps rows' mass, computed once."""
        if measure not in self._drawn:
            self._drawn[measure] = np.array(side_by_side(measure, self.draw_means("rows")))
        return self._drawn[measure]

    @cached_property
    def shuffled_structure(self) -> Array:
        """[9999]: mean structure of the draws that keep each row's mass; ascending draw number, computed once."""
        chunks = (
            shuffled_means(self._to_shuffle, min(CHUNK, MANY_DRAWS - start), self.seed, start=start)
            for start in range(0, MANY_DRAWS, CHUNK)
        )
        return np.concatenate([of_each(mean_structure, means) for means in chunks])


def _side_by_side(raw: Array) -> Array:
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(raw, (1, 2), (3, 4))), (3, 4), (1, 2))


def of_each(measure: Callable[[Any], Array], means: Any, at_once: int | None = None) -> Array:
    """``measure`` of mean patterns, or of weights of problems, [draws, ...], a few at a time."""
    step = at_once or max(1, BYTES_AT_ONCE // means[0].nbytes)
    return np.concatenate(side_by_side(lambda start: measure(means[start : start + step]), range(0, len(means), step)))


def spread(values: Array, seed: int) -> tuple[Array, Array]:
    """95 % bootstrap interval over problems of the means of values [n, ...]; NaN for fewer than two problems."""
    if len(values) < 2:
        nothing = np.full(values.shape[1:], np.nan)
        return nothing, nothing
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    low, high = percentile_interval(resample_weights(len(values), RESAMPLES, seed) @ flat)
    return low.reshape(values.shape[1:]), high.reshape(values.shape[1:])
