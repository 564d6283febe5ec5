"""The table of verdicts, fitted to the width of the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.documents import phrases
from harness.results import CriterionResult

GAP = "  "
WORDS = 12
"""Length to which texts that are no numbers are cut when room is short."""
FEWEST_LETTERS = 9
READABLE_STATEMENT = 30
SHORTEST_STATEMENT = 14


class Cells(NamedTuple):
    """One line of the table."""

    criterion: str
    statement: str
    measured: str
    rule: str
    interval: str
    controls: str
    verdict: str


@dataclass(frozen=True)
class Row:
    """One verdict as cells of equal width, without colour."""

    result: CriterionResult
    cells: tuple[str, ...]

    @property
    def colour(self) -> str:
        """The terminal's name for the colour of the verdict."""
        if self.result.verdict == "pass":
            return "yellow" if self.result.vacuous or self.result.reach == "cannot fail" else "green"
        return "yellow" if self.result.verdict == "skipped" else "red"


HEADING = Cells("criterion", "statement", "measured", "rule", "95 % interval", "controls that pass", "verdict")


def fitted(results: Sequence[CriterionResult], width: int) -> tuple[str, list[Row]]:
    """The heading line and one row per result, no line longer than ``width`` unless that is very narrow.

    What does not fit goes in this order: the end of the statements, long words, the names of controls, the
    statements, more of long words, the controls.
    """
    for lines in _layouts(results, width):
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        if sum(widths) + len(GAP) * (len(widths) - 1) <= width:
            break
    even = [tuple(cell.ljust(wide) for cell, wide in zip(line, widths, strict=True)) for line in lines]
    return GAP.join(even[0]).rstrip(), [Row(result, cells) for result, cells in zip(results, even[1:], strict=True)]


def verdict(result: CriterionResult) -> str:
    """``PASS validity``, ``FAIL unattainable``: the verdict and what must be known beside it."""
    words = ["validity"] if result.kind == "validity" else []
    words += [word for word, _ in phrases.marks(result) if word != "selection-biased"]
    return " ".join([result.verdict.upper(), ", ".join(words)]).rstrip()


def cut(text: str, room: int) -> str:
    """``text``, its end replaced by an ellipsis where it is longer than ``room``."""
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"


def _cells(result: CriterionResult) -> Cells:
    interval = phrases.interval(result.ci_low, result.ci_high)
    return Cells(
        result.id,
        phrases.one_line(result.statement),
        phrases.one_line(phrases.found(result)),
        phrases.one_line(phrases.asked(result)),
        f"{interval}*" if result.biased and interval != phrases.NOTHING else interval,
        phrases.passing_controls(result),
        verdict(result),
    )


def _passing(result: CriterionResult) -> str:
    judged = [control.passes for control in result.controls.values() if control.passes is not None]
    return f"{sum(judged)} of {len(judged)}" if judged else phrases.NOTHING


def _layouts(results: Sequence[CriterionResult], width: int) -> Iterator[list[tuple[str, ...]]]:
    """The table in ever fewer characters; where statements are shown, they fill the width."""
    whole = [HEADING, *map(_cells, results)]
    short = _with_words_cut(whole, WORDS)
    counts = ["controls", *map(_passing, results)]
    counted = [line._replace(controls=count) for line, count in zip(short, counts, strict=True)]
    for table, least in ((whole, READABLE_STATEMENT), (short, READABLE_STATEMENT), (counted, SHORTEST_STATEMENT)):
        room = width - _width_without_statements(table)
        if room >= least:
            yield [line._replace(statement=cut(line.statement, room)) for line in table]
    yield [(line.criterion, *line[2:]) for line in counted]
    shortest = _with_words_cut(counted, FEWEST_LETTERS)
    yield [(line.criterion, *line[2:]) for line in shortest]
    yield [(line.criterion, *line[2:5], line.verdict) for line in shortest]


def _with_words_cut(table: Sequence[Cells], room: int) -> list[Cells]:
    return [line._replace(measured=cut(line.measured, room), rule=cut(line.rule, room)) for line in table]


def _width_without_statements(table: Sequence[Cells]) -> int:
    """What all other columns need, and the gap before the statements."""
    others = [column for place, column in enumerate(zip(*table, strict=True)) if place != 1]
    return sum(max(map(len, column)) for column in others) + len(GAP) * len(others)
