"""Hypotheses about what interventions do: one measure, evaluated with interval, confidence and every control.

As for attention there are two kinds: an :class:`Effect` is a function of means over problems, an :class:`EffectTest` a
procedure with its own p-value.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.criteria.blocks import BlockTrials
from harness.criteria.criterion import ControlValue, Measurement, NotMeasured, Rule
from harness.criteria.hypothesis import SPLITS, OnPlantings, Selection, order_statistics, undefined
from harness.criteria.sample import RESAMPLES
from harness.criteria.trials import HeadTrials, Trials
from harness.measures import NotApplicable
from harness.measures.patterns import EmptyGroup
from harness.statistics import agreement, halves, percentile_interval, resample_weights, side_by_side

Array = NDArray[Any]
Data = TypeVar("Data", Trials, HeadTrials, BlockTrials)

Source = Literal["trained", "contentless", "control-model"]
"""Whose answers: the model's, the model's with each thought's input replaced by its mean, or the control model's."""
ControlName = Literal["sham", "random", "uniform-context", "contentless", "control-model"]
INTERVENED: tuple[ControlName, ...] = ("sham", "random", "contentless", "control-model")
"""Controls of what an intervention does."""
CHEAP: tuple[ControlName, ...] = ("sham", "random", "uniform-context")
"""Controls that need no other answers."""
UNTOUCHED: tuple[ControlName, ...] = ("contentless", "control-model")
"""Controls of what the model does without one."""


class Tries(Protocol):
    """Evidence that has the outcomes of intervention studies."""

    def importance(self, source: Source = "trained") -> Trials:
        """Those of the importance study."""

    def sweep(self, source: Source = "trained") -> Trials:
        """Those of the sweep over all sets of thoughts."""

    def validation(self, source: Source = "trained") -> Trials:
        """Those of the sweep on other problems."""

    def heads(self, source: Source = "trained") -> HeadTrials:
        """Those of ablated heads."""

    def blocks(self, source: Source = "trained") -> BlockTrials:
        """Those of thoughts blocked for their readers."""


Where = Callable[[Tries, Source], Data]
End = Literal["low", "high"]
END_PLACES: Mapping[End, int] = {"low": 0, "high": 1}
"""Which end of an interval each is."""
Range = tuple[float, float]


def importance_study(study: Tries, source: Source) -> Trials:
    """Where the importance hypotheses look."""
    return study.importance(source)


def sweep_study(study: Tries, source: Source) -> Trials:
    """Where the hypotheses about steps look."""
    return study.sweep(source)


def validation_study(study: Tries, source: Source) -> Trials:
    """Where they look again, on other problems."""
    return study.validation(source)


def heads_study(study: Tries, source: Source) -> HeadTrials:
    """Where hypotheses about ablated heads look."""
    return study.heads(source)


def behaviour_study(study: Tries, source: Source) -> BlockTrials:
    """Where hypotheses about blocked thoughts look."""
    return study.blocks(source)


@dataclass(frozen=True)
class Effect(Generic[Data]):
    """A number computed from means over problems.

    ``features(trials)`` [n, k] is what is averaged, ``of_mean`` maps means [..., k] to values [...]. ``end`` names the end of
    the interval that the rule judges; the value itself is judged without. ``attainable`` is the range of values, or gives it
    from the trials. ``again`` are other problems on which the same value is shown beside.
    """

    where: Where[Data]
    features: Callable[[Data], Array]
    of_mean: Callable[[Array], Array]
    attainable: Range | Callable[[Data], Range]
    end: End | None = None
    selection: Selection | None = None
    controls: tuple[ControlName, ...] = INTERVENED
    beside: Callable[[Data], dict[str, Any]] | None = None
    answer: Callable[[Data], str] | None = None
    ends_attained: bool = True
    again: Where[Data] | None = None
    on_plantings: OnPlantings | None = None
    evenly: Callable[[Data], Data] | None = None
    """The same with all context read alike, for the control of that name."""

    def value(self, trials: Data) -> float:
        """What the rule judges, on one set of trials."""
        features = self._features(trials)
        if self.end:
            return float(percentile_interval(self._resampled(features, trials.seed))[END_PLACES[self.end]])
        return float(self.of_mean(features.mean(axis=0)[None])[0])

    def on_draws(self, trials: Data) -> Array:
        """[draws]: the value on every draw of a control."""
        return _one_by_one(self, trials)

    def measure(self, trials: Data, rule: Rule) -> Measurement:
        """Value, bootstrap interval over problems, confidence and cross-fitted value."""
        features = self._features(trials)
        point = float(self.of_mean(features.mean(axis=0)[None])[0])
        if not np.isfinite(point):
            return undefined("it divides by a quantity that is 0, or does not vary, over these problems")
        if len(features) < 2:
            raise NotApplicable("needs at least 2 problems to resample")
        resampled = self._resampled(features, trials.seed)
        low, high = (float(end) for end in percentile_interval(resampled))
        if self.end and not np.isfinite(low):
            return undefined("it has no value in some resamples of the problems")
        measured = Measurement(
            (low, high)[END_PLACES[self.end]] if self.end else point,
            interval=(low, high),
            biased=self.selection is not None,
            cross_fitted=self._cross_fitted(features, trials.seed),
            confidence=None if self.end else agreement(resampled, rule.holds, rule.holds(point)),
            resampled=None if self.end else order_statistics(resampled),
            n_problems=len(features),
            answer=self.answer(trials) if self.answer else None,
            beside={"point": point} if self.end else {},
        )
        return replace(measured, beside={**measured.beside, **(self.beside(trials) if self.beside else {})})

    def _features(self, trials: Data) -> Array:
        features = np.asarray(self.features(trials), dtype=np.float64)
        if not len(features):
            raise EmptyGroup("no problem of the difficulty it is about")
        return features

    def _resampled(self, features: Array, seed: int) -> Array:
        means = resample_weights(len(features), RESAMPLES, seed) @ features
        return np.asarray(self.of_mean(means))

    def _cross_fitted(self, features: Array, seed: int) -> float | None:
        if self.selection is None:
            return None
        chosen_on, measured_on = (weights @ features for weights in halves(len(features), SPLITS, seed))
        return float(np.mean(self.selection.at(measured_on, self.selection.choose(chosen_on))))


@dataclass(frozen=True)
class EffectTest(Generic[Data]):
    """A procedure that gives a p-value, or another number that is not a function of means."""

    where: Where[Data]
    procedure: Callable[[Data], Measurement]
    shortened: Callable[[Data], float] | None = None
    """The same value in a shorter way, for controls."""
    on_each_draw: Callable[[Data], Array] | None = None
    """The value on every draw of a control, where there is a shorter way to them than one by one."""
    attainable: Range | Callable[[Data], Range] = (0.0, 1.0)
    controls: tuple[ControlName, ...] = INTERVENED
    ends_attained: bool = False
    again: Where[Data] | None = None
    on_plantings: OnPlantings | None = field(default=None)

    def value(self, trials: Data) -> float:
        """The procedure's value."""
        if self.shortened is not None:
            return self.shortened(trials)
        value = self.procedure(trials).value
        return float("nan") if value is None else float(value)  # type: ignore[arg-type]

    def on_draws(self, trials: Data) -> Array:
        """[draws]: the value on every draw of a control."""
        return _one_by_one(self, trials) if self.on_each_draw is None else self.on_each_draw(trials)

    def measure(self, trials: Data, rule: Rule) -> Measurement:
        """The procedure's own measurement."""
        measured = self.procedure(trials)
        return replace(measured, n_problems=measured.n_problems or len(trials))


def _one_by_one(measure: Effect[Data] | EffectTest[Data], trials: Data) -> Array:
    return np.array(side_by_side(lambda draw: measure.value(trials.drawn(draw)), range(trials.draws)), np.float64)


def evaluate_effect(
    measure: Effect[Data] | EffectTest[Data], rule: Rule, study: Tries, controls: Iterable[ControlName]
) -> Measurement:
    """The measurement with its attainable range and those of its controls that are among ``controls``."""
    trials = measure.where(study, "trained")
    measured = measure.measure(trials, rule)
    wanted = [name for name in measure.controls if name in controls]
    values = {name: _control(measure, name, trials, study) for name in wanted}
    attainable = measure.attainable
    return replace(
        measured,
        beside={**measured.beside, **_again(measure, rule, study)},
        attainable=attainable(trials) if callable(attainable) else attainable,
        ends_attained=measure.ends_attained,
        controls={name: value for name, value in values.items() if value is not None},
    )


def _again(measure: Effect[Data] | EffectTest[Data], rule: Rule, study: Tries) -> dict[str, Any]:
    """The same value on other problems; nothing where it cannot be had there."""
    if measure.again is None:
        return {}
    try:
        found = measure.measure(measure.again(study, "trained"), rule)
    except (NotApplicable, NotMeasured):
        return {}
    return {"on_the_validation_sample": found.value, "problems_of_the_validation_sample": found.n_problems}


def _control(
    measure: Effect[Data] | EffectTest[Data], name: ControlName, trials: Data, study: Tries
) -> ControlValue | None:
    try:
        match name:
            case "sham":
                return ControlValue(_finite(measure.value(trials.sham())))
            case "uniform-context":
                assert isinstance(measure, Effect) and measure.evenly is not None
                return ControlValue(_finite(measure.value(measure.evenly(trials))))
            case "random":
                draws = measure.on_draws(trials)
                defined = draws[np.isfinite(draws)]
                middle = float(np.median(defined)) if len(defined) else None
                return ControlValue(middle, tuple(draws.tolist()))
            case _:
                return ControlValue(_finite(measure.value(measure.where(study, name))))
    except NotApplicable:
        return ControlValue(None)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
