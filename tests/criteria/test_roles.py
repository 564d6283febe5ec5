"""What verdicts allow one to say."""

from typing import Any

import pytest

from harness.criteria.registry import criteria, find
from harness.criteria.roles import CLAIMS, ROLES, judge_role, standing
from harness.results import ControlResult, CriterionResult


def verdict(name: str, said: str = "pass", discriminates: bool | None = True, **more: Any) -> CriterionResult:
    criterion = find(name)
    return CriterionResult(
        **{
            "id": name,
            "story": criterion.story,
            "study": criterion.study,
            "kind": criterion.kind,
            "model": "a model",
            "statement": criterion.statement,
            "definition": criterion.definition,
            "measured": 0.01,
            "comparator": criterion.rule.comparator,
            "threshold": None,
            "verdict": said,
            "discriminates": discriminates if said == "pass" and not criterion.null_should_pass else None,
            "null_should_pass": criterion.null_should_pass,
            "controls": {
                "random": ControlResult(measured=0.01, passes=discriminates is False),
                "contentless": ControlResult(measured=0.01, passes=False),
            },
            **more,
        }
    )


def test_every_hypothesis_of_the_study_has_a_claim_and_every_role_rests_on_hypotheses() -> None:
    assert set(CLAIMS) == {one.id for one in criteria() if one.study == "behaviour" and one.kind == "hypothesis"}
    assert len(ROLES) == 3
    assert all(set(role.criteria) <= set(CLAIMS) for role in ROLES)


@pytest.mark.parametrize(
    ("said", "discriminates", "expected"),
    [
        ("pass", True, "supported"),
        ("pass", False, "empty"),
        ("pass", None, "unchecked"),
        ("fail", None, "not found"),
        ("skipped", None, "untested"),
        ("invalid", None, "untested"),
    ],
)
def test_a_verdict_is_worth_what_its_controls_say(said: str, discriminates: bool | None, expected: str) -> None:
    assert standing(verdict("B.1-ct0", said, discriminates)) == expected


def test_what_no_outcome_could_show_was_not_tested() -> None:
    assert standing(verdict("B.1-ct0", "fail", reach="unattainable")) == "untested"
    assert standing(verdict("B.1-ct0", "fail", reach="normal")) == "not found"


def test_what_should_pass_without_any_effect_is_no_support() -> None:
    assert standing(verdict("B.1-ct4")) == "expected"
    assert standing(verdict("B.1-ct4", "fail")) == "not found"


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (("pass", True), "supported"),
        (("pass", False), "not supported"),
        (("fail", None), "not supported"),
        (("skipped", None), "untested"),
        (("pass", None), "untested"),
    ],
)
def test_a_role_needs_all_its_hypotheses_and_no_control(second: tuple[str, bool | None], expected: str) -> None:
    role = ROLES[0]
    found = judge_role(role, lambda name: verdict(name, *(second if name == role.criteria[-1] else ("pass", True))))
    assert found.verdict == expected
    assert set(found.by) == set(role.criteria)


def test_one_failing_hypothesis_decides_against_a_role_whatever_was_not_tested() -> None:
    role = ROLES[2]
    said = dict(zip(role.criteria, ("fail", "skipped", "pass"), strict=True))
    assert judge_role(role, lambda name: verdict(name, said[name])).verdict == "not supported"


def test_what_is_undefined_was_not_tested() -> None:
    assert standing(verdict("B.1-ct0", "fail", measured=None)) == "untested"


def test_without_the_control_that_is_fed_mean_thoughts_nothing_is_supported() -> None:
    cheap = {"random": ControlResult(measured=0.01, passes=False)}
    assert standing(verdict("B.1-ct0", controls=cheap)) == "unchecked"
    passed = {"random": ControlResult(measured=0.01, passes=True)}
    assert standing(verdict("B.1-ct0", discriminates=False, controls=passed)) == "empty"
