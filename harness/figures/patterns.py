"""Attention patterns as heatmaps: one panel, and a grid of panels that share one colour scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.figures.style import FAINT, INK, MUTED, PATTERN_COLOURS


@dataclass(frozen=True)
class Panel:
    """One pattern of a grid: ``weights`` [T, T], query i by key j, and the title above it."""

    weights: np.ndarray
    title: str


@dataclass(frozen=True)
class Sizes:
    """Lengths of a grid of square panels, in inches, and its font sizes in points."""

    panel: float = 1.62
    gap_across: float = 0.56
    gap_down: float = 0.62
    left: float = 0.55
    top: float = 0.72
    bottom: float = 0.52
    bar_gap: float = 0.25
    bar: float = 0.16
    bar_margin: float = 0.62
    title_font: float = 8.5
    label_font: float = 6.5
    tick_font: float = 6.0


def position_label(role: str, positions: int) -> str:
    """``Source Position (0-5)`` for role ``Source`` and six positions."""
    return f"{role} Position (0-{positions - 1})"


def causal_maximum(weights: np.ndarray) -> float:
    """The largest weight of one pattern [T, T] over the cells j <= i."""
    return float(weights[np.tril_indices(len(weights))].max())


def draw_pattern(
    axes: Axes, weights: np.ndarray, limits: tuple[float, float], *, label_font: float = 6.5, tick_font: float = 6.0
) -> QuadMesh:
    """Draw one pattern [T, T] (query i down, key j across); the cells a query cannot read stay blank."""
    positions = len(weights)
    visible = np.ma.masked_where(~np.tril(np.ones((positions, positions), dtype=bool)), weights)
    mesh = axes.pcolormesh(
        np.arange(positions + 1) - 0.5,
        np.arange(positions + 1) - 0.5,
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
    step = -(-positions // 8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(range(0, positions, step)))
    axes.tick_params(length=0, pad=2, labelsize=tick_font)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(position_label("Source", positions), fontsize=label_font, labelpad=1.5, color=INK)
    axes.set_ylabel(position_label("Destination", positions), fontsize=label_font, labelpad=1.5, color=INK)
    return mesh


def pattern_grid(
    panels: Sequence[Panel],
    rows: int,
    columns: int,
    limits: tuple[float, float],
    *,
    title: str,
    note: str,
    bar_label: str,
    sizes: Sizes | None = None,
) -> Figure:
    """``rows`` x ``columns`` panels row by row under one colour scale; what is left over stays empty.

    ``limits`` are the ends of the colour scale in attention weight; ``title`` stands above the grid,
    ``note`` in smaller type below the title.
    """
    size = sizes or Sizes()
    across = columns * size.panel + (columns - 1) * size.gap_across
    down = rows * size.panel + (rows - 1) * size.gap_down
    width = size.left + across + size.bar_gap + size.bar + size.bar_margin
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
        if index >= len(panels):
            axes.set_axis_off()
            continue
        panel = panels[index]
        mesh = draw_pattern(axes, panel.weights, limits, label_font=size.label_font, tick_font=size.tick_font)
        axes.set_title(panel.title, fontsize=size.title_font)
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
    figure.text(size.left / width, 1 - 0.12 / height, title, fontsize=11, va="top", weight="bold")
    figure.text(size.left / width, 1 - 0.34 / height, note, fontsize=7.5, va="top", color=MUTED)
    return figure


def colour_bar(figure: Figure, mesh: QuadMesh, axes: Axes, label: str) -> None:
    """Draw the colour scale of ``mesh`` into ``axes``, with ``label`` beside it."""
    bar = figure.colorbar(mesh, cax=axes)
    bar.set_label(label, fontsize=8, labelpad=4)
    bar.outline.set_edgecolor(FAINT)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=7, length=2)
    if bar.solids is not None:
        # Without edges, pdf viewers show hairlines between the bar's colours.
        bar.solids.set_edgecolor("face")
