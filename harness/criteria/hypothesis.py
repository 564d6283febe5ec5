"""Hypotheses about attention patterns: one measure, evaluated with interval, confidence and every control.

Two kinds of measure cover them. A :class:`MeanMeasure` is a function of means over problems, so resampling
problems or drawing controls is a matter of other weights or other arrays. A :class:`TestMeasure` is a whole
procedure with its own resampling (a p-value, or a count of significant positions).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import ControlValue, Measurement, Rule
from harness.criteria.sample import Sample, Shuffle, of_each
from harness.measures import NotApplicable
from harness.statistics import agreement, halves, percentile_interval

Array = NDArray[Any]
Bounds = Callable[[int, int, int], tuple[float, float]]

SPLITS = 100
PLANTINGS = 200
"""Samples with a planted pattern, per pattern and strength."""
BLOCK = 50
"""Of these, as many as are measured at once."""
KEPT = 41
"""Order statistics that are kept of the resampled values."""


@dataclass(frozen=True)
class OnPlantings:
    """How a measure is taken of many samples at once, of which each leaves only a little.

    Attributes:
        keep: one sample to what is kept of it, an array; samples of one pattern differ in seed.
        values: what was kept of up to 50 samples of one pattern [samples, *], and a seed, to values [samples]; where two
            models are compared, what was kept of the smaller's and of the larger's samples, and a seed.
        plantings: how many samples of a pattern and strength it takes.
        shortened: what is shorter here than in the procedure itself, in words; None for the same procedure.
        into: where two models are compared, which of them the pattern is planted in, the smaller being 0; the other's
            sample has nothing planted.
    """

    keep: Callable[[Sample], Array]
    values: Callable[..., Array]
    plantings: int = PLANTINGS
    shortened: str | None = None
    into: int = 0


@cache
def averaged(per_problem: Callable[[Array], Array] | None) -> Callable[[Sample], Array]:
    """A sample to the mean over its problems of ``per_problem``; the same function when asked for again."""
    if per_problem is None:
        return lambda sample: sample.mean
    return lambda sample: sample.mean_of(per_problem)


@dataclass(frozen=True)
class Selection:
    """The part of a measure that selects: cross-fitting chooses on one half and measures on the other."""

    choose: Callable[[Array], Array]
    """Means [..., *] to whatever was selected [..., k]."""
    at: Callable[[Array, Array], Array]
    """Means [..., *] and a selection to the measure [...] of what was selected."""


@dataclass(frozen=True)
class MeanMeasure:
    """A number computed from means over problems.

    ``of_mean`` maps means [..., *] to values [...]; ``per_problem`` maps raw [n, L, H, T, T] to what is averaged,
    [n, *], the patterns themselves unless said otherwise. ``bounds(L, H, T)`` is the attainable range.
    """

    of_mean: Callable[[Array], Array]
    bounds: Bounds
    per_problem: Callable[[Array], Array] | None = None
    shuffle: Shuffle = "rows"
    selection: Selection | None = None
    beside: Callable[[Sample], dict[str, Any]] | None = None
    answer: Callable[[Sample], str] | None = None
    shuffled: Callable[[Sample], Array] | None = None
    """Means [1000, *] over problems of what ``per_problem`` makes of the draws of the shuffled control; given where
    there is a shorter way to them than draw by draw."""
    ends_attained: bool = False
    """Whether the bounds are values themselves: so for counts and shares."""

    def value(self, sample: Sample) -> float:
        """The measure on one sample."""
        return float(self.of_mean(averaged(self.per_problem)(sample)[None])[0])

    @property
    def on_plantings(self) -> OnPlantings:
        """The measure on many samples."""
        return OnPlantings(averaged(self.per_problem), lambda means, seed: self.of_mean(means))

    def measure(self, sample: Sample, rule: Rule) -> Measurement:
        """Value, bootstrap interval over problems, confidence and cross-fitted value."""
        value = self.value(sample)
        if not np.isfinite(value):
            return undefined()
        measured = Measurement(
            value,
            biased=self.selection is not None,
            cross_fitted=self.cross_fitted(sample),
            answer=self.answer(sample) if self.answer else None,
            beside=self.beside(sample) if self.beside else {},
        )
        if len(sample.raw) < 2:
            return measured
        resampled = self.resampled(sample)
        low, high = percentile_interval(resampled)
        return replace(
            measured,
            interval=(float(low), float(high)),
            confidence=agreement(resampled, rule.holds, rule.holds(value)),
            resampled=order_statistics(resampled),
        )

    def resampled(self, sample: Sample) -> Array:
        """[2000]: the measure on resamples of the problems; the same ones for every measure and sample of one seed."""
        if self.per_problem is None:
            return sample.resample(self.of_mean)
        return sample.resample_of(self.per_problem, self.of_mean)

    def on_draws(self, sample: Sample) -> Array:
        """The measure on every draw of its shuffled control."""
        if self.shuffled is not None:
            return of_each(self.of_mean, self.shuffled(sample))
        if self.per_problem is None:
            return of_each(self.of_mean, sample.draw_means(self.shuffle))
        return sample.of_draws(self.shuffle, lambda draw: self.value(sample.with_raw(draw)))

    def cross_fitted(self, sample: Sample) -> float | None:
        """The measure on one half of the problems of what the other half selects, mean of 100 splits."""
        if self.selection is None or len(sample.raw) < 2:
            return None
        per_problem = self.per_problem or (lambda raw: raw)
        chosen_on, measured_on = (
            sample.weighted(per_problem, weights) for weights in halves(len(sample.raw), SPLITS, sample.seed)
        )
        values = self.selection.at(measured_on, self.selection.choose(chosen_on))
        return float(np.mean(values))


@dataclass(frozen=True)
class TestMeasure:
    """A procedure with its own resampling.

    ``procedure(sample)`` gives the measurement on the model and on single-array controls; ``on_each_draw(sample)``
    gives its value on every draw of the shuffled control.
    """

    __test__ = False

    procedure: Callable[[Sample], Measurement]
    on_each_draw: Callable[[Sample], Array]
    bounds: Bounds
    shuffle: Shuffle = "rows"
    ends_attained: bool = False
    """Whether the bounds are values themselves: so for counts and shares."""
    second_sample: bool = False
    """Whether the procedure looks at a second sample of problems."""
    on_plantings: OnPlantings | None = None
    """The procedure on many samples; None where it would take too long."""

    def value(self, sample: Sample) -> float:
        """The procedure's value on one sample."""
        value = self.procedure(sample).value
        return float("nan") if value is None else float(value)  # type: ignore[arg-type]

    def measure(self, sample: Sample, rule: Rule) -> Measurement:
        """The procedure's own measurement."""
        return self.procedure(sample)

    def on_draws(self, sample: Sample) -> Array:
        """The value on every draw of the shuffled control."""
        return self.on_each_draw(sample)


def order_statistics(values: Array) -> tuple[float, ...]:
    """A few evenly spaced ones of ``values [draws]``, ascending, NaN last: each stands for as many draws."""
    places = (np.arange(KEPT) + 0.5) / KEPT * len(values)
    return tuple(np.sort(np.asarray(values, dtype=np.float64))[places.astype(np.int64)].tolist())


def undefined(why: str = "the measure has no finite value here") -> Measurement:
    """A measurement without a value; the verdict is fail with this reason."""
    return Measurement(None, reason=f"undefined: {why}")


def evaluate(
    measure: MeanMeasure | TestMeasure, rule: Rule, sample: Sample, controls: dict[str, Sample]
) -> Measurement:
    """The measurement with its attainable range and all controls.

    ``controls`` maps a control's name to its sample; the drawn control is added here. Raises ``NotApplicable``
    when the model has too few latents, layers or heads for the measure.
    """
    measured = measure.measure(sample, rule)
    values: dict[str, ControlValue] = {}
    for name, control in controls.items():
        try:
            values[name] = ControlValue(_finite(measure.value(control)))
        except NotApplicable:
            values[name] = ControlValue(None)
    if sample.draw_controls:
        draws = measure.on_draws(sample)
        name = "shuffled" if measure.shuffle == "rows" else "shuffled-off-diagonal"
        finite = draws[np.isfinite(draws)]
        middle = float(np.median(finite)) if len(finite) else None
        values[name] = ControlValue(middle, tuple(float(value) for value in draws))
    _, layers, heads, latents = sample.raw.shape[:4]
    return Measurement(
        **{
            **measured.__dict__,
            "attainable": measure.bounds(layers, heads, latents),
            "ends_attained": measure.ends_attained,
            "controls": values,
            "n_problems": len(sample.raw),
        }
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
