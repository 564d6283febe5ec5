"""What a judged criterion looks like on disk: the models behind ``criteria.json`` and its JSON Schema."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["acceptance", "validity", "hypothesis"]
VerdictName = Literal["pass", "fail", "invalid", "skipped"]
Reach = Literal["normal", "unattainable", "cannot fail"]
Scalar = float | int | bool | str | None


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
    """Paths relative to the output folder."""

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
