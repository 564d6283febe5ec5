"""Rows of JSON and JSONL files, each with the words that tell a person where it stands."""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import HarnessError
from harness.files import read_text

LIST_FIELDS = ("data", "problems")
"""Where a JSON file that is an object may hold its list of rows."""

_BEFORE, _AFTER = 15, 20
"""Characters shown of texts before and from the place where they part."""

_FORM = 'Each row must look like {"question": "...", "answer": "... #### 42"}.'


class Row(NamedTuple):
    """One row of a file: where it stands ("line 3"), and its content or what is wrong with it."""

    where: str
    content: Any
    fault: str | None = None


def read_rows(path: Path) -> list[Row]:
    """The rows of a ``.jsonl`` file (one per line that is not blank) or a ``.json`` file (one list).

    A JSON file may also be an object that holds the list under ``data`` or ``problems``. A byte-order mark is
    skipped. A line of JSONL that is not JSON becomes a row with a fault, so that all such lines can be told at once.

    Errors: ``HarnessError`` when the file is missing, unreadable, not UTF-8 or empty, or is a JSON file without a list.
    """
    text = read_text(path, "a .json or .jsonl file of problems")
    if path.suffix.lower() == ".jsonl":
        rows = list(json_lines(text))
    elif path.suffix.lower() == ".json":
        rows = [Row(f"row {number}", content) for number, content in enumerate(_listed(text, path), start=1)]
    else:
        raise HarnessError(
            f"Cannot read problems from {path}: the name must end in .json (a list of objects) or .jsonl (one object "
            "per line). Convert the file or rename it."
        )
    if not rows:
        raise HarnessError(f"No problems in {path}: the file is empty. {_FORM}")
    return rows


def parse(text: str) -> Any:
    """JSON in which no field is repeated. Errors: ``ValueError`` saying what and where."""
    try:
        return json.loads(text, object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        # Some of the messages, such as "unterminated string starting at", lead to the place themselves.
        raise ValueError(f"{error.msg.lower().removesuffix(' at')} at {place}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def json_lines(text: str) -> Iterator[Row]:
    """The rows of JSONL text, one per line that is not blank; a line that is not JSON is a row with a fault."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield Row(f"line {number}", parse(line))
            except ValueError as error:
                yield Row(f"line {number}", None, f"not JSON ({error}); write one JSON object per line")


def _listed(text: str, path: Path) -> list[Any]:
    if not text.strip():
        return []
    try:
        content = parse(text)
    except ValueError as error:
        hint = " If it holds one object per line, let its name end in .jsonl." if _is_jsonl(text) else ""
        raise HarnessError(f"{path} is not JSON: {error}. Mend the file.{hint}") from error
    if isinstance(content, dict):
        held = [content[field] for field in LIST_FIELDS if isinstance(content.get(field), list)]
        content = held[0] if len(held) == 1 else content
    if not isinstance(content, list):
        raise HarnessError(
            f'{path} holds no list of problems: it is {kind(content)} without exactly one list under "data" or '
            f'"problems". Write a list of objects, or put it under "data". {_FORM}'
        )
    return content


def _is_jsonl(text: str) -> bool:
    rows = list(json_lines(text))
    return len(rows) > 1 and all(row.fault is None for row in rows)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        values = " and ".join(told_apart([str(value) for name, value in pairs if name == repeated]))
        raise ValueError(f'one object has the field "{repeated}" more than once: {values}')
    return content


def kind(content: Any) -> str:
    """What a JSON value is, in words: "a list", "an object", "the number 3"."""
    if isinstance(content, bool):
        return f"the value {str(content).lower()}"
    if isinstance(content, int | float):
        return f"the number {content}"
    if content is None:
        return "null"
    return "a text" if isinstance(content, str) else "a list" if isinstance(content, list) else "an object"


def quoted(text: str) -> str:
    """The text on one line in quotation marks, cut to 40 characters."""
    line = " ".join(text.split())
    return f'"{line[:37]}..."' if len(line) > 40 else f'"{line}"'


def told_apart(texts: Sequence[str]) -> list[str]:
    """The texts as `quoted`, or cut around the place where they part when different ones would look the same.

    The last one then also says where that is. What no eye can tell apart, such as two kinds of spaces, is escaped.
    """
    shown = [quoted(text) for text in texts]
    if len({_visible(text) for text in shown}) == len(set(texts)):
        return shown
    part = next(at for at, characters in enumerate(zip_longest(*texts)) if len(set(characters)) > 1)
    start, end = max(0, part - _BEFORE), part + _AFTER
    escaped = len({_visible(text[start:end]) for text in texts}) < len({text[start:end] for text in texts})
    shown = [
        f'"{"..." * (start > 0)}{json.dumps(text[start:end], ensure_ascii=escaped)[1:-1]}{"..." * (end < len(text))}"'
        for text in texts
    ]
    return [*shown[:-1], f"{shown[-1]} (they part at character {part + 1})"]


def _visible(text: str) -> str:
    """What an eye sees of a text: one kind of space, and nothing that has no shape."""
    spaced = " ".join(unicodedata.normalize("NFKC", text).split())
    return "".join(character for character in spaced if character.isprintable())
