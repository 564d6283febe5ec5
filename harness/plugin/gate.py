"""From a verdict to a pytest outcome. The verdict itself never depends on the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from harness.plugin.baselines import ApprovedVerdict
    from harness.results import CriterionResult

GateName = Literal["all", "validity", "baseline"]
Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Decision:
    """What the gate makes of one verdict."""

    outcome: Outcome
    why: str = ""
    """Why it failed, or why it does not count; empty when it passed."""
    change: bool = False
    """True when the verdict differs from the approved one, or none is approved."""


def decide(gate: GateName, result: CriterionResult, approved: ApprovedVerdict | None = None) -> Decision:
    """Apply ``gate`` to ``result``; ``approved`` counts for the gate ``baseline`` only."""
    if gate == "baseline":
        return _against_approved(result, approved)
    if result.verdict == "skipped":
        return Decision("skipped", result.reason or "skipped")
    if gate == "validity":
        return Decision("failed", "a validity criterion fails") if fails_validity(result) else Decision("passed")
    if result.verdict == "pass":
        return Decision("passed")
    return Decision("failed", f"the verdict is {result.verdict}")


def fails_validity(result: CriterionResult) -> bool:
    """Whether the run itself cannot be believed because of this criterion."""
    return result.kind == "validity" and result.verdict == "fail"


def could_be_evaluated(result: CriterionResult) -> bool:
    """False for a criterion skipped because this run lacks something: its reason begins with "needs"."""
    return not (result.verdict == "skipped" and (result.reason or "").startswith("needs "))


def _against_approved(result: CriterionResult, approved: ApprovedVerdict | None) -> Decision:
    if result.verdict == "skipped":
        if approved is None or approved.verdict == "skipped" or not could_be_evaluated(result):
            return Decision("skipped", f"not compared: {result.reason or 'skipped'}")
        return Decision("failed", f"{approved.verdict} -> skipped", change=True)
    if approved is None:
        return Decision("failed", "new: approve it", change=True)
    if approved.verdict == result.verdict:
        return Decision("passed")
    return Decision("failed", f"{approved.verdict} -> {result.verdict}", change=True)
