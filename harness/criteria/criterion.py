"""What a criterion is: a declaration (data) plus one way to measure it."""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.files import digest, jsonable
from harness.results import Kind, Reach, Scalar

Scope = Literal["run", "model", "pair"]

STUDIES = {
    "1": "phase1",
    "2": "phase2",
    "3": "phase3",
    "4": "phase4",
    "I": "importance",
    "S": "steps",
    "B": "behaviour",
}
"""The study that a story belongs to, by the first part of the story's number."""
OWN = "own"
"""The study of every other story: a user's own."""


@dataclass(frozen=True)
class Rule:
    """When a measured value passes: ``Rule(">=", 0.1).holds(0.2)``.

    Comparators: ``>= > <= < ==`` with a number or list, ``in`` with a list of values, ``between`` with both bounds
    (inclusive), ``is`` with the word that describes success (``"equal"``, ``"present and consistent"``).
    """

    comparator: Literal[">=", ">", "<=", "<", "==", "in", "between", "is"]
    threshold: Any

    def holds(self, measured: Any) -> bool:
        """Whether ``measured`` passes. An undefined value (None, NaN) never does."""
        if measured is None or (isinstance(measured, float) and math.isnan(measured)):
            return False
        match self.comparator:
            case ">=":
                return bool(measured >= self.threshold)
            case ">":
                return bool(measured > self.threshold)
            case "<=":
                return bool(measured <= self.threshold)
            case "<":
                return bool(measured < self.threshold)
            case "in":
                return measured in self.threshold
            case "between":
                low, high = self.threshold
                return bool(low <= measured <= high)
            case "==" | "is":
                return bool(measured == self.threshold)

    def share(self, values: Iterable[Any]) -> float:
        """Share of ``values`` that pass; there must be at least one."""
        verdicts = [self.holds(value) for value in values]
        return sum(verdicts) / len(verdicts)

    @property
    def has_one_threshold(self) -> bool:
        """Whether there is a single number that could be moved."""
        return self.comparator in (">=", ">", "<=", "<")

    def reach(self, low: float, high: float, attained: bool = False) -> Reach:
        """Whether values between ``low`` and ``high`` can pass and can fail; these two are values only if ``attained``."""
        match self.comparator:
            case ">=":
                return _reach(self.threshold > low, high > self.threshold or (attained and high == self.threshold))
            case ">":
                return _reach(self.threshold > low or (attained and low == self.threshold), high > self.threshold)
            case "<=":
                return _reach(self.threshold < high, low < self.threshold or (attained and low == self.threshold))
            case "<":
                return _reach(self.threshold < high or (attained and high == self.threshold), low < self.threshold)
            case "in":
                values = range(math.ceil(low), math.floor(high) + 1)
                passing = [value for value in self.threshold if low <= value <= high]
                return _reach(any(value not in self.threshold for value in values), bool(passing))
            case "between":
                least, most = self.threshold
                return _reach(low < least or most < high, least <= high and low <= most)
            case _:
                return "normal"

    def __str__(self) -> str:
        match self.comparator:
            case "in":
                return " or ".join(str(value) for value in self.threshold)
            case "between":
                return f"{self.threshold[0]} to {self.threshold[1]}"
            case "is":
                return str(self.threshold)
            case _:
                return f"{self.comparator} {self.threshold}"


def _reach(can_fail: bool, can_pass: bool) -> Reach:
    if not can_fail:
        return "cannot fail"
    return "normal" if can_pass else "unattainable"


@dataclass(frozen=True)
class Measurement:
    """A named result: the value and all that is known about it."""

    value: Scalar | list[Any]
    interval: tuple[float, float] | None = None
    biased: bool = False
    cross_fitted: float | None = None
    confidence: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    n_problems: int | None = None
    attainable: tuple[float, float] | None = None
    ends_attained: bool = False
    """Whether the ends of the attainable range are values themselves: so for counts and shares of heads."""
    controls: dict[str, "ControlValue"] = field(default_factory=dict)
    resampled: tuple[float | None, ...] | None = None
    """The value on resamples of the problems, as evenly spaced order statistics, ascending, undefined ones last."""
    answer: str | None = None
    reason: str | None = None
    beside: dict[str, Scalar | list[Any]] = field(default_factory=dict)
    artifacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ControlValue:
    """The same procedure on a control: one value, or one per draw."""

    measured: Scalar
    draws: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Criterion:
    """One acceptance criterion or hypothesis of the study, declared once.

    ``measure`` takes the evidence of its scope (see :mod:`harness.criteria.evidence`) and returns a
    :class:`Measurement`. ``rests_on`` names the validity criteria without which the verdict means nothing.
    One that is judged ``from_results`` looks at weights in half precision (:mod:`harness.criteria.patterns_summary`), at the
    exact averages, or at files, which are then those of the run that wrote them.
    """

    id: str
    kind: Kind
    statement: str
    definition: str
    rule: Rule
    measure: Callable[[Any], Measurement]
    scope: Scope = "model"
    rests_on: tuple[str, ...] = ()
    null_should_pass: bool = False
    family: str | None = None
    file: Path | None = None
    """Where it is declared, if it is a user's own."""
    from_results: bool = False
    """Whether what a run keeps of its results is enough to judge it again; else the model is needed."""

    @property
    def story(self) -> str:
        """``1.2`` of ``1.2-sums``."""
        return self.id.split("-", 1)[0]

    @property
    def study(self) -> str:
        """``phase1`` for the stories 1.1 to 1.5, and so on."""
        return STUDIES.get(self.story.split(".")[0], OWN)

    def declaration(self) -> dict[str, Any]:
        """What is hashed and compared with approved declarations: everything but the code."""
        return {
            "id": self.id,
            "kind": self.kind,
            "statement": self.statement,
            "definition": self.definition,
            "comparator": self.rule.comparator,
            "threshold": self.rule.threshold,
            "scope": self.scope,
            "rests_on": list(self.rests_on),
            "null_should_pass": self.null_should_pass,
            "family": self.family,
        }

    def digest(self) -> str:
        """SHA-256 of the declaration: what tells an edited criterion from the approved one."""
        return digest(json.dumps(jsonable(self.declaration()), sort_keys=True))


class NotMeasured(Exception):
    """Raised by a measure that cannot be taken here; the verdict is ``skipped`` with this reason."""
