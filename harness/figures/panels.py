"""Figures laid out in inches: a grid of panels, and a row of explanations between the heading and the panels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import Container
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from scipy.optimize import isotonic_regression

from harness.figures.patterns import position_label
from harness.figures.style import FAINT

LEGEND = 0.58
"""Inches from the upper edge of a figure to its row of explanations."""


def panel_grid(
    widths: Sequence[float],
    heights: Sequence[float],
    *,
    left: float,
    right: float,
    bottom: float,
    top: float,
    gap_across: float = 0.0,
    gap_down: float = 0.0,
    share_y: bool = False,
) -> tuple[Figure, list[list[Axes]]]:
    """A figure and its panels, row by row from the top. ``widths`` and ``heights`` of the panels, margins and gaps in inches.

    With ``share_y`` the panels of a row have one vertical scale, whose numbers stand at the first of them.
    """
    across = sum(widths) + gap_across * (len(widths) - 1)
    down = sum(heights) + gap_down * (len(heights) - 1)
    width, height = left + across + right, bottom + down + top
    figure = Figure(figsize=(width, height))
    grid = figure.add_gridspec(
        len(heights),
        len(widths),
        left=left / width,
        right=(left + across) / width,
        bottom=bottom / height,
        top=(bottom + down) / height,
        width_ratios=widths,
        height_ratios=heights,
        wspace=gap_across * len(widths) / sum(widths),
        hspace=gap_down * len(heights) / sum(heights),
    )
    rows: list[list[Axes]] = []
    for row in range(len(heights)):
        panels: list[Axes] = []
        for column in range(len(widths)):
            first = panels[0] if panels and share_y else None
            panels.append(figure.add_subplot(grid[row, column], sharey=first))
            panels[-1].tick_params(labelleft=first is None)
        rows.append(panels)
    return figure, rows


def legend_row(figure: Figure, handles: Sequence[Artist | Container], left: float) -> None:
    """Explain ``handles`` by their labels in one row below the heading, ``left`` inches from the edge."""
    width, height = figure.get_size_inches()
    figure.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=(left / width, 1 - LEGEND / height),
        ncols=len(handles),
        borderpad=0,
        borderaxespad=0,
        handlelength=1.5,
        handletextpad=0.5,
        columnspacing=1.5,
    )


def position_axis(axes: Axes, role: str, positions: int) -> None:
    """Thoughts 0 to ``positions`` - 1 across, as ``role``, and a grid for what stands above them."""
    axes.set_xlim(-0.6, positions - 0.4)
    axes.xaxis.set_major_locator(FixedLocator(range(positions)))
    axes.set_xlabel(position_label(role, positions))
    value_grid(axes)


def spread(places: np.ndarray, apart: float, end: float) -> np.ndarray:
    """Ascending ``places`` moved as little as possible so that they lie ``apart`` and between 0 and ``end``."""
    steps = apart * np.arange(len(places))
    return np.asarray(np.clip(isotonic_regression(places - steps).x, 0, end - steps[-1]) + steps)


def value_grid(axes: Axes) -> None:
    """Faint lines at the numbers of the vertical axis."""
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
