"""What thoughts are worth under the four designs of ablation, side by side, with what each can and cannot show."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from harness.figures.panels import legend_row, panel_grid, position_axis
from harness.figures.style import ACCENT, INK, MUTED, styled
from harness.figures.text import NOTE, heading, wrapped

LEFT, RIGHT, BOTTOM, TOP = 0.72, 0.2, 1.2, 1.16
COLUMN, ROW, GAP_ACROSS, GAP_DOWN = 2.6, 1.85, 0.26, 0.26
"""Inches."""
SPREAD = 0.26
"""How far beside its position the first and the last group stand."""

DESIGNS = (
    (
        "Nested",
        "First i Thoughts Ablated (0-{last})",
        "Shows: how much the first thoughts carry together.",
        "Cannot show: which position matters more, as each point removes one more thought.",
    ),
    (
        "Single",
        "Ablated Position (0-{last})",
        "Shows: what is lost when one thought is missing.",
        "Cannot show: what the other thoughts back up.",
    ),
    (
        "Leave one in",
        "Kept Position (0-{last})",
        "Shows: what one thought can do alone.",
        "Cannot show: what it adds to the others.",
    ),
    (
        "Exact Shapley",
        "Thought Position (0-{last})",
        "Shows: what a thought adds, averaged over all orders; the values sum to the total loss.",
        "Cannot show: which thoughts stand in for each other.",
    ),
)
"""Of each design its name, the label of its positions, what it shows and what it does not."""


@styled
def step_importance_figure(
    *,
    values: np.ndarray,
    interval: np.ndarray,
    groups: Sequence[str],
    metrics: Sequence[str] = ("Accuracy drop", "Gold log-probability drop"),
    title: str = "What thoughts are worth, by design",
) -> Figure:
    """Four designs in columns (nested, single, leave-one-in, Shapley), a row per metric, a line per group of problems.

    ``values`` [metrics, groups, designs, T] and ``interval`` [2, metrics, groups, designs, T], low and high, in the
    metric's unit: what is lost by ablation, or for the thoughts kept alone what they give. The first of ``groups`` is all
    problems, the others are difficulties from easy to hard. Nested at i: the first i thoughts ablated together. NaN
    where undefined. A row has one scale, so that the designs compare.
    """
    positions = values.shape[-1]
    figure, rows = panel_grid(
        [COLUMN] * len(DESIGNS),
        [ROW] * len(metrics),
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        top=TOP,
        gap_across=GAP_ACROSS,
        gap_down=GAP_DOWN,
        share_y=True,
    )
    named = [name if np.isfinite(values[:, group]).any() else f"{name} n/a" for group, name in enumerate(groups)]
    looks = _looks(named)
    shifts = np.delete(np.linspace(-SPREAD, SPREAD, len(groups)), (len(groups) - 1) // 2)
    for metric, panels in enumerate(rows):
        for design, axes in enumerate(panels):
            axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
            for group, (look, shift) in enumerate(zip(looks, (None, *shifts), strict=True)):
                _draw_group(axes, values[metric, group, design], interval[:, metric, group, design], look, shift)
            position_axis(axes, "", positions)
            axes.set_xlabel(DESIGNS[design][1].format(last=positions - 1))
            if metric < len(metrics) - 1:
                axes.set_xlabel("")
                axes.tick_params(labelbottom=False)
        panels[0].set_ylabel(metrics[metric])
        panels[0].yaxis.set_major_locator(MaxNLocator(6))
    width, height = figure.get_size_inches()
    for design, (axes, (name, _, shows, hides)) in enumerate(zip(rows[0], DESIGNS, strict=True)):
        axes.set_title(name, loc="left", weight="bold")
        left = (LEFT + design * (COLUMN + GAP_ACROSS)) / width
        words = wrapped(shows, NOTE, COLUMN)
        figure.text(left, (BOTTOM - 0.54) / height, words, fontsize=NOTE, va="top")
        below = BOTTOM - 0.54 - 0.13 * (words.count("\n") + 1) - 0.02
        figure.text(left, below / height, wrapped(hides, NOTE, COLUMN), fontsize=NOTE, va="top", color=MUTED)
    heading(
        figure,
        title,
        "Lost by ablating thoughts, or given by the one kept. 95 % bootstrap intervals over problems.",
        LEFT,
    )
    legend_row(figure, looks, LEFT)
    return figure


def _looks(groups: Sequence[str]) -> list[Line2D]:
    """How each group is drawn: all problems bold and vermilion, the difficulties thin, in blues that darken."""
    shades = matplotlib.colormaps["Blues"](np.linspace(0.42, 1.0, max(len(groups) - 1, 1)))
    first = Line2D([], [], color=ACCENT, linewidth=2.0, marker="o", markersize=4.5, label=groups[0])
    return [
        first,
        *(
            Line2D([], [], color=to_hex(shade), linewidth=0.9, marker="o", markersize=2.6, label=name)
            for shade, name in zip(shades, groups[1:], strict=False)
        ),
    ]


def _draw_group(axes: Axes, values: np.ndarray, interval: np.ndarray, look: Line2D, shift: float | None) -> None:
    """A line with intervals beside its positions, or, without a ``shift``, with a band."""
    places = np.arange(len(values)) + (shift or 0.0)
    if shift is not None:
        axes.vlines(places, interval[0], interval[1], color=look.get_color(), linewidth=0.9, zorder=3)
    else:
        axes.fill_between(places, interval[0], interval[1], color=look.get_color(), alpha=0.25, linewidth=0, zorder=2)
    axes.plot(
        places,
        values,
        color=look.get_color(),
        linewidth=look.get_linewidth(),
        marker=look.get_marker(),
        markersize=look.get_markersize(),
        label=str(look.get_label()),
        zorder=4 if shift is None else 3,
    )
