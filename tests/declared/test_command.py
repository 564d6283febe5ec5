"""``codi-harness criteria FOLDER``, and the line in the report that judges a criterion again."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.documents.command import rerun_command
from harness.results import CriterionResult
from tests.declared.conftest import DECLARED

Write = Callable[..., Path]


def test_the_criteria_of_a_folder_are_listed_like_the_studys(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write()
    assert main(["criteria", "mine"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["X.1-first", "hypothesis", "results", ">", "0.25", "Says", "so"]
    assert second.strip() == "Means so."


def test_a_file_may_import_what_lies_beside_it(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    write("lying_beside.py", "LIMIT = 0.25")
    write("mine/test_first.py", f"from lying_beside import LIMIT\n{DECLARED}", ("0.25", "LIMIT"))
    assert main(["criteria", "mine"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mine", "--story", "X.2"], "There is no story 'X.2'. Stories: X.1."),
        (["other"], "Nothing is declared in other: no file called test_*.py or *_test.py gives CRITERIA a value."),
    ],
)
def test_what_is_not_there_is_said(
    write: Write, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    write()
    assert main(["criteria", *arguments]) == 4
    assert " ".join(capsys.readouterr().err.split()) == said


@pytest.mark.parametrize(
    ("files", "selection"),
    [
        ({"X.1-first": "mine/test_first.py"}, "'mine/test_first.py::test_criterion[m-X.1-first]'"),
        ({}, "checks/ -k '[m-X.1-first]'"),
    ],
)
def test_a_criterion_is_judged_again_in_its_own_file(files: dict[str, str], selection: str) -> None:
    about: dict[str, Any] = {"story": "X.1", "study": "own", "kind": "hypothesis", "statement": "s", "definition": "d"}
    item = CriterionResult(id="X.1-first", model="m", comparator=">", threshold=0, verdict="pass", **about)
    line = rerun_command(item, {"options": {"models": ["m"]}, "own_files": files}, Path("reports"))
    assert line == f"pytest {selection} --model m --output reports/rerun"
