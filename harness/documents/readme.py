"""README.md of an output folder: what was run, how to run it again, and what lies where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.documents.command import command
from harness.documents.markdown import code, plain, table
from harness.documents.phrases import joined, number

KEY = "experiment"
HEADING = "# Results\n"
SECTIONS = (
    "Quick start",
    "How to reproduce",
    "File structure",
    "Command line",
    "Expected outputs",
    "Expected runtime",
)
"""What must be in it (spec 04, 3.1-readme)."""
PLACES = {
    "index.html": "the report: every verdict, what it is worth, its figure, its files",
    "criteria.json": "the same for programs",
    "data/": "the problems",
    "results/<model>/": "attention, statistics, rankings, ablations and predictions of a model",
    "results/<a>_vs_<b>_comparison.json": "two models compared",
    "figures/<model>/": "each figure as png and as pdf",
    "figures/comparison/": "figures of two models",
    "docs/experiments/": "a report in words on each experiment",
    "docs/research_journal.md": "what was run when, and what came of it",
    "docs/DATA_INVENTORY.md": "where the problems come from",
}


@dataclass(frozen=True)
class Readme:
    """The part of README.md that is about the experiment.

    Attributes:
        run: the ``run`` object of ``criteria.json``.
        output: the output folder as the commands name it.
        reports: name and way of each report in words, relative to the output folder.
        counts: how many criteria of each verdict.
        speeds: model, problems a second while attention was extracted, and seconds that took.
    """

    run: Mapping[str, Any]
    output: str
    reports: Sequence[tuple[str, str]]
    counts: Mapping[str, int]
    speeds: Sequence[tuple[str, float, float]]

    @property
    def text(self) -> str:
        """As Markdown."""
        run = self.run
        models = [one["name"] for one in run["models"]]
        options = run["options"]
        again = command(["checks/"], models, options, self.output)
        data = run["dataset"]
        lines = [
            f"{plain(joined(models))} on {data['n']:,} of {data['split_size']:,} problems of {plain(data['name'])} "
            f"({data['split']}), seed {run['seed']}. "
            f"{', '.join(f'{count} {verdict}' for verdict, count in self.counts.items())}, those about these documents "
            "left out. [counted]",
            "",
            f"## {SECTIONS[0]}",
            "",
            "Open [index.html](index.html) in a browser; it needs no network. What was found, in words:",
            "",
            *(f"- [{plain(name)}]({path})" for name, path in self.reports),
            "",
            f"## {SECTIONS[1]}",
            "",
            f"With codi-harness {code(run['harness'])} and the same checkpoints, in a checkout of the harness:",
            "",
            f"    {again}",
            "",
            f"The same seed gives the same bytes with the same versions ({self._versions()}); what makes the run what it "
            "is stands in `criteria.json` under `run`, and each result file has it or has it beside it.",
            "",
            f"## {SECTIONS[2]}",
            "",
            *table(["place", "what lies there"], [[code(place), what] for place, what in PLACES.items()]),
            "",
            f"## {SECTIONS[3]}",
            "",
            *table(["command", "what it does"], [[code(line), what] for line, what in self._commands(models)]),
            "",
            f"## {SECTIONS[4]}",
            "",
            "Exit code 0 when the gate is met: with `--gate all` when every criterion passes, with `--gate validity` when the "
            "checks hold without which no claim means anything, with `--gate baseline` when every verdict is the approved one. A "
            "failed hypothesis is a result. The files are those above; a run writes over those of an earlier one and keeps the "
            "journal.",
            "",
            f"## {SECTIONS[5]}",
            "",
            *self._runtime(),
        ]
        return "\n".join(lines)

    def _versions(self) -> str:
        return ", ".join(f"{name} {code(version)}" for name, version in self.run["packages"].items())

    def _commands(self, models: Sequence[str]) -> list[tuple[str, str]]:
        options, output = self.run["options"], self.output

        def line(*selection: str) -> str:
            return command(["checks/", *selection], models, options, output)

        return [
            (line("--story", "3.1"), "these documents again, from what lies here"),
            (line("--gate", "baseline"), "fails when a verdict differs from the approved one"),
            (line("--approve"), "approves the verdicts"),
            (line("--study", "phase1"), "one study alone"),
            (f"codi-harness commit-message {output}", "a commit message made of the findings"),
        ]

    def _runtime(self) -> list[str]:
        measured = [
            f"- {plain(name)}: the attention of {self.run['dataset']['n']:,} problems took {number(seconds)} s "
            f"({number(pace)} problems a second). [run]"
            for name, pace, seconds in self.speeds
        ]
        return [
            *measured,
            "",
            "Most of the time of a first run goes to the studies of importance, steps and behaviour, which answer thousands of "
            "problems under many conditions. Extractions and measurements are kept in a cache: the same run again takes a minute "
            "or two.",
        ]
