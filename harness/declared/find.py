"""Which files declare criteria; nothing of them is run, and nothing heavy is imported."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

NAME = "CRITERIA"
PATTERNS = ("test_*.py", "*_test.py")
"""Names of the files that are looked at in a folder, as pytest does."""
SKIPPED = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}", "__pycache__")
"""Names of folders that are not looked into."""

_DECLARES = re.compile(rf"^{NAME}\s*[:=]", re.MULTILINE)


def declaring_files(
    places: Iterable[Path], patterns: Sequence[str] = PATTERNS, skipped: Sequence[str] = SKIPPED
) -> tuple[Path, ...]:
    """The files among ``places``, and in the folders among them, that give ``CRITERIA`` a value.

    In a folder only files count whose name matches one of ``patterns``.
    """
    found = (file for place in places for file in _files(place, patterns, skipped))
    return tuple(dict.fromkeys(file.resolve() for file in found if _declares(file)))


def _files(place: Path, patterns: Sequence[str], skipped: Sequence[str]) -> Iterator[Path]:
    if place.is_file():
        yield from [place] if place.suffix == ".py" else []
        return
    for child in sorted(place.iterdir()) if place.is_dir() else []:
        if child.is_dir() and not any(fnmatch(child.name, one) for one in skipped):
            yield from _files(child, patterns, skipped)
        elif child.is_file() and any(fnmatch(child.name, one) for one in patterns):
            yield child


def _declares(file: Path) -> bool:
    """Whether ``CRITERIA`` is given a value at the top level; a file that says so but cannot be parsed counts too."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if not _DECLARES.search(text):
        return False
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return True
    given = [node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)] for node in tree.body]
    return any(isinstance(target, ast.Name) and target.id == NAME for targets in given for target in targets)
