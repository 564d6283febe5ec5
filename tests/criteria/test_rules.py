"""Rules, reach, declarations and phases."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from harness.criteria.criterion import Criterion, Rule
from harness.criteria.declare import Evaluation, hypothesis
from harness.criteria.hypothesis import MeanMeasure
from harness.criteria.phases import PHASES, Standing, phase_results, phases_before, standings, verdict_of
from harness.criteria.registry import criteria, declaration_digests, declarations_digest
from harness.files import digest
from harness.results import CriterionResult


@pytest.mark.parametrize(
    ("rule", "passing", "failing"),
    [
        (Rule(">=", 0.1), 0.1, 0.0999),
        (Rule(">", 0.1), 0.1001, 0.1),
        (Rule("<=", 0.1), 0.1, 0.1001),
        (Rule("<", 0.1), 0.0999, 0.1),
        (Rule("==", 0), 0, 1e-9),
        (Rule("in", (1, 2)), 2, 3),
        (Rule("between", (2, 3)), 3, 3.01),
        (Rule("is", "equal"), "equal", "different"),
    ],
    ids=str,
)
def test_a_rule_holds_exactly_where_it_says(rule: Rule, passing: Any, failing: Any) -> None:
    assert rule.holds(passing)
    assert not rule.holds(failing)
    assert not rule.holds(None)
    assert not rule.holds(math.nan)


@pytest.mark.parametrize(
    ("rule", "low", "high", "reach"),
    [
        (Rule(">=", 2), 0, 2, "unattainable"),
        (Rule(">", 0.4), 0.625, 1, "cannot fail"),
        (Rule(">=", 0.4), 0, 1, "normal"),
        (Rule("<", 0.2), 0, 0.15, "cannot fail"),
        (Rule("<", 0.001), 0.0001, 1, "normal"),
        (Rule("<", 0.05), 0.2, 1, "unattainable"),
        (Rule("in", (1, 2)), 0, 3, "normal"),
        (Rule("in", (1, 2)), 1, 2, "cannot fail"),
        (Rule("in", (1, 2)), 3, 4, "unattainable"),
        (Rule("between", (2, 3)), 0, 1, "unattainable"),
        (Rule(">", 0.4), 0.4, 1, "cannot fail"),
        (Rule("<=", 0.2), 0, 0.2, "cannot fail"),
        (Rule("<=", 0.2), 0, 0.21, "normal"),
        (Rule("<=", 0.2), 0.3, 1, "unattainable"),
        (Rule("<", 0.05), 0.05, 1, "unattainable"),
        (Rule("in", (1, 2)), 2, 3, "normal"),
        (Rule("in", (1, 2)), 0, 1, "normal"),
        (Rule("between", (2, 3)), 2, 3, "cannot fail"),
        (Rule("between", (2, 3)), 1, 3, "normal"),
        (Rule("between", (2, 3)), 2, 4, "normal"),
        (Rule("between", (2, 3)), 3, 4, "normal"),
        (Rule("between", (2, 3)), 1, 2, "normal"),
        (Rule("between", (2, 3)), 3.1, 4, "unattainable"),
        (Rule("is", "equal"), 0, 1, "normal"),
    ],
)
def test_reach_tells_what_no_model_could_miss_or_meet(rule: Rule, low: float, high: float, reach: str) -> None:
    assert rule.reach(low, high) == reach


@pytest.mark.parametrize(
    ("rule", "low", "high", "reach"),
    [
        (Rule(">=", 0.75), 0, 0.75, "normal"),
        (Rule(">=", 0.75), 0, 0.7, "unattainable"),
        (Rule(">=", 0.0), 0, 1, "cannot fail"),
        (Rule(">", 0.5), 0.5, 1, "normal"),
        (Rule(">", 1), 0, 1, "unattainable"),
        (Rule("<=", 0), 0, 5, "normal"),
        (Rule("<", 5), 0, 5, "normal"),
        (Rule("<", 0), 0, 5, "unattainable"),
    ],
)
def test_ends_that_are_values_can_be_met(rule: Rule, low: float, high: float, reach: str) -> None:
    """Counts and shares: enumerate a few values of the range, ends included."""
    assert rule.reach(low, high, attained=True) == reach
    verdicts = {rule.holds(value) for value in (low, (low + high) / 2, high)}
    assert reach == {frozenset({True}): "cannot fail", frozenset({False}): "unattainable"}.get(
        frozenset(verdicts), "normal"
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(">=", 0.1), ">= 0.1"),
        (Rule("==", 0), "== 0"),
        (Rule("in", (1, 2)), "1 or 2"),
        (Rule("between", (2, 3)), "2 to 3"),
        (Rule("is", "equal"), "equal"),
    ],
    ids=lambda value: "" if isinstance(value, Rule) else value,
)
def test_a_rule_says_what_it_asks_for(rule: Rule, words: str) -> None:
    assert str(rule) == words


def test_a_declared_hypothesis_has_everything_it_was_given() -> None:
    rule, measure = Rule(">", 0.5), MeanMeasure(lambda mean: mean, lambda L, H, T: (0.0, 1.0))
    plain = hypothesis("1.2-x", "says", "means.", rule, measure)
    evaluation = Evaluation("1.2-x", measure, rule)
    assert plain == Criterion("1.2-x", "hypothesis", "says", "means.", rule, evaluation, from_results=True)
    more: Any = {"scope": "pair", "rests_on": ("1.2-sums",), "null_should_pass": True, "family": "f"}
    full = hypothesis("1.2-x", "says", "means.", rule, measure, **more)
    assert full == replace(plain, **more)
    expected = {
        "id": "1.2-x", "kind": "hypothesis", "statement": "says", "definition": "means.", "comparator": ">",
        "threshold": 0.5, "scope": "pair", "rests_on": ["1.2-sums"], "null_should_pass": True, "family": "f",
    }  # fmt: skip
    assert full.declaration() == expected
    assert full.digest() == digest(json.dumps(dict(sorted(expected.items()))))
    assert (full.story, full.study) == ("1.2", "phase1")
    evidence = SimpleNamespace(evaluate=lambda *given: given)
    assert full.measure(evidence) == ("1.2-x", measure, rule)


def test_ids_stories_and_validity_grounds_are_consistent() -> None:
    known = {criterion.id: criterion for criterion in criteria()}
    for criterion in criteria():
        assert criterion.id.startswith(f"{criterion.story}-")
        assert criterion.statement and criterion.definition.endswith(".")
        assert all(known[ground].kind == "validity" for ground in criterion.rests_on)
    assert {one for phase in PHASES for one in (*phase.conditions, *phase.answered)} <= set(known)


def test_an_edited_threshold_changes_its_digest_and_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.criteria import registry

    before, all_before = declaration_digests(), declarations_digest()
    edited = tuple(
        replace(criterion, rule=Rule(">=", 0.2)) if criterion.id == "1.2-max" else criterion for criterion in criteria()
    )
    monkeypatch.setattr(registry, "criteria", lambda: edited)
    after = declaration_digests()
    assert [name for name in after if after[name] != before[name]] == ["1.2-max"]
    assert declarations_digest() != all_before


def result(criterion_id: str, verdict: str = "pass", **more: Any) -> CriterionResult:
    story = criterion_id.split("-", maxsplit=1)[0]
    said = {"statement": "s", "definition": "d", "comparator": ">", "threshold": 0, "verdict": verdict}
    place = {"id": criterion_id, "story": story, "study": "phase1", "kind": "hypothesis", "model": "m"}
    return CriterionResult.model_validate({**place, **said, **more})


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "pass"),
        ({"verdict": "fail"}, "fail"),
        ({"verdict": "invalid"}, "invalid"),
        ({"verdict": "skipped"}, "incomplete"),
        ({"discriminates": False}, "pass (does not discriminate: 1.2-max)"),
        ({"reach": "cannot fail"}, "pass (does not discriminate: 1.2-max)"),
    ],
)
def test_a_phase_is_what_its_conditions_are(change: dict[str, Any], verdict: str) -> None:
    own = {name: result(name) for name in PHASES[0].conditions} | {"1.2-max": result("1.2-max", **change)}
    assert verdict_of(own, PHASES[0].conditions) == verdict


def test_a_phase_that_any_model_passes_does_not_discriminate() -> None:
    names = PHASES[0].conditions
    own = {name: result(name, null_should_pass=True) for name in names}
    assert verdict_of(own, names) == f"pass (does not discriminate: {', '.join(names)})"
    own[names[0]] = result(names[0], discriminates=True)
    assert verdict_of(own, names) == "pass"


def test_a_phase_with_a_condition_that_was_not_judged_is_incomplete() -> None:
    assert verdict_of({name: result(name) for name in PHASES[0].conditions[1:]}, PHASES[0].conditions) == "incomplete"
    assert [phase.verdict for phase in phase_results([result("1.2-max")], {"model": ["m"]})] == ["incomplete"]


def test_all_conditions_that_do_not_discriminate_are_named() -> None:
    first, second = PHASES[0].conditions[:2]
    own = {name: result(name, discriminates=name not in (first, second)) for name in PHASES[0].conditions}
    assert verdict_of(own, PHASES[0].conditions) == f"pass (does not discriminate: {first}, {second})"


@pytest.mark.parametrize(
    ("confidence", "words"), [(None, ""), (0.5, ", confidence 0.50"), (1.0, ", confidence at least 0.9995")]
)
def test_an_answer_is_as_sure_as_its_resamples_can_tell(confidence: float | None, words: str) -> None:
    said = {"2.6-answers": {"answer": "Same hub? yes", "confidence": confidence}}
    (phase,) = phase_results(comparison(said), {"pair": ["a_vs_b"]})
    assert phase.answers == [f"Same hub? yes{words}"]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "3 of 3 hypotheses pass where no control does"),
        ({"I.4-mid": {"verdict": "fail"}}, "2 of 3 hypotheses pass where no control does"),
        ({"I.4-mid": {"verdict": "skipped"}}, "2 of 2 hypotheses pass where no control does"),
        (
            {"I.4-mid": {"discriminates": False}},
            "2 of 3 hypotheses pass where no control does (1 more passes without discriminating: I.4-mid)",
        ),
        (
            {"I.4-mid": {"discriminates": None}},
            "2 of 3 hypotheses pass where no control does (1 more passes with no control evaluated: I.4-mid)",
        ),
        (
            {key: {"discriminates": None} for key in ("I.4-mid", "I.2-last", "I.2-matters")},
            "3 of 3 hypotheses pass, held against no control",
        ),
        ({"I.4-mid": {"verdict": "invalid"}, "I.2-last": {"verdict": "fail"}}, "invalid"),
        ({key: {"verdict": "skipped"} for key in ("I.4-mid", "I.2-last", "I.2-matters")}, "incomplete"),
    ],
)
def test_other_studies_count_their_hypotheses(changes: dict[str, dict[str, Any]], verdict: str) -> None:
    names = ("I.4-mid", "I.2-last", "I.2-matters")
    settled = {"study": "importance", "discriminates": True}
    judged = [result(name, **{**settled, **changes.get(name, {})}) for name in names]
    (phase,) = phase_results(judged, {"model": ["m"]})
    assert (phase.id, phase.verdict) == ("importance", verdict)
    assert set(phase.conditions) > {"I.4-mid", "I.2-last", "I.2-matters"}
    assert "I.2-sham" not in phase.conditions


DECIDING = [name for phase in phases_before("phase4") for name in phase.conditions]


def deciding(changes: dict[str, dict[str, Any]]) -> dict[str, CriterionResult]:
    return {name: result(name, **{"discriminates": True, **changes.get(name, {})}) for name in DECIDING}


@pytest.mark.parametrize(
    ("changes", "passed", "sentence"),
    [
        ({}, True, ""),
        ({"1.2-max": {"verdict": "fail"}}, False, "Phase 1 did not pass (failed: 1.2-max)"),
        (
            {
                "1.5-skip": {"verdict": "skipped"},
                "1.4-squint": {"verdict": "invalid"},
                "1.2-max": {"verdict": "fail"},
                "1.3-consistent": {"verdict": "fail"},
            },
            False,
            "Phase 1 did not pass (failed: 1.2-max, 1.3-consistent; invalid: 1.4-squint; skipped: 1.5-skip)",
        ),
        ({"1.2-max": {"discriminates": False}}, True, "Phase 1 passed, but does not discriminate: 1.2-max"),
        (
            {"1.2-max": {"discriminates": False}, "1.5-skip": {"verdict": "fail"}},
            False,
            "Phase 1 did not pass (failed: 1.5-skip)",
        ),
    ],
)
def test_what_comes_before_phase_4_passed_or_is_named_with_what_decided(
    changes: dict[str, dict[str, Any]], passed: bool, sentence: str
) -> None:
    assert standings("phase4", deciding(changes)) == [Standing(passed, sentence), Standing(True, "")]


def test_what_was_not_run_did_not_pass() -> None:
    own = deciding({})
    del own["2.4-types"]
    first, second = standings("phase4", own)
    assert (first.passed, second) == (True, Standing(False, "Phase 2 did not pass (not run: 2.4-types)"))
    assert standings("phase4", {}) == [
        Standing(False, f"Phase {number} was not run in this session") for number in (1, 2)
    ]


def test_only_phase_4_comes_after_others() -> None:
    assert [phase.id for phase in phases_before("phase4")] == ["phase1", "phase2"]
    studies = {criterion.study for criterion in criteria()} - {"phase4"}
    assert [study for study in studies if phases_before(study)] == []


def test_the_answers_of_phase_4_begin_with_what_did_not_pass_before_it() -> None:
    own = deciding({"2.4-types": {"verdict": "fail"}})
    confirmed = result("4.3-confirmed", study="phase4", answer="37 of 37 verdicts are the same")
    phases = phase_results([*own.values(), confirmed], {"model": ["m"]})
    assert [phase.answers for phase in phases if phase.id == "phase4"] == [
        ["Phase 2 did not pass (failed: 2.4-types)", "37 of 37 verdicts are the same"]
    ]


def comparison(changes: dict[str, dict[str, Any]]) -> list[CriterionResult]:
    conditions = next(phase.conditions for phase in PHASES if phase.id == "comparison")
    place = {"study": "phase2", "model": "a_vs_b"}
    return [result(name, **{**place, **changes.get(name, {})}) for name in (*conditions, "2.6-fewer", "2.6-answers")]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "pass"),
        ({"2.6-fewer": {"verdict": "fail"}}, "pass"),
        ({"2.6-visible": {"verdict": "fail"}}, "fail"),
        ({"2.6-same": {"verdict": "fail"}, "2.6-differ": {"verdict": "invalid"}}, "invalid"),
        ({"2.6-differ": {"discriminates": False}}, "pass (does not discriminate: 2.6-differ)"),
    ],
)
def test_a_pair_has_a_comparison_and_no_phase_of_a_model(changes: dict[str, dict[str, Any]], verdict: str) -> None:
    phases = phase_results(comparison(changes), {"model": ["a", "b"], "pair": ["a_vs_b"]})
    assert [(phase.id, phase.scope, phase.verdict) for phase in phases] == [("comparison", "a_vs_b", verdict)]


def test_a_comparison_gives_the_answers_of_its_criteria() -> None:
    said = {"2.6-answers": {"answer": "Same hub? yes", "confidence": 1.0}, "2.6-differ": {"answer": "flow +0.1"}}
    (phase,) = phase_results(comparison(said), {"pair": ["a_vs_b"]})
    assert phase.answers == ["Same hub? yes, confidence at least 0.9995", "flow +0.1"]
