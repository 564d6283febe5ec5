"""Story 4.4: what was found on all problems, written for readers."""

from collections.abc import Iterator

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.full_scale_report import README_KEY
from harness.criteria.story_4_1 import INVENTORY
from harness.documents.commit_message import FINDINGS, findings
from harness.documents.entries import entry_of
from harness.documents.links import dead_links
from harness.problems.inventory import entry_id, missing_fields

LATER = "index.html"
"""The page is written when all is judged."""


def report(study: ModelStudy) -> Measurement:
    """What is wrong with the document and with what goes with it, all of it re-read."""
    wrong = [*_document(study), *_journal(study), *_inventory(study), *_readme(study), *_commit_message(study)]
    written = study.full_scale
    return Measurement(
        "present" if not wrong else f"wrong: {'; '.join(wrong[:3])}",
        n_problems=len(study.complete.problems),
        answer=written.content.in_short,
        artifacts=(written.path, written.journal, INVENTORY, written.readme),
    )


def _document(study: ModelStudy) -> Iterator[str]:
    written = study.full_scale
    path = study.absolute(written.path)
    text = path.read_text(encoding="utf-8")
    if text != written.content.text:
        yield "the document is not as it was written"
    lines = text.splitlines()
    for first, full in study.complete.verdicts:
        rows = [line for line in lines if line.startswith("|") and f"[{first.id}]" in line]
        if len(rows) != 1 or not all(one.verdict in rows[0] for one in (first, full)):
            yield f"{first.id} is not in the document with both verdicts"
    for line in lines:
        if line.startswith("- ") and not line.endswith("]"):
            yield f"no criterion behind: {line[:60]}"
    yield from (f"link to {target}" for target in dead_links(text, path.parent, [study.absolute(LATER)]))


def _journal(study: ModelStudy) -> Iterator[str]:
    written = study.full_scale
    path = study.absolute(written.journal)
    entry = entry_of(path.read_text(encoding="utf-8"), written.journal_key)
    if entry.strip() != written.entry.text.strip():
        yield "the journal lacks the entry"
    yield from (f"link to {target} in the journal" for target in dead_links(entry, path.parent))


def _inventory(study: ModelStudy) -> Iterator[str]:
    study.judged("4.1-saved")
    path, key = study.absolute(INVENTORY), entry_id(study.complete.problems)
    yield from (f"the inventory lacks {field}" for field in missing_fields(path.read_text(encoding="utf-8"), key))


def _readme(study: ModelStudy) -> Iterator[str]:
    written = study.full_scale
    text = study.absolute(written.readme).read_text(encoding="utf-8")
    if entry_of(text, README_KEY).strip() != written.readme_text:
        yield "the README lacks checkpoints and resuming"


def _commit_message(study: ModelStudy) -> Iterator[str]:
    judged = {name: study.judged(name) for name in FINDINGS if name.startswith("4.")}
    text = " ".join(" ".join(findings(judged)).split())
    for name, result in judged.items():
        if result.answer and result.verdict in ("pass", "fail") and " ".join(result.answer.split()) not in text:
            yield f"the commit message lacks {name}"


CRITERIA = (
    Criterion(
        "4.4-report",
        "acceptance",
        "Full-scale document",
        "The document, re-read, is as it was written, gives both verdicts on every hypothesis of phases 1 and 2, names the "
        "criterion behind every finding, and all its links lead to files; the journal has its entry, the inventory the "
        "complete set, the README of the output folder checkpoints and resuming, the commit message what was found on all "
        "problems.",
        Rule("is", "present"),
        report,
    ),
)
