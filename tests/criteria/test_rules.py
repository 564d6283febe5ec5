"""Rules, reach, declarations and phases."""

import math
from typing import Any

import pytest

from harness.criteria.criterion import Rule
from harness.criteria.phases import PHASES, phase_results, verdict_of
from harness.criteria.registry import criteria, declaration_digests, declarations_digest
from harness.criteria.results import CriterionResult


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


def test_ids_stories_and_validity_grounds_are_consistent() -> None:
    known = {criterion.id: criterion for criterion in criteria()}
    for criterion in criteria():
        assert criterion.id.startswith(f"{criterion.story}-")
        assert criterion.statement and criterion.definition.endswith(".")
        assert all(known[ground].kind == "validity" for ground in criterion.rests_on)
    assert {one for phase in PHASES for one in (*phase.conditions, *phase.answered)} <= set(known)


def test_an_edited_threshold_changes_its_digest_and_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

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


def test_a_phase_with_a_condition_that_was_not_judged_is_incomplete() -> None:
    assert verdict_of({name: result(name) for name in PHASES[0].conditions[1:]}, PHASES[0].conditions) == "incomplete"
    assert [phase.verdict for phase in phase_results([result("1.2-max")], {"model": ["m"]})] == ["incomplete"]


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
