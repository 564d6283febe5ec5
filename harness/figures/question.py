"""Which words of the question each thought reads: mass and enrichment by class of word, and some questions word by word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.figures.layers import round_up
from harness.figures.shaded_text import FOOT, LINE, SHADE, SIZE, Piece, broken_into_lines, draw_shaded
from harness.figures.style import FAINT, INK, MEASURED, MUTED, NULL, SECOND, styled
from harness.figures.text import heading, width_of

WIDTH, LEFT, RIGHT = 12.0, 0.66, 0.2
TOP, PANEL, PANEL_GAP, ACROSS = 1.1, 1.75, 0.62, 0.5
AXIS, TEXT_TOP, TITLE_LINE, PARAGRAPH_GAP, EXAMPLE_GAP = 0.45, 0.85, 0.3, 0.1, 0.16
LABEL, COLUMN_GAP, COLUMNS = 0.36, 0.42, 2
"""Inches: margins; height of the panels, gaps between them; room below their axes, above the texts, of titles of texts and
between them; width of the labels before paragraphs, gap between columns."""

CLASS_COLOURS = {
    "number": MEASURED,
    "operation word": SECOND,
    "other": NULL,
    "first token": "#cc79a7",
    "bot": "#882255",
}
"""By class of token, in the order of the bars from below."""
SINKS = ("first token", "bot")
UNDERLINED = ("number", "operation word")
NOTE = (
    "Means over problems and heads; bars: shares of a thought's attention. Below: attention per token against an equal spread "
    "over the question, with 95 % bootstrap intervals over problems."
)


@dataclass(frozen=True)
class Words:
    """One question of K tokens: what to call it, its tokens' texts and classes, and weights [T, K] of each thought."""

    title: str
    tokens: Sequence[str]
    classes: Sequence[str]
    weights: np.ndarray


@styled
def question_figure(
    *,
    classes: Sequence[str],
    layers: Sequence[str],
    mass: np.ndarray,
    enrichment: np.ndarray,
    enrichment_interval: np.ndarray,
    words: Sequence[Words] = (),
    words_of: str = "",
    title: str = "Which words each thought reads",
) -> Figure:
    """Per layer in ``layers`` (titles of P panels) mass and enrichment by class of token, then questions word by word.

    ``classes`` names the C classes, keys of ``CLASS_COLOURS``; for T thoughts ``mass`` [P, T, C] is the attention on the
    tokens of a class, what is missing to 1 being on the thoughts; ``enrichment`` [P, T, C] the mass divided by what an
    equal spread over the question's tokens gives, NaN where undefined, with ``enrichment_interval`` [2, P, T, C].
    ``words`` are the questions, ``words_of`` what their weights are ("layer 2, mean over heads").

    The shading of words ends at the next round number above the largest weight on a token that is no sink; the first
    token and ``<bot>`` may exceed it.
    """
    column = (WIDTH - LEFT - RIGHT - COLUMN_GAP * (COLUMNS - 1)) / COLUMNS - LABEL
    paragraphs = [broken_into_lines(one.tokens, column) for one in words]
    texts = sum(
        TITLE_LINE + _rows(one) * _paragraph(pieces) + EXAMPLE_GAP
        for one, pieces in zip(words, paragraphs, strict=True)
    )
    below = AXIS + (TEXT_TOP + texts if words else 0)
    height = TOP + 2 * PANEL + PANEL_GAP + below
    figure = Figure(figsize=(WIDTH, height))
    panel_width = (WIDTH - LEFT - RIGHT - ACROSS * (len(layers) - 1)) / len(layers)
    grid = figure.add_gridspec(
        2,
        len(layers),
        left=LEFT / WIDTH,
        right=1 - RIGHT / WIDTH,
        bottom=below / height,
        top=1 - TOP / height,
        wspace=ACROSS / panel_width,
        hspace=PANEL_GAP / PANEL,
    )
    order = [name for name in CLASS_COLOURS if name in classes]
    index = [list(classes).index(name) for name in order]
    limits = _ratio_limits(enrichment_interval)
    for panel, name in enumerate(layers):
        bars, ratios = (figure.add_subplot(grid[row, panel]) for row in range(2))
        _draw_mass(bars, order, mass[panel][:, index])
        bars.set_title(name, loc="left")
        _draw_enrichment(ratios, order, enrichment[panel][:, index], enrichment_interval[:, panel][:, :, index], limits)
        if panel == 0:
            bars.set_ylabel("Share of attention")
            ratios.set_ylabel("Attention per token,\nratio to equal spread")
    _draw_key(figure, order, height)
    if words:
        area = figure.add_axes((0, 0, 1, (below - AXIS) / height))
        area.set_xlim(0, WIDTH)
        area.set_ylim(0, below - AXIS)
        area.set_axis_off()
        largest = _largest(words)
        _draw_scale(area, largest)
        _write_words(area, words, paragraphs, words_of, largest)
    heading(figure, title, NOTE, LEFT)
    return figure


def _draw_mass(axes: Axes, names: Sequence[str], mass: np.ndarray) -> None:
    thoughts = np.arange(len(mass))
    foot = np.zeros(len(mass))
    for name, part in zip(names, mass.T, strict=True):
        axes.bar(thoughts, part, 0.72, foot, color=CLASS_COLOURS[name], label=name, edgecolor="white", linewidth=0.4)
        foot = foot + part
    axes.bar(
        thoughts, 1 - foot, 0.72, foot, color="white", label="thoughts", edgecolor=NULL, hatch="//////", linewidth=0.6
    )
    axes.set_ylim(0, 1)
    axes.set_xlim(-0.6, len(mass) - 0.4)
    axes.xaxis.set_major_locator(FixedLocator(range(len(mass))))


def _draw_enrichment(
    axes: Axes, names: Sequence[str], values: np.ndarray, interval: np.ndarray, limits: tuple[float, float]
) -> None:
    axes.set_yscale("log", base=2)
    axes.axhline(1.0, color=INK, linewidth=0.8, zorder=1)
    shifts = np.linspace(-0.2, 0.2, len(names))
    for index, (name, shift) in enumerate(zip(names, shifts, strict=True)):
        thoughts = np.arange(len(values)) + shift
        axes.vlines(thoughts, *interval[:, :, index], color=CLASS_COLOURS[name], linewidth=1.3)
        axes.plot(
            thoughts,
            values[:, index],
            color=CLASS_COLOURS[name],
            marker="o",
            markersize=4,
            markeredgecolor="white",
            markeredgewidth=0.5,
            linewidth=0.8,
            label=name,
        )
    axes.set_ylim(*limits)
    axes.yaxis.set_major_locator(FixedLocator(_ratio_ticks(limits)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value >= 1 else f"1/{1 / value:g}"))
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.xaxis.set_major_locator(FixedLocator(range(len(values))))
    axes.set_xlabel(f"Thought (0-{len(values) - 1})")


def _ratio_limits(interval: np.ndarray) -> tuple[float, float]:
    """Powers of two around all positive bounds and 1, at most a thousand apart on either side."""
    bounds = np.clip(interval[np.isfinite(interval) & (interval > 0)], 2.0**-10, 2.0**10)
    low, high = min([0.9, *bounds]), max([1.1, *bounds])
    return 2.0 ** np.floor(np.log2(low)), 2.0 ** np.ceil(np.log2(high))


def _ratio_ticks(limits: tuple[float, float]) -> list[float]:
    """Powers of two from 1 to both limits, at most nine."""
    low, high = (round(np.log2(limit)) for limit in limits)
    step = -(-(high - low) // 8)
    return [2.0**power for power in range(low, high + 1) if power % step == 0]


def _draw_key(figure: Figure, names: Sequence[str], height: float) -> None:
    patches = [Patch(facecolor=CLASS_COLOURS[name], edgecolor=CLASS_COLOURS[name], label=name) for name in names]
    patches.append(Patch(facecolor="white", edgecolor=NULL, hatch="//////", label="thoughts"))
    figure.legend(
        handles=patches,
        loc="upper left",
        bbox_to_anchor=(LEFT / WIDTH, 1 - 0.6 / height),
        ncols=len(patches),
        borderaxespad=0,
        borderpad=0,
        handlelength=1.2,
        handleheight=0.9,
        columnspacing=1.6,
        fontsize=8,
    )


def _write_words(
    axes: Axes, words: Sequence[Words], paragraphs: Sequence[Sequence[Piece]], words_of: str, largest: float
) -> None:
    top = axes.get_ylim()[1] - TEXT_TOP
    axes.text(LEFT, top + 0.47, f"The question as each thought reads it ({words_of})", fontsize=10, va="baseline")
    across = (WIDTH - LEFT - RIGHT - COLUMN_GAP * (COLUMNS - 1)) / COLUMNS
    for one, pieces in zip(words, paragraphs, strict=True):
        axes.text(LEFT, top - 0.1, one.title, fontsize=8.5, va="baseline", color=MUTED, parse_math=False)
        top -= TITLE_LINE - 0.08
        underlines = {token: CLASS_COLOURS[name] for token, name in enumerate(one.classes) if name in UNDERLINED}
        for thought, weights in enumerate(one.weights):
            column, row = divmod(thought, _rows(one))
            x, y = LEFT + column * (across + COLUMN_GAP), top - row * _paragraph(pieces)
            axes.text(x, y - LINE + FOOT, f"CT{thought}", fontsize=SIZE, va="baseline", color=MUTED)
            draw_shaded(axes, pieces, weights, largest, (x + LABEL, y), underlines)
        top -= _rows(one) * _paragraph(pieces) + EXAMPLE_GAP + 0.08


def _draw_scale(axes: Axes, largest: float) -> None:
    """The shading's scale and the underlines' key, on one line above the texts."""
    y = axes.get_ylim()[1] - TEXT_TOP + 0.17
    x, width = LEFT, 1.4
    shades = np.linspace(0, 1, 57)
    axes.pcolormesh(
        x + shades * width,
        [y, y + 0.12],
        (shades[:-1] + shades[1:])[None] / 2,
        cmap=SHADE,
        vmin=0,
        vmax=1,
        edgecolors="face",
        linewidth=0.2,
    )
    text: dict[str, Any] = {"fontsize": 7.5, "va": "baseline", "color": INK}
    ends = f"attention weight, 0 to {largest:g} (the first token and bot may have more)"
    axes.text(x + width + 0.08, y + 0.02, ends, **text)
    x += width + 0.08 + width_of(ends, 7.5) + 0.35
    for name in UNDERLINED:
        axes.plot([x, x + 0.24], [y + 0.03] * 2, color=CLASS_COLOURS[name], linewidth=1.6, solid_capstyle="butt")
        axes.text(x + 0.3, y + 0.02, name, **text)
        x += 0.3 + width_of(name, 7.5) + 0.3


def _rows(words: Words) -> int:
    return -(-len(words.weights) // COLUMNS)


def _paragraph(pieces: Sequence[Piece]) -> float:
    """Inches from one paragraph to the next."""
    return LINE * (1 + max(piece.line for piece in pieces)) + PARAGRAPH_GAP


def _largest(words: Sequence[Words]) -> float:
    """The end of the scale: a round number above every weight on a token that is no sink."""
    weights = [
        float(one.weights[:, token].max())
        for one in words
        for token, name in enumerate(one.classes)
        if name not in SINKS
    ]
    return round_up(max(weights))
