"""Declare a hypothesis about attention patterns: one call, one criterion."""

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import MeanMeasure, TestMeasure


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

    def measured(study: ModelStudy) -> Measurement:
        return study.evaluate(criterion_id, measure, rule)

    return Criterion(
        criterion_id,
        "hypothesis",
        statement,
        definition,
        rule,
        measured,
        rests_on=rests_on,
        null_should_pass=null_should_pass,
        family=family,
    )
