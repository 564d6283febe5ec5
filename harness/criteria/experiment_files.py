"""What a finished run leaves for readers: reports on its experiments, an entry in the journal, the README."""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from harness.documents.entries import update_entry
from harness.documents.experiment import COMPARISON, FLOW, KEY_QUESTIONS, OF_MODELS, Experiment, Question, Subject
from harness.documents.journal import JournalEntry, write_entry
from harness.documents.phrases import joined
from harness.documents.readme import HEADING, KEY, Readme
from harness.documents.sentences import answered
from harness.files import digest, write_text
from harness.results import CriterionResult

if TYPE_CHECKING:
    from harness.criteria.finished import FinishedRun

JOURNAL = "docs/research_journal.md"
README = "README.md"
EXPERIMENTS = "docs/experiments"
UP = "../../"
MOST_FINDINGS = 5
THOUGHTS = Question("Which thoughts does an answer need?", ("I.4-stats",))
"""What one model's entry has in place of how two differ."""
JUDGED = ("phase1", "phase2", "comparison")
"""Phases whose verdict is a word, not a count."""


class ExperimentFiles:
    """Writes docs/experiments/{MM-DD}_*.md, docs/research_journal.md and README.md from the rows of a run.

    A report is written when every criterion of its studies was looked at. Paths are relative to the output folder.
    """

    def __init__(self, finished: "FinishedRun"):
        self._finished = finished
        self._results: dict[str, dict[str, CriterionResult]] = {
            scope: finished.of(scope) for scope in ("run", *finished.models, *finished.pairs)
        }

    @cached_property
    def experiments(self) -> dict[str, Experiment]:
        """Each report by its path, written."""
        found = {self._path(one): one for one in self._experiments()}
        for path, experiment in found.items():
            write_text(self._finished.absolute(path), experiment.text)
        return found

    @cached_property
    def reports(self) -> list[str]:
        """Every report of this run: these and those that criteria of other studies wrote."""
        others = [path for one in self._finished.judged for path in one.artifacts if path.startswith(f"{EXPERIMENTS}/")]
        return list(dict.fromkeys([*self.experiments, *others]))

    @property
    def journal_key(self) -> str:
        """The same models on the same problems are the same experiment, on whatever day."""
        run = self._finished.provenance
        models = sorted(one["fingerprint"] for one in run["models"])
        return f"experiment-{digest(*models, run['dataset']['fingerprint'], str(run['seed']))[:12]}"

    @cached_property
    def entry(self) -> JournalEntry:
        """What the journal says of the run."""
        finished, run = self._finished, self._finished.provenance
        data = run["dataset"]
        return JournalEntry(
            key=self.journal_key,
            date=run["time"][:10],
            name=f"Continuous thoughts of {joined(finished.models)}",
            models=finished.models,
            dataset=f"{data['n']:,} of {data['split_size']:,} problems of {data['name']} ({data['split']}), seed {run['seed']}",
            in_short=self._in_short,
            findings=list(self._findings())[:MOST_FINDINGS],
            links=[
                ("report", "../index.html"),
                *((path.rpartition("/")[2], path.removeprefix("docs/")) for path in self.reports),
            ],
        )

    @cached_property
    def journal(self) -> str:
        """The journal with the entry in it."""
        write_entry(self._finished.absolute(JOURNAL), self.entry)
        return JOURNAL

    @cached_property
    def readme_text(self) -> str:
        """What the README says of the run."""
        finished = self._finished
        run = finished.provenance
        speeds = [
            (one["name"], run["dataset"]["n"] / one["seconds"], one["seconds"])
            for one in run["models"]
            if one["seconds"]
        ]
        return Readme(
            run=run,
            output=str(finished.output),
            reports=[(path.rpartition("/")[2], path) for path in self.reports],
            counts=Counter(one.verdict for one in finished.judged),
            speeds=speeds,
        ).text

    @cached_property
    def readme(self) -> str:
        """README.md of the output folder with that in it."""
        update_entry(self._finished.absolute(README), KEY, self.readme_text, HEADING, first=True)
        return README

    @property
    def _in_short(self) -> str:
        flows = [one for one in self.experiments.values() if one.subject.studies == ("phase1", "phase2")]
        phases = "; ".join(
            f"{phase.id} of {phase.scope.replace('_vs_', ' vs ')}: {phase.verdict}"
            for phase in self._finished.result.phases
        )
        return " ".join([*(one.in_short for one in flows), f"{phases}. [phase verdict]"])

    def _findings(self) -> Iterator[str]:
        """The first answer to each key question, of all models on one line; then what ablation says."""
        for question in (*KEY_QUESTIONS, THOUGHTS):
            wanted = [(scope, name) for scope in self._finished.models for name in question.of_models[:1]]
            wanted += [(scope, name) for scope in self._finished.pairs for name in question.of_pairs[:1]]
            rows = [(scope, self._results[scope].get(name)) for scope, name in wanted]
            said = [
                f"{scope.replace('_vs_', ' vs ')}: {answered(row, self._finished.calibrations.get((scope, row.id)))}"
                for scope, row in rows
                if row is not None
            ]
            if said:
                yield f"{question.asked} {' '.join(said)}"

    def _experiments(self) -> Iterator[Experiment]:
        for subject in OF_MODELS:
            for model in self._finished.models:
                if self._complete(subject, model):
                    pairs = [pair for pair in self._finished.pairs if model in pair.split("_vs_")]
                    yield self._experiment(subject, model, [model], pairs)
        for pair in self._finished.pairs:
            if self._complete(COMPARISON, pair):
                yield self._experiment(COMPARISON, pair, pair.split("_vs_"), [pair])

    def _complete(self, subject: Subject, scope: str) -> bool:
        needed = {*subject.findings, *self._finished.of_studies(subject.studies, scope)}
        whole = self._results[scope].keys() >= needed
        return whole and (subject is not COMPARISON or all(self._complete(FLOW, one) for one in scope.split("_vs_")))

    def _experiment(self, subject: Subject, scope: str, models: list[str], pairs: list[str]) -> Experiment:
        phases = [one for one in self._finished.result.phases if one.scope == scope and self._about(one.id, subject)]
        run, entries = self._finished.provenance, self._finished.calibrations
        return Experiment(subject, scope, models, self._results, phases, run, UP, pairs, entries)

    @staticmethod
    def _about(phase: str, subject: Subject) -> bool:
        return phase in subject.studies or (phase == "comparison" and subject is COMPARISON)

    def _path(self, experiment: Experiment) -> str:
        run = self._finished.provenance
        name = experiment.scope
        if experiment.subject is COMPARISON and len(self._finished.pairs) == 1:
            name = "both"
        return f"{EXPERIMENTS}/{run['time'][5:10]}_{name}_{run['dataset']['name']}_{experiment.subject.suffix}.md"
