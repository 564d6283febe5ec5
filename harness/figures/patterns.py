"""Attention patterns as heatmaps: one panel, and a grid of panels that share one colour scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.figures.style import FAINT, PATTERN_COLOURS
from harness.figures.text import heading, width_of

MINIMAL_WIDTH = 6.8
"""Inches that the title and the note need, however few panels stand below them."""

COLOUR_BAR = "<colorbar>"
"""The label of axes that hold a colour scale; matplotlib gives the same one to those it makes."""


@dataclass(frozen=True)
class Panel:
    """One pattern of a grid: ``weights`` [T, T], query i by key j, the title above it, the colour of its frame."""

    weights: np.ndarray
    title: str
    border: str | None = None


@dataclass(frozen=True)
class Sizes:
    """Lengths of a grid of square panels, in inches, and its font sizes in points."""

    panel: float = 1.55
    gap_across: float = 0.48
    gap_down: float = 0.56
    left: float = 0.5
    top: float = 0.76
    bottom: float = 0.44
    bar_gap: float = 0.22
    bar: float = 0.15
    bar_margin: float = 0.6
    title_font: float = 8.5
    label_font: float = 6.8
    tick_font: float = 6.2
    border: float = 2.0
    """Points."""


def position_label(role: str, positions: int) -> str:
    """``Source Position (0-5)`` for role ``Source`` and six positions."""
    return f"{role} Position (0-{positions - 1})"


def causal_maximum(weights: np.ndarray) -> float:
    """The largest weight of one pattern [T, T] over the cells j <= i."""
    return float(weights[np.tril_indices(len(weights))].max())


def draw_pattern(axes: Axes, panel: Panel, limits: tuple[float, float], sizes: Sizes) -> QuadMesh:
    """Draw one pattern (query i down, key j across) into square axes ``sizes.panel`` inches wide.

    The cells above the diagonal, later keys that the query cannot read, are masked and stay blank.
    """
    positions = len(panel.weights)
    visible = np.ma.masked_where(~np.tril(np.ones((positions, positions), dtype=bool)), panel.weights)
    edges = np.arange(positions + 1) - 0.5
    mesh = axes.pcolormesh(
        edges,
        edges,
        visible,
        cmap=PATTERN_COLOURS,
        vmin=limits[0],
        vmax=limits[1],
        edgecolors="white",
        linewidth=0.4,
    )
    axes.set_xlim(-0.5, positions - 0.5)
    axes.set_ylim(positions - 0.5, -0.5)
    axes.set_aspect("equal")
    ticks = range(0, positions, -(-positions // 8))
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.tick_params(left=False, bottom=False, pad=2, labelsize=sizes.tick_font)
    frame = axes.spines[:]
    frame.set_visible(panel.border is not None)
    frame.set_edgecolor(panel.border)
    frame.set_linewidth(sizes.border)
    axes.set_xlabel(position_label("Source", positions), fontsize=sizes.label_font)
    axes.set_ylabel(position_label("Destination", positions), fontsize=sizes.label_font)
    # Left to itself matplotlib measures every tick label to place these three: half the drawing time.
    tick = (sizes.tick_font + 4) / 72
    more_digits = width_of(str(ticks[-1])[1:], sizes.tick_font)
    axes.xaxis.set_label_coords(0.5, -(tick + 0.03) / sizes.panel)
    axes.yaxis.set_label_coords(-(tick + more_digits) / sizes.panel, 0.5)
    above = 0.04 + (sizes.border / 72 if panel.border else 0.0)
    axes.set_title(panel.title, fontsize=sizes.title_font, y=1 + above / sizes.panel, pad=0)
    return mesh


def pattern_grid(
    panels: Sequence[Panel | None],
    rows: int,
    columns: int,
    limits: tuple[float, float],
    *,
    title: str,
    note: str,
    bar_label: str,
    sizes: Sizes | None = None,
) -> Figure:
    """``rows`` x ``columns`` panels row by row under one colour scale; None and what is left over stay empty.

    ``limits`` are the ends of the colour scale in attention weight; ``title`` stands above the grid,
    ``note`` in smaller type below the title.
    """
    size = sizes or Sizes()
    across = columns * size.panel + (columns - 1) * size.gap_across
    down = rows * size.panel + (rows - 1) * size.gap_down
    width = max(size.left + across + size.bar_gap + size.bar + size.bar_margin, MINIMAL_WIDTH)
    height = size.top + down + size.bottom
    figure = Figure(figsize=(width, height))
    grid = figure.add_gridspec(
        rows,
        columns,
        left=size.left / width,
        right=(size.left + across) / width,
        bottom=size.bottom / height,
        top=(size.bottom + down) / height,
        wspace=size.gap_across / size.panel,
        hspace=size.gap_down / size.panel,
    )
    mesh: QuadMesh | None = None
    for index in range(rows * columns):
        axes = figure.add_subplot(grid[index // columns, index % columns])
        panel = panels[index] if index < len(panels) else None
        if panel is None:
            axes.set_axis_off()
            continue
        mesh = draw_pattern(axes, panel, limits, size)
    bar_height = min(down, 4.5)
    bar_bottom = size.bottom + down - bar_height
    if mesh is not None:
        bar_axes = figure.add_axes(
            (
                (size.left + across + size.bar_gap) / width,
                bar_bottom / height,
                size.bar / width,
                bar_height / height,
            )
        )
        colour_bar(figure, mesh, bar_axes, bar_label)
    heading(figure, title, note, size.left)
    return figure


def colour_bar(
    figure: Figure,
    mesh: QuadMesh,
    axes: Axes,
    label: str,
    orientation: Literal["vertical", "horizontal"] = "vertical",
) -> None:
    """Draw the colour scale of ``mesh`` into ``axes``, with ``label`` beside it or below."""
    axes.set_label(COLOUR_BAR)
    bar = figure.colorbar(mesh, cax=axes, orientation=orientation)
    bar.set_label(label, fontsize=8, labelpad=4)
    bar.outline.set_edgecolor(FAINT)
    bar.ax.tick_params(labelsize=7, length=2)
    if bar.solids is not None:
        # Without edges, pdf viewers show hairlines between the bar's colours.
        bar.solids.set_edgecolor("face")
