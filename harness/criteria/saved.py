"""The evidence of a run that is judged again from its results: the same measures, and no model.

Attention comes from patterns_summary.npz, its mean over problems exactly from attention_patterns_avg.npy; the files that
criteria look at are those of the run that wrote them, brought over into the output folder as they are. Whatever is not there
is ``NotMeasured``, with a reason that says what is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from harness.criteria.artifacts import Artifacts
from harness.criteria.criterion import Measurement, NotMeasured, Rule
from harness.criteria.effects import Effect, EffectTest
from harness.criteria.evidence import ModelStudy, ProblemStudy
from harness.criteria.hypothesis import MeanMeasure, TestMeasure
from harness.criteria.kept import Kept, lacking
from harness.criteria.pair_files import PairFiles
from harness.criteria.pair_study import PairStudy
from harness.criteria.patterns_summary import NAME, TRAINED, Part, PatternsSummary, read_summary
from harness.criteria.sample import Sample
from harness.criteria.saved_trials import SavedImportanceFiles, SavedTrials
from harness.errors import HarnessError
from harness.extraction.cached import Variant
from harness.extraction.patterns import AttentionPatterns, Looks
from harness.files import digest, file_digest
from harness.options import RunOptions
from harness.problems import ProblemSet, load_split
from harness.problems.dataset_file import read_dataset

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]

AVERAGES = "attention_patterns_avg.npy"


class _NotKept:
    """An array that no result holds."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise lacking(f"{self._name} of the extraction is not kept")

    def __getitem__(self, key: object) -> Any:
        raise lacking(f"{self._name} of the extraction is not kept")


@dataclass(frozen=True)
class ModelName:
    """Stands for a model's files where there are none."""

    name: str


@dataclass(frozen=True)
class SavedExtraction:
    """What is kept of one model's extraction.

    ``content`` is a digest of the files. ``averages`` [L, H, T, T] are the exact means over problems, where they are kept.
    With ``moved`` every weight is off by chance, by as much as rounding can have moved it: a verdict that this changes is not
    to be had from what is kept.
    """

    name: str
    problems: ProblemSet
    cache_dir: Path
    summary: PatternsSummary
    content: str
    averages: Array | None = None
    moved: bool = False
    blocks: None = None

    @property
    def files(self) -> ModelName:
        """The model's name."""
        return ModelName(self.name)

    @property
    def batch_size(self) -> int:
        """Problems that were run at a time."""
        return int(self.summary.about["batch_size"])

    @property
    def model_fingerprint(self) -> str:
        """Content of the model that was run."""
        return str(self.summary.about["model_fingerprint"])

    def key(self, variant: Variant) -> str:
        """Content key of what is kept."""
        return digest(self.content, variant, str(self.moved))[:32]

    def patterns(self, variant: Variant = "trained") -> AttentionPatterns:
        """The patterns of a variant on the first sample. Errors: ``NotMeasured`` where they are not kept."""
        return self.of(("first", variant))

    def of(self, part: Part) -> AttentionPatterns:
        """The patterns of one part. Errors: ``NotMeasured`` where they are not kept, or not of every problem."""
        summary = self.summary
        if not summary.complete:
            kept, asked = len(summary.problem_ids), summary.about["n_problems"]
            raise lacking(f"{NAME} holds {kept} of {asked} problems")
        if part not in summary.cells:
            raise lacking(f"{NAME} does not hold {_words(part)}")
        own = part == TRAINED
        return AttentionPatterns(
            raw=summary.raw(part, moved=self.moved),
            row_total=(1 + summary.beyond_one.astype(np.float64)).astype(np.float32) if own else _missing("row_total"),
            first_token=_missing("first_token"),
            bot=_missing("bot"),
            answer_attention=_missing("answer_attention"),
            row_length=summary.row_length if own else _missing("row_length"),
            context_length=summary.context_length[part[0]],
            latent_inputs=_missing("latent_inputs"),
            problem_ids=summary.problem_ids if part[0] == "first" else (),
        )

    def looks(self) -> Looks:
        """Errors: ``NotMeasured``: only a model can be looked at again."""
        raise lacking("its attention is to be seen in another way")

    def about(self) -> dict[str, Any]:
        """Sizes and parameters of the model that was run."""
        return self.summary.about


def _words(part: Part) -> str:
    which, variant = part
    sample = "the second sample" if which == "second" else "the sample"
    return f"the patterns of {sample}" if variant == "trained" else f"the control {variant} on {sample}"


def _missing(name: str) -> Any:
    return cast(Any, _NotKept(name))


def read_extraction(folder: Path, name: str, problems: ProblemSet, cache_dir: Path) -> SavedExtraction:
    """What ``folder``, an output folder, keeps of a model's extraction on ``problems``.

    Errors: ``HarnessError`` for files that are missing, damaged, or not of these problems or of one another.
    """
    place = folder / "results" / name
    summary = read_summary(place / NAME)
    kept = len(summary.problem_ids)
    if summary.about.get("dataset_fingerprint") != problems.fingerprint or problems.ids[:kept] != summary.problem_ids:
        raise HarnessError(
            f"{place / NAME} is about other problems than those in {folder / 'data'}: results of two runs are mixed in {folder}. "
            "Run the checks on the model again, into a folder of their own."
        )
    averages = _averages(place / AVERAGES, summary) if summary.complete else None
    content = [file_digest(place / NAME), "" if averages is None else file_digest(place / AVERAGES)]
    return SavedExtraction(name, problems, cache_dir, summary, digest(*content), averages)


def _averages(path: Path, summary: PatternsSummary) -> Array | None:
    if not path.is_file():
        return None
    remedy = "Restore it from version control, or run the checks on the model again."
    try:
        averages = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise HarnessError(f"{path} is damaged ({' '.join(str(error).split())}). {remedy}") from error
    rounded = summary.raw(TRAINED)
    mean, off = rounded.mean(axis=0, dtype=np.float64), summary.rounding(TRAINED).mean(axis=0, dtype=np.float64)
    if averages.shape != mean.shape or averages.dtype.kind != "f" or not (np.abs(averages - mean) <= off + 1e-12).all():
        raise HarnessError(f"{path} is not the mean of the patterns in {NAME} beside it. {remedy}")
    return np.asarray(averages, dtype=np.float64)


@dataclass(frozen=True)
class SavedSample(Sample):
    """Patterns in half precision whose mean over problems is known exactly."""

    averages: Array | None = field(default=None, repr=False)

    @cached_property
    def mean(self) -> Array:
        """[L, H, T, T], float64."""
        return self.mean_of(lambda raw: raw) if self.averages is None else self.averages

    def with_raw(self, raw: Array, second: Callable[[], Array] | None = None) -> Sample:
        """A sample with other patterns, without controls of its own."""
        return Sample(raw, self.seed, draw_controls=False, second=second)


class SavedArtifacts(Artifacts):
    """The result files of a model as they were written."""

    def __init__(self, study: ModelStudy, kept: Kept):
        super().__init__(study)
        self._kept = kept

    def raw(self) -> str:
        """Errors: ``NotMeasured``: raw patterns are too large to be kept."""
        raise lacking("raw patterns are not kept with results")

    def patterns_summary(self) -> str:
        """The patterns in half precision."""
        return self._file(NAME)

    def averages(self) -> str:
        """The exact means of the patterns."""
        return self._file(AVERAGES)

    def metadata(self) -> str:
        """The model, its sizes, and where each problem's thoughts lie."""
        return self._file("attention_metadata.json")

    def statistics(self) -> str:
        """Statistics per position and per head."""
        return self._file("attention_stats.json")

    def summary(self) -> str:
        """Hubs, scores, three answers with confidence."""
        return self._file("attention_summary.json")

    def ranked_heads(self) -> str:
        """The master ranking."""
        return self._of_averages("ranked_heads.csv")

    def critical_heads(self) -> str:
        """The lists of heads."""
        return self._file("critical_heads.json")

    def critical_heads_findings(self) -> str:
        """The ranking in words."""
        return self._of_averages("critical_heads_findings.txt")

    def table(self, name: str, table: "pd.DataFrame") -> str:
        """A list of heads as it was written, whatever it should be."""
        return self._of_averages(name)

    def _file(self, name: str) -> str:
        return self._kept.file(f"{self._folder}/{name}")

    def _of_averages(self, name: str) -> str:
        """A file whose every digit rests on the exact means."""
        self.averages()
        return self._file(name)


class SavedStudy(ModelStudy):
    """One model, from what is kept of it."""

    def __init__(self, options: RunOptions, extraction: SavedExtraction, provenance: dict[str, Any], kept: Kept):
        super().__init__(options, extraction, provenance)
        self.files = SavedArtifacts(self, kept)
        self.trials = SavedTrials(options, extraction.name, extraction.model_fingerprint, kept)
        self._kept = kept
        self._kept_of = extraction

    @cached_property
    def sample(self) -> Sample:
        """The patterns as hypotheses see them."""
        return SavedSample(
            np.asarray(self.patterns.raw),
            self.options.seed,
            draw_controls=self.options.controls != "none",
            second=lambda: np.asarray(self._second_patterns().raw),
            averages=self._kept_of.averages,
        )

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Controls whose patterns are kept."""
        return tuple(one for one in super().variants if ("first", one) in self._kept_of.summary.cells)

    def controls_of(self, measure: MeanMeasure | TestMeasure) -> dict[str, Sample]:
        """The controls that a measure can be taken of, with what is kept of the second sample."""
        if not (isinstance(measure, TestMeasure) and measure.second_sample):
            return self.controls
        left_out = {one for one in self.variants if ("second", one) not in self._kept_of.summary.cells}
        return {name: control for name, control in self.controls.items() if name not in left_out}

    @cached_property
    def importance_files(self) -> SavedImportanceFiles:
        """Result files of the importance study."""
        return SavedImportanceFiles(self, self._kept)

    def evaluate(
        self, criterion_id: str, measure: MeanMeasure | TestMeasure | Effect[Any] | EffectTest[Any], rule: Rule
    ) -> Measurement:
        """A hypothesis' measurement with every control that can be taken of what is kept."""
        if isinstance(measure, Effect | EffectTest):
            return self.trials.evaluate(criterion_id, measure, rule)
        return super().evaluate(criterion_id, measure, rule)

    def _second_patterns(self, variant: Variant = "trained", *, control: bool = False) -> AttentionPatterns:
        return self._kept_of.of(("second", variant))


class SavedPairFiles(PairFiles):
    """The files of a comparison as they were written."""

    def __init__(self, study: PairStudy, kept: Kept):
        super().__init__(study)
        self._kept = kept

    def report(self) -> str:
        """The comparison."""
        return self._kept.file(f"results/{self._study.name}_comparison.json")


class SavedProblems(ProblemStudy):
    """The problems of a run as it saved them."""

    def __init__(self, options: RunOptions, dataset: str, provenance: dict[str, Any], kept: Kept):
        super().__init__(options, dataset, provenance)
        self._kept = kept

    @cached_property
    def problems(self) -> ProblemSet:
        """The sample of the training split. Errors: ``HarnessError`` where it was not saved, or was changed since."""
        return read_dataset(self._kept.folder / f"data/attention_dataset_{self.options.n_problems}_train.json")

    def sample_again(self) -> ProblemSet:
        """Draw the sample once more, where its dataset is at hand."""
        self._require_dataset()
        return super().sample_again()

    @cached_property
    def test_split(self) -> ProblemSet:
        """The whole test split, where the dataset is at hand."""
        self._require_dataset()
        return load_split(self.dataset, "test", path=self.options.gsm8k_path)

    @cached_property
    def importance(self) -> ProblemSet:
        """The sample of the importance study."""
        return read_dataset(self._kept.output / self._kept.file(f"results/full_dataset_{self.options.n_problems}.json"))

    @cached_property
    def dataset_file(self) -> str:
        """The sample's file."""
        return self._kept.file(f"data/attention_dataset_{len(self.problems)}_train.json")

    @cached_property
    def inventory(self) -> str:
        """The inventory."""
        return self._kept.file("docs/DATA_INVENTORY.md")

    def _require_dataset(self) -> None:
        if self.dataset != "synthetic" and self.options.gsm8k_path is None:
            folder = " (--gsm8k-path)" if self.dataset == "gsm8k" else ""
            raise NotMeasured(f"needs the dataset{folder}: only the problems that were drawn are kept")
