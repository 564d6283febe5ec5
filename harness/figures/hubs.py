"""Figure 3: how much attention each thought receives, beside what a causal mask alone would give it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.figures.layers import round_up
from harness.figures.patterns import Panel, Sizes, colour_bar, draw_pattern, position_label
from harness.figures.style import ACCENT, FAINT, INK, MEASURED, NULL, SECOND, styled
from harness.figures.text import heading

WIDTH, HEIGHT = 12.0, 3.9
LEFT, RIGHT, BOTTOM, TOP = 0.66, 0.9, 0.62, 0.88
BARS, GAP = 3.25, 0.76
HEATMAP = HEIGHT - BOTTOM - TOP
"""Inches: margins, width of the two bar panels and of the space between panels, side of the heatmap."""

THRESHOLD = 1.25
NOTE = (
    "Means over problems, layers and heads, with 95 % bootstrap intervals over problems. Hub enrichment leaves out what the "
    "next thought reads; the threshold is for the smaller of the two. Grey: what the causal mask alone gives. n/a: not "
    "defined there."
)
BOTH = "the smaller of the two"


@styled
def hub_figure(
    *,
    incoming: np.ndarray,
    incoming_interval: np.ndarray,
    causal_null: np.ndarray,
    enrichment: np.ndarray,
    hub_enrichment: np.ndarray,
    adjusted: np.ndarray,
    adjusted_interval: np.ndarray,
    rows: np.ndarray,
    threshold: float = THRESHOLD,
    title: str = "Which thoughts are read",
) -> Figure:
    """Three panels: incoming attention against its causal null, enrichment, and the mean pattern.

    For T thoughts: ``incoming`` [T] mean attention weight received per query, ``incoming_interval``
    [2, T] its lower and upper bounds; ``causal_null`` [T] what each position would receive if every
    query spread the weight it gives to thoughts equally over those it can read. ``enrichment`` [T-1]
    and ``hub_enrichment`` [T-2] (the immediate predecessor left out) are ratios to causality alone; ``adjusted`` [T-2] is
    the smaller of the two, which ``threshold`` is asked of, with its interval [2, T-2]. NaN where undefined. ``rows`` [T, T]
    is the attention of query i on key j, mean over problems, layers and heads.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    grid = figure.add_gridspec(
        1,
        3,
        left=LEFT / WIDTH,
        right=1 - RIGHT / WIDTH,
        bottom=BOTTOM / HEIGHT,
        top=1 - TOP / HEIGHT,
        width_ratios=(BARS, BARS, HEATMAP),
        wspace=GAP * 3 / (2 * BARS + HEATMAP),
    )
    received, ratios, pattern = (figure.add_subplot(grid[0, column]) for column in range(3))
    _draw_incoming(received, incoming, incoming_interval, causal_null)
    _draw_ratios(
        ratios,
        {"enrichment": (enrichment, SECOND, "^", -0.16), "hub enrichment": (hub_enrichment, SECOND, "v", 0.16)},
        (adjusted, adjusted_interval),
        len(incoming),
        threshold,
    )
    limits = (0.0, round_up(float(rows[np.tril_indices(len(rows))].max())))
    sizes = Sizes(panel=HEATMAP, label_font=8, tick_font=7.5, title_font=8.5)
    mesh = draw_pattern(pattern, Panel(rows, ""), limits, sizes)
    pattern.set_anchor("W")
    pattern.set_title("Mean over all layers and heads", loc="left", y=1.0, pad=6)
    bar_axes = figure.add_axes((1 - (RIGHT - 0.15) / WIDTH, BOTTOM / HEIGHT, 0.13 / WIDTH, HEATMAP / HEIGHT))
    colour_bar(figure, mesh, bar_axes, "Attention weight")
    heading(figure, title, NOTE, LEFT)
    return figure


def _draw_incoming(axes: Axes, incoming: np.ndarray, interval: np.ndarray, causal_null: np.ndarray) -> None:
    positions = np.arange(len(incoming))
    axes.bar(positions - 0.19, incoming, 0.36, color=MEASURED, label="incoming attention")
    axes.bar(
        positions + 0.19,
        causal_null,
        0.36,
        color="white",
        edgecolor=NULL,
        hatch="//////",
        linewidth=0.8,
        label="causality alone",
    )
    axes.vlines(positions - 0.19, interval[0], interval[1], color=INK, linewidth=1.2)
    axes.axhline(1 / len(incoming), color=ACCENT, linewidth=0.9, linestyle=(0, (4, 2)), label="uniform (1/T)")
    highest = max(float(np.max(interval)), float(np.max(causal_null)), 1 / len(incoming))
    axes.set_ylim(0, 1.28 * highest)
    axes.set_ylabel("Attention weight, mean over queries")
    _finish(axes, "Attention received, beside the causal baseline", len(incoming), 1)


def _draw_ratios(
    axes: Axes,
    parts: dict[str, tuple[np.ndarray, str, str, float]],
    both: tuple[np.ndarray, np.ndarray],
    positions: int,
    threshold: float,
) -> None:
    values, interval = both
    defined = np.flatnonzero(np.isfinite(values))
    axes.vlines(defined, interval[0][defined], interval[1][defined], color=MEASURED, linewidth=1.6)
    axes.plot(
        defined,
        values[defined],
        linestyle="none",
        marker="D",
        markersize=5.5,
        color=MEASURED,
        markeredgecolor="white",
        markeredgewidth=0.6,
        label=BOTH,
    )
    highest = max([threshold, *interval[:, defined].ravel()])
    for label, (part, colour, marker, shift) in parts.items():
        known = np.flatnonzero(np.isfinite(part))
        axes.plot(
            known + shift,
            part[known],
            linestyle="none",
            marker=marker,
            markersize=4,
            color="none",
            markeredgecolor=colour,
            label=label,
        )
        highest = max([highest, *part[known]])
    for position in set(range(positions)) - set(defined.tolist()):
        axes.text(position, 0.015 * highest, "n/a", color=MEASURED, fontsize=6, ha="center")
    axes.axhline(1.0, color=NULL, linewidth=1.4, label="causality alone (1.0)", zorder=1)
    axes.axhline(
        threshold,
        color=ACCENT,
        linewidth=0.9,
        linestyle=(0, (4, 2)),
        label=f"threshold ({threshold:g})",
        zorder=1,
    )
    axes.set_ylim(0, 1.24 * highest)
    axes.set_ylabel("Ratio to causality alone")
    _finish(axes, "Enrichment over causality", positions, 2)


def _finish(axes: Axes, title: str, positions: int, columns: int) -> None:
    axes.set_xlim(-0.6, positions - 0.4)
    axes.xaxis.set_major_locator(FixedLocator(range(0, positions, -(-positions // 12))))
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_xlabel(position_label("Source", positions))
    axes.set_title(title, loc="left", pad=6)
    axes.legend(loc="upper right", ncols=columns, handlelength=1.6, borderaxespad=0.1, labelspacing=0.3)
