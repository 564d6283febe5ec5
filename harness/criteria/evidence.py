"""The evidence that criteria look at: the problems of a run, and everything extracted from one model.

Everything is computed when first asked for and kept; nothing here decides a verdict.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.criteria.behaviour_files import BehaviourFiles
from harness.criteria.behaviour_report import BehaviourReport
from harness.criteria.case_files import CaseFiles
from harness.criteria.causal_files import CausalFiles
from harness.criteria.complete import CompleteStudy
from harness.criteria.criterion import Measurement, NotMeasured, Rule
from harness.criteria.critical import HeadRanking
from harness.criteria.effects import Effect, EffectTest, Source
from harness.criteria.full_scale_report import FullScaleReport
from harness.criteria.hypothesis import MeanMeasure, TestMeasure, evaluate
from harness.criteria.importance_files import ImportanceFiles
from harness.criteria.inside_files import InsideFiles
from harness.criteria.intervened import Intervened, SampleName
from harness.criteria.patterns_summary import OTHERS, TRAINED, Part
from harness.criteria.planted_heads import planted_heads
from harness.criteria.remembered import remembered, statistics_code
from harness.criteria.roles import Judged
from harness.criteria.sample import Sample
from harness.criteria.sensitivity_files import SensitivityFiles
from harness.criteria.steps_files import StepsFiles
from harness.criteria.taxonomy_files import TaxonomyFiles
from harness.criteria.thought_files import ThoughtFiles
from harness.errors import HarnessError
from harness.extraction.cached import CachedExtraction, Variant
from harness.extraction.patterns import AttentionPatterns, Looks
from harness.files import digest
from harness.interventions.cached import CachedAnswers
from harness.options import RunOptions
from harness.problems import Cleaned, ProblemSet, clean, load_problems, load_split, second_sample, stratified_sample
from harness.problems.dataset_file import save_dataset
from harness.problems.inventory import entry_id, inventory_entry, update_inventory
from harness.results import CriterionResult, PlantedHeads
from harness.statistics import uniform, uniform_context
from harness.storage.blocks import Blocks
from harness.storage.rows import RowFile

Array = NDArray[Any]


@dataclass
class ProblemStudy:
    """The problems of a run: scope ``run``."""

    options: RunOptions
    dataset: str
    provenance: dict[str, Any]

    pace: Callable[[], Mapping[str, float]] = dict
    """Problems per second of the models whose attention was extracted already, by name."""

    name = "run"

    @cached_property
    def problems(self) -> ProblemSet:
        """The sample of the training split."""
        return self.sample_again()

    @cached_property
    def second(self) -> ProblemSet:
        """A second sample of the training split, disjoint from the first. Errors: ``HarnessError`` for too few left."""
        return second_sample(self.problems, self.dataset, self.options.seed, self.options.gsm8k_path)

    def sample(self, name: SampleName) -> ProblemSet:
        """The problems of a sample by name. Errors: ``HarnessError`` where there are too few to draw them from."""
        options = self.options
        match name:
            case "first":
                return self.problems
            case "second":
                return self.second
            case "importance":
                return self.importance
            case "validation":
                taken = self.sweep.ids
                return self._stratified("train", options.n_problems, options.seed + 1, taken)
            case "sweep":
                return self.sweep
            case "test":
                return self.test_split
            case "full":
                return self.full.kept

    @cached_property
    def importance(self) -> ProblemSet:
        """Problems of the test split, as many of each level of difficulty."""
        return self._stratified("test", self.options.n_problems, self.options.seed)

    @cached_property
    def sweep(self) -> ProblemSet:
        """Problems of the training split, as many of each level of difficulty."""
        return self._stratified("train", self.options.sweep_problems, self.options.seed)

    def _stratified(self, split: str, n: int, seed: int, without: Collection[int] = ()) -> ProblemSet:
        return stratified_sample(self.dataset, split, n, seed, self.options.gsm8k_path, without)

    def sample_again(self) -> ProblemSet:
        """Draw the sample from the files once more, for comparison."""
        return load_problems(
            self.dataset,
            split="train",
            n=self.options.n_problems,
            seed=self.options.seed,
            path=self.options.gsm8k_path,
        )

    @cached_property
    def test_split(self) -> ProblemSet:
        """The whole test split."""
        return load_split(self.dataset, "test", path=self.options.gsm8k_path)

    @cached_property
    def full(self) -> Cleaned:
        """The complete training split without corrupt and repeated problems."""
        return clean(load_split(self.dataset, "train", path=self.options.gsm8k_path))

    def expected_time(self, n: int) -> str:
        """How long the attention of ``n`` problems takes, judged by what was extracted already."""
        known = [f"{name} {n / pace:.0f} s" for name, pace in self.pace().items()]
        return f"{', '.join(known)} at the pace of the first sample" if known else "not known before a first extraction"

    @cached_property
    def dataset_file(self) -> str:
        """The sample's file, relative to the output folder."""
        path = f"data/attention_dataset_{len(self.problems)}_train.json"
        save_dataset(self.problems, self.absolute(path), self.provenance)
        return path

    @cached_property
    def inventory(self) -> str:
        """docs/DATA_INVENTORY.md with its entry on the sample."""
        path = "docs/DATA_INVENTORY.md"
        options, n = self.options, len(self.problems)
        recipe = f"pytest checks/ --story 1.1 --dataset {self.dataset} --n-problems {n} --seed {options.seed}"
        entry = inventory_entry(
            self.problems,
            PurePosixPath("..") / self.dataset_file,
            purpose="Attention between continuous thoughts (phases 1 and 2)",
            usage="Read by every criterion of stories 1.1 to 2.6",
            recipe=recipe + (f" --gsm8k-path {options.gsm8k_path}" if options.gsm8k_path else ""),
        )
        update_inventory(self.absolute(path), entry_id(self.problems), entry)
        return path

    @property
    def output(self) -> Path:
        """The output folder."""
        return self.options.output

    def absolute(self, relative: str) -> Path:
        """A path inside the output folder."""
        return self.output / relative


class Named(Protocol):
    """A model's files."""

    @property
    def name(self) -> str:
        """The model's name."""


class Extraction(Protocol):
    """What a study asks of a model's extraction, be it run now or kept with the results of an earlier run."""

    @property
    def files(self) -> Named:
        """The model."""

    @property
    def problems(self) -> ProblemSet:
        """The problems that the model was run on."""

    @property
    def batch_size(self) -> int:
        """Problems at a time."""

    @property
    def cache_dir(self) -> Path:
        """Where measurements are remembered."""

    @property
    def blocks(self) -> Blocks | None:
        """How many problems are run one after the other; None where their patterns lie in memory."""

    @property
    def model_fingerprint(self) -> str:
        """Content of the model."""

    def key(self, variant: Variant) -> str:
        """Content key: equal keys, equal patterns."""

    def patterns(self, variant: Variant = "trained") -> AttentionPatterns:
        """The attention patterns of a variant."""

    def looks(self) -> Looks:
        """Independent looks at a few problems."""

    def about(self) -> dict[str, Any]:
        """Sizes and parameters of the model."""


class ModelStudy:
    """Everything extracted from one model: scope ``model``.

    ``extraction`` runs or reads the model; ``control`` is the extraction of a matched control model, if named; ``at`` gives
    the extraction of another sample of problems, of the control model when true. ``judged`` gives the verdict on another
    criterion about the same model. ``name`` is that of its folders, the model's unless given.
    """

    def __init__(
        self,
        options: RunOptions,
        extraction: Extraction,
        provenance: dict[str, Any],
        control: Extraction | None = None,
        at: Callable[[SampleName, bool], CachedExtraction] | None = None,
        judged: Judged | None = None,
        name: str | None = None,
    ):
        from harness.criteria.artifacts import Artifacts
        from harness.criteria.drawings import Drawings

        self.options = options
        self.name = name or extraction.files.name
        self.problems = extraction.problems
        self.batch_size = extraction.batch_size
        self.provenance = {
            **provenance,
            "model": extraction.files.name,
            "model_fingerprint": extraction.model_fingerprint,
            "dataset_fingerprint": extraction.problems.fingerprint,
        }
        self.files = Artifacts(self)
        self.figures = Drawings(self)
        self._extraction = extraction
        self._control = control
        self._at = at
        self._judged = judged

    @cached_property
    def patterns(self) -> AttentionPatterns:
        """The model's attention."""
        return self._extraction.patterns()

    @cached_property
    def oracle(self) -> Looks:
        """Independent looks at a few problems."""
        return self._extraction.looks()

    @property
    def content(self) -> str:
        """Content key of the extraction: equal keys, equal patterns."""
        return self._extraction.key("trained")

    @property
    def about(self) -> dict[str, Any]:
        """Sizes and parameters of the model, seconds of its extraction."""
        return self._extraction.about()

    @property
    def summarised(self) -> dict[str, Any]:
        """What the summary of the patterns says about them: the same whenever, and on whatever device in use, it is written."""
        sizes = ("n_layers", "n_heads", "n_latents", "hidden_size", "n_parameters", "device", "dtype")
        known = ("harness", "packages", "model", "model_fingerprint", "dataset_fingerprint")
        return {
            **{name: self.about[name] for name in sizes},
            **{name: self.provenance[name] for name in known if name in self.provenance},
            "batch_size": self.batch_size,
            "dataset": self.problems.name,
            "split": self.problems.split,
            "n_problems": len(self.problems),
            "seed": self.options.seed,
        }

    @property
    def n_layers(self) -> int:
        """L."""
        return self.patterns.shape[1]

    @property
    def n_heads(self) -> int:
        """H, query heads."""
        return self.patterns.shape[2]

    @property
    def n_latents(self) -> int:
        """T."""
        return self.patterns.shape[3]

    @cached_property
    def sample(self) -> Sample:
        """The patterns as hypotheses see them."""
        raw = self.patterns.raw
        return Sample(
            np.asarray(raw) if self._extraction.blocks is None else RowFile.open(Path(raw.filename)),  # type: ignore[attr-defined]
            self.options.seed,
            draw_controls=self.options.controls != "none",
            second=lambda: np.asarray(self._second_patterns().raw),
        )

    @property
    def samples(self) -> dict[str, Sample]:
        """What hypotheses see, by model."""
        return {self.name: self.sample}

    @cached_property
    def ranking(self) -> HeadRanking:
        """The heads ranked by composite score."""
        return HeadRanking(self.sample)

    @cached_property
    def planted_heads(self) -> PlantedHeads | None:
        """How heads of the model that are given a pattern are found again; None where it is not there, or that not defined."""
        extraction = self._extraction
        return planted_heads(extraction, self.options.seed) if isinstance(extraction, CachedExtraction) else None

    def others(self, parts: Collection[Part]) -> dict[Part, AttentionPatterns]:
        """Those of the patterns beside the model's own on its sample that are to be kept with the results."""
        wanted = [part for part in OTHERS if part in parts and part != TRAINED]
        return {
            (which, variant): self._extraction.patterns(variant) if which == "first" else self._second_patterns(variant)
            for which, variant in wanted
        }

    def _second_patterns(self, variant: Variant = "trained", *, control: bool = False) -> AttentionPatterns:
        if self._at is None:
            raise NotMeasured("needs a second sample of problems")
        try:
            extraction = self._at("second", control)
        except HarnessError as error:
            raise NotMeasured(str(error)) from error
        return extraction.patterns(variant)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Controls that take an extraction of their own."""
        return ("untrained", "contentless")

    def controls_of(self, measure: MeanMeasure | TestMeasure) -> dict[str, Sample]:
        """The single-array controls that a measure can be taken of."""
        return self.controls

    @cached_property
    def controls(self) -> dict[str, Sample]:
        """The single-array controls, by name; the shuffled one is drawn from :attr:`sample`."""
        if self.options.controls == "none":
            return {}
        found = {"uniform": self._control_of(_uniform), "uniform-context": self._control_of(_uniform_context)}
        if self.options.controls == "all":
            found |= {variant: self._control_of(_raw, variant) for variant in self.variants}
        if self._control is not None:
            found["control-model"] = self._control_of(_raw, extraction=self._control)
        return found

    def _control_of(
        self,
        make: Callable[[AttentionPatterns], Array],
        variant: Variant = "trained",
        extraction: Extraction | None = None,
    ) -> Sample:
        """What ``make`` makes of a variant's patterns, on the sample and, when asked for, on the second one."""
        return self.sample.with_raw(
            make((extraction or self._extraction).patterns(variant)),
            lambda: make(self._second_patterns(variant, control=extraction is not None)),
        )

    def absolute(self, relative: str) -> Path:
        """A path inside the output folder."""
        return self.options.output / relative

    @cached_property
    def intervened(self) -> Intervened:
        """What the model answers under interventions. Errors: ``NotMeasured`` where there is nothing but this sample."""
        extraction_at = self._at
        if extraction_at is None:
            raise NotMeasured("needs other samples of problems")
        known: dict[tuple[SampleName, Source], CachedAnswers] = {}

        def at(sample: SampleName, source: Source) -> CachedAnswers:
            if (sample, source) not in known:
                extraction = extraction_at(sample, source == "control-model")
                variant: Literal["trained", "contentless"] = "contentless" if source == "contentless" else "trained"
                known[sample, source] = CachedAnswers(extraction, self.options.seed, variant)
            return known[sample, source]

        return Intervened(self, at)

    @cached_property
    def complete(self) -> CompleteStudy:
        """The model on the complete training split. Errors: ``NotMeasured`` where there is nothing but this sample."""
        if self._at is None:
            raise NotMeasured("needs all problems")
        extraction = self._at("full", False)
        options = replace(self.options, controls="none")
        whole = ModelStudy(options, extraction, self.provenance, name=f"{self.name}_full")
        return CompleteStudy(self, whole, extraction)

    @cached_property
    def full_scale(self) -> FullScaleReport:
        """What is written for readers about all problems."""
        return FullScaleReport(self)

    @cached_property
    def importance_files(self) -> ImportanceFiles:
        """Result files and figures of the importance study."""
        return ImportanceFiles(self)

    @cached_property
    def causal_files(self) -> CausalFiles:
        """Result file and figure of the ablated heads."""
        return CausalFiles(self)

    @cached_property
    def thought_files(self) -> ThoughtFiles:
        """Result files and figures of what each thought reads in the question and is made of."""
        return ThoughtFiles(self)

    @cached_property
    def steps_files(self) -> StepsFiles:
        """Result files and figure of the study of steps."""
        return StepsFiles(self)

    @cached_property
    def behaviour_files(self) -> BehaviourFiles:
        """Predictions of the study of behaviour."""
        return BehaviourFiles(self)

    @cached_property
    def inside_files(self) -> InsideFiles:
        """Result files and figures of attention and states with a thought blocked."""
        return InsideFiles(self)

    @cached_property
    def taxonomy_files(self) -> TaxonomyFiles:
        """Result files and figures of the kinds of errors."""
        return TaxonomyFiles(self)

    @cached_property
    def sensitivity_files(self) -> SensitivityFiles:
        """Result files and figures on which problems suffer from a blocked thought."""
        return SensitivityFiles(self)

    @cached_property
    def case_files(self) -> CaseFiles:
        """Case studies."""
        return CaseFiles(self)

    def judged(self, criterion_id: str) -> CriterionResult:
        """The verdict on another criterion. Errors: ``NotMeasured`` where only this one is judged."""
        if self._judged is None:
            raise NotMeasured("needs the verdicts on other criteria")
        return self._judged(criterion_id)

    @cached_property
    def behaviour_report(self) -> BehaviourReport:
        """The report on behaviour in words."""
        return BehaviourReport(self, self.judged)

    def evaluate(
        self, criterion_id: str, measure: MeanMeasure | TestMeasure | Effect[Any] | EffectTest[Any], rule: Rule
    ) -> Measurement:
        """A hypothesis' measurement with all controls, kept on disk by content."""
        if isinstance(measure, Effect | EffectTest):
            return self.intervened.evaluate(criterion_id, measure, rule)
        second = isinstance(measure, TestMeasure) and measure.second_sample
        path = self._extraction.cache_dir / "measurements" / f"{self._key(criterion_id, rule, second)}.json"
        return remembered(path, lambda: evaluate(measure, rule, self.sample, self.controls_of(measure)))

    def _key(self, criterion_id: str, rule: Rule, second: bool) -> str:
        others = [] if self._control is None else [self._control.key("trained")]
        if second and self._at is not None:
            with suppress(HarnessError):
                others.append(self._at("second", False).key("trained"))
        settings = f"{criterion_id}:{rule!r}:{self.options.controls}:{self.options.seed}"
        return digest(self._extraction.key("trained"), settings, statistics_code(), *others)[:32]


def _raw(patterns: AttentionPatterns) -> Array:
    return np.asarray(patterns.raw)


def _uniform(patterns: AttentionPatterns) -> Array:
    return uniform(np.asarray(patterns.raw))


def _uniform_context(patterns: AttentionPatterns) -> Array:
    contexts = patterns.context_length[:, None] + np.arange(1, patterns.shape[3] + 1)
    return uniform_context(patterns.raw.shape, contexts)
