import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.documents.changes import Change
from harness.documents.github import SUMMARY_LIMIT, annotations, announce, command, line_of
from harness.files import write_json
from tests.documents.test_changes import change


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """What GitHub's runner reads: kind, properties and message of a workflow command."""
    assert "\n" not in line
    assert "\r" not in line
    _, head, message = line.split("::", 2)
    kind, _, rest = head.partition(" ")
    pairs = [pair.split("=", 1) for pair in rest.split(",")] if rest else []
    return kind, {name: _unescaped(value, ":,") for name, value in pairs}, _unescaped(message)


def _unescaped(text: str, more: str = "") -> str:
    for sign in f"\r\n{more}":
        text = text.replace(f"%{ord(sign):02X}", sign)
    return text.replace("%25", "%")


@given(st.text(), st.text())
def test_every_text_comes_back_as_it_was(message: str, title: str) -> None:
    assert parsed(command("error", message, title=title)) == ("error", {"title": title}, message)


def test_a_command_is_spelt_as_documented() -> None:
    assert command("error", "50 %\n!", file="a,b.json", line=3, title="x: y") == (
        "::error file=a%2Cb.json,line=3,title=x%3A y::50 %25%0A!"
    )
    assert command("warning", "a::b") == "::warning::a::b"
    assert unquote("%25%0D%0A%3A%2C") == "%\r\n:,"


def at(tmp_path: Path, *changes: Change) -> list[Change]:
    """The changes with a file of approved verdicts that is there."""
    file = write_json(
        tmp_path / "baselines" / "m.json", {"schema": 1, "criteria": {"1.2-max": {"verdict": "pass"}, "1.2-b": {}}}
    )
    return [Change(one.result, one.before, one.details, file) for one in changes]


def test_an_annotation_stands_at_the_approved_verdict(tmp_path: Path) -> None:
    (line,) = annotations(at(tmp_path, change("pass")), tmp_path)
    kind, where, message = parsed(line)
    assert kind == "error"
    assert where == {"file": "baselines/m.json", "line": "4", "title": "1.2-max on m: pass -> fail"}
    assert (tmp_path / where["file"]).read_text().splitlines()[3].strip().startswith('"1.2-max"')
    assert message == "s: pass -> fail, regression (measured 1)"


def test_without_the_file_there_is_no_place_but_the_message(tmp_path: Path) -> None:
    assert parsed(annotations([change("pass")], tmp_path)[0])[1] == {"title": "1.2-max on m: pass -> fail"}


def test_of_more_than_ten_the_gravest_are_shown_and_the_tenth_names_the_others(tmp_path: Path) -> None:
    regressions = [change("pass", id=f"1.2-r{number}") for number in range(12)]
    worst = change("pass", id="1.2-sums", kind="validity")
    better = [change("fail", "pass", id=f"1.2-i{number}") for number in range(10)]
    found = [parsed(line) for line in annotations([*better, *regressions, worst], tmp_path)]
    errors, warnings = ([one for one in found if one[0] == kind] for kind in ("error", "warning"))
    assert (len(errors), len(warnings)) == (10, 10)
    assert errors[0][1]["title"] == "1.2-sums on m: pass -> fail"
    assert errors[-1][1]["title"] == "4 more changes: see the summary of the job"
    assert errors[-1][2] == ", ".join(f"1.2-r{number} on m" for number in (8, 9, 10, 11))
    assert all(one[1]["title"].endswith("fail -> pass") for one in warnings)


@given(st.lists(st.text(), min_size=1, unique=True), st.data())
def test_the_line_of_a_key_is_where_it_stands_as_written(names: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names))
    text = json.dumps({key: {} for key in names}, indent=1, ensure_ascii=False)
    line = text.split("\n")[line_of(text, name) - 1]
    assert json.loads(f"{{{line.rstrip(',')}}}") == {name: {}}


def test_a_key_that_is_not_there_is_told_at_the_first_line() -> None:
    assert line_of('{\n "b": 1\n}', "a") == 1


class TestAnnounce:
    def said(self, environment: dict[str, str]) -> list[str]:
        lines: list[str] = []
        announce(environment, lines.append, lambda limit: f"summary in {limit}\n", [change("pass")], "full disk")
        return lines

    def test_away_from_github_nothing_is_said(self) -> None:
        assert self.said({}) == self.said({"GITHUB_ACTIONS": "false", "GITHUB_STEP_SUMMARY": ""}) == []

    def test_a_run_that_stopped_says_so_first(self) -> None:
        lines = self.said({"GITHUB_ACTIONS": "true"})
        assert [parsed(line)[1]["title"] for line in lines] == [
            "The checks did not come to their end",
            "1.2-max on m: pass -> fail",
        ]

    def test_names_of_files_are_relative_to_the_workspace(self, tmp_path: Path) -> None:
        lines: list[str] = []
        environment = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path / "baselines")}
        announce(environment, lines.append, lambda limit: "", at(tmp_path, change("pass")))
        assert parsed(lines[0])[1]["file"] == "m.json"

    def test_the_summary_is_added_to_what_is_there_within_the_limit_of_both(self, tmp_path: Path) -> None:
        path = tmp_path / "summary.md"
        path.write_text("before: ä\n", encoding="utf-8")
        assert self.said({"GITHUB_STEP_SUMMARY": str(path)}) == []
        assert path.read_text(encoding="utf-8") == f"before: ä\nsummary in {SUMMARY_LIMIT - 11}\n"

    @pytest.mark.parametrize("there", [True, False])
    def test_the_limit_is_below_what_github_takes(self, tmp_path: Path, there: bool) -> None:
        assert SUMMARY_LIMIT < 1024 * 1024
        path = tmp_path / "summary.md"
        if there:
            path.touch()
        self.said({"GITHUB_STEP_SUMMARY": str(path)})
        assert path.read_text() == f"summary in {SUMMARY_LIMIT}\n"
