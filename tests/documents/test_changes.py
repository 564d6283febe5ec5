import itertools
from pathlib import Path
from typing import Any

import pytest

from harness.documents.changes import Change, diff
from harness.results import CriterionResult


def result(verdict: str = "fail", **more: Any) -> CriterionResult:
    given = {"id": "1.2-max", "kind": "hypothesis", "model": "m", "statement": "s", **more}
    return CriterionResult(story="1.2", study="phase1", definition="", comparator=">", verdict=verdict, **given)


def change(before: str | None, now: str = "fail", details: str = "measured 1", **more: Any) -> Change:
    return Change(result(now, **more), before, details, Path("baselines/m.synthetic.json"))  # type: ignore[arg-type]


MEANINGS = {
    ("pass", "fail"): "regression",
    ("pass", "invalid"): "regression",
    ("fail", "invalid"): "regression",
    ("fail", "pass"): "improvement",
    ("invalid", "pass"): "improvement",
    ("invalid", "fail"): "improvement",
}


@pytest.mark.parametrize(
    ("before", "now"), [two for two in itertools.product(("pass", "fail", "invalid"), repeat=2) if len(set(two)) == 2]
)
def test_a_change_is_for_the_worse_or_for_the_better(before: str, now: str) -> None:
    assert (change(before, now).turn, change(before, now).meaning) == (f"{before} -> {now}", MEANINGS[before, now])


@pytest.mark.parametrize("verdict", ["pass", "fail", "invalid"])
def test_what_is_or_was_skipped_is_neither(verdict: str) -> None:
    assert change(verdict, "skipped").meaning == "no longer judged"
    assert change("skipped", verdict).meaning == "judged now"
    assert (change(None, verdict).turn, change(None, verdict).meaning) == ("new: approve it", "")


def test_a_failed_validity_check_is_graver_than_a_regression_and_that_than_an_improvement() -> None:
    order = [
        change("pass", kind="validity"),
        change("pass"),
        change("pass", "skipped"),
        change(None),
        change("skipped"),
        change("fail", "pass"),
    ]
    assert [one.gravity for one in order] == sorted({one.gravity for one in order})


def test_a_sentence_has_all_of_it() -> None:
    assert change("pass").sentence == "pass -> fail, regression (measured 1)"
    assert change(None).sentence == "new: approve it (measured 1)"


def test_the_columns_of_a_diff_begin_below_one_another() -> None:
    changes = [change("pass", id="1.5-hub-confidence"), change(None, details="measured 2"), change("fail", "pass")]
    assert diff(changes, with_models=False) == [
        "1.5-hub-confidence  pass -> fail     regression   (measured 1)",
        "1.2-max             new: approve it               (measured 2)",
        "1.2-max             fail -> pass     improvement  (measured 1)",
    ]


def test_a_diff_names_models_where_they_are_asked_for_and_no_column_is_empty() -> None:
    lines = diff([change(None, model="tiny-llama"), change(None, model="a")], with_models=True)
    assert lines == [
        "tiny-llama  1.2-max  new: approve it  (measured 1)",
        "a           1.2-max  new: approve it  (measured 1)",
    ]
    assert diff([], with_models=True) == []


def test_no_data_begins_a_line_of_a_diff() -> None:
    injected = "a\n::error::injected\r\n::add-mask::x\x85::warning::y"
    lines = diff([change("pass", details=injected, id=injected, model=injected)], with_models=True)
    assert len(lines) == 1
    assert lines[0].splitlines() == lines
