"""Entries of a document that others write in too: each between two marks, replaced as a whole, all else left alone."""

from pathlib import Path

from harness.errors import HarnessError
from harness.files import read_text, write_text
from harness.storage.locks import locked


def update_entry(path: Path, key: str, text: str, heading: str, *, first: bool = False) -> Path:
    """Insert the entry, or replace the one of that key; all else in the document stays as it is. Returns ``path``.

    ``heading`` is what a document that is not there yet begins with. A new entry comes last, or where it is to be the
    ``first`` before the others. Errors: ``HarnessError`` when the entry's end mark is gone, or the document cannot be
    read or written. Processes that write in one document at once wait for one another.
    """
    with locked(path.with_name(f".{path.name}")):
        return _updated(path, key, text, heading, first)


def _updated(path: Path, key: str, text: str, heading: str, first: bool) -> Path:
    start, end = _marks(key)
    entry = f"{start}\n{text.strip()}\n{end}"
    before = read_text(path, "a document") if path.exists() else heading
    if start not in before:
        earliest = before.find(_START) if first else -1
        head, tail = (before, "") if earliest < 0 else (before[:earliest], f"\n\n{before[earliest:].strip()}")
        return write_text(path, f"{head.rstrip()}\n\n{entry}{tail}\n")
    head, _, rest = before.partition(start)
    if end not in rest:
        raise HarnessError(
            f"{path} has lost the mark that ends its entry {key}: {end} was looked for after {start}. Put it "
            "back, or delete the entry."
        )
    after = head + entry + rest.partition(end)[2]
    return path if after == before else write_text(path, after)


def entry_of(document: str, key: str) -> str:
    """What stands between the marks of an entry; empty when there is none."""
    start, end = _marks(key)
    return document.partition(start)[2].partition(end)[0]


_START = "<!-- entry "


def _marks(key: str) -> tuple[str, str]:
    return f"{_START}{key} -->", f"<!-- end of entry {key} -->"
