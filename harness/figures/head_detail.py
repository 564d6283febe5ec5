"""Figure 5: one critical head in full: its pattern in numbers, what is read and who reads, and why it stands out."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import FixedLocator, MaxNLocator

from harness.figures.layers import round_up
from harness.figures.patterns import Panel, Sizes, causal_maximum, colour_bar, draw_pattern
from harness.figures.style import FAINT, INK, MEASURED, MUTED, NULL, PATTERN_COLOURS, TYPE_COLOURS, styled
from harness.figures.text import heading, wrapped
from harness.measures import upper_decile
from harness.measures.flow import SKIP_SOURCES

LEFT, BOTTOM, TOP, MARGIN = 0.66, 0.62, 0.78, 0.3
HEATMAP, INCOMING, OUTGOING, GAP = 3.9, 0.95, 1.35, 0.14
COLUMN_GAP, COLUMN = 0.62, 3.7
STRIP, STRIP_GAP = 0.4, 0.6
WIDTH = LEFT + HEATMAP + GAP + OUTGOING + COLUMN_GAP + COLUMN + MARGIN
HEIGHT = BOTTOM + HEATMAP + GAP + INCOMING + TOP
"""Inches: margins, the heatmap and the bars beside it, the column of words and ranks to their right."""

CAPTION = 9.0
"""Points."""
NOTE = (
    "Mean over problems. Row: the thought that reads; column: the thought that is read. Causality alone: every row's "
    "weight spread equally over what it can read."
)


@styled
def head_detail(
    *,
    weights: np.ndarray,
    place: tuple[int, int],
    kind: str,
    hub: int,
    scores: Mapping[str, np.ndarray],
    largest: str,
    caption: Sequence[str],
    title: str = "A critical head",
) -> Figure:
    """Annotated heatmap with bars along both sides, a caption, and the head's scores among all heads'.

    ``weights`` [T, T], query i by key j, averaged over problems; ``place`` the head's (layer, head) in the ``scores``,
    each [L, H] by name; ``kind`` its functional type, a key of ``TYPE_COLOURS``; ``hub`` the key it reads most;
    ``largest`` the name of the score that the caption dwells on. ``caption``: paragraphs.

    The colour scale ends at the next round number above the head's largest weight. The cells of the hub and those of
    the skip connection are outlined.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    sides = figure.add_gridspec(
        2,
        2,
        left=LEFT / WIDTH,
        right=(LEFT + HEATMAP + GAP + OUTGOING) / WIDTH,
        bottom=BOTTOM / HEIGHT,
        top=1 - TOP / HEIGHT,
        width_ratios=(HEATMAP, OUTGOING),
        height_ratios=(INCOMING, HEATMAP),
        wspace=2 * GAP / (HEATMAP + OUTGOING),
        hspace=2 * GAP / (HEATMAP + INCOMING),
    )
    received, pattern, given = (figure.add_subplot(sides[cell]) for cell in ((0, 0), (1, 0), (1, 1)))
    mesh = _draw_heatmap(pattern, weights, TYPE_COLOURS[kind], hub)
    _draw_incoming(received, weights)
    _draw_outgoing(given, weights)
    corner = LEFT + HEATMAP + GAP, HEIGHT - TOP - 0.1
    bar = figure.add_axes((corner[0] / WIDTH, corner[1] / HEIGHT, OUTGOING / WIDTH, 0.1 / HEIGHT))
    colour_bar(figure, mesh, bar, "Attention weight", "horizontal")
    column = LEFT + HEATMAP + GAP + OUTGOING + COLUMN_GAP
    _write_caption(figure, column, kind, caption)
    strips = figure.add_gridspec(
        len(scores),
        1,
        left=column / WIDTH,
        right=(column + COLUMN) / WIDTH,
        bottom=BOTTOM / HEIGHT,
        top=(BOTTOM + len(scores) * (STRIP + STRIP_GAP) - STRIP_GAP) / HEIGHT,
        hspace=STRIP_GAP / STRIP,
    )
    for row, (name, values) in enumerate(scores.items()):
        axes = figure.add_subplot(strips[row, 0])
        _draw_score(axes, name, values, float(values[place]), TYPE_COLOURS[kind], bold=name == largest)
    figure.text(
        column / WIDTH,
        0.14 / HEIGHT,
        "Each line is a head of the model. Dashed: the 90th percentile.",
        fontsize=7,
        color=MUTED,
    )
    heading(figure, title, NOTE, LEFT)
    return figure


def _draw_heatmap(axes: Axes, weights: np.ndarray, frame: str, hub: int) -> QuadMesh:
    latents = len(weights)
    sizes = Sizes(panel=HEATMAP, label_font=8, tick_font=7.5, border=2.6)
    largest = round_up(causal_maximum(weights))
    mesh = draw_pattern(axes, Panel(weights, "", frame), (0.0, largest), sizes)
    colours = matplotlib.colormaps[PATTERN_COLOURS]
    font = min(10.0, 23 * HEATMAP / latents)
    for query, row in enumerate(weights.tolist()):
        for key, weight in enumerate(row[: query + 1]):
            bright = float(np.dot(colours(weight / largest)[:3], (0.2126, 0.7152, 0.0722))) > 0.45
            ink = INK if bright else "white"
            axes.text(key, query, f"{weight:.2f}", color=ink, fontsize=font, ha="center", va="center")
    line = min(1.8, 5 * HEATMAP / latents)
    _outline(axes, (hub, latents), (hub, hub + 1), f"hub: CT{hub}", TYPE_COLOURS["Hub Aggregator"], 0.05, line)
    _outline(axes, (latents - 1, latents), (0, SKIP_SOURCES), "skip", TYPE_COLOURS["Skip Connection"], 0.11, line)
    axes.legend(loc="upper right", borderaxespad=0.8, handlelength=1.3, handleheight=1.0, title="Outlined cells")
    return mesh


def _outline(
    axes: Axes, queries: tuple[int, int], keys: tuple[int, int], label: str, colour: str, inset: float, line: float
) -> None:
    """Frame the cells of half-open ranges of queries and keys, ``inset`` cells inside their edges, ``line`` points wide."""
    axes.add_patch(
        Rectangle(
            (keys[0] - 0.5 + inset, queries[0] - 0.5 + inset),
            keys[1] - keys[0] - 2 * inset,
            queries[1] - queries[0] - 2 * inset,
            fill=False,
            edgecolor=colour,
            linewidth=line,
            label=label,
            zorder=3,
            path_effects=[Stroke(linewidth=2 * line, foreground="white"), Normal()],
        )
    )


def _draw_incoming(axes: Axes, weights: np.ndarray) -> None:
    latents = len(weights)
    causal = np.tril(weights)
    received = causal.sum(axis=0)
    alone = (causal.sum(axis=1) / np.arange(1, latents + 1)) @ np.tri(latents)
    keys = np.arange(latents)
    bars = axes.bar(keys - 0.19, received, 0.36, color=MEASURED, label="received")
    axes.bar(
        keys + 0.19,
        alone,
        0.36,
        color="white",
        edgecolor=NULL,
        hatch="//////",
        linewidth=0.8,
        label="causality alone",
    )
    axes.bar_label(bars, fmt="%.2f", padding=1.5, fontsize=min(7.0, 14 * HEATMAP / latents))
    axes.set_ylim(0, 1.45 * max(float(received.max()), float(alone.max()), 1e-9))
    axes.set_xlim(-0.5, latents - 0.5)
    axes.xaxis.set_major_locator(FixedLocator([]))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_ylabel("Incoming\nattention")
    axes.legend(loc="upper right", ncols=2, handlelength=1.3, borderaxespad=0.0, borderpad=0.0)


def _draw_outgoing(axes: Axes, weights: np.ndarray) -> None:
    own = np.diagonal(weights)
    earlier = np.tril(weights, -1).sum(axis=1)
    queries = np.arange(len(weights))
    axes.barh(queries, earlier, 0.64, color=MEASURED, label="to earlier thoughts")
    axes.barh(queries, own, 0.64, left=earlier, color=NULL, label="to itself")
    axes.set_xlim(0, 1)
    axes.set_ylim(len(weights) - 0.5, -0.5)
    axes.yaxis.set_major_locator(FixedLocator([]))
    axes.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_xlabel("Outgoing attention")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), handlelength=1.1, borderaxespad=0.2, borderpad=0, labelspacing=0.25
    )


def _write_caption(figure: Figure, left: float, kind: str, caption: Sequence[str]) -> None:
    """The type in large letters beside its colour, and the paragraphs below."""
    top = HEIGHT - TOP
    chip = Rectangle((left, top - 0.145), 0.14, 0.14, facecolor=TYPE_COLOURS[kind], transform=figure.dpi_scale_trans)
    figure.add_artist(chip)
    figure.text((left + 0.22) / WIDTH, (top + 0.015) / HEIGHT, kind, fontsize=11, weight="bold", va="top")
    figure.text(
        left / WIDTH,
        (top - 0.32) / HEIGHT,
        "\n\n".join(wrapped(paragraph, CAPTION, COLUMN) for paragraph in caption),
        fontsize=CAPTION,
        linespacing=1.4,
        va="top",
        parse_math=False,
    )


def _draw_score(axes: Axes, name: str, values: np.ndarray, own: float, colour: str, *, bold: bool) -> None:
    """One score of all heads as lines on an axis, this head's thick and in colour."""
    defined = values[np.isfinite(values)]
    axes.vlines(defined, 0, 0.72, color=MUTED, linewidth=0.8, alpha=max(0.3, min(1.0, 32 / values.size)))
    axes.vlines([float(upper_decile(values))], 0, 1, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    axes.vlines([own], 0, 1, color=colour, linewidth=3.0)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_locator(FixedLocator([]))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.spines["left"].set_visible(False)
    weight = "bold" if bold else "normal"
    axes.set_title(f"{name.capitalize()} score {own:.4f}", loc="left", weight=weight)
    axes.set_title(f"rank {1 + int((defined > own).sum())} of {values.size}", loc="right", weight=weight)
