"""Story 3.3: the commit message is held against the rows and the result files."""

import re
from pathlib import Path

import pytest

from harness.criteria import story_3_3
from harness.criteria.finished import FinishedRun, conclude
from harness.criteria.registry import find
from harness.documents.commit_message import commit_message
from harness.files import write_json
from harness.results import CriterionResult
from harness.storage.tracked import write_gitignore
from tests.criteria.finished_run import finished


def judged(run: FinishedRun, name: str = "message") -> CriterionResult:
    (found,) = conclude([find(f"3.3-{name}")], run)
    return found


def test_the_message_of_two_models_is_valid(tmp_path: Path) -> None:
    assert judged(finished(tmp_path)).verdict == "pass"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (r"^docs\(results\): ", "Results of ", "the subject"),
        (r"^([^\n]*)\n\n", r"\1\n", "no empty line"),
        ("100 of 7,473", "some", "the sample size"),
        ("small 4 layers", "small 5 layers", "layers and heads of small"),
        (r"CT1 receives most", "CT2 receives most", "small: "),
        (r"L0H7", "L0H6", "small: the first 3 heads"),
        (r"- 2 heads above", "- 3 heads above", "the number of critical heads"),
        (r"Sequential flow\? no", "Sequential flow? yes", "1.5-sequential"),
        (r"small minus large", "large minus small", "small_vs_large: 2.6-differ"),
        (r"Comparison small_vs_large:", "Both:", "nothing about small_vs_large"),
    ],
)
def test_what_is_wrong_with_it_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str, said: str
) -> None:
    run = finished(tmp_path)
    right = commit_message(run.result)
    wrong = re.sub(before, after, right, count=1)
    assert wrong != right
    monkeypatch.setattr(story_3_3, "commit_message", lambda result: wrong)
    found = judged(run)
    assert found.verdict == "fail"
    assert said in str(found.measured)


def test_a_result_file_that_says_something_else_is_seen(tmp_path: Path) -> None:
    run = finished(tmp_path)
    write_json(tmp_path / "results/small/attention_summary.json", {"per_position": [{"position": 4, "incoming": 0.2}]})
    assert "small: the hub with its score" in str(judged(run).measured)


def test_it_needs_the_rows_it_is_made_of(tmp_path: Path) -> None:
    run = finished(tmp_path)
    run.result.criteria = [one for one in run.result.criteria if one.id != "2.4-named"]
    found = judged(run)
    assert (found.verdict, found.reason) == (
        "skipped",
        "needs what this run did not judge: 2.4-named of small, 2.4-named of large",
    )


def test_files_too_large_for_git_are_counted_unless_they_are_ignored(tmp_path: Path) -> None:
    run = finished(tmp_path)
    write_gitignore(tmp_path)
    for name in ("attention_patterns_raw.npy", "mine.npy"):
        with (tmp_path / "results/small" / name).open("wb") as file:
            file.truncate(100_000_001)
    found = judged(run, "size")
    assert (found.measured, found.verdict) == (1, "fail")
    assert found.beside["files"] == ["results/small/mine.npy"]
    (tmp_path / "results/small/mine.npy").unlink()
    assert judged(run, "size").verdict == "pass"


def test_raw_patterns_that_git_would_take_and_averages_it_would_not_are_seen(tmp_path: Path) -> None:
    run = finished(tmp_path)
    write_gitignore(tmp_path)
    for own in (".verdicts-1/a.json", "wandb/last_run.json"):
        write_json(tmp_path / own, {})
    (tmp_path / "wandb/.gitignore").write_text("*", encoding="utf-8")
    assert judged(run, "ignore").verdict == "pass"
    rules = (tmp_path / ".gitignore").read_text(encoding="utf-8")
    (tmp_path / ".gitignore").write_text(rules.replace("attention_patterns_raw.npy", "*_avg.npy"), encoding="utf-8")
    found = judged(run, "ignore")
    assert found.verdict == "fail"
    assert set(found.beside["wrong"]) == {
        "results/model/attention_patterns_raw.npy is not ignored",
        "results/model/attention_patterns_avg.npy is ignored",
    }


@pytest.mark.parametrize("name", ["size", "ignore"])
def test_without_git_there_is_nothing_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = judged(finished(tmp_path), name)
    assert found.verdict == "skipped"
    assert (found.reason or "").startswith("needs git: git is not installed")
