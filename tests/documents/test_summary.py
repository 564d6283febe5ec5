import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.documents.changes import Change
from harness.documents.github import SUMMARY_LIMIT
from harness.documents.summary import ROOM, summary, unjudged
from harness.results import ControlResult, CriterionResult, PhaseResult, RunResult
from tests.documents.test_changes import change
from tests.documents.test_changes import result as judged

OUTCOME = "gate: baseline -> 1 criterion fails (exit 1)"


def run(*criteria: CriterionResult, **about: Any) -> RunResult:
    facts = {
        "models": [{"name": "tiny-llama"}, {"name": "tiny-gpt2"}],
        "dataset": {"name": "synthetic", "split": "train", "split_size": 7473, "n": 100},
        "seed": 42,
        **about,
    }
    phases = [PhaseResult(id="phase1", scope="tiny-llama", verdict="fail", conditions=[], answers=[])]
    return RunResult(run=facts, phases=phases, criteria=list(criteria))


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the table under a heading, without its first two lines."""
    part = text.partition(f"### {heading}")[2].partition("\n###")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_what_cannot_be_believed_comes_first_then_changes_phases_and_hypotheses_of_each_model() -> None:
    broken = judged("fail", id="1.2-sums", kind="validity", model="tiny-llama", measured=0.5, reason="off by half")
    text = summary(
        run(judged("pass", model="tiny-llama"), broken, judged("fail", model="tiny-gpt2")), OUTCOME, [change("pass")]
    )
    assert headings(text) == [
        "Success criteria",
        "What cannot be believed",
        "What changed",
        "Phases",
        "Hypotheses: tiny-llama (1 pass)",
        "Hypotheses: tiny-gpt2 (1 fail)",
    ]
    assert "100 of 7,473 problems (train split, seed 42)" in text
    assert OUTCOME.replace(">", r"\>") in text
    assert rows(text, "What cannot be believed") == [["1.2-sums", "tiny-llama", "s", "0.5", r"\>", "off by half"]]
    assert rows(text, "What changed") == [["1.2-max", "m", "s", r"**pass -\> fail**", "regression", "measured 1"]]
    assert rows(text, "Phases") == [["Phase 1 · attention patterns", "tiny-llama", "**fail**"]]


def test_a_hypothesis_stands_with_its_value_its_controls_and_what_must_be_said_beside_its_verdict() -> None:
    one = judged(
        "pass",
        measured=0.21,
        threshold=0.1,
        ci_low=0.19,
        ci_high=0.23,
        controls={"uniform": ControlResult(measured=0.5, passes=True)},
        discriminates=False,
        biased=True,
    )
    (cells,) = rows(summary(run(one), OUTCOME), "Hypotheses: m")
    assert cells == ["1.2-max", "s", "0.21", r"\> 0.1", "[0.19, 0.23]", "uniform", "pass", "vacuous, selection-biased"]


def test_results_that_were_judged_again_without_the_model_say_so() -> None:
    again = {
        "folder": "reports",
        "time": "2026-01-02T03:04:05",
        "harness": "0.1.0",
        "declared_differently": ["1.2-max"],
    }
    text = summary(run(judged(), from_results=again), OUTCOME)
    assert "Judged again from the results in reports (2026-01-02" in text
    assert "Declared differently since then: 1.2-max." in text
    assert "Judged again" not in summary(run(judged()), OUTCOME)


def test_passes_that_say_nothing_are_counted_above_the_table() -> None:
    vacuous = [judged("pass", id=f"1.2-{number}", discriminates=False) for number in range(2)]
    text = summary(run(*vacuous, judged("pass", discriminates=True), judged("fail", discriminates=False)), OUTCOME)
    assert "\n2 of 3 passes are vacuous: a control" in text
    assert "vacuous" not in summary(run(judged("pass", discriminates=True)), OUTCOME)


def test_only_hypotheses_are_listed() -> None:
    text = summary(run(judged("pass", kind="acceptance", id="1.1-count"), judged("pass", kind="validity")), OUTCOME)
    assert headings(text) == ["Success criteria", "Phases"]


def test_without_changes_it_says_so_and_without_a_comparison_it_says_nothing() -> None:
    assert "every verdict compared is the approved one" in summary(run(judged()), OUTCOME, [])
    assert "What changed" not in summary(run(judged()), OUTCOME, None)


def test_edited_declarations_and_a_run_cut_short_are_said() -> None:
    text = summary(run(judged(), declarations_changed=["1.2-max"]), OUTCOME, [], "The disk is full.")
    assert "Declarations that differ from the approved ones: 1.2-max" in text
    assert "**The run did not come to its end:** The disk is full." in text
    assert "did not come to their end" in unjudged("no such model")
    assert "no such model" in unjudged("no such model")


@given(st.text(), st.sampled_from(["statement", "id", "reason"]))
def test_text_of_data_and_models_neither_breaks_a_table_nor_becomes_markup(text: str, where: str) -> None:
    broken = judged("fail", **{"kind": "validity", "id": "1.2-sums", **{where: f"<img>{text}|`"}})
    found = summary(run(broken), OUTCOME)
    (cells,) = rows(found, "What cannot be believed")
    assert len(cells) == 6
    assert headings(found) == ["Success criteria", "What cannot be believed", "Phases"]
    assert not re.search(r"(?<!\\)<", found)


def test_a_cell_is_cut_where_a_measure_has_a_lot_to_say() -> None:
    (cells,) = rows(summary(run(judged(measured="wrong " * 1000)), OUTCOME), "Hypotheses: m")
    assert len(cells[2]) <= 300
    assert cells[2].endswith("…")


def many(count: int, models: int = 2) -> list[CriterionResult]:
    return [
        judged("fail", id=f"1.2-{number}", model=f"model-{number % models}", statement="ä" * 250, measured=1.0)
        for number in range(count)
    ]


def test_a_run_of_400_rows_is_shown_whole() -> None:
    text = summary(run(*many(400)), OUTCOME, [])
    assert "Left out" not in text
    assert len(rows(text, "Hypotheses: model-0")) == len(rows(text, "Hypotheses: model-1")) == 200


def test_what_would_exceed_the_limit_is_left_out_from_the_end_and_counted() -> None:
    changes = [change("pass")]
    text = summary(run(*many(4000)), OUTCOME, changes)
    assert SUMMARY_LIMIT - 2 * ROOM < len(text.encode()) <= SUMMARY_LIMIT
    assert rows(text, "What changed")
    shown = len(rows(text, "Hypotheses: model-0")), len(rows(text, "Hypotheses: model-1"))
    assert shown[0] > shown[1] == 0
    assert f"{2000 - shown[0]:,} of 2,000 rows of “Hypotheses: model-0 (2000 fail)”" in text.splitlines()[-1]
    assert "2,000 of 2,000 rows of “Hypotheses: model-1 (2000 fail)”" in text.splitlines()[-1]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 60_000), st.integers(0, 100), st.integers(1, 30))
def test_it_never_exceeds_its_limit_and_no_row_is_lost_uncounted(limit: int, count: int, models: int) -> None:
    text = summary(run(*many(count, models)), OUTCOME, limit=limit)
    assert len(text.encode()) <= limit
    if "Left out" in text and "other table" not in text:
        left = sum(int(number) for number in re.findall(r"(\d+) of \d+ rows of", text))
        shown = len(re.findall(r"^\| 1\.2-", text, flags=re.MULTILINE))
        phases = len(re.findall(r"^\| Phase 1", text, flags=re.MULTILINE))
        assert left + shown + phases == count + 1


def test_the_limit_itself_still_fits() -> None:
    result = run(*many(100))
    whole = summary(result, OUTCOME)
    assert summary(result, OUTCOME, limit=len(whole.encode())) == whole
    assert "Left out" in summary(result, OUTCOME, limit=len(whole.encode()) - 1)


@pytest.mark.parametrize("broken", [200, 3000])
def test_even_with_more_changes_than_fit_the_first_are_shown(broken: int) -> None:
    changes = [Change(one, "pass", "measured " + "x" * 280, change("pass").file) for one in many(broken)]
    text = summary(run(*many(broken)), OUTCOME, changes)
    assert len(text.encode()) <= SUMMARY_LIMIT
    assert rows(text, "What changed")[0][0] == "1.2-0"
    assert ("Left out" in text) == (broken == 3000)
