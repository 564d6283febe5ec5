"""What the terminal says of phases: a line for each model, with what made one fail."""

from harness.plugin.terminal import phase_lines
from harness.results import PhaseResult
from tests.reporting.conftest import criterion


def phase(name: str, scope: str, verdict: str, *conditions: str) -> PhaseResult:
    return PhaseResult(id=name, scope=scope, verdict=verdict, conditions=list(conditions), answers=[])


def test_each_model_has_a_line_and_what_failed_is_named() -> None:
    judged = [
        criterion("1.2-max", model="a", verdict="fail"),
        criterion("1.4-squint", model="a", verdict="fail"),
        criterion("1.5-skip", model="a", verdict="pass"),
        criterion("1.2-max", model="b", verdict="pass"),
        criterion("2.6-same", model="a_vs_b", verdict="invalid"),
    ]
    phases = [
        phase("phase1", "a", "fail", "1.2-max", "1.4-squint", "1.5-skip"),
        phase("behaviour", "a", "2 of 10 hypotheses pass where no control does (1 more passes: B.1-ct0)", "B.1-ct0"),
        phase("phase1", "b", "pass (does not discriminate: 1.2-max)", "1.2-max"),
        phase("comparison", "a_vs_b", "invalid", "2.6-same", "2.6-differ"),
        phase("phase2", "b", "incomplete", "2.4-top10"),
    ]
    assert phase_lines(phases, judged) == [
        "a: Phase 1 FAIL (1.2-max, 1.4-squint) · Behaviour under intervention 2 of 10",
        "b: Phase 1 PASS (does not discriminate: 1.2-max) · Phase 2 INCOMPLETE",
        "a vs b: Comparison INVALID (2.6-same)",
    ]
