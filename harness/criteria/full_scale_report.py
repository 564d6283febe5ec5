"""What a run on all problems leaves for readers: the document, its entry in the journal, the README's words on resuming."""

from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING

from harness.documents.command import command
from harness.documents.entries import update_entry
from harness.documents.full_scale import CONCLUSIONS, COSTS, FullScale
from harness.documents.journal import JournalEntry, write_entry
from harness.files import write_text
from harness.results import CriterionResult

if TYPE_CHECKING:
    from harness.criteria.evidence import ModelStudy

JOURNAL = "docs/research_journal.md"
README = "README.md"
README_KEY = "checkpoints"
README_HEADING = "# Results\n"
OTHERS = ("4.3-intervals", "4.3-hub-se", "4.2-variance", "4.2-resume")


class FullScaleReport:
    """Writes docs/experiments/{MM-DD}_{model}_{dataset}_attention_flow_full_scale.md and what goes with it."""

    def __init__(self, study: "ModelStudy"):
        self._study = study

    @cached_property
    def results(self) -> dict[str, CriterionResult]:
        """Verdicts of phase 4 that the document is made of, by id."""
        return {name: self._study.judged(name) for name in dict.fromkeys((*CONCLUSIONS, *COSTS, *OTHERS))}

    @cached_property
    def content(self) -> FullScale:
        """What the document says."""
        # Phases know all criteria, and so this module.
        from harness.criteria.phases import PHASES, verdict_of

        def of_phase(conditions: tuple[str, ...]) -> str:
            return verdict_of({name: study.judged(name) for name in conditions}, conditions)

        study, complete = self._study, self._study.complete
        about, up = study.provenance, "../../"
        return FullScale(
            model=study.name,
            dataset=f"the {complete.problems.split} split of {complete.problems.name}",
            validation=complete.read(complete.validation),
            results=self.results,
            phases={phase.id: of_phase(phase.conditions) for phase in PHASES if phase.scope == "model"},
            figures=[f"{up}{path}" for one in complete.figures for path in one.paths if path.endswith(".png")],
            data=[f"{up}{path}" for path in (complete.validation, complete.comparison)],
            report=f"{up}index.html",
            origin=(
                f"Written by codi-harness {about['harness']}, {about['time']}; model {about['model_fingerprint'][:12]}, "
                f"problems {complete.problems.fingerprint[:12]}, seed {about['seed']}."
            ),
        )

    @cached_property
    def path(self) -> str:
        """The document, written; relative to the output folder."""

        study = self._study
        date = study.provenance["time"][5:10]
        relative = f"docs/experiments/{date}_{study.name}_{study.complete.problems.name}_attention_flow_full_scale.md"
        write_text(study.absolute(relative), self.content.text)
        return relative

    @property
    def journal_key(self) -> str:
        """The same model on the same problems is the same experiment, on whatever day."""
        study = self._study
        problems = f"{study.problems.fingerprint[:12]}-{study.complete.problems.fingerprint[:12]}"
        return f"full-scale-{study.provenance['model_fingerprint'][:12]}-{problems}"

    @cached_property
    def entry(self) -> JournalEntry:
        """What the journal says of it."""
        study, content = self._study, self.content
        complete = study.complete
        return JournalEntry(
            key=self.journal_key,
            date=study.provenance["time"][:10],
            name=f"Attention flow of {study.name} at full scale",
            models=[study.name],
            dataset=f"{len(complete.problems):,} problems, {content.dataset}; the sample is {len(study.problems)} of them",
            in_short=content.in_short,
            findings=content.conclusions,
            links=[
                ("document", self.path.removeprefix("docs/")),
                ("validation", f"../{complete.validation}"),
                ("100 against all", f"../{complete.comparison}"),
            ],
        )

    @cached_property
    def journal(self) -> str:
        """The journal with this entry in it."""
        write_entry(self._study.absolute(JOURNAL), self.entry)
        return JOURNAL

    @cached_property
    def readme_text(self) -> str:
        """How checkpoints are laid out, and how a run that was cut goes on."""
        study = self._study
        given = {**asdict(study.options), **study.provenance["options"]}
        selection = ["checks/", "--study", "phase4", "--cache-dir", str(study.options.cache_dir)]
        line = command(selection, study.options.models, given, str(study.options.output))
        return "\n".join(
            [
                "## Checkpoints and resuming",
                "",
                "The attention on all problems is computed a thousand problems at a time. When a thousand are done they are in "
                "`results/<model>_full/checkpoints/attention_checkpoint_{k}.npy`, k being the problems done so far; each file "
                "holds the problems since the one before, `[problems, layers, heads, thoughts, thoughts]`, with its SHA-256 in "
                "`checksums.json`. In between, every batch that is done is kept in the cache.",
                "",
                "Whatever ends a run, the command that started it goes on where it stopped and ends with the same bytes. For "
                "what is about all problems alone:",
                "",
                f"    {line}",
                "",
                "A damaged or missing checkpoint is written again. After a full disk, free some space first. `--refresh` starts "
                "over. The checkpoints may be deleted when a run is done; nothing else reads them.",
            ]
        )

    @cached_property
    def readme(self) -> str:
        """README.md of the output folder with that in it."""
        update_entry(self._study.absolute(README), README_KEY, self.readme_text, README_HEADING)
        return README
