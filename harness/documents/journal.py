"""The research journal: one entry for every experiment, the newest first, each there once however often it is run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.documents.entries import update_entry
from harness.documents.markdown import plain

HEADING = "# Research journal\n\nWhat was run and what came of it, the newest first.\n"


@dataclass(frozen=True)
class JournalEntry:
    """What the journal says of one experiment (spec 04, 3.1-journal).

    Attributes:
        key: what makes it the same experiment when it is run again.
        date: YYYY-MM-DD.
        name: of the experiment.
        models: their names.
        dataset: what they ran on, with its size.
        in_short: one sentence.
        findings: three to five sentences, Markdown.
        links: name and target of each, relative to the journal.
    """

    key: str
    date: str
    name: str
    models: Sequence[str]
    dataset: str
    in_short: str
    findings: Sequence[str]
    links: Sequence[tuple[str, str]]

    @property
    def text(self) -> str:
        """As Markdown."""
        lines = [
            f"## {self.date} · {plain(self.name)}",
            "",
            f"- **Models:** {', '.join(map(plain, self.models))}",
            f"- **Dataset:** {plain(self.dataset)}",
            f"- **TL;DR:** {self.in_short}",
            "- **Findings:**",
            *(f"  {number}. {finding}" for number, finding in enumerate(self.findings, start=1)),
            f"- **Links:** {', '.join(f'[{plain(name)}]({target})' for name, target in self.links)}",
        ]
        return "\n".join(lines) + "\n"


def write_entry(path: Path, entry: JournalEntry) -> Path:
    """Enter an experiment, or what came of it when it was run again. Returns ``path``.

    Errors: ``HarnessError`` when the journal cannot be read or written, or has lost the end mark of this entry.
    """
    return update_entry(path, entry.key, entry.text, HEADING, first=True)
