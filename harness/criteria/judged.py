"""From a criterion to a row of the results."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.criteria.criterion import ControlValue, Criterion, Measurement, NotMeasured
from harness.criteria.hypothesis import undefined
from harness.criteria.kept import NEEDS_MODEL
from harness.files import jsonable
from harness.measures import NotApplicable, NotFinite
from harness.results import ControlResult, CriterionResult

DRAWN_CONTROL_PASSES = 0.05
"""A drawn control passes when more than this share of its draws does."""


def judge(criterion: Criterion, scope: str, study: Any, broken: Sequence[str] = ()) -> CriterionResult:
    """The verdict on one criterion, given the evidence of its scope and the failed criteria that it rests on."""
    try:
        measured = criterion.measure(study)
    except (NotApplicable, NotMeasured) as error:
        return judged_result(criterion, scope, Measurement(None, reason=str(error)), "skipped")
    except NotFinite as error:
        measured = undefined(str(error))
    if broken:
        reason = f"rests on {', '.join(broken)}, which failed"
        return judged_result(criterion, scope, replace(measured, reason=reason), "invalid")
    return judged_result(criterion, scope, measured, "pass" if criterion.rule.holds(measured.value) else "fail")


def needing_model(criterion: Criterion, scope: str) -> CriterionResult:
    """The row of a criterion that cannot be judged from the results of an earlier run."""
    return judged_result(criterion, scope, Measurement(None, reason=NEEDS_MODEL), "skipped")


def judged_result(criterion: Criterion, scope: str, measured: Measurement, verdict: str) -> CriterionResult:
    """The row of a criterion in the results: the measured value, its controls held against the same rule, and the verdict."""
    controls = {name: _control(criterion, value) for name, value in measured.controls.items()}
    low, high = measured.interval or (None, None)
    attainable = measured.attainable
    return CriterionResult.model_validate(
        jsonable(
            {
                "id": criterion.id,
                "story": criterion.story,
                "study": criterion.study,
                "kind": criterion.kind,
                "model": scope,
                "statement": criterion.statement,
                "definition": criterion.definition,
                "measured": measured.value,
                "comparator": criterion.rule.comparator,
                "threshold": criterion.rule.threshold,
                "verdict": verdict,
                "reason": measured.reason,
                "ci_low": low,
                "ci_high": high,
                "biased": measured.biased,
                "cross_fitted": measured.cross_fitted,
                "confidence": measured.confidence,
                "p_value": measured.p_value,
                "q_value": measured.q_value,
                "family": criterion.family,
                "n_problems": measured.n_problems,
                "attainable": attainable,
                "reach": criterion.rule.reach(*attainable, measured.ends_attained) if attainable else "normal",
                "controls": controls,
                "discriminates": _discriminates(criterion, verdict, controls),
                "null_should_pass": criterion.null_should_pass,
                "answer": measured.answer,
                "beside": measured.beside,
                "artifacts": measured.artifacts,
            }
        )
    )


def _control(criterion: Criterion, control: ControlValue) -> dict[str, Any]:
    if control.draws is None:
        passes = None if control.measured is None else criterion.rule.holds(control.measured)
        return ControlResult(measured=control.measured, passes=passes).model_dump()
    rate = sum(criterion.rule.holds(draw) for draw in control.draws) / len(control.draws)
    return ControlResult(measured=control.measured, passes=rate > DRAWN_CONTROL_PASSES, pass_rate=rate).model_dump()


def _discriminates(criterion: Criterion, verdict: str, controls: dict[str, dict[str, Any]]) -> bool | None:
    if verdict != "pass" or criterion.null_should_pass or not controls:
        return None
    return not any(control["passes"] for control in controls.values())
