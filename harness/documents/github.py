"""What GitHub Actions shows of a run beside its log: annotations on files, and the summary of the job."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.documents.changes import IMPROVEMENT, NOW_JUDGED, Change
from harness.documents.phrases import counted

SHOWN = 10
"""Annotations of one kind that are shown of a step; what comes after them is dropped."""
SUMMARY_LIMIT = 1_000_000
"""Bytes of a step's summary; one of more than 1 MiB is dropped whole."""


def command(kind: str, message: str, **properties: object) -> str:
    """A workflow command: ``::error file=a.json,line=3,title=b::message``, with the escapes that it needs."""
    said = ",".join(f"{name}={_in_property(str(value))}" for name, value in properties.items())
    return f"::{kind}{f' {said}' if said else ''}::{_in_message(message)}"


def annotations(changes: Sequence[Change], root: Path) -> list[str]:
    """A workflow command for each change, at the line of its approved verdict; the gravest of each kind are shown.

    ``root`` is the folder that names of files are relative to. What is new, or better than before, is a warning.
    """
    kinds: dict[str, list[Change]] = {"error": [], "warning": []}
    for change in sorted(changes, key=lambda change: change.gravity):
        kinds["warning" if change.meaning in ("", IMPROVEMENT, NOW_JUDGED) else "error"].append(change)
    return [line for kind, ones in kinds.items() for line in _annotations(kind, ones, root)]


def line_of(text: str, key: str) -> int:
    """The line of a JSON text, counted from 1, on which an object's ``key`` begins; the first where there is none."""
    start = f"{json.dumps(key, ensure_ascii=False)}:"
    lines = enumerate(text.split("\n"), 1)
    return next((number for number, line in lines if line.lstrip().startswith(start)), 1)


def announce(
    environment: Mapping[str, str],
    say: Callable[[str], object],
    summary: Callable[[int], str],
    changes: Sequence[Change] = (),
    stopped: str | None = None,
) -> None:
    """Tell GitHub Actions what it shows, where ``environment`` says that it is listening; else do nothing.

    Args:
        environment: of the process.
        say: prints a line.
        summary: the job's summary in at most so many bytes.
        changes: what is annotated.
        stopped: why there are not all verdicts.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        if stopped:
            say(command("error", stopped, title="The checks did not come to their end"))
        for line in annotations(changes, Path(environment.get("GITHUB_WORKSPACE") or Path.cwd())):
            say(line)
    if place := environment.get("GITHUB_STEP_SUMMARY"):
        path = Path(place)
        before = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8") as file:
            file.write(summary(SUMMARY_LIMIT - before))


def _annotations(kind: str, changes: Sequence[Change], root: Path) -> list[str]:
    alone = changes if len(changes) <= SHOWN else changes[: SHOWN - 1]
    lines = [_annotation(kind, change, root) for change in alone]
    if rest := changes[len(alone) :]:
        names = ", ".join(f"{change.result.id} on {change.result.model}" for change in rest)
        lines.append(command(kind, names, title=f"{counted(len(rest), 'more change')}: see the summary of the job"))
    return lines


def _annotation(kind: str, change: Change, root: Path) -> str:
    result = change.result
    place = {}
    if change.file.exists():
        place = {
            "file": Path(os.path.relpath(change.file, root)).as_posix(),
            "line": line_of(change.file.read_text(encoding="utf-8"), result.id),
        }
    told = f"{result.statement}: {change.sentence}"
    title = f"{result.id} on {result.model}: {change.turn}"
    return command(kind, told, **place, title=title)


def _in_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _in_property(text: str) -> str:
    return _in_message(text).replace(":", "%3A").replace(",", "%2C")
