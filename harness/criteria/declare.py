"""Declare a hypothesis about attention patterns: one call, one criterion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from harness.criteria.blocks import BlockTrials
from harness.criteria.criterion import Criterion, Measurement, Rule, Scope
from harness.criteria.effects import Effect, EffectTest
from harness.criteria.hypothesis import MeanMeasure, TestMeasure
from harness.criteria.paired import PairMeasure
from harness.criteria.trials import HeadTrials, Trials

Measure = TypeVar(
    "Measure",
    MeanMeasure | TestMeasure,
    PairMeasure,
    Effect[Trials] | EffectTest[Trials],
    Effect[HeadTrials] | EffectTest[HeadTrials],
    Effect[BlockTrials] | EffectTest[BlockTrials],
)
Taken_contra = TypeVar("Taken_contra", contravariant=True)


class Evaluates(Protocol[Taken_contra]):
    """Evidence that takes a measure: of one model, or of a pair of them."""

    def evaluate(self, criterion_id: str, measure: Taken_contra, rule: Rule, /) -> Measurement:
        """The measurement with everything that says what it is worth."""


@dataclass(frozen=True)
class Evaluation(Generic[Measure]):
    """Takes a hypothesis' measure on the evidence of its scope, with everything that says what it is worth.

    Attributes:
        criterion_id: what measurements are remembered by: the criterion's id, and where the harness does not know the
            measure's code, a digest of that.
        of: the measure.
        rule: when it passes.
        shown: writes files that show what was measured, and names them.
    """

    criterion_id: str
    of: Measure
    rule: Rule
    shown: Callable[[Any], Sequence[str]] | None = None

    def __call__(self, study: Evaluates[Measure]) -> Measurement:
        """The measurement on one model, or on one pair, with the files that show it."""
        measured = study.evaluate(self.criterion_id, self.of, self.rule)
        return measured if self.shown is None else replace(measured, artifacts=tuple(self.shown(study)))


def hypothesis(
    criterion_id: str,
    statement: str,
    definition: str,
    rule: Rule,
    measure: Measure,
    *,
    scope: Scope = "model",
    rests_on: tuple[str, ...] = (),
    null_should_pass: bool = False,
    family: str | None = None,
    shown: Callable[[Any], Sequence[str]] | None = None,
    from_results: bool = True,
) -> Criterion:
    """A hypothesis criterion on one model or one pair, with interval, confidence, attainable range and every control.

    ``shown`` writes files that show what was measured, and names them relative to the output folder. ``from_results`` is false
    where it takes more than results keep (:class:`Criterion`).
    """
    return Criterion(
        criterion_id,
        "hypothesis",
        statement,
        definition,
        rule,
        Evaluation(criterion_id, measure, rule, shown),
        scope=scope,
        rests_on=rests_on,
        null_should_pass=null_should_pass,
        family=family,
        from_results=from_results,
    )
