"""Figures 6 to 8: two models side by side, on the thoughts that both have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.figures.hubs import THRESHOLD
from harness.figures.patterns import Panel, Sizes, pattern_grid, position_label
from harness.figures.style import ACCENT, FAINT, INK, MEASURED, NULL, SECOND, styled
from harness.figures.text import heading

COLOURS = (MEASURED, SECOND)
"""The smaller model's and the larger one's."""
SHIFTS = (-0.19, 0.19)
BAR = 0.34
LEFT, RIGHT, BOTTOM, TOP = 0.66, 0.16, 0.62, 0.92
HEIGHT = 3.9
"""Inches: margins and height of the figures with axes."""


@dataclass(frozen=True)
class HubBars:
    """What one model's thoughts receive; T thoughts.

    ``incoming`` [T] mean weight per query, ``causal_null`` [T] the same if every row were spread evenly over what
    it may read, ``adjusted`` [T-2] the smaller of the two enrichments; intervals are [2, ...], low and high.
    """

    name: str
    incoming: np.ndarray
    incoming_interval: np.ndarray
    causal_null: np.ndarray
    adjusted: np.ndarray
    adjusted_interval: np.ndarray


@dataclass(frozen=True)
class LayerLines:
    """One model's scores by layer: ``scores`` maps a score's name to means [L] and an interval [2, L]."""

    name: str
    scores: Mapping[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class TopHeads:
    """One model's strongest heads: ``patterns`` [k, T, T], query by key, and a title for each."""

    name: str
    patterns: np.ndarray
    titles: Sequence[str]


@styled
def comparison_hubs(models: Sequence[HubBars], title: str = "Which thoughts are read") -> Figure:
    """Bars of two models by position: attention received beside its causal null, and enrichment over it."""
    figure, (received, ratios) = _panels(
        2,
        title,
        "Means over problems, layers and heads, with 95 % bootstrap intervals over problems. Dashes: what the "
        "causal mask alone gives each model.",
    )
    for model, colour, shift in zip(models, COLOURS, SHIFTS, strict=True):
        places = np.arange(len(model.incoming)) + shift
        _bars(received, places, model.incoming, model.incoming_interval, colour, model.name)
        received.hlines(
            model.causal_null,
            places - BAR / 2,
            places + BAR / 2,
            color=INK,
            linewidth=1.1,
            linestyle=(0, (2, 1.4)),
            label="causality alone" if model is models[0] else "_",
        )
        far = np.arange(len(model.adjusted)) + shift
        _bars(ratios, far, model.adjusted, model.adjusted_interval, colour, model.name)
    ratios.axhline(1.0, color=NULL, linewidth=1.4, label="causality alone (1.0)")
    ratios.axhline(THRESHOLD, color=ACCENT, linewidth=0.9, linestyle=(0, (4, 2)), label=f"threshold ({THRESHOLD:g})")
    for axes, positions, words, unit in (
        (received, len(models[0].incoming), "Attention received", "Attention weight, mean over queries"),
        (ratios, len(models[0].adjusted), "min(enrichment, hub enrichment)", "Ratio to causality alone"),
    ):
        axes.set_xlabel(position_label("Source", positions))
        axes.set_xlim(-0.6, positions - 0.4)
        axes.xaxis.set_major_locator(FixedLocator(range(positions)))
        _finish(axes, words, unit, 2)
    return figure


@styled
def comparison_flow(
    models: Sequence[LayerLines], even: Mapping[str, float], title: str = "Flow, hub and skip by depth"
) -> Figure:
    """Lines of two models against relative depth, (l + 1/2) / L, one panel per score.

    ``even`` maps each score to what reading every row evenly gives.
    """
    figure, panels = _panels(
        len(even),
        title,
        "Means over problems and the heads of a layer, rows scaled to mass 1, with 95 % bootstrap intervals over "
        "problems. Grey: every row read evenly.",
    )
    for axes, (score, level) in zip(panels, even.items(), strict=True):
        axes.axhline(level, color=NULL, linewidth=1.2, linestyle=(0, (4, 2)), label="read evenly")
        for model, colour, marker in zip(models, COLOURS, "os", strict=True):
            mean, interval = model.scores[score]
            depth = (np.arange(len(mean)) + 0.5) / len(mean)
            axes.fill_between(depth, interval[0], interval[1], color=colour, alpha=0.18, linewidth=0)
            axes.plot(depth, mean, color=colour, marker=marker, markersize=3.6, label=model.name)
        axes.set_xlabel("Relative depth (first to last layer)")
        axes.set_xlim(0, 1)
        _finish(axes, score.capitalize(), f"{score.capitalize()} score, mean over heads", 1)
    return figure


@styled
def comparison_critical_heads(models: Sequence[TopHeads], title: str = "Most critical heads of each model") -> Figure:
    """A row of heatmaps per model on one colour scale; a model with fewer heads leaves the end of its row empty."""
    columns = max(len(model.patterns) for model in models)
    panels: list[Panel | None] = []
    for model in models:
        panels += [Panel(pattern, text) for pattern, text in zip(model.patterns, model.titles, strict=True)]
        panels += [None] * (columns - len(model.patterns))
    size = Sizes(gap_down=0.84, top=1.08)
    figure = pattern_grid(
        panels,
        len(models),
        columns,
        (0.0, 1.0),
        title=title,
        note="Mean over problems. Row: the thought that reads; column: the thought that is read. One colour scale.",
        bar_label="Attention weight",
        sizes=size,
    )
    height = figure.get_figheight()
    for row, (model, colour) in enumerate(zip(models, COLOURS, strict=True)):
        box = figure.axes[row * columns].get_position()
        figure.text(box.x0, box.y1 + 0.25 / height, model.name, fontsize=10, fontweight="bold", color=colour)
    return figure


def _panels(count: int, title: str, note: str) -> tuple[Figure, list[Axes]]:
    width = LEFT + RIGHT + count * (4.6 if count == 2 else 3.3) + (count - 1) * 0.7
    figure = Figure(figsize=(width, HEIGHT))
    grid = figure.add_gridspec(
        1,
        count,
        left=LEFT / width,
        right=1 - RIGHT / width,
        bottom=BOTTOM / HEIGHT,
        top=1 - TOP / HEIGHT,
        wspace=0.7 / ((width - LEFT - RIGHT - (count - 1) * 0.7) / count),
    )
    heading(figure, title, note, LEFT)
    return figure, [figure.add_subplot(grid[0, column]) for column in range(count)]


def _bars(axes: Axes, places: np.ndarray, values: np.ndarray, interval: np.ndarray, colour: str, label: str) -> None:
    axes.bar(places, values, BAR, color=colour, label=label)
    axes.vlines(places, interval[0], interval[1], color=INK, linewidth=1.2)


def _finish(axes: Axes, title: str, unit: str, columns: int) -> None:
    axes.set_title(title, loc="left")
    axes.set_ylabel(unit)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    low, high = min(0.0, axes.dataLim.y0), axes.dataLim.y1
    rows = -(-len(axes.get_legend_handles_labels()[0]) // columns)
    axes.set_ylim(low, high + (0.05 + 0.09 * rows) * (high - low or 1.0))
    axes.legend(loc="upper left", ncols=columns, handlelength=1.6, columnspacing=1.2, labelspacing=0.3)
