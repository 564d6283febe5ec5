"""Workflows of GitHub Actions without GitHub: their steps, and the files that a step is given."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def documented(language: str) -> list[str]:
    """The code blocks of docs/gate.md in one language."""
    text = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def on_path(folder: Path) -> dict[str, str]:
    """What makes ``codi-harness`` and this checkout's harness available; the command is written into ``folder``."""
    folder = folder.resolve()
    if not (folder / "codi-harness").exists() and folder != Path.cwd():
        folder.mkdir(exist_ok=True)
        write_command(folder / "codi-harness", "-m harness.cli")
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def write_command(path: Path, arguments: str = "") -> None:
    """A script that hands its arguments on to this Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def environment_of(folder: Path) -> Path:
    """What looks to make like an environment that is installed; Python is this one."""
    write_command(folder / ".venv" / "bin" / "python")
    installed = folder / ".venv" / "installed"
    installed.touch()
    return installed


@dataclass(frozen=True)
class Job:
    """One job of a workflow."""

    name: str
    steps: list[dict[str, Any]]

    @property
    def commands(self) -> list[str]:
        """The shell lines of its steps."""
        return [step["run"] for step in self.steps if "run" in step]

    def uses(self, action: str) -> dict[str, Any]:
        """The one step that uses an action."""
        (found,) = [step for step in self.steps if step.get("uses", "").partition("@")[0] == action]
        return found


def jobs(text: str) -> dict[str, Job]:
    """The jobs of a workflow."""
    return {name: Job(name, job["steps"]) for name, job in yaml.safe_load(text)["jobs"].items()}


@dataclass(frozen=True)
class Step:
    """A step that was run."""

    status: int
    log: str
    summary: str

    @property
    def annotations(self) -> list[str]:
        """The lines of the log that GitHub would take for annotations."""
        return [line for line in self.log.splitlines() if line.startswith(("::error", "::warning"))]


def run_step(command: str, workspace: Path, place: Path) -> Step:
    """Run a step's shell lines as a runner does; ``place`` is an empty folder for its files."""
    place.mkdir()
    summary = place / "summary.md"
    given = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(workspace),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=workspace,
        env={**os.environ, **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Step(done.returncode, done.stdout, summary.read_text(encoding="utf-8") if summary.exists() else "")
