"""A run judged again from what it kept: no model is loaded, and what needs one is skipped."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError

from harness.criteria.criterion import ControlValue, Criterion, Measurement
from harness.criteria.declare import Evaluation
from harness.criteria.evidence import ModelStudy, ProblemStudy
from harness.criteria.hypothesis import MeanMeasure, TestMeasure
from harness.criteria.judged import needing_model
from harness.criteria.kept import Kept, lacking
from harness.criteria.pair_study import PairStudy
from harness.criteria.paired import PairMeasure
from harness.criteria.patterns_summary import NAME
from harness.criteria.registry import declaration_digests, declarations_digest
from harness.criteria.saved import SavedExtraction, SavedPairFiles, SavedProblems, SavedStudy, read_extraction
from harness.documents.phrases import counted
from harness.errors import HarnessError
from harness.files import jsonable, read_text
from harness.judging import Run
from harness.options import RunOptions, default_cache_folder
from harness.provenance import provenance
from harness.results import CalibrationFile, CriterionResult, RunResult, VerdictName, read_results
from harness.storage.progress import Progress, quiet
from harness.storage.tracked import is_raw

ROUNDED = (
    "in half precision; the verdict was checked once with weights moved at random within the rounding, and is the same"
)

JUDGED_BY = ("results/", "data/", "docs/DATA_INVENTORY.md")
"""Where the files of an output folder are that criteria look at again; figures and other documents show what was found."""


@dataclass(frozen=True)
class Asked:
    """Options that an earlier run decided; None where nothing was asked for."""

    models: tuple[str, ...] | None = None
    dataset: str | None = None
    n_problems: int | None = None
    sweep_problems: int | None = None
    seed: int | None = None
    controls: str | None = None
    control_model: str | None = None


def recorded_options(
    folder: Path, asked: Asked, output: Path | None, cache_dir: Path | None, gsm8k_path: Path | None
) -> RunOptions:
    """The options of the run whose results are in ``folder``, to judge them again into ``output``, a folder beside it unless
    given.

    Errors: ``HarnessError`` where there is no such run, where it had other options than ``asked``, and for an ``output`` that
    would overwrite what is read.
    """
    if not folder.is_dir():
        raise HarnessError(
            f"There is no folder {folder} (--from-results). Name the output folder of a run, with its criteria.json."
        )
    run = read_results(folder).run
    try:
        options = RunOptions(
            models=tuple(_file_name(model["name"], folder) for model in run["models"]),
            dataset=run["options"]["dataset"],
            gsm8k_path=gsm8k_path,
            n_problems=run["dataset"]["n"],
            seed=run["seed"],
            output=output or folder.resolve().with_name(f"{folder.resolve().name}-from-results"),
            cache_dir=cache_dir or default_cache_folder(),
            dtype=run["options"]["dtype"],
            controls=run["controls"],
            control_model=run["control_model"],
            sweep_problems=run["sweep_problems"],
            ablate_at=tuple(run["options"]["ablate_at"]),
            quick=run["options"]["quick"],
            from_results=folder,
        )
    except (KeyError, TypeError) as error:
        raise HarnessError(
            f"{folder / 'criteria.json'} does not say what was run ({error}). Run the checks on the models again, with this "
            "version of the harness."
        ) from error
    if "from_results" in run:
        raise HarnessError(
            f"{folder} was itself judged from results, those in {run['from_results'].get('folder')}: name that folder."
        )
    differing = [
        f"--{name.replace('_', '-').removesuffix('s') if name == 'models' else name.replace('_', '-')} "
        f"{_said(wanted)} is asked for, {_said(there)} was run"
        for name, wanted in asked.__dict__.items()
        if wanted is not None and not _same(name, wanted, there := getattr(options, name))
    ]
    if differing:
        raise HarnessError(
            f"The results in {folder} are of a run with other options: {'; '.join(differing)}. Leave these options out, or run "
            "the checks on the model with them."
        )
    if options.output.resolve() == folder.resolve():
        raise HarnessError(
            f"--output {options.output} would overwrite the results that are judged again. Name another folder, or leave "
            "--output out."
        )
    return (
        options
        if asked.models is None
        else replace(options, models=tuple(one for one in options.models if one in asked.models))
    )


def _file_name(name: str, folder: Path) -> str:
    """A model's name. Errors: ``HarnessError`` for one that could lead out of the folder that is named by it."""
    if name in ("", ".", "..") or PurePath(name).name != name:
        raise HarnessError(
            f"{folder / 'criteria.json'} names a model {name!r}, which is no file name, so no run of the harness wrote it. "
            "Restore it from version control, or run the checks on the models again."
        )
    return name


def _same(name: str, wanted: Any, there: Any) -> bool:
    return set(wanted) <= set(there) if name == "models" else bool(wanted == there)


def _calibration_path(name: str) -> str:
    return f"results/{name}_calibration.json" if "_vs_" in name else f"results/{name}/calibration.json"


def _said(value: Any) -> str:
    return " and ".join(value) if isinstance(value, tuple) else str(value)


class SavedRun(Run):
    """Judges criteria by the results of an earlier run, and skips those that need a model."""

    def __init__(self, options: RunOptions, progress: Progress = quiet, own: Sequence[Criterion] = ()):
        super().__init__(options, progress, own)
        assert options.from_results is not None
        self._kept = Kept(options.from_results, options.output)
        self._saved: dict[str, SavedExtraction] = {}
        self._again: dict[str, ModelStudy | PairStudy] = {}

    @cached_property
    def recorded(self) -> RunResult:
        """What the earlier run found."""
        return read_results(self._kept.folder)

    @cached_property
    def _verdicts(self) -> dict[tuple[str, str], CriterionResult]:
        return {(one.id, one.model): one for one in self.recorded.criteria}

    def preflight(self, studies: Collection[str] = ()) -> None:
        """Read everything that is judged again. Errors: ``HarnessError`` for the first file that is missing or wrong."""
        self._check_folders()
        dataset = self.recorded.run["dataset"]
        problems = self.problem_study.problems
        if problems.fingerprint != dataset["fingerprint"]:
            raise self._mixed(f"data/attention_dataset_{len(problems)}_train.json")
        for name in self.options.models:
            self._extraction_of(name)
        _ = self._calibrations
        self._check_recorded_files()

    def _check_recorded_files(self) -> None:
        """Errors: ``HarnessError`` where a file is gone that a verdict was recorded with, so that it cannot be judged again."""
        recorded = dict.fromkeys(path for one in self.recorded.criteria for path in one.artifacts)
        gone = [
            path
            for path in recorded
            if path.startswith(JUDGED_BY) and not is_raw(path) and not (self._kept.folder / path).exists()
        ]
        if gone:
            more = f", and {counted(len(gone) - 1, 'other file')}" if len(gone) > 1 else ""
            raise HarnessError(
                f"{self._kept.folder / gone[0]} is gone{more}: criteria.json beside it says that the run wrote it. Restore it "
                "from version control, or run the checks on the models again."
            )

    def _extraction_of(self, name: str) -> SavedExtraction:
        if name not in self._saved:
            saved = read_extraction(self._kept.folder, name, self.problem_study.problems, self.options.cache_dir)
            about = next(one for one in self.recorded.run["models"] if one["name"] == name)
            if (saved.model_fingerprint, saved.summary.about["seed"]) != (about["fingerprint"], self.options.seed):
                raise self._mixed(f"results/{name}/{NAME}")
            self._saved[name] = saved
        return self._saved[name]

    def _mixed(self, file: str) -> HarnessError:
        folder = self._kept.folder
        return HarnessError(
            f"{folder / file} is not of the run that wrote {folder / 'criteria.json'}. Run the checks on the models again, into "
            "a folder of their own."
        )

    @cached_property
    def problem_study(self) -> ProblemStudy:
        """The problems as they were saved."""
        about = self._about(seed=self.options.seed)
        assert self.options.dataset is not None
        return SavedProblems(self.options, self.options.dataset, about, self._kept)

    def model_study(self, name: str) -> ModelStudy:
        """What is kept of one model."""
        if name not in self._models:
            self._models[name] = SavedStudy(self.options, self._extraction_of(name), self._about_results(), self._kept)
        return self._models[name]

    def pair_study(self, name: str) -> PairStudy:
        """What is kept of a comparison."""
        study = super().pair_study(name)
        study.files = SavedPairFiles(study, self._kept)
        return study

    def provenance(self) -> dict[str, Any]:
        """The ``run`` object of the earlier run, judged by today's code and declarations."""
        known = self.recorded.run
        declared = known.get("declarations") or {}
        now = provenance(
            declarations_sha256=declarations_digest(self._own),
            declarations=declaration_digests(self._own),
            own_files=self._own_files(),
            from_results={
                "folder": self._kept.folder,
                "harness": known["harness"],
                "time": known["time"],
                "declared_differently": [
                    name for name, value in declaration_digests(self._own).items() if declared.get(name, value) != value
                ],
            },
        )
        models = [one for one in known["models"] if one["name"] in self.options.models]
        left_out = ("samples", "declarations_changed")
        return dict(
            jsonable({**{name: one for name, one in known.items() if name not in left_out}, **now, "models": models})
        )

    def calibrated(self, results: list[CriterionResult]) -> list[CriterionResult]:
        """The results, each with the calibration that was recorded for its rule."""
        return [
            one.model_copy(update={"artifacts": [*one.artifacts, self._kept.file(_calibration_path(one.model))]})
            if one.verdict in ("pass", "fail")
            and self._calibrations.get((one.model, one.id)) == (one.comparator, one.threshold)
            else one
            for one in results
        ]

    @cached_property
    def _calibrations(self) -> dict[tuple[str, str], tuple[str, Any]]:
        """The rules for which calibrations were recorded, by model or pair, and criterion."""
        found: dict[tuple[str, str], tuple[str, Any]] = {}
        for name in (*self.options.models, *self.pairs):
            path = self._kept.folder / _calibration_path(name)
            if path.is_file():
                try:
                    content = CalibrationFile.model_validate_json(read_text(path, "a calibration.json"))
                except ValidationError as error:
                    raise HarnessError(
                        f"{path} is not what this version of the harness writes. Run the checks on the models again."
                    ) from error
                found |= {(name, entry.id): (entry.comparator, entry.threshold) for entry in content.criteria}
        return found

    def _samples(self, results: Iterable[CriterionResult]) -> list[dict[str, Any]]:
        wanted = {one.study for one in results}
        return [one for one in self.recorded.run.get("samples", []) if wanted & set(one["studies"])]

    def _size(self, name: str) -> int:
        return int(self._extraction_of(name).about()["n_parameters"])

    def _judge(self, criterion: Criterion, scope: str) -> CriterionResult:
        if not criterion.from_results:
            return needing_model(criterion, scope)
        measured = replace(criterion, measure=lambda study: self._measured(criterion, study))
        return super()._judge(measured, scope)

    def _measured(self, criterion: Criterion, study: ProblemStudy | ModelStudy | PairStudy) -> Measurement:
        measured = self._taken(criterion, study)
        if not isinstance(study, ProblemStudy):
            measured = self._beyond_rounding(criterion, study, measured)
        return self._as_recorded(criterion, study.name, measured)

    def _taken(self, criterion: Criterion, study: Any) -> Measurement:
        """The measurement alone: files that show it are those that the earlier run wrote."""
        measure = criterion.measure
        if isinstance(measure, Evaluation):
            return study.evaluate(measure.criterion_id, measure.of, measure.rule)
        return measure(study)

    def _beyond_rounding(
        self, criterion: Criterion, study: ModelStudy | PairStudy, measured: Measurement
    ) -> Measurement:
        """The measurement, if it does not hang on how weights were rounded."""
        of_patterns = isinstance(criterion.measure, Evaluation) and isinstance(
            criterion.measure.of, MeanMeasure | TestMeasure | PairMeasure
        )
        if measured.value is None or isinstance(measured.value, str):
            return measured
        if isinstance(criterion.measure, Evaluation) and not of_patterns:
            # What was answered is kept as it was.
            return measured
        again = self._taken(criterion, self._moved(study))
        if criterion.rule.holds(again.value) != criterion.rule.holds(measured.value):
            raise lacking(
                f"{NAME} holds weights in half precision, and that decides this verdict ({measured.value}, or "
                f"{again.value} with weights moved by as much)"
            )
        return replace(measured, beside={**measured.beside, "weights": ROUNDED}) if of_patterns else measured

    def _moved(self, study: ModelStudy | PairStudy) -> ModelStudy | PairStudy:
        """The same with other weights that are rounded to the same ones."""
        if study.name not in self._again:
            if isinstance(study, PairStudy):
                smaller, larger = (self._moved(one) for one in study.studies)
                assert isinstance(smaller, ModelStudy)
                assert isinstance(larger, ModelStudy)
                pair = PairStudy(smaller, larger, self._about_results())
                pair.files = SavedPairFiles(pair, self._kept)
                self._again[study.name] = pair
            else:
                self._again[study.name] = SavedStudy(
                    replace(self.options, controls="none"),
                    replace(self._extraction_of(study.name), moved=True),
                    self._about_results(),
                    self._kept,
                )
        return self._again[study.name]

    def _as_recorded(self, criterion: Criterion, scope: str, measured: Measurement) -> Measurement:
        """The measurement with the files that were recorded to show it, and the controls that cannot be taken again.

        A declaration that says something else now was measured differently, and what was drawn is known only as a share.
        """
        recorded = self._verdicts.get((criterion.id, scope))
        if recorded is None:
            return measured
        if isinstance(criterion.measure, Evaluation):
            shown = (path for path in recorded.artifacts if not path.endswith("calibration.json"))
            measured = replace(measured, artifacts=self._kept.there(*shown))
        if recorded.definition != criterion.definition:
            return measured
        more = {
            name: ControlValue(one.measured)
            for name, one in recorded.controls.items()
            if name not in measured.controls and one.pass_rate is None
        }
        if not more:
            return measured
        return replace(
            measured,
            controls={**measured.controls, **more},
            beside={**measured.beside, "controls as recorded": list(more)},
        )

    def _ground_verdict(self, ground: Criterion, place: str) -> VerdictName:
        """The verdict on a ground, as it was recorded where it cannot be judged again."""
        verdict = super()._ground_verdict(ground, place)
        recorded = self._verdicts.get((ground.id, place))
        return recorded.verdict if verdict == "skipped" and recorded is not None else verdict

    def _broken_ground(self, criterion: Criterion, scope: str) -> list[str]:
        broken = super()._broken_ground(criterion, scope)
        recorded = self._verdicts.get((criterion.id, scope))
        if not broken and recorded is not None and recorded.verdict == "invalid":
            # The grounds may not have been among what was recorded; the verdict that rests on them was.
            return self._unknown_grounds(criterion, scope)
        return broken

    def _unknown_grounds(self, criterion: Criterion, scope: str) -> list[str]:
        return [
            needed
            for needed in criterion.rests_on
            if any(
                self._ground_verdict(self._declared[needed], place) == "skipped"
                for place in self._grounds(self._declared[needed], criterion, scope)
            )
        ]
