"""What the verdicts on the study of behaviour allow one to say: claim by claim, and on the three roles claimed for CT0."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from harness.results import CriterionResult

Standing = Literal["supported", "expected", "empty", "unchecked", "not found", "untested"]
"""Passes and no control does; passes as it should without any effect; passes and a control does too; passes, and not all controls
were run; fails; skipped, invalid, undefined, or out of reach on these problems."""
IN_SHORT: Mapping[Standing, str] = {
    "supported": "passes, and no control does",
    "expected": "passes, as it should without an effect",
    "empty": "passes, and a control does too",
    "unchecked": "passes, not all controls were run",
    "not found": "not shown",
    "untested": "not tested",
}
MOST_TELLING = "contentless"
"""The control without which nothing counts as supported: run only with all others."""
Judged = Callable[[str], CriterionResult]

CLAIMS: Mapping[str, str] = {
    "B.1-ct0": "With CT0 blocked the model answers fewer problems rightly",
    "B.1-specific": "CT0 matters more for the answer than CT4, also when both lose as many readers",
    "B.1-ct4": "With CT4 blocked accuracy hardly changes",
    "B.2-shift": "With CT0 blocked calculation errors and operation reversals are more frequent among all answers",
    "B.2-shift-errors": "With CT0 blocked the wrong answers are of another kind",
    "B.2-reversal": "With CT0 blocked operation reversals are more frequent among all answers",
    "B.2-minimal": "With CT4 blocked answers are hardly spread over other classes",
    "B.3-operations": "Problems with more operations tend to lose more with CT0 blocked",
    "B.3-multistep": "Problems of three and more operations lose more with CT0 blocked than shorter ones",
    "B.3-single": "Problems of one operation are hardly affected by blocking CT0",
    "B.5-aggregation": "CT0 reads the question's numbers more than later thoughts do",
}
"""What each hypothesis claims, as it is said where it holds."""


@dataclass(frozen=True)
class Role:
    """A role claimed for CT0, what it is taken to mean, and the hypotheses that must all be supported before it is.

    Attention alone is never enough.
    """

    name: str
    meaning: str
    criteria: tuple[str, ...]


ROLES = (
    Role(
        "input aggregation",
        "CT0 reads the question's numbers more than later thoughts do, and answers are lost without it",
        ("B.5-aggregation", "B.1-ct0"),
    ),
    Role(
        "operation sequencing",
        "without CT0 operations are exchanged for their opposites, and the wrong answers are of another kind",
        ("B.2-reversal", "B.2-shift-errors"),
    ),
    Role(
        "reasoning coordination",
        "more is lost without CT0 than without CT4, and the more the longer the problem",
        ("B.1-specific", "B.3-operations", "B.3-multistep"),
    ),
)


@dataclass(frozen=True)
class RoleVerdict:
    """``supported``, ``not supported`` or ``untested``; ``by`` is the standing of each of the role's criteria."""

    role: Role
    verdict: Literal["supported", "not supported", "untested"]
    by: dict[str, Standing]

    @property
    def reasons(self) -> str:
        """``B.1-ct0 passes, and a control does too; ...``."""
        return "; ".join(f"{name} {IN_SHORT[how]}" for name, how in self.by.items())


def standing(result: CriterionResult) -> Standing:
    """What a verdict is worth."""
    if result.verdict in ("skipped", "invalid") or (result.verdict == "fail" and result.measured is None):
        return "untested"
    if result.verdict == "fail":
        return "untested" if result.reach == "unattainable" else "not found"
    if result.null_should_pass:
        return "expected"
    if result.discriminates is False:
        return "empty"
    return "supported" if result.discriminates and MOST_TELLING in result.controls else "unchecked"


def judge_role(role: Role, judged: Judged) -> RoleVerdict:
    """Supported where every criterion is; not where one fails or says nothing; else untested."""
    by = {name: standing(judged(name)) for name in role.criteria}
    if all(one == "supported" for one in by.values()):
        return RoleVerdict(role, "supported", by)
    if any(one in ("not found", "empty") for one in by.values()):
        return RoleVerdict(role, "not supported", by)
    return RoleVerdict(role, "untested", by)
