import itertools

import pytest

from harness.plugin.baselines import ApprovedVerdict
from harness.plugin.gate import decide
from harness.results import CriterionResult

VERDICTS = ("pass", "fail", "invalid", "skipped")


def judged(verdict: str, kind: str = "hypothesis", reason: str | None = None) -> CriterionResult:
    return CriterionResult(
        id="1.2-max",
        story="1.2",
        study="phase1",
        kind=kind,  # type: ignore[arg-type]
        model="m",
        statement="s",
        definition="d",
        measured=0.2,
        comparator=">=",
        threshold=0.1,
        verdict=verdict,  # type: ignore[arg-type]
        reason=reason,
    )


def approved(verdict: str) -> ApprovedVerdict:
    return ApprovedVerdict(verdict=verdict, measured=0.2, rule=">= 0.1", declaration="d")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["validity", "hypothesis", "acceptance"])
@pytest.mark.parametrize(
    ("verdict", "outcome"), [("pass", "passed"), ("fail", "failed"), ("invalid", "failed"), ("skipped", "skipped")]
)
def test_gate_all_fails_what_fails_or_is_invalid(kind: str, verdict: str, outcome: str) -> None:
    assert decide("all", judged(verdict, kind)).outcome == outcome


@pytest.mark.parametrize(("kind", "verdict"), [*itertools.product(["validity", "hypothesis", "acceptance"], VERDICTS)])
def test_gate_validity_fails_a_failing_validity_criterion_and_nothing_else(kind: str, verdict: str) -> None:
    expected = "skipped" if verdict == "skipped" else "passed"
    if (kind, verdict) == ("validity", "fail"):
        expected = "failed"
    assert decide("validity", judged(verdict, kind)).outcome == expected


BASELINE_TRUTH = {
    # (approved, now): outcome
    ("pass", "pass"): "passed",
    ("fail", "fail"): "passed",
    ("invalid", "invalid"): "passed",
    ("skipped", "skipped"): "skipped",
    ("pass", "fail"): "failed",
    ("pass", "invalid"): "failed",
    ("fail", "pass"): "failed",
    ("fail", "invalid"): "failed",
    ("invalid", "pass"): "failed",
    ("invalid", "fail"): "failed",
    ("skipped", "pass"): "failed",
    ("skipped", "fail"): "failed",
    ("skipped", "invalid"): "failed",
    ("pass", "skipped"): "failed",
    ("fail", "skipped"): "failed",
    ("invalid", "skipped"): "failed",
}


@pytest.mark.parametrize(("before", "now"), [*itertools.product(VERDICTS, VERDICTS)])
def test_gate_baseline_fails_every_difference_improvements_included(before: str, now: str) -> None:
    decision = decide("baseline", judged(now, reason="undefined here"), approved(before))
    assert decision.outcome == BASELINE_TRUTH[before, now]
    assert decision.change == (decision.outcome == "failed")


@pytest.mark.parametrize("now", ["pass", "fail", "invalid"])
def test_gate_baseline_fails_what_was_never_approved_and_says_how_to(now: str) -> None:
    decision = decide("baseline", judged(now), None)
    assert (decision.outcome, decision.why) == ("failed", "new: approve it")


@pytest.mark.parametrize("before", [None, *VERDICTS])
def test_gate_baseline_does_not_compare_what_this_run_cannot_evaluate(before: str | None) -> None:
    decision = decide("baseline", judged("skipped", reason="needs the model"), approved(before) if before else None)
    assert decision.outcome == "skipped"
    assert not decision.change


def test_gate_baseline_does_not_mind_a_value_that_moved_without_changing_the_verdict() -> None:
    moved = judged("pass").model_copy(update={"measured": 0.9})
    assert decide("baseline", moved, approved("pass")).outcome == "passed"
