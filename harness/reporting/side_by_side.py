"""Models side by side: every criterion that was judged on several, those first on which they differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.reporting.rows import KINDS, Row


@dataclass(frozen=True)
class Compared:
    """One criterion and its row of each model, in the order of the models; None where it was not judged."""

    id: str
    statement: str
    rule: str
    cells: list[Row | None]

    @property
    def differ(self) -> bool:
        """Whether the verdicts, or what they are worth, are not the same."""
        return len({cell.tone for cell in self.cells if cell}) > 1


@dataclass(frozen=True)
class SideBySide:
    """The comparison: the models, what they differ on, and hypotheses of which they have the same verdict."""

    models: list[str]
    differing: list[Compared]
    alike: list[Compared]


def side_by_side(models: Sequence[str], all_rows: Iterable[Row]) -> SideBySide | None:
    """None for a single model. Opposite verdicts come first, then verdicts of different worth, hypotheses before others."""
    by_id: dict[str, dict[str, Row]] = {}
    for row in all_rows:
        if row.criterion.model in models:
            by_id.setdefault(row.criterion.id, {})[row.criterion.model] = row
    shared = [_compared(models, own) for own in by_id.values() if len(own) > 1]
    if not shared:
        return None
    order = list(KINDS)
    differing = sorted(
        (one for one in shared if one.differ), key=lambda one: (not _opposite(one), order.index(_kind(one)))
    )
    alike = [one for one in shared if not one.differ and _kind(one) == "hypothesis"]
    return SideBySide(list(models), differing, alike)


def _compared(models: Sequence[str], own: dict[str, Row]) -> Compared:
    first = next(iter(own.values()))
    return Compared(first.criterion.id, first.criterion.statement, first.rule, [own.get(model) for model in models])


def _opposite(compared: Compared) -> bool:
    return len({cell.criterion.verdict for cell in compared.cells if cell}) > 1


def _kind(compared: Compared) -> str:
    return next(cell.criterion.kind for cell in compared.cells if cell)
