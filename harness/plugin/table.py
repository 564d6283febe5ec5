"""The table of verdicts, fitted to the width of the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.criteria.results import CriterionResult
from harness.reporting import phrases

HEADINGS = ("criterion", "statement", "measured", "rule", "95 % interval", "controls that pass", "verdict")
BRIEF_HEADINGS = ("criterion", "statement", "measured", "rule", "95 % interval", "controls", "verdict")
BRIEF_WORDS = 12
NARROWEST_STATEMENT = 20
GAP = "  "


@dataclass(frozen=True)
class Row:
    """One verdict as cells, without colour."""

    result: CriterionResult
    cells: tuple[str, ...]

    @property
    def colour(self) -> str:
        """The terminal's name for the colour of the verdict."""
        if self.result.verdict == "pass":
            return "yellow" if self.result.vacuous or self.result.reach == "cannot fail" else "green"
        return "yellow" if self.result.verdict == "skipped" else "red"


def fitted(results: Sequence[CriterionResult], width: int) -> tuple[str, list[Row]]:
    """The heading line and one row per result, no line longer than ``width`` unless it is very narrow.

    What does not fit goes in this order: the end of the statements, long words and the names of controls, the
    statements.
    """
    table = [HEADINGS, *map(_cells, results)]
    if _room(table, width) < NARROWEST_STATEMENT:
        table = [BRIEF_HEADINGS, *map(_brief_cells, results)]
    room = _room(table, width)
    if room < NARROWEST_STATEMENT:
        table = [(cells[0], *cells[2:]) for cells in table]
    else:
        table = [(cells[0], _cut(cells[1], room), *cells[2:]) for cells in table]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [tuple(cell.ljust(wide) for cell, wide in zip(cells, widths, strict=True)) for cells in table]
    return GAP.join(lines[0]).rstrip(), [Row(result, cells) for result, cells in zip(results, lines[1:], strict=True)]


def verdict(result: CriterionResult) -> str:
    """``PASS validity``, ``FAIL unattainable``: the verdict and what must be known beside it."""
    words = ["validity"] if result.kind == "validity" else []
    words += [word for word, _ in phrases.marks(result) if word != "selection-biased"]
    return " ".join([result.verdict.upper(), ", ".join(words)]).rstrip()


def _cells(result: CriterionResult) -> tuple[str, ...]:
    interval = phrases.interval(result.ci_low, result.ci_high)
    return (
        result.id,
        result.statement,
        phrases.scalar(result.measured, result.threshold),
        phrases.rule(result.comparator, result.threshold),
        f"{interval}*" if result.biased and interval != phrases.NOTHING else interval,
        phrases.passing_controls(result),
        verdict(result),
    )


def _brief_cells(result: CriterionResult) -> tuple[str, ...]:
    criterion, statement, measured, rule, interval, _, judged = _cells(result)
    passing = [control.passes for control in result.controls.values() if control.passes is not None]
    controls = f"{sum(passing)} of {len(passing)}" if passing else phrases.NOTHING
    return criterion, statement, _cut(measured, BRIEF_WORDS), _cut(rule, BRIEF_WORDS), interval, controls, judged


def _room(table: Sequence[Sequence[str]], width: int) -> int:
    """What is left for the statement when every other column has what it needs."""
    columns = list(zip(*table, strict=True))
    others = [column for place, column in enumerate(columns) if place != 1]
    return width - sum(max(map(len, column)) for column in others) - len(GAP) * len(others)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"
