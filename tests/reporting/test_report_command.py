"""``codi-harness report``: the page of results that are there, without pytest."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.files import write_json
from harness.reporting.html import TITLE, render
from tests.reporting.conftest import HOSTILE, criterion, fill, run_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results with a figure and heads, and an older page."""
    output = fill(tmp_path / "out put")
    content = run_of([criterion(), criterion("1.2-max", statement=HOSTILE)]).model_dump(mode="json", by_alias=True)
    write_json(output / "criteria.json", content)
    (output / "index.html").write_text("older")
    return output


def test_the_page_is_whole_and_holds_the_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'index.html'}\n"
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">')
    assert f"<title>{TITLE}</title>" in text
    report = render(run_of([criterion(), criterion("1.2-max", statement=HOSTILE)]), folder)
    assert report.strip() in text
    assert text.rstrip().endswith("</html>")


def test_a_page_that_cannot_be_finished_leaves_the_one_that_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert main(["report", str(folder)]) == 4
    assert "No space left" in " ".join(capsys.readouterr().err.split())
    assert (folder / "index.html").read_text() == "older"
    assert list(folder.glob(".*")) == []


@pytest.mark.parametrize(
    ("content", "named"),
    [(None, "There is no file"), ("not json", "not what this version"), (json.dumps({"schema": 1}), "Field required")],
)
def test_without_sound_results_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, named: str
) -> None:
    if content is not None:
        (tmp_path / "criteria.json").write_text(content, encoding="utf-8")
    assert main(["report", str(tmp_path)]) == 4
    assert named in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "index.html").exists()


def test_the_command_is_among_those_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "report" in capsys.readouterr().out.split("COMMAND", 1)[1].split()
