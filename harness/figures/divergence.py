"""Where a run leaves the baseline's path: distance of residual streams by depth and position, under every condition."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from harness.figures.keys import draw_key
from harness.figures.layers import round_up
from harness.figures.panels import LEGEND, panel_grid, value_grid
from harness.figures.patterns import colour_bar
from harness.figures.style import ACCENT, INK, MEASURED, NULL, PATTERN_COLOURS, styled
from harness.figures.text import fitted_size, heading

LEFT, RIGHT, BOTTOM, TOP = 0.72, 0.2, 0.5, 1.32
ACROSS, DOWN, LEAST, CELL, LINES = 1.4, 1.0, 2.45, 0.24, 3.2
"""Inches: margins; gaps between panels, the least width of a heat map and that of a position in it, width of the lines."""
DEPTH, SHORTEST, TALLEST = 0.17, 1.6, 3.0
"""Inches: height of a depth in a heat map, and of the whole at least and at most."""
BAR_GAP, BAR = 0.08, 0.1
IDENTICAL = Patch(facecolor="white", edgecolor=NULL, hatch="//////", linewidth=0.0, label="exactly 0: identical")
SHIFT = 0.1
"""Positions by which flipped and unflipped stand beside each other."""


@styled
def divergence_figure(
    *,
    cosine: np.ndarray,
    relative: np.ndarray,
    flipped: np.ndarray,
    unflipped: np.ndarray,
    flipped_interval: np.ndarray,
    unflipped_interval: np.ndarray,
    counts: np.ndarray,
    parts_at: Sequence[int],
    fewest: int = 1,
    conditions: Sequence[str],
    title: str = "Where paths part from the baseline",
) -> Figure:
    """A row per condition: relative L2 distance and cosine distance by depth and position, and flipped problems apart.

    ``relative`` and ``cosine`` [K, P, D] are means over problems of the distance between residual streams under one of K
    ``conditions`` and in the baseline, at P positions (the thoughts, then the end-of-thought token) and D depths (the
    embedding, then after each layer). An exact 0 is hatched. ``flipped`` and ``unflipped`` [K, P] are the relative distance
    at the last depth of problems whose answer flips and of the others, with intervals [2, K, P] low and high and their
    numbers ``counts`` [K, 2]; ``parts_at`` [K] the position where the two part, -1 for none; below ``fewest`` problems of
    either kind they are not compared. NaN where undefined.
    """
    _, positions, depths = relative.shape
    wide = max(LEAST, CELL * positions)
    tall = min(TALLEST, max(SHORTEST, DEPTH * depths))
    figure, rows = panel_grid(
        [wide, wide, LINES],
        [tall] * len(conditions),
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        top=TOP,
        gap_across=ACROSS,
        gap_down=DOWN,
    )
    scales = [root_scale(values) for values in (relative, cosine)]
    highest = _highest(flipped, unflipped, flipped_interval, unflipped_interval)
    width, height = figure.get_size_inches()
    for row, (panels, name) in enumerate(zip(rows, conditions, strict=True)):
        for axes, values, scale, words in zip(
            panels, (relative, cosine), scales, ("Relative L2 distance", "Cosine distance"), strict=False
        ):
            draw_scale(figure, axes, draw_distances(axes, values[row], scale))
            axes.set_title(words, loc="left")
        panels[0].set_ylabel("Depth (layer)")
        _draw_lines(
            panels[2],
            (flipped[row], unflipped[row]),
            (flipped_interval[:, row], unflipped_interval[:, row]),
            counts[row],
            "too few to compare" if counts[row].min() < fewest else _words(parts_at[row], flipped.shape[1]),
            parts_at[row],
        )
        panels[2].set_ylim(0, 1.08 * highest)
        figure.text(
            LEFT / width,
            1 - (TOP - 0.24 + row * (tall + DOWN)) / height,
            name,
            weight="bold",
            fontsize=fitted_size(name, 9.0, 0.85 * (width - LEFT - RIGHT)),
            va="bottom",
            parse_math=False,
        )
    heading(
        figure,
        title,
        "Means over problems; colours on a square-root scale. Right: relative L2 distance after the last layer, with 95 % "
        "bootstrap intervals over problems.",
        LEFT,
    )
    marks: list[Artist] = [
        IDENTICAL,
        Line2D([], [], color=ACCENT, marker="o", markersize=4.5, label="right in the baseline, then wrong"),
        Line2D([], [], color=MEASURED, marker="s", markersize=4.2, label="right in both"),
        Line2D([], [], color=INK, linestyle=(0, (3, 2)), linewidth=1.0, label="where the two part"),
    ]
    draw_key(figure, marks, LEFT, LEGEND, width - LEFT - RIGHT)
    return figure


def root_scale(values: np.ndarray) -> PowerNorm:
    """Colours from 0 to the next round number above the largest of ``values``, by their square root."""
    known = values[np.isfinite(values)]
    return PowerNorm(0.5, vmin=0.0, vmax=round_up(float(known.max(initial=0.0))))


def draw_distances(axes: Axes, values: np.ndarray, scale: PowerNorm) -> QuadMesh:
    """A heat map of ``values`` [P, D], positions across and depths upward; hatched where exactly 0, blank where NaN."""
    positions, depths = values.shape
    mesh = axes.pcolormesh(
        np.arange(positions + 1) - 0.5,
        np.arange(depths + 1) - 0.5,
        np.ma.masked_where(~(values.T > 0), values.T),
        cmap=PATTERN_COLOURS,
        norm=scale,
        edgecolors="white",
        linewidth=0.3,
    )
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    axes.add_collection(
        PolyCollection(
            np.argwhere(values == 0)[:, None] + corners,
            facecolors="white",
            edgecolors=NULL,
            hatch="//////",
            linewidths=0.0,
            label="identical",
        )
    )
    axes.set_xlim(-0.5, positions - 0.5)
    axes.set_ylim(-0.5, depths - 0.5)
    places = range(0, depths, -(-depths // 12))
    axes.yaxis.set_major_locator(FixedLocator(places))
    axes.set_yticklabels(["emb.", *(str(depth - 1) for depth in places[1:])])
    _position_ticks(axes, positions)
    axes.spines[:].set_visible(False)
    return mesh


def _position_ticks(axes: Axes, positions: int) -> None:
    axes.xaxis.set_major_locator(FixedLocator(range(positions)))
    axes.set_xticklabels([*map(str, range(positions - 1)), "EOT"])
    axes.set_xlabel(f"Position (CT0-{positions - 2}, EOT)")


def draw_scale(figure: Figure, axes: Axes, mesh: QuadMesh) -> None:
    """The colours' scale of a heat map of distances, right of it."""
    width, _ = figure.get_size_inches()
    place = axes.get_position()
    bar = figure.add_axes((place.x1 + BAR_GAP / width, place.y0, BAR / width, place.height))
    colour_bar(figure, mesh, bar, "")
    end = mesh.get_clim()[1]
    bar.yaxis.set_major_locator(FixedLocator([share * end for share in (0, 0.1, 0.4, 1)]))
    bar.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    bar.minorticks_off()


def _highest(*values: np.ndarray) -> float:
    everything = np.concatenate([np.ravel(part) for part in values])
    return float(everything[np.isfinite(everything)].max(initial=0.0)) or 1.0


def _words(parts_at: int, positions: int) -> str:
    if parts_at < 0:
        return "do not part"
    return f"part at {'EOT' if parts_at == positions - 1 else f'CT{parts_at}'}"


def _draw_lines(
    axes: Axes,
    values: tuple[np.ndarray, np.ndarray],
    intervals: tuple[np.ndarray, np.ndarray],
    counts: np.ndarray,
    words: str,
    parts_at: int,
) -> None:
    positions = len(values[0])
    looks = (("flipped", ACCENT, "o", -SHIFT), ("unflipped", MEASURED, "s", SHIFT))
    for (name, colour, marker, shift), means, bounds in zip(looks, values, intervals, strict=True):
        places = np.arange(positions) + shift
        axes.vlines(places, bounds[0], bounds[1], color=colour, linewidth=1.2, zorder=3)
        axes.plot(
            places,
            means,
            color=colour,
            marker=marker,
            markersize=4.3,
            markeredgecolor="white",
            markeredgewidth=0.5,
            linewidth=1.1,
            label=name,
            zorder=4,
        )
    if parts_at >= 0:
        axes.axvline(parts_at, color=INK, linestyle=(0, (3, 2)), linewidth=1.0, zorder=2, label="parts")
    axes.set_title(f"{int(counts[0]):,} flip", loc="left", color=ACCENT)
    axes.set_title(words, loc="center")
    axes.set_title(f"{int(counts[1]):,} stay right", loc="right", color=MEASURED)
    axes.set_xlim(-0.5, positions - 0.5)
    _position_ticks(axes, positions)
    value_grid(axes)
    axes.set_ylabel("Relative L2 distance")
