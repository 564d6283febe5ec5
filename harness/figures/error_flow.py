"""Where problems go under a condition: from the class of the baseline's answer to that of the new one."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from harness.figures.panels import panel_grid, spread
from harness.figures.style import INK, MUTED, styled
from harness.figures.text import fitted_size, heading, shortened, width_of

BOTTOM, TOP, EDGE = 0.2, 0.98, 0.3
"""Inches: margins below, above and beside the labels."""
LINE, SPACE, DOWN = 0.15, 0.05, 0.65
"""Inches: from one label to the next, between two bars, between two rows of panels."""
HEIGHTS = {1: 4.8, 2: 3.8}
SHORT = 3.2
"""Inches: a panel's height by number of rows, and in more of them."""
BAR, LEADER, BESIDE = 0.12, 0.17, 0.3
"""Inches: width of a bar, from it to its label, between the labels of two panels."""
COLUMNS = 2
"""Panels side by side at most: the bars of each are named at both sides."""
ACROSS = {1: 5.0, 2: 2.4}
"""Inches between the bars of a panel, by number of panels side by side."""
SIZE, NAME = 6.8, 1.4
"""Points of a label, and the inches that the name of a class may take in it."""
CORRECT = "CORRECT"
RIGHT = "#c6cad1"
"""Of right answers: lighter than the others, so that it differs from them in every kind of colour blindness."""
COLOURS = ("#332288", "#88ccee", "#cc6677", "#117733", "#ddcc77", "#882255", "#44aa99", "#aa4499", "#999933")
"""Of the classes of error, in their order (the *muted* scheme of P. Tol, *Colour Schemes*, SRON/EPS/TN/09-002, 2021)."""
MOVED, STAYED = 0.8, 0.3
"""Opacity of a band."""


@styled
def error_flow_figure(
    *,
    flows: np.ndarray,
    conditions: Sequence[str],
    classes: Sequence[str],
    n: int,
    title: str = "Where answers go",
) -> Figure:
    """Bands from the class of a problem's answer in the baseline, left, to its class under a condition, right.

    ``flows`` [K, C, C] counts of the ``n`` problems: from the baseline's class (rows) to the one under each of the
    ``conditions`` (columns). A bar is as high as its class has problems, so that the bars of a column make up all
    of them; a class without problems has no bar. Bands have the colour of the class they come from, faint where a problem
    keeps its class.
    """
    columns = min(COLUMNS, len(conditions))
    rows = -(-len(conditions) // columns)
    tall = HEIGHTS.get(rows, SHORT)
    labels = [shortened(name, SIZE, NAME) for name in classes]
    named = max(width_of(label, SIZE) for label in labels) + width_of(f" {n:,}", SIZE) + LEADER
    panel = ACROSS[columns] + 2 * BAR
    figure, grid = panel_grid(
        [panel] * columns,
        [tall] * rows,
        left=EDGE + named,
        right=EDGE + named,
        bottom=BOTTOM,
        top=TOP,
        gap_across=2 * named + BESIDE,
        gap_down=DOWN,
    )
    panels = [axes for row in grid for axes in row]
    for spare in panels[len(conditions) :]:
        spare.remove()
    filled = max(int(np.count_nonzero(flow.sum(axis=side))) for flow in flows for side in (0, 1))
    problem = (tall - SPACE * (filled - 1)) / n
    colours = class_colours(classes)
    for axes, condition, flow in zip(panels, conditions, flows, strict=False):
        axes.set_xlim(0, panel)
        axes.set_ylim(tall / problem, 0)
        axes.set_axis_off()
        axes.set_xticks([])
        axes.set_yticks([])
        axes.patch.set_visible(False)
        totals = flow.sum(axis=1), flow.sum(axis=0)
        tops = _tops(totals[0], SPACE / problem), _tops(totals[1], SPACE / problem)
        _draw_bands(axes, flow, tops, colours, panel)
        for side in (0, 1):
            _draw_bars(axes, side, totals[side], tops[side], colours, classes, panel)
            _label_bars(axes, side, totals[side], tops[side], labels, problem)
        words = f"{condition}: {int(flow.sum() - np.trace(flow)):,} of {n:,} change class"
        axes.set_title(
            words,
            loc="left",
            weight="bold",
            fontsize=fitted_size(words, 8.0, (panel + named) * 0.85),
            pad=10,
            parse_math=False,
        )
    heading(
        figure,
        title,
        "Problems by the class of their answer: left in the baseline, right under the condition. Faint: the class stays.",
        EDGE,
    )
    return figure


def class_colours(classes: Sequence[str]) -> list[str]:
    """One colour per class of answer: grey for ``CORRECT``, the others in their order; they repeat from the tenth on."""
    errors = [name for name in classes if name != CORRECT]
    return [RIGHT if name == CORRECT else COLOURS[errors.index(name) % len(COLOURS)] for name in classes]


def _tops(totals: np.ndarray, space: float) -> np.ndarray:
    """Where the bar of each class begins, with ``space`` after every bar that is there."""
    return np.cumsum(totals + space * (totals > 0)) - totals - space * (totals > 0)


def _draw_bands(
    axes: Axes, flow: np.ndarray, tops: tuple[np.ndarray, np.ndarray], colours: Sequence[str], width: float
) -> None:
    """Those that stay first, then the others, the largest first, so that thin bands lie on thick ones."""
    starts = tops[0][:, None] + np.cumsum(flow, axis=1) - flow
    ends = tops[1][None, :] + np.cumsum(flow, axis=0) - flow
    pairs = sorted(np.argwhere(flow).tolist(), key=lambda pair: (pair[0] != pair[1], -flow[*pair]))
    left, right, middle = BAR, width - BAR, width / 2
    for level, (source, target) in enumerate(pairs):
        high, low, size = float(starts[source, target]), float(ends[source, target]), float(flow[source, target])
        corners = [
            (left, high),
            (middle, high),
            (middle, low),
            (right, low),
            (right, low + size),
            (middle, low + size),
            (middle, high + size),
            (left, high + size),
            (left, high),
        ]
        curve = [Path.CURVE4] * 3
        axes.add_patch(
            PathPatch(
                Path(corners, [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]),
                facecolor=colours[source],
                edgecolor=colours[source],
                alpha=STAYED if source == target else MOVED,
                linewidth=0.4,
                label=f"{source} to {target}",
                zorder=2 + level / len(pairs),
            )
        )


def _draw_bars(
    axes: Axes,
    side: int,
    totals: np.ndarray,
    tops: np.ndarray,
    colours: Sequence[str],
    classes: Sequence[str],
    width: float,
) -> None:
    for place in np.flatnonzero(totals).tolist():
        axes.add_patch(
            Rectangle(
                (side * (width - BAR), float(tops[place])),
                BAR,
                float(totals[place]),
                facecolor=colours[place],
                edgecolor=colours[place],
                linewidth=1.0,
                label=f"{('from', 'to')[side]} {classes[place]}",
                zorder=4,
            )
        )


def _label_bars(
    axes: Axes, side: int, totals: np.ndarray, tops: np.ndarray, names: Sequence[str], problem: float
) -> None:
    """Name and number beside each bar, joined to it by a line where labels had to move apart."""
    there = np.flatnonzero(totals)
    middles = (tops + totals / 2)[there]
    places = spread(middles, LINE / problem, axes.get_ylim()[0])
    edge = axes.get_xlim()[side]
    away = LEADER if side else -LEADER
    for place, middle, y in zip(there.tolist(), middles, places, strict=True):
        axes.plot(
            [edge + 0.1 * away, edge + 0.35 * away, edge + 0.7 * away, edge + 0.8 * away],
            [middle, middle, y, y],
            color=MUTED,
            linewidth=0.5,
            clip_on=False,
            label="_leader",
        )
        number = f"{int(totals[place]):,}"
        axes.text(
            edge + away,
            float(y),
            f"{number} {names[place]}" if side else f"{names[place]} {number}",
            fontsize=SIZE,
            color=INK,
            ha="left" if side else "right",
            va="center",
            parse_math=False,
        )
