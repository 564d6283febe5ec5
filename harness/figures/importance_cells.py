"""Which thoughts each problem needs: every problem by every thought."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator

from harness.figures.importance import RIGHT
from harness.figures.panels import legend_row, panel_grid
from harness.figures.patterns import MINIMAL_WIDTH, position_label
from harness.figures.style import ACCENT, MEASURED, MUTED, NULL, styled
from harness.figures.text import heading

BLOCK_GAP = 0.2
"""Inches between the problems that the baseline solves and the others, where the latter are named."""
LOST, SAME, GAINED, NOTHING = ACCENT, "#e4e7eb", MEASURED, (1.0, 1.0, 1.0, 0.0)
"""Colours of a cell; ``NOTHING`` lets the hatching of unsolved problems through."""
HARDEST = 5
"""Difficulties from here on are one group."""


@styled
def importance_heatmap(
    *,
    drop: np.ndarray,
    baseline_right: np.ndarray,
    difficulty: np.ndarray,
    title: str = "Which thoughts each problem needs",
) -> Figure:
    """Every problem by every thought: answer lost, unchanged or gained, a panel per difficulty.

    ``drop`` [n, T] is 1 where ablating the thought loses the right answer, -1 where it gains it, else 0;
    ``baseline_right`` [n] bool; ``difficulty`` [n] in solution steps, from 5 on one group. A panel holds first the
    problems that the baseline solves, the most affected at the top, then the others. The numbers above the cells count
    the problems lost and gained at each position.
    """
    levels = np.minimum(difficulty, HARDEST)
    groups = [int(level) for level in np.unique(levels)]
    positions = drop.shape[1]
    most = max(int((levels == level).sum()) for level in groups)
    cell = min(0.4, max(0.055, 3.9 / most))
    width, gap = max(1.9, 0.19 * positions), 0.34
    left = 1.0
    right = max(RIGHT, MINIMAL_WIDTH - left - len(groups) * (width + gap))
    figure, (panels,) = panel_grid(
        [width] * len(groups),
        [most * cell + BLOCK_GAP],
        left=left,
        right=right,
        bottom=0.52,
        top=1.5,
        gap_across=gap,
    )
    for axes, level in zip(panels, groups, strict=True):
        of_level = levels == level
        _draw_problems(axes, drop[of_level], baseline_right[of_level], cell)
        axes.set_ylim(most * cell + BLOCK_GAP, 0)
        solved, total = int(baseline_right[of_level].sum()), int(of_level.sum())
        steps = f"{level}{'+' if level == HARDEST else ''} step{'s' if level > 1 else ''}"
        axes.set_title(f"{steps}: {solved} of {total} solved", loc="left", pad=32)
        axes.set_xlabel(position_label("Ablated", positions))
    height = most * cell + BLOCK_GAP
    for words, colour, inches in (("answers lost", LOST, 0.24), ("answers gained", GAINED, 0.1)):
        panels[0].text(
            -0.08 / width,
            1 + inches / height,
            words,
            transform=panels[0].transAxes,
            color=colour,
            fontsize=7.5,
            ha="right",
            va="center",
        )
    panels[0].set_ylabel("Problems")
    heading(
        figure,
        title,
        "A row is a problem, the most affected first, grouped by the steps of its solution; a column is the thought that is "
        "ablated alone.",
        left,
    )
    legend_row(
        figure,
        [
            Patch(facecolor=LOST, label="lost"),
            Patch(facecolor=SAME, label="still right"),
            Patch(facecolor=GAINED, label="gained"),
            Patch(facecolor="white", edgecolor=NULL, hatch="//////", linewidth=0, label="still wrong: nothing to lose"),
        ],
        left,
    )
    return figure


def _draw_problems(axes: Axes, drop: np.ndarray, right: np.ndarray, cell: float) -> None:
    """The problems of one difficulty in inches downwards; ``drop`` [n, T], ``right`` [n]."""
    positions = drop.shape[1]
    columns = np.arange(positions + 1) - 0.5
    top = 0.0
    for name, of_block, colours in (
        ("solved by the baseline", right, (NOTHING, SAME, LOST)),
        ("not solved by the baseline", ~right, (GAINED, NOTHING, NOTHING)),
    ):
        block = drop[of_block]
        if not len(block):
            continue
        if not right[of_block].any():
            top += BLOCK_GAP
            axes.add_patch(
                Rectangle(
                    (-0.5, top),
                    positions,
                    len(block) * cell,
                    facecolor="white",
                    edgecolor=NULL,
                    hatch="//////",
                    linewidth=0,
                )
            )
            axes.text(-0.5, top - 0.03, f"not solved: {len(block)}", color=MUTED, fontsize=6.5, ha="left", va="bottom")
        order = np.argsort(-np.abs(block).sum(axis=1), kind="stable")
        axes.pcolormesh(
            columns,
            top + cell * np.arange(len(block) + 1),
            block[order],
            cmap=ListedColormap(colours),
            vmin=-1,
            vmax=1,
            edgecolors="white",
            linewidth=0.6,
            label=name,
        )
        top += len(block) * cell
    for position in range(positions):
        for sign, colour, points in ((1, LOST, 0.24 * 72), (-1, GAINED, 0.1 * 72)):
            axes.annotate(
                str(int((drop[:, position] == sign).sum())),
                (position, 1),
                xycoords=axes.get_xaxis_transform(),
                xytext=(0, points),
                textcoords="offset points",
                color=colour,
                fontsize=7.5,
                ha="center",
                va="center",
            )
    axes.set_xlim(-0.5, positions - 0.5)
    axes.xaxis.set_major_locator(FixedLocator(range(positions)))
    axes.yaxis.set_major_locator(FixedLocator([]))
    axes.spines[:].set_visible(False)
    axes.tick_params(bottom=False, pad=1)
