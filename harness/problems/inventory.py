"""The data inventory: one Markdown document with an entry for every dataset a run has used."""

import re
from pathlib import Path, PurePath
from urllib.parse import quote, unquote

from harness.documents.entries import entry_of, update_entry
from harness.documents.markdown import code, plain
from harness.problems import ProblemSet

FIELDS = ("Source", "Sampling method", "Size", "Purpose", "Usage", "Recipe", "Stratification", "Link")
"""What every entry must state."""

_HEADING = "# Data inventory\n\nEvery dataset used in these results, and how to make it again.\n"
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
        "Source": plain(problems.source),
        "Licence": plain(problems.licence),
        "Sampling method": plain(problems.sampling),
        "Size": size if len(problems) < problems.split_size else f"{len(problems)} problems (complete)",
        "Purpose": plain(purpose),
        "Usage": plain(usage),
        "Recipe": code(recipe),
        "Stratification": plain(stratification),
        "Link": f"[{plain(dataset_path.name)}]({quote(dataset_path.as_posix())})",
        "Fingerprint": code(problems.fingerprint),
    }
    if expected_time is not None:
        values["Expected time"] = plain(expected_time)
    lines = [f"- **{field}:** {value}" for field, value in values.items()]
    return "\n".join([f"## {plain(problems.name)}, {problems.split} split, {len(problems)} problems", "", *lines, ""])


def update_inventory(path: Path, entry_id: str, text: str) -> Path:
    """Insert the entry, or replace the one of that id; all else in the document stays as it is. Returns ``path``.

    Errors: ``HarnessError`` when the entry's end mark is gone, or the document cannot be read or written.
    """
    return update_entry(path, entry_id, text, _HEADING)


def missing_fields(
    markdown: str, entry_id: str, required: tuple[str, ...] = FIELDS, folder: Path | None = None
) -> list[str]:
    """Those of the required fields that the entry lacks or leaves empty; all of them when there is no such entry.

    With ``folder``, the one the inventory is in, a link to a file that does not exist counts as missing.
    """
    entry = entry_of(markdown, entry_id)
    stated = dict(re.findall(r"^- \*\*([^*\n]+):\*\*[ \t]*(\S.*)$", entry, re.MULTILINE))
    link = _LINK.search(stated.get("Link", ""))
    if link is None or (folder is not None and not (folder / unquote(link[1])).is_file()):
        stated.pop("Link", None)
    return [field for field in required if field not in stated]
