"""What is said of a model, and which of it counts as solid."""

from typing import Any

import pytest

from harness.documents.standing import DOUBTS, doubts, findings, standing
from harness.results import Calibration, ControlResult, CriterionResult

PASSES, FAILS = ControlResult(measured=0.4, passes=True), ControlResult(measured=0.1, passes=False)


def judged(criterion_id: str = "1.2-max", **changes: Any) -> CriterionResult:
    given = {
        "id": criterion_id,
        "story": criterion_id.split("-", maxsplit=1)[0],
        "study": "phase1",
        "kind": "hypothesis",
        "model": "m",
        "statement": f"What {criterion_id} claims",
        "definition": "",
        "measured": 0.5,
        "comparator": ">=",
        "threshold": 0.25,
        "verdict": "pass",
        "controls": {"uniform": FAILS},
        "discriminates": True,
    }
    return CriterionResult.model_validate({**given, **changes})


def calibrated(power: float = 1.0, none: float = 0.0) -> Calibration:
    return Calibration.model_validate(
        {
            "id": "1.2-max",
            "comparator": ">=",
            "threshold": 0.25,
            "verdict": "pass",
            "power": {"hub": [power]},
            "false_positive_rate": none,
            "plantings": 50,
        }
    )


NO_POWER = calibrated(power=0.0)


@pytest.mark.parametrize(
    ("changes", "entry", "mark"),
    [
        ({"discriminates": False, "controls": {"uniform": PASSES}}, None, "vacuous"),
        ({"discriminates": False, "controls": {"random": PASSES, "uniform": FAILS}}, None, "not particular"),
        ({"reach": "cannot fail", "attainable": (0.3, 1.0)}, None, "cannot fail"),
        ({"null_should_pass": True, "discriminates": None}, None, "expected to pass"),
        ({"discriminates": None, "controls": {}}, None, "no controls"),
        ({"confidence": 0.9}, None, "unsure"),
        ({"biased": True, "cross_fitted": 0.2}, None, "selection-biased"),
        ({"beside": {"on_the_validation_sample": 0.2}}, None, "another sample disagrees"),
        (
            {"comparator": "<", "threshold": 0.05, "measured": 0.01, "beside": {"on_the_validation_sample": 0.1}},
            None,
            "another sample disagrees",
        ),
        ({}, calibrated(none=0.3), "false positives"),
        ({"verdict": "fail", "measured": 0.1, "reach": "unattainable", "attainable": (0.0, 0.2)}, None, "unattainable"),
        ({"verdict": "fail", "measured": 0.1}, NO_POWER, "no power"),
        ({"verdict": "fail", "measured": 0.1, "confidence": 0.6}, None, "unsure"),
    ],
)
def test_every_doubt_has_its_case(changes: dict[str, Any], entry: Calibration | None, mark: str) -> None:
    (doubt,) = doubts(judged(**changes), entry)
    assert doubt.mark == mark
    assert doubt.why == DOUBTS[changes.get("verdict", "pass")][mark]
    assert len(doubt.explanation) > 20


@pytest.mark.parametrize(
    ("changes", "entry"),
    [
        ({}, None),
        ({}, calibrated()),
        ({}, NO_POWER),
        ({"verdict": "fail", "measured": 0.1}, calibrated(none=0.3)),
        ({"verdict": "fail", "measured": 0.1, "null_should_pass": True, "discriminates": None}, None),
        ({"biased": True, "cross_fitted": 0.3}, None),
        ({"biased": True, "verdict": "fail", "measured": 0.1}, None),
        ({"beside": {"on_the_validation_sample": 0.25}}, None),
        ({"beside": {"on_the_validation_sample": None}}, None),
        ({"verdict": "fail", "measured": 0.1, "beside": {"on_the_validation_sample": 0.2}}, None),
        ({"verdict": "invalid", "confidence": 0.5}, NO_POWER),
        ({"verdict": "skipped", "confidence": 0.5}, None),
    ],
)
def test_what_does_not_touch_a_verdict_raises_no_doubt(changes: dict[str, Any], entry: Calibration | None) -> None:
    assert doubts(judged(**changes), entry) == []


def test_a_pass_that_other_problems_miss_says_what_they_gave_and_makes_its_sentence_shaky() -> None:
    beside = {"on_the_validation_sample": -0.002678, "problems_of_the_validation_sample": 50}
    result = judged("S.1-early-late", measured=0.043, comparator=">", threshold=0, beside=beside)
    (doubt,) = doubts(result)
    assert "50 of the validation sample" in doubt.explanation
    assert "-0.00268" in doubt.explanation
    stands = standing([result])
    assert stands.solid_passes == []
    assert not stands.findings[0].solid
    assert stands.shaky_sentence == "Shaky: 1 pass (other problems miss it: 1)."


def test_hypotheses_are_counted_once_by_their_gravest_doubt_and_nothing_else_is_counted() -> None:
    several = judged("a-1", discriminates=False, controls={"uniform": PASSES}, confidence=0.5)
    items = [
        several,
        judged("a-2"),
        judged("a-3", verdict="fail"),
        judged("a-4", verdict="fail", confidence=0.5),
        judged("a-5", kind="validity"),
        judged("a-6", verdict="invalid"),
    ]
    stands = standing(items)
    assert [one.id for one in stands.solid_passes] == ["a-2"]
    assert [one.id for one in stands.solid_fails] == ["a-3"]
    shaky = {
        (verdict, mark): [one.id for one in own]
        for verdict, marks in stands.shaky.items()
        for mark, own in marks.items()
    }
    assert shaky == {("pass", "vacuous"): ["a-1"], ("fail", "unsure"): ["a-4"]}
    assert (stands.passes, stands.fails) == (2, 2)
    assert stands.solid_sentence == "1 of 2 passes and 1 of 2 fails can be believed."
    assert stands.shaky_sentence == ("Shaky: 1 pass (a control passes too: 1) and 1 fail (resamples disagree: 1).")


def test_nothing_judged_means_nothing_said() -> None:
    stands = standing([judged(verdict="skipped", measured=None)])
    assert (stands.solid_sentence, stands.shaky_sentence, stands.findings) == ("", "", [])


def text_of(*results: CriterionResult) -> str:
    return " ".join(one.text for one in findings({result.id: result for result in results}))


HUB = {"enrichment": [0.8, 1.1, 1.4, 1.0, 3.0], "hub_enrichment": [0.8, 1.2, 1.3, 1.1]}


def test_a_hub_is_the_position_whose_smaller_ratio_is_largest() -> None:
    row = {"measured": 1.3, "threshold": 1.25, "beside": HUB}
    assert text_of(judged("1.5-hub-adjusted", **row)).startswith("CT2 is a hub: it gets 1.3 times")
    assert text_of(judged("1.5-hub-adjusted", verdict="fail", **row)).startswith("No hub: CT2 gets 1.3 times")


def test_a_position_that_is_not_defined_is_no_hub() -> None:
    beside = {"enrichment": [0.8, 1.1, None, 1.0], "hub_enrichment": [0.7, 1.2, 9.0]}
    assert "CT1" in text_of(judged("1.5-hub-adjusted", beside=beside))


@pytest.mark.parametrize(("answer", "said"), [("yes", "A chain: 0.6"), ("no", "No chain: 0.6")])
def test_questions_are_answered_with_their_quantity_and_limit(answer: str, said: str) -> None:
    row = judged("1.5-sequential", kind="acceptance", beside={"verdict": answer, "value": 0.6, "limit": 0.5})
    assert text_of(row).startswith(said)
    assert "0.5 asked" in text_of(row)


def test_thoughts_that_accuracy_needs_come_largest_loss_first_and_only_where_shown() -> None:
    beside = {"accuracy_drop": [0.1, 0.5, 0.2, -0.3], "q": [0.04, 0.001, 0.2, 0.001]}
    said = text_of(judged("I.2-matters", beside=beside))
    assert "accuracy falls by 0.5 (CT1) and 0.1 (CT0)" in said
    assert "no loss is shown for the other 2" in said
    beside = {"accuracy_drop": [0.1, 0.5], "q": [0.5, 0.5]}
    assert "no thought is shown to be needed" in text_of(judged("I.2-matters", beside=beside))


def test_other_thoughts_passing_does_not_touch_a_sentence_that_tests_each() -> None:
    beside = {"accuracy_drop": [0.5, 0.1], "q": [0.001, 0.001]}
    row = judged("I.2-matters", discriminates=False, controls={"random": PASSES}, beside=beside)
    (said,) = findings({row.id: row})
    assert said.solid
    unsure = row.model_copy(update={"confidence": 0.5})
    (said,) = findings({row.id: unsure})
    assert [one.mark for one in said.doubts] == ["unsure"]


def test_what_was_not_judged_is_not_said() -> None:
    row = judged("1.5-hub-adjusted", beside=HUB, measured=1.3)
    for verdict in ("invalid", "skipped"):
        assert findings({row.id: row.model_copy(update={"verdict": verdict})}) == []


def test_a_sentence_needs_its_first_criterion_and_takes_the_others_where_they_are() -> None:
    named = judged("2.4-named", kind="acceptance", answer="Most critical: L2H5 (0.4), L0H7 (0.3)")
    critical = judged("2.4-critical", measured=1, verdict="fail", comparator="between", threshold=[2, 3])
    assert text_of(named) == "L2H5 and L0H7 score highest."
    assert text_of(named, critical).startswith("L2H5 and L0H7 score highest, 1 enough")
    assert text_of(critical) == ""


def test_a_hypothesis_of_one_s_own_is_a_sentence_with_its_doubts() -> None:
    row = judged("mine-1", study="own", confidence=0.5)
    (said,) = findings({row.id: row})
    assert said.text == "What mine-1 claims: pass (measured 0.5, asked ≥ 0.25)."
    assert (said.study, said.solid) == ("own", False)


def test_the_whole_model_comes_first_and_belongs_to_no_study() -> None:
    solves = judged("I.2-baseline", measured=0.92, ci_low=0.87, ci_high=0.97, controls={"contentless": FAILS})
    first = findings({one.id: one for one in (judged("1.5-hub-adjusted", beside=HUB), solves)})[0]
    assert first.study == ""
    assert first.text == "Accuracy 0.92 [0.87, 0.97], 0.1 with every thought replaced by its mean."


def test_of_roles_only_supported_ones_are_named() -> None:
    roles = judged("B.7-roles", kind="acceptance", beside={"one": "not supported", "two": "supported"})
    assert text_of(roles) == "Of 2 claimed roles two is supported."
