import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.files import write_json
from tests.documents.test_commit_message import result


def test_the_command_prints_the_message_of_a_folder_of_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(tmp_path / "criteria.json", result().model_dump(mode="json", by_alias=True))
    assert main(["commit-message", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("docs(results): tiny-llama on gsm8k\n\n")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "There is no file"),
        ("not json", "not what this version"),
        (json.dumps({"schema": 1}), "run: Field required"),
    ],
)
def test_a_folder_without_sound_results_is_one_sentence_and_exit_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, named: str
) -> None:
    if content is not None:
        (tmp_path / "criteria.json").write_text(content, encoding="utf-8")
    assert main(["commit-message", str(tmp_path)]) == 4
    said = " ".join(capsys.readouterr().err.split())
    assert named in said
    assert "criteria.json" in said


def test_git_takes_the_message_as_it_is(tmp_path: Path) -> None:
    write_json(tmp_path / "criteria.json", result().model_dump(mode="json", by_alias=True))
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    message = subprocess.run(
        [sys.executable, "-m", "harness.cli", "commit-message", str(tmp_path)], check=True, capture_output=True
    ).stdout
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-F", "-"], input=message, check=True)
    kept = subprocess.run([*git, "log", "-1", "--format=%B"], check=True, capture_output=True).stdout
    assert kept.strip() == message.strip()
