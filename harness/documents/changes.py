"""Verdicts that are not the approved ones, in words: the same in the terminal, a failing test, a summary and a hook."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.documents.phrases import one_line
from harness.results import CriterionResult, VerdictName

GAP = "  "
NEW = "new: approve it"
REGRESSION, IMPROVEMENT = "regression", "improvement"
NO_LONGER, NOW_JUDGED = "no longer judged", "judged now"

_WORSE = ("pass", "fail", "invalid")
"""Each verdict worse than the one before."""


@dataclass(frozen=True)
class Change:
    """One verdict that differs from the approved one, or that nobody approved yet.

    Attributes:
        result: the criterion as it is judged now.
        before: the approved verdict.
        details: what moved, against what rule, and when the other verdict was approved.
        file: where the approved verdict is.
    """

    result: CriterionResult
    before: VerdictName | None
    details: str
    file: Path

    @property
    def turn(self) -> str:
        """``pass -> fail``."""
        return NEW if self.before is None else f"{self.before} -> {self.result.verdict}"

    @property
    def meaning(self) -> str:
        """Whether that is for the worse or the better; empty for what is new."""
        now = self.result.verdict
        if self.before is None:
            return ""
        if now == "skipped":
            return NO_LONGER
        if self.before == "skipped":
            return NOW_JUDGED
        return REGRESSION if _WORSE.index(now) > _WORSE.index(self.before) else IMPROVEMENT

    @property
    def sentence(self) -> str:
        """``pass -> fail, regression (measured 0.8 -> 0.6, threshold > 0.7; approved at 3f1c2ab on 100 problems)``."""
        turn = ", ".join(filter(None, (self.turn, self.meaning)))
        return f"{turn} ({self.details})"

    @property
    def gravity(self) -> int:
        """The smaller, the more it matters."""
        if self.result.kind == "validity" and self.result.verdict == "fail":
            return 0
        return 1 + (REGRESSION, NO_LONGER, "", NOW_JUDGED, IMPROVEMENT).index(self.meaning)


def diff(changes: Sequence[Change], with_models: bool) -> list[str]:
    """One line for each change, its columns aligned; ``with_models`` names the model of each first."""
    rows = [
        [
            *map(one_line, ([change.result.model] if with_models else []) + [change.result.id]),
            change.turn,
            change.meaning,
        ]
        for change in changes
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join(
            [
                *(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width),
                f"({one_line(change.details)})",
            ]
        )
        for row, change in zip(rows, changes, strict=True)
    ]
