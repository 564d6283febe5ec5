"""Text in figures: numbers as they are shown, and lines measured in the house font before they are placed."""

import math
from bisect import bisect_right
from functools import cache, lru_cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from harness.figures.style import MUTED, STYLE

TITLE, NOTE = 12.0, 7.5
"""Points."""
ROOM = 0.95
"""Share of the space right of its left edge that a heading takes: glyphs are drawn on whole pixels, so that a line of
small type can come out a few hundredths wider than it is measured."""


@lru_cache(maxsize=1 << 14)
def width_of(text: str, size: float) -> float:
    """Inches that one line takes at ``size`` points, in regular type of the house font."""
    family = STYLE["font.family"]
    font = FontProperties(family=family, style="normal", variant="normal", weight="normal", stretch="normal", size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0]) / 72


def wrapped(text: str, size: float, width: float) -> str:
    """``text`` at ``size`` points broken between words into lines of at most ``width`` inches."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def shown(value: float, form: str = "z.2f") -> str:
    """A number as it stands in a figure: in ``form``, with a true minus sign; ``n/a`` where it is undefined."""
    return format(value, form).replace("-", "−") if math.isfinite(value) else "n/a"


def equation(name: str, value: float, form: str = "z.2f") -> str:
    """``p = 0.012``; ``p n/a`` where undefined."""
    return f"{name} = {shown(value, form)}" if math.isfinite(value) else f"{name} n/a"


def with_interval(name: str, value: float, low: float, high: float) -> str:
    """``r = 0.41 [0.22, 0.55]``: a value and its bounds, low and high; without these where they are undefined."""
    bounds = f" [{shown(low)}, {shown(high)}]" if math.isfinite(low) and math.isfinite(high) else ""
    return equation(name, value) + bounds


def heading(figure: Figure, title: str, note: str, left: float) -> None:
    """A title and below it a muted note, ``left`` inches from the edge, in the uppermost half inch.

    Either is set smaller where the figure is too narrow for it.
    """
    width, height = figure.get_size_inches()
    for text, size, down, colour in ((title, TITLE, 0.12, None), (note, NOTE, 0.36, MUTED)):
        line = " ".join(text.split())
        fitting = min(1.0, ROOM * (width - left) / width_of(line or " ", size))
        figure.text(
            left / width, 1 - down / height, line, fontsize=size * fitting, va="top", color=colour, parse_math=False
        )


def in_house_font(text: str) -> str:
    """``text`` with the replacement character for each character that the house font cannot draw."""
    return "".join(letter if ord(letter) in _letters() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def fitted_size(text: str, size: float, width: float) -> float:
    """Points, at most ``size``, at which one line takes no more than ``width`` inches."""
    return size * min(1.0, ROOM * width / (width_of(text, size) or 1.0))


def shortened(text: str, size: float, width: float) -> str:
    """One line at ``size`` points cut to at most ``width`` inches, with an ellipsis for what is left out."""
    if width_of(text, size) <= width:
        return text
    kept = bisect_right(range(1, len(text)), width, key=lambda end: width_of(text[:end] + "…", size))
    return text[:kept] + "…"


def written_out(token: str) -> str:
    """``token`` with every character visible: spaces as open boxes, what the house font cannot draw as escapes."""
    known = _letters()
    letters = (
        "␣" if letter == " " else letter if letter.isprintable() and ord(letter) in known and letter != "\\" else None
        for letter in token
    )
    escaped = (letter.encode("unicode_escape").decode() for letter in token)
    return "".join(one or other for one, other in zip(letters, escaped, strict=True)) or "(empty)"


@cache
def _letters() -> frozenset[int]:
    """The characters that the house font can draw."""
    return frozenset(get_font(findfont(FontProperties(family=STYLE["font.family"]))).get_charmap())
