"""Running text whose words are shaded by weight: broken into lines, each token a box as dark as its weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap

from harness.figures.style import INK
from harness.figures.text import in_house_font, width_of

SIZE = 7.6
"""Points."""
LINE = 0.175
"""Inches from one line to the next."""
SPACE = 0.042
"""Inches between words."""
FOOT = 0.036
"""Inches from the lower edge of a shaded box to the foot of its letters."""
_BOX = 0.148
"""Inches from its lower to its upper edge."""

SHADE: Colormap = LinearSegmentedColormap.from_list("shade", ["#ffffff", "#e69f00"])
"""Light throughout, so that ink on it stays readable: white to orange (Okabe and Ito, 2008)."""


@dataclass(frozen=True)
class Piece:
    """One token in its place: line from the top, inches from the left, and what is written."""

    token: int
    line: int
    left: float
    width: float
    text: str


def broken_into_lines(tokens: Sequence[str], width: float, size: float = SIZE) -> list[Piece]:
    """Tokens in lines of at most ``width`` inches at ``size`` points, broken between words.

    A word begins at a token with a space before it; one that is wider than a line is broken between its tokens. Tokens
    of nothing but space are left out.
    """
    pieces: list[Piece] = []
    line, left = 0, 0.0
    for word in _words(tokens):
        texts = {token: in_house_font(" ".join(tokens[token].split())) for token in word}
        widths = {token: width_of(text, size) for token, text in texts.items() if text}
        if left and left + SPACE + sum(widths.values()) > width:
            line, left = line + 1, 0.0
        elif left and widths:
            left += SPACE
        for token, wide in widths.items():
            if left and left + wide > width:
                line, left = line + 1, 0.0
            pieces.append(Piece(token, line, left, wide, texts[token]))
            left += wide
    return pieces


def draw_shaded(
    axes: Axes,
    pieces: Sequence[Piece],
    weights: np.ndarray,
    largest: float,
    corner: tuple[float, float],
    underlines: Mapping[int, str],
) -> None:
    """Draw ``pieces`` with their upper left at ``corner`` into axes measured in inches, y upwards.

    Token k is shaded by ``weights[k]``, fully from ``largest`` on, and underlined in the colour ``underlines`` has for it.
    """
    x, top = corner
    boxes, colours, lines, line_colours = [], [], [], []
    for piece in pieces:
        left, right, low = x + piece.left, x + piece.left + piece.width, top - (piece.line + 1) * LINE
        boxes.append([(left, low), (right, low), (right, low + _BOX), (left, low + _BOX)])
        colours.append(SHADE(min(float(weights[piece.token]) / largest, 1.0)))
        if piece.token in underlines:
            lines.append([(left, low), (right, low)])
            line_colours.append(underlines[piece.token])
        axes.text(left, low + FOOT, piece.text, fontsize=SIZE, color=INK, va="baseline", parse_math=False)
    axes.add_collection(PolyCollection(boxes, facecolors=colours, edgecolors="none", zorder=0))
    axes.add_collection(LineCollection(lines, colors=line_colours, linewidths=1.1, capstyle="butt", zorder=1))


def _words(tokens: Sequence[str]) -> list[list[int]]:
    """The tokens of each word, in order."""
    words: list[list[int]] = []
    for index, token in enumerate(tokens):
        if index == 0 or token[:1].isspace() or tokens[index - 1][-1:].isspace():
            words.append([])
        words[-1].append(index)
    return words
