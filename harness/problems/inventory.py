"""The data inventory: one Markdown document with an entry for every dataset a run has used."""

import re
from pathlib import Path, PurePath
from urllib.parse import quote, unquote

from harness.errors import HarnessError
from harness.files import write_text
from harness.problems import ProblemSet
from harness.problems.files import read_text

FIELDS = ("Source", "Sampling method", "Size", "Purpose", "Usage", "Recipe", "Stratification", "Link")
"""What every entry must state."""

_HEADING = "# Data inventory\n\nEvery dataset used in these results, and how to make it again.\n"
_MARKDOWN = re.compile(r"([\\`*_\[\]<>&#|~])")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def entry_id(problems: ProblemSet) -> str:
    """Which entry a set has: name, split, and the number drawn or ``full``."""
    size = "full" if problems.seed is None else len(problems)
    return f"{quote(problems.name, safe='')}-{problems.split}-{size}"


def inventory_entry(
    problems: ProblemSet,
    dataset_path: PurePath,
    *,
    purpose: str,
    usage: str,
    recipe: str,
    stratification: str = "N/A",
    expected_time: str | None = None,
) -> str:
    """The Markdown of one entry.

    ``dataset_path`` is the dataset's file relative to the folder of the inventory, ``usage`` what reads the dataset,
    ``recipe`` the command that makes it again, ``expected_time`` how long work on the whole of it takes.
    """
    size = f"{len(problems)} of the {problems.split_size} problems of the {problems.split} split"
    values = {
        "Source": _plain(problems.source),
        "Licence": _plain(problems.licence),
        "Sampling method": _plain(problems.sampling),
        "Size": size if len(problems) < problems.split_size else f"{len(problems)} problems (complete)",
        "Purpose": _plain(purpose),
        "Usage": _plain(usage),
        "Recipe": _code(recipe),
        "Stratification": _plain(stratification),
        "Link": f"[{_plain(dataset_path.name)}]({quote(dataset_path.as_posix())})",
        "Fingerprint": _code(problems.fingerprint),
    }
    if expected_time is not None:
        values["Expected time"] = _plain(expected_time)
    lines = [f"- **{field}:** {value}" for field, value in values.items()]
    return "\n".join([f"## {_plain(problems.name)}, {problems.split} split, {len(problems)} problems", "", *lines, ""])


def update_inventory(path: Path, entry_id: str, text: str) -> Path:
    """Insert the entry, or replace the one of that id; all else in the document stays as it is. Returns ``path``.

    Errors: ``HarnessError`` when the entry's end mark is gone, or the document cannot be read or written.
    """
    start, end = _marks(entry_id)
    entry = f"{start}\n{text.strip()}\n{end}"
    before = read_text(path) if path.exists() else _HEADING
    if start not in before:
        return write_text(path, f"{before.rstrip()}\n\n{entry}\n")
    head, _, tail = before.partition(start)
    if end not in tail:
        raise HarnessError(
            f"{path} has lost the mark that ends its entry {entry_id}: {end} was looked for after {start}. Put it "
            "back, or delete the entry."
        )
    after = head + entry + tail.partition(end)[2]
    return path if after == before else write_text(path, after)


def missing_fields(
    markdown: str, entry_id: str, required: tuple[str, ...] = FIELDS, folder: Path | None = None
) -> list[str]:
    """Those of the required fields that the entry lacks or leaves empty; all of them when there is no such entry.

    With ``folder``, the one the inventory is in, a link to a file that does not exist counts as missing.
    """
    start, end = _marks(entry_id)
    entry = markdown.partition(start)[2].partition(end)[0]
    stated = dict(re.findall(r"^- \*\*([^*\n]+):\*\*[ \t]*(\S.*)$", entry, re.MULTILINE))
    link = _LINK.search(stated.get("Link", ""))
    if link is None or (folder is not None and not (folder / unquote(link[1])).is_file()):
        stated.pop("Link", None)
    return [field for field in required if field not in stated]


def _marks(entry_id: str) -> tuple[str, str]:
    return f"<!-- entry {entry_id} -->", f"<!-- end of entry {entry_id} -->"


def _plain(text: str) -> str:
    """Text as Markdown that shows it letter for letter, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Text as a Markdown code span, whatever backticks it holds."""
    line = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"
