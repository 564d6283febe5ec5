"""One mark per condition, the same in every figure of the behaviour study."""

from harness.figures.style import ACCENT, INK, MEASURED, SECOND

LOOKS = (
    ("o", INK),
    ("D", MEASURED),
    ("s", ACCENT),
    ("^", SECOND),
    ("v", "#cc79a7"),
    ("X", "#e69f00"),
    ("<", "#56b4e9"),
    ("h", "#7a4b00"),
)
"""Marker and colour, the baseline's first (Okabe and Ito, *Color Universal Design*, 2008)."""


def look_of(condition: int) -> tuple[str, str]:
    """Marker and colour of a condition by its number, 0 for the baseline; they repeat from the ninth on."""
    return LOOKS[condition % len(LOOKS)]
