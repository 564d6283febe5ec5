"""The log is held against the run, and skipped with the reason where there is none or too little to log."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.criteria.finished import FinishedRun, conclude
from harness.criteria.registry import find
from harness.options import LogMode, RunOptions
from harness.results import CriterionResult
from harness.tracking.contents import contents
from harness.tracking.logged import Logged
from harness.tracking.place import LastLog
from harness.tracking.run_log import LogFailed
from tests.tracking.test_logged import perfect
from tests.tracking.written import PAIR, write_run

FILE = "wandb/offline-run-1/run-1.wandb"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Logged]:
    """What is read back: a log that has everything, unless it is changed."""
    LastLog(FILE).write(tmp_path)
    logged = [perfect(contents(write_run(tmp_path), tmp_path))]
    monkeypatch.setattr("harness.criteria.story_3_2.read_log", lambda path: {tmp_path / FILE: logged[0]}[path])
    return logged


def judged(output: Path, mode: LogMode = "offline", without: tuple[str, str] | None = None) -> CriterionResult:
    result = write_run(output)
    later = find("3.3-message")
    row = result.criteria[0].model_copy(update={"id": later.id, "story": "3.3", "study": "phase3", "verdict": "fail"})
    left = [one for one in result.criteria if (one.model, one.id) != without]
    result = result.model_copy(update={"criteria": [*left, row]})
    options = RunOptions(models=("tiny-llama", "tiny-gpt2"), output=output, wandb=mode)
    (found,) = conclude([find("3.2-wandb")], FinishedRun(options, result, lambda seen: ""))
    return found


def test_a_log_that_has_everything_is_complete(log: list[Logged], tmp_path: Path) -> None:
    row = judged(tmp_path)
    assert (row.verdict, row.measured, row.artifacts, row.n_problems) == ("pass", "complete", [FILE], 5)


@pytest.mark.parametrize("part", ["config", "tags", "history", "tables", "images", "summary", "finished"])
def test_a_log_that_lacks_a_part_fails_and_says_so(log: list[Logged], tmp_path: Path, part: str) -> None:
    log[0] = replace(log[0], **{part: getattr(Logged(), part)})
    row = judged(tmp_path)
    assert row.verdict == "fail"
    assert str(row.measured).startswith("lacks ")


def test_a_log_that_cannot_be_read_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: Path) -> Logged:
        raise LogFailed("no such record")

    monkeypatch.setattr("harness.criteria.story_3_2.read_log", fails)
    LastLog(FILE).write(tmp_path)
    row = judged(tmp_path)
    assert (row.verdict, row.measured, row.reason) == ("fail", "not read back", "no such record")


def test_without_a_log_it_is_skipped_with_the_reason(log: list[Logged], tmp_path: Path) -> None:
    assert judged(tmp_path, "off").reason == "needs --wandb offline or --wandb online"
    LastLog(None, "not installed: pip install 'codi-harness[wandb]'").write(tmp_path)
    row = judged(tmp_path)
    assert (row.verdict, row.reason) == ("skipped", "needs a log: not installed: pip install 'codi-harness[wandb]'")


@pytest.mark.parametrize(
    "lacking", [("tiny-gpt2", "1.2-shape"), ("tiny-llama", "2.4-csv"), (PAIR, "2.6-report")], ids=" ".join
)
def test_a_run_that_judged_too_little_to_log_is_skipped(
    log: list[Logged], tmp_path: Path, lacking: tuple[str, str]
) -> None:
    row = judged(tmp_path, without=lacking)
    assert row.verdict == "skipped"
    assert f"{lacking[1]} of {lacking[0]}" in str(row.reason)


def test_what_went_wrong_on_the_way_is_said(log: list[Logged], tmp_path: Path) -> None:
    LastLog(FILE, "no server; kept offline").write(tmp_path)
    row = judged(tmp_path, "online")
    assert (row.verdict, row.reason) == ("pass", "no server; kept offline")
