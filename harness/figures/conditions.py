"""One mark per condition, the same in every figure of the behaviour study."""

from harness.figures.style import ACCENT, INK, MEASURED, SECOND

MARKERS = ("o", "D", "^", "v", "X", "s", "<", "h")
COLOURS = (INK, MEASURED, SECOND, "#cc79a7", "#e69f00", ACCENT, "#56b4e9", "#7a4b00")
"""Of the baseline, then of each blocked thought in turn (Okabe and Ito, *Color Universal Design*, 2008)."""
BASELINE = 0


def look_of(condition: int) -> tuple[str, str]:
    """Marker and colour of a condition: 0 for the baseline, 1 + k for thought k blocked; none of the first 64 has both alike."""
    turn, place = divmod(condition, len(MARKERS))
    return MARKERS[place], COLOURS[(place + turn) % len(COLOURS)]


def look_of_thought(position: int) -> tuple[str, str]:
    """Marker and colour of the condition that blocks a thought."""
    return look_of(BASELINE + 1 + position)
