"""What judged criteria look like on disk: the models behind ``criteria.json``, its JSON Schema and ``calibration.json``."""

from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from harness.errors import HarnessError
from harness.files import read_text

Kind = Literal["acceptance", "validity", "hypothesis"]
VerdictName = Literal["pass", "fail", "invalid", "skipped"]
Reach = Literal["normal", "unattainable", "cannot fail"]
Scalar = float | int | bool | str | None


CALIBRATION = "calibration.json"
"""How the names of files end that say what thresholds are worth."""
FILE = "criteria.json"
"""The file of an output folder that holds all of a run."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ControlResult(_Strict):
    """What the same procedure gave on a control."""

    measured: Scalar = None
    passes: bool | None = None
    pass_rate: float | None = None
    """Share of draws that pass, for drawn controls; null for the others."""


class CriterionResult(_Strict):
    """One criterion, judged on one model (or pair, or the run as a whole)."""

    id: str
    story: str
    study: str
    kind: Kind
    model: str
    """A model's name, ``<a>_vs_<b>`` for comparisons, ``run`` for what does not depend on a model."""
    statement: str
    definition: str
    measured: Scalar | list[Any] = None
    comparator: str
    threshold: Scalar | list[Any] = None
    verdict: VerdictName
    reason: str | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    biased: bool = False
    """True when selection biases the interval; ``cross_fitted`` then stands beside it."""
    cross_fitted: float | None = None
    confidence: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    family: str | None = None
    n_problems: int | None = None
    attainable: tuple[float | None, float | None] | None = None
    """An end that is null has no limit."""
    reach: Reach = "normal"
    controls: dict[str, ControlResult] = {}
    discriminates: bool | None = None
    null_should_pass: bool = False
    answer: str | None = None
    beside: dict[str, Scalar | list[Any]] = {}
    """Quantities shown next to the measured value; they never decide the verdict."""
    artifacts: list[str] = []
    """Paths relative to the output folder, which they do not leave."""

    @field_validator("artifacts")
    @classmethod
    def _inside(cls, paths: list[str]) -> list[str]:
        for path in map(PurePosixPath, paths):
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{path} leads out of the output folder")
        return paths

    @property
    def vacuous(self) -> bool:
        """The model passes and so does a control: the verdict says nothing about the model."""
        return self.verdict == "pass" and self.discriminates is False


class PhaseResult(_Strict):
    """The verdict on one phase for one scope (a model, a pair)."""

    id: str
    scope: str
    verdict: str
    conditions: list[str]
    answers: list[str]


class RunResult(_Strict):
    """The whole of ``criteria.json``."""

    schema_: Literal[1] = 1
    run: dict[str, Any]
    phases: list[PhaseResult]
    criteria: list[CriterionResult]

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        alias_generator=lambda name: name.rstrip("_"),
        populate_by_name=True,
    )


def read_results(folder: Path) -> RunResult:
    """The criteria.json of an output folder.

    Errors: ``HarnessError`` when it is missing, unreadable, or not what this version of the harness writes.
    """
    path = folder / FILE
    return parse_results(read_text(path, "the folder of a run, with its criteria.json,"), path)


def parse_results(text: str, path: Path) -> RunResult:
    """The criteria.json whose ``text`` stands at ``path``. Errors: ``HarnessError`` when it is none of this version."""
    try:
        return RunResult.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise HarnessError(
            f"{path} is not what this version of the harness writes: {place or 'the whole'}: {first['msg']}. Run the checks "
            "again."
        ) from error


class Sensitivity(_Strict):
    """What other thresholds would have said; all lists as long as ``thresholds``."""

    thresholds: list[float]
    """Ascending, the study's own among them, within the attainable range."""
    passes: list[bool]
    """Whether the measured value passes."""
    share_of_resamples: list[float] | None = None
    """Share of resamples of the problems that pass; null where the measure is not resampled."""
    false_positive_rate: list[float] | None = None
    """Share of samples that pass although nothing is planted in them."""


class Calibration(_Strict):
    """How much one hypothesis' threshold tells apart, on one model or one pair.

    Named as in ``criteria.json`` where it is there too.
    """

    id: str
    comparator: str
    threshold: Scalar | list[Any] = None
    verdict: VerdictName
    measured: Scalar | list[Any] = None
    ci_low: float | None = None
    ci_high: float | None = None
    biased: bool = False
    cross_fitted: float | None = None
    confidence: float | None = None
    attainable: tuple[float | None, float | None] | None = None
    reach: Reach = "normal"
    controls: dict[str, ControlResult] = {}
    discriminates: bool | None = None
    null_should_pass: bool = False
    plantings: int | None = None
    """Samples per pattern and strength; null, as all that follows from them, where nothing was planted."""
    planted_in: str | None = None
    """The model whose samples have the pattern; of a pair, the other's have nothing planted."""
    shortened: str | None = None
    """What was shorter on planted samples than in the procedure itself; null for the same procedure."""
    power: dict[str, list[float]] | None = None
    """By planted pattern, the share of samples that pass, for each of the file's strengths."""
    false_positive_rate: float | None = None
    """The share of samples that pass with nothing planted."""
    threshold_at_5_percent_false_positives: float | None = None
    """The least strict threshold that some samples with nothing planted meet, but at most 5 % of them; null for none."""
    planted_values: dict[str, list[list[float | None]]] | None = None
    """By pattern (``none`` too) and strength: value below which 5 %, 50 % and 95 % of the samples lie."""
    sensitivity: Sensitivity | None = None
    """Null for rules without a single threshold."""


PlantedPattern = Literal["chain", "hub", "skip"]


class FoundAgain(_Strict):
    """One pattern planted at one strength: are the heads that have it found?

    Heads are ranked by the pattern's own score and by the composite. Of k planted heads, those among the first k are
    found. Everything but ranks and types is a mean over the choices of heads.
    """

    bias: float
    """What is added to the scores, in nats."""
    weight: float
    """Share of a planted query's attention that goes to the keys it is made to read."""
    own_ranks: list[list[int]]
    """By choice of heads and head; the best rank is 1."""
    composite_ranks: list[list[int]]
    own_recall: float
    composite_recall: float
    own_false_positives: float
    """Other heads among the first k."""
    composite_false_positives: float
    own_newcomers: float
    """Other heads among the first k that are not there without a bias."""
    composite_newcomers: float
    types: dict[str, int]
    """Functional types of the planted heads of all choices."""
    became_expected: float
    """Other heads that turn into the type expected of the planted ones."""
    changed_type: float
    """Other heads of another type than without a bias."""
    changed_by_scale: float
    """How many would be if no other head attended differently: types are relative to the model's largest scores."""


class PatternFoundAgain(_Strict):
    """One pattern planted in heads of the model itself."""

    pattern: PlantedPattern
    score: str
    """The pattern's own score."""
    expected_type: str
    """The functional type that planted heads should be given."""
    heads: list[list[tuple[int, int]]]
    """Layer and head of each planted head, by choice of heads."""
    found: list[FoundAgain]
    """By strength, nothing planted first."""


class PlantedHeads(_Strict):
    """Heads of the model itself that were given a pattern, and how the ranking finds them again."""

    n_problems: int
    seed: int
    heads_together: int
    """k: heads that have the pattern at the same time."""
    n_heads: int
    chance: float
    """Share of k heads drawn blindly that would be among the first k."""
    patterns: list[PatternFoundAgain]


class CalibrationFile(_Strict):
    """The whole of ``calibration.json``."""

    schema_: Literal[1] = 1
    model: str
    """A model's name, or ``<a>_vs_<b>``."""
    models: list[str]
    """The model, or both of a pair, the smaller first."""
    strengths: list[float]
    planted: dict[str, Any] | None = None
    """What the planted samples are like; null when nothing was planted."""
    criteria: list[Calibration]
    planted_heads: PlantedHeads | None = None
    """How heads that were given a pattern are found again; null where the model did not have to think again."""
    provenance: dict[str, Any] = {}

    model_config = RunResult.model_config


def read_calibrations(result: RunResult, folder: Path) -> dict[tuple[str, str], Calibration]:
    """What is known of each hypothesis' threshold, by scope and id, from the files that the rows of a run name."""
    named = {path for one in result.criteria for path in one.artifacts if path.endswith(CALIBRATION)}
    files = [folder / path for path in sorted(named) if (folder / path).is_file()]
    contents = [CalibrationFile.model_validate_json(path.read_text(encoding="utf-8")) for path in files]
    return {(content.model, entry.id): entry for content in contents for entry in content.criteria}
