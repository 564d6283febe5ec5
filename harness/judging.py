"""A run: the models and problems that were asked for, and the verdict on every criterion."""

import shutil
import tempfile
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property, partial
from inspect import unwrap
from itertools import combinations
from typing import Any, get_args

from harness.criteria.calibration import calibrate
from harness.criteria.complete import checkpoint_folder
from harness.criteria.criterion import OWN, Criterion, NotMeasured, Scope
from harness.criteria.declare import Evaluation
from harness.criteria.effects import behaviour_study, heads_study, importance_study, sweep_study, validation_study
from harness.criteria.evidence import ModelStudy, ProblemStudy
from harness.criteria.hypothesis import MeanMeasure, TestMeasure
from harness.criteria.intervened import SampleName
from harness.criteria.judged import judge
from harness.criteria.pair_study import PairStudy
from harness.criteria.patterns_summary import NAME, TRAINED, Part, Which
from harness.criteria.phases import phase_results
from harness.criteria.planted_heads import ranks_heads
from harness.criteria.registry import criteria, declaration_digests, declarations_digest
from harness.declared.read import shown
from harness.declared.trial import try_out
from harness.engines.ray import RayEngine
from harness.errors import HarnessError
from harness.extraction.batch_size import auto_batch_size
from harness.extraction.cached import UNTRAINED_SEED, CachedExtraction, Variant
from harness.extraction.sizes import cached_size
from harness.files import jsonable
from harness.interventions.cached import CachedAnswers
from harness.models.device import resolve_device
from harness.models.registry import find_entry, locate, locate_base
from harness.options import RunOptions
from harness.provenance import provenance
from harness.results import CriterionResult, RunResult, VerdictName
from harness.storage.blocks import Blocks
from harness.storage.checkpoints import EVERY, write_checkpoint
from harness.storage.progress import Progress, quiet

FIRST_SAMPLE: tuple[SampleName, ...] = ("first",)
"""What studies look at that have no samples of their own."""
SAMPLES: dict[str, tuple[SampleName, ...]] = {
    "phase2": ("first", "second"),
    "importance": ("importance",),
    "steps": ("validation", "sweep"),
    "behaviour": ("test",),
    "phase4": ("full",),
}
"""Samples of problems that only some studies look at."""
SAMPLES_OF: dict[Any, tuple[SampleName, ...]] = {
    importance_study: ("importance",),
    sweep_study: ("sweep",),
    validation_study: ("validation",),
    heads_study: ("first", "second"),
    behaviour_study: ("test",),
}
"""Samples of problems by where a measure of interventions looks."""


def dataset_of(options: RunOptions) -> str:
    """The dataset of a run: the one asked for, else the one its models are studied on.

    Errors: ``HarnessError`` when models with different defaults leave it open.
    """
    if options.dataset is not None:
        return options.dataset
    defaults = {name: find_entry(name, options.models_file)[0].dataset for name in options.models}
    if len(set(defaults.values())) > 1:
        listed = ", ".join(f"{name}: {dataset}" for name, dataset in defaults.items())
        raise HarnessError(f"The models are studied on different datasets ({listed}). Name one with --dataset.")
    return next(iter(defaults.values()))


def samples_of(criterion: Criterion) -> tuple[SampleName, ...]:
    """What a criterion looks at: the samples of its study, and for a user's own those of its measure."""
    if criterion.study != OWN:
        return SAMPLES.get(criterion.study, FIRST_SAMPLE)
    where = getattr(getattr(criterion.measure, "of", None), "where", None)
    return SAMPLES_OF.get(unwrap(where), FIRST_SAMPLE) if where else FIRST_SAMPLE


def _sizes_of(extraction: CachedExtraction) -> tuple[int, int, int]:
    """L, H and T."""
    if extraction.is_cached():
        about = extraction.about()
        return about["n_layers"], about["n_heads"], about["n_latents"]
    model = extraction.model()
    return model.n_layers, model.n_heads, model.n_latents


def looked_at(judged: Iterable[tuple[Criterion, CriterionResult]]) -> set[Part]:
    """The attention, beside the model's own on its sample, that hypotheses about patterns were held against."""
    found = set[Part]()
    for criterion, result in judged:
        measure = criterion.measure.of if isinstance(criterion.measure, Evaluation) else None
        if isinstance(measure, MeanMeasure | TestMeasure) and result.measured is not None:
            twice = isinstance(measure, TestMeasure) and measure.second_sample
            variants = [TRAINED[1], *(one for one in get_args(Variant) if one in result.controls)]
            found |= {(which, one) for which in get_args(Which)[: 1 + twice] for one in variants}
    return found


class Run:
    """Judges criteria; evidence is computed once, when first needed."""

    def __init__(self, options: RunOptions, progress: Progress = quiet, own: Sequence[Criterion] = ()):
        """``own`` are a user's own criteria, beside the registry's."""
        self.options = options
        self._own = tuple(own)
        self._declared = {criterion.id: criterion for criterion in (*criteria(), *own)}
        self._progress = progress
        self._models: dict[str, ModelStudy] = {}
        self._pairs: dict[str, PairStudy] = {}
        self._extractions: dict[tuple[str, SampleName], CachedExtraction] = {}
        self._results: dict[tuple[str, str], CriterionResult] = {}
        self._engine = RayEngine(options.ray_address, options.ray_workers) if options.engine == "ray" else None

    def preflight(self, studies: Collection[str] = ()) -> None:
        """Check every input before anything runs; raises ``HarnessError`` for the first that is wrong.

        ``studies`` are those about to be judged: the questions of their samples must fit the models too.
        """
        names = [*self.options.models, *([self.options.control_model] if self.options.control_model else [])]
        for name in names:
            find_entry(name, self.options.models_file)
        for name in self.options.checkpoints:
            find_entry(name, self.options.models_file)
        self._check_folders()
        if self._engine is not None:
            self._engine.check()
        _ = self.problem_study.problems
        _ = self.problem_study.test_split
        for name in names:
            if self.options.refresh:
                self._forget(name)
            extraction = self._extraction(name)
            if not extraction.is_cached():
                extraction.check()
                for sample in self._samples_beside_the_first(studies):
                    # A sample that cannot be drawn leaves its criteria out, with the reason.
                    with suppress(NotMeasured):
                        self._check_lengths(name, sample)
            if self._own:
                sizes = _sizes_of(extraction)
                for criterion in self._own:
                    try_out(criterion, *sizes)

    def close(self) -> None:
        """Let go of what was started to run models."""
        if self._engine is not None:
            self._engine.close()

    def scopes(self, criterion: Criterion) -> list[str]:
        """What a criterion is judged on: ``run``, each model, or each pair of models.

        Errors: ``HarnessError`` when a pair cannot be ordered because a model's base config is not to be had.
        """
        match criterion.scope:
            case "run":
                return ["run"]
            case "model":
                return list(self.options.models)
            case "pair":
                return list(self.pairs)

    @cached_property
    def pairs(self) -> dict[str, tuple[str, str]]:
        """Every two of the models, the smaller first (as given where they are alike), by the comparison's name."""
        ordered = [sorted(two, key=self._size) for two in combinations(self.options.models, 2)]
        return {f"{smaller}_vs_{larger}": (smaller, larger) for smaller, larger in ordered}

    def judge(self, criterion: Criterion, scope: str) -> CriterionResult:
        """The verdict on one criterion; the same object when asked again."""
        known = (criterion.id, scope)
        if known not in self._results:
            self._results[known] = self._judge(criterion, scope)
        return self._results[known]

    def _judge(self, criterion: Criterion, scope: str) -> CriterionResult:
        return judge(criterion, scope, self._evidence(criterion, scope), self._broken_ground(criterion, scope))

    def calibrated(self, results: list[CriterionResult]) -> list[CriterionResult]:
        """The results, with the calibration.json of every model and pair written and named where its criteria are in it.

        The summary of a model's patterns is written once more, with those that it was held against.
        """
        known = self._declared
        by_scope: dict[tuple[Scope, str], list[tuple[Criterion, CriterionResult]]] = {}
        for one in (one for one in results if one.id in known):
            by_scope.setdefault((known[one.id].scope, one.model), []).append((known[one.id], one))
        paths: dict[tuple[str, str], str] = {}
        for (scope, name), own in by_scope.items():
            if scope == "run":
                continue
            if scope == "model" and any(f"results/{name}/{NAME}" in one.artifacts for _, one in own):
                self._summarise(self.model_study(name), own)
            study = self.model_study(name) if scope == "model" else self.pair_study(name)
            if content := calibrate(study, own, self._progress):
                if isinstance(study, ModelStudy) and self.options.controls == "all" and ranks_heads(content):
                    content.planted_heads = study.planted_heads
                path = study.files.calibration(content)
                paths |= {(name, entry.id): path for entry in content.criteria}
        return [
            one.model_copy(update={"artifacts": [*one.artifacts, paths[one.model, one.id]]})
            if (one.model, one.id) in paths
            else one
            for one in results
        ]

    def _summarise(self, study: ModelStudy, judged: Iterable[tuple[Criterion, CriterionResult]]) -> None:
        study.files.patterns_summary_with(study.others(looked_at(judged)))

    def complete(self, results: list[CriterionResult]) -> RunResult:
        """All of ``criteria.json``: the run, its phases, the criteria in the order given."""
        judged_on: dict[Scope, Sequence[str]] = {"model": self.options.models, "pair": list(self.pairs)}
        run = {**self.provenance(), "samples": self._samples(results)}
        return RunResult(run=run, phases=phase_results(results, judged_on, self._own), criteria=results)

    def _samples_beside_the_first(self, studies: Collection[str]) -> set[SampleName]:
        """What the criteria of these studies look at beside the first sample."""
        of_studies = {sample for study in studies for sample in SAMPLES.get(study, ())}
        of_own = {sample for criterion in self._own for sample in samples_of(criterion)} if OWN in studies else set()
        return (of_studies | of_own) - {"first"}

    def _samples(self, results: Iterable[CriterionResult]) -> list[dict[str, Any]]:
        """The problems that were looked at, each sample once, with the studies that did."""
        found: dict[SampleName, list[str]] = {}
        for sample, study in dict.fromkeys(
            (sample, result.study) for result in results for sample in samples_of(self._declared[result.id])
        ):
            found.setdefault(sample, []).append(study)
        described = []
        for sample, looked in found.items():
            # What cannot be drawn was looked at by nobody; its criteria were left out with the reason.
            with suppress(HarnessError):
                problems = self.problem_study.sample(sample)
                described.append(
                    {
                        "studies": looked,
                        "split": problems.split,
                        "n": len(problems),
                        "split_size": problems.split_size,
                        "as_many_of_each_difficulty": problems.stratified,
                        "complete": sample == "full",
                        "another": sample == "second",
                    }
                )
        return described

    @cached_property
    def problem_study(self) -> ProblemStudy:
        """The evidence of scope ``run``."""
        about = self._about(seed=self.options.seed)
        return ProblemStudy(self.options, dataset_of(self.options), about, self._pace)

    def _pace(self) -> dict[str, float]:
        """Problems per second of every model whose first sample lies in the cache."""
        cached = {name: self._extraction(name) for name in self.options.models if self._extraction(name).is_cached()}
        return {name: len(one.problems) / one.about()["seconds"] for name, one in cached.items()}

    def model_study(self, name: str) -> ModelStudy:
        """The evidence of one model."""
        if name not in self._models:
            control = self.options.control_model
            self._models[name] = ModelStudy(
                self.options,
                self._extraction(name),
                self._about_results(),
                None if control is None or self.options.controls != "all" else self._extraction(control),
                lambda sample, of_control: self._extraction(control if of_control and control else name, sample),
                lambda criterion_id: self.judge(
                    self._declared[criterion_id], "run" if self._declared[criterion_id].scope == "run" else name
                ),
            )
        return self._models[name]

    def pair_study(self, name: str) -> PairStudy:
        """The evidence of one comparison."""
        if name not in self._pairs:
            smaller, larger = (self.model_study(model) for model in self.pairs[name])
            # The names of the figures leave no room for a second pair beside the first.
            folder = "figures/comparison" if len(self.pairs) == 1 else f"figures/comparison/{name}"
            self._pairs[name] = PairStudy(smaller, larger, self._about_results(), folder)
        return self._pairs[name]

    def _about_results(self) -> dict[str, Any]:
        return self._about(seed=self.options.seed, options=self._settings())

    def _about(self, **facts: Any) -> dict[str, Any]:
        """Where a result comes from, the declarations it was judged by included."""
        return provenance(**facts, declarations_sha256=declarations_digest(self._own))

    def provenance(self) -> dict[str, Any]:
        """The ``run`` object of ``criteria.json``."""
        problems = self.problem_study.problems
        models = []
        for name in self.options.models:
            extraction = self._extraction(name)
            about = extraction.about() if extraction.is_cached() else {}
            facts = ("n_layers", "n_heads", "n_latents", "n_parameters", "hidden_size", "device", "dtype", "seconds")
            models.append(
                {"name": name, "fingerprint": extraction.model_fingerprint, **{key: about.get(key) for key in facts}}
            )
        content = provenance(
            models=models,
            dataset={
                "name": problems.name,
                "split": problems.split,
                "split_size": problems.split_size,
                "n": len(problems),
                "fingerprint": problems.fingerprint,
                "source": problems.source,
            },
            seed=self.options.seed,
            sweep_problems=self.options.sweep_problems,
            controls=self.options.controls,
            control_model=self.options.control_model,
            untrained_seed=UNTRAINED_SEED,
            options=self._settings(),
            declarations_sha256=declarations_digest(self._own),
            declarations=declaration_digests(self._own),
            own_files=self._own_files(),
        )
        return dict(jsonable(content))

    def _own_files(self) -> dict[str, str]:
        return {criterion.id: shown(criterion.file) for criterion in self._own if criterion.file}

    def _settings(self) -> dict[str, Any]:
        """Options as the user gave them, the dataset resolved; what decides no result is left out."""
        given = {**asdict(self.options), "dataset": self.problem_study.dataset}
        for name in ("output", "cache_dir", "refresh", "engine", "ray_address", "ray_workers", "wandb", "from_results"):
            del given[name]
        paths = {name: str(given[name]) for name in ("gsm8k_path", "models_file") if given[name] is not None}
        return {**given, **paths, "models": list(self.options.models)}

    def _extraction(self, name: str, sample: SampleName = "first") -> CachedExtraction:
        """The extraction of a model on a sample; all samples share the loaded model."""
        known = (name, sample)
        if known not in self._extractions:
            options = self.options
            first = None if sample == "first" else self._extraction(name)
            place = options.checkpoints.get(name)
            files = locate(name, options.models_file, place) if first is None else first.files
            problems, device = self.problem_study.sample(sample), resolve_device(options.device)
            blocks = self._checkpoints(name) if sample == "full" else None
            block = None if blocks is None else blocks.size
            self._extractions[known] = CachedExtraction(
                files,
                problems,
                options.cache_dir,
                options.batch_size or auto_batch_size(files, problems.questions, device, options.dtype, block),
                device,
                options.dtype,
                self._progress,
                loaded={} if first is None else first.loaded,
                blocks=blocks,
                engine=self._engine,
                stored="float32" if blocks is None else options.store,
            )
        return self._extractions[known]

    def _checkpoints(self, name: str) -> Blocks:
        """All problems are run a thousand at a time, and each thousand's attention is written when it is done."""
        folder = checkpoint_folder(self.options.output, name)
        return Blocks(EVERY, lambda problems, store: write_checkpoint(folder, problems, partial(store.read, "raw")))

    def _forget(self, name: str) -> None:
        """Remove from the cache what the model gave on any sample of these problems."""
        for sample in get_args(SampleName):
            # A sample that cannot be drawn has nothing to forget.
            with suppress(HarnessError):
                extraction = self._extraction(name, sample)
                extraction.forget()
                CachedAnswers(extraction, self.options.seed).forget()

    def _check_lengths(self, name: str, sample: SampleName) -> None:
        try:
            extraction = self._extraction(name, sample)
        except HarnessError as error:
            raise NotMeasured(str(error)) from error
        model = extraction.model()
        model.require_fit([len(model.prompt_ids(question)) for question in extraction.problems.questions])

    def _size(self, name: str) -> int:
        base = locate_base(name, self.options.models_file, self.options.checkpoints.get(name))
        return cached_size(base, self.options.cache_dir)

    def _check_folders(self) -> None:
        for option, folder in (("--output", self.options.output), ("--cache-dir", self.options.cache_dir)):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    pass
            except OSError as error:
                raise HarnessError(
                    f"Nothing can be written to {folder} ({option}): {error.strerror}. Name another folder with {option}, or "
                    "make this one writable."
                ) from error
        if shutil.disk_usage(self.options.output).free < 10_000_000:
            raise HarnessError(f"Less than 10 MB are free at {self.options.output}. Free some space first.")

    def _evidence(self, criterion: Criterion, scope: str) -> ProblemStudy | ModelStudy | PairStudy:
        match criterion.scope:
            case "run":
                return self.problem_study
            case "model":
                return self.model_study(scope)
            case "pair":
                return self.pair_study(scope)

    def _broken_ground(self, criterion: Criterion, scope: str) -> list[str]:
        """The failed validity criteria that a criterion rests on; of a pair's models, each with its model."""
        broken = []
        for needed in criterion.rests_on:
            ground = self._declared[needed]
            for place in self._grounds(ground, criterion, scope):
                if self._ground_verdict(ground, place) in ("fail", "invalid"):
                    broken.append(needed if place in ("run", scope) else f"{needed} of {place}")
        return broken

    def _ground_verdict(self, ground: Criterion, place: str) -> VerdictName:
        return self.judge(ground, place).verdict

    def _grounds(self, ground: Criterion, criterion: Criterion, scope: str) -> tuple[str, ...]:
        """Where a validity criterion must hold for ``criterion`` on ``scope`` to mean anything."""
        if ground.scope == "run":
            return ("run",)
        return self.pairs[scope] if (criterion.scope, ground.scope) == ("pair", "model") else (scope,)
