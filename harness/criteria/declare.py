"""Declare a hypothesis about attention patterns: one call, one criterion."""

from dataclasses import dataclass

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import MeanMeasure, TestMeasure


@dataclass(frozen=True)
class Evaluation:
    """Takes a hypothesis' measure on a model's patterns, with everything that says what it is worth."""

    criterion_id: str
    of: MeanMeasure | TestMeasure
    rule: Rule

    def __call__(self, study: ModelStudy) -> Measurement:
        """The measurement on one model."""
        return study.evaluate(self.criterion_id, self.of, self.rule)


def hypothesis(
    criterion_id: str,
    statement: str,
    definition: str,
    rule: Rule,
    measure: MeanMeasure | TestMeasure,
    *,
    rests_on: tuple[str, ...] = (),
    null_should_pass: bool = False,
    family: str | None = None,
) -> Criterion:
    """A hypothesis criterion on one model, with interval, confidence, attainable range and every control."""
    return Criterion(
        criterion_id,
        "hypothesis",
        statement,
        definition,
        rule,
        Evaluation(criterion_id, measure, rule),
        rests_on=rests_on,
        null_should_pass=null_should_pass,
        family=family,
    )
