"""How answers go wrong: the share of each class of error under every condition, among all and among wrong answers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from harness.figures.conditions import look_of
from harness.figures.keys import LINE, draw_key, key_rows
from harness.figures.layers import round_up
from harness.figures.panels import LEGEND, panel_grid
from harness.figures.style import FAINT, INK, MUTED, NULL, styled
from harness.figures.text import fitted_size, heading

LEFT, RIGHT, BOTTOM = 1.85, 0.25, 0.62
COLUMN, GAP, STEP, PAD = 4.5, 0.3, 0.085, 0.16
"""Inches: margins, a panel's width, the gap between the two, from one condition to the next, around those of a class."""
SIGNIFICANT = 0.05
CORRECT = "CORRECT"
TICKS = (0, *(digit * 10.0**power for power in range(-4, 0) for digit in (1, 2, 5)), 1)
APART = 0.085
"""Of a panel's width, what two numbers below it keep between them."""


@styled
def error_distributions_figure(
    *,
    shares: np.ndarray,
    interval: np.ndarray,
    among_errors: np.ndarray,
    among_errors_interval: np.ndarray,
    random: np.ndarray,
    among_errors_random: np.ndarray,
    among_errors_near: np.ndarray,
    conditions: Sequence[str],
    wrong: Sequence[int],
    classes: Sequence[str],
    q: np.ndarray,
    among_errors_q: np.ndarray,
    n: int,
    title: str = "How answers go wrong",
) -> Figure:
    """Share of each of C classes under K conditions, the first the baseline: of all ``n`` answers, and of the wrong ones.

    ``shares`` and ``among_errors`` [K, C] with their bounds ``interval`` and ``among_errors_interval`` [2, K, C], low and
    high; ``wrong`` [K] the numbers of wrong answers; ``random`` and ``among_errors_random`` [C] the shares that answers
    drawn from other problems take; ``among_errors_near`` [K, C] those of wrong answers as far from gold as each condition's.
    The class ``CORRECT`` has no share among wrong answers: its row stays empty there. A class of no answer at all, a random
    one included, has no row and is named above. ``q`` [K, C] of the difference from the baseline for ``shares``,
    ``among_errors_q`` for ``among_errors``; below 0.05 there is a star. Which rows have a test stands below the panel, where
    not all have one. NaN where undefined. Both panels have a square-root scale, on which shares near 0 stay apart.
    """
    there = np.nan_to_num(shares).any(axis=0) | (np.nan_to_num(random) > 0)
    absent = [name for name, seen in zip(classes, there, strict=True) if not seen]
    classes = [name for name, seen in zip(classes, there, strict=True) if seen]
    shares, among_errors, q, among_errors_q = (part[:, there] for part in (shares, among_errors, q, among_errors_q))
    interval, among_errors_interval = interval[:, :, there], among_errors_interval[:, :, there]
    random, among_errors_random = random[there], among_errors_random[there]
    among_errors_near = among_errors_near[:, there]
    marks: list[Artist] = [
        Line2D([], [], linestyle="none", marker=marker, markersize=4.6, color=colour, label=f"{name}: {count:,} wrong")
        for name, count, (marker, colour) in zip(conditions, wrong, map(look_of, range(len(conditions))), strict=True)
    ]
    marks.append(
        Line2D(
            [],
            [],
            linestyle="none",
            marker="*",
            markersize=7,
            color=MUTED,
            label=f"q < {SIGNIFICANT:g}, against baseline",
        )
    )
    marks.append(
        Line2D([], [], linestyle="none", marker="|", markersize=9, color=NULL, mew=1.8, label="random answers")
    )
    marks.append(
        Line2D(
            [], [], linestyle="none", marker="|", markersize=6, color=INK, mew=1.2, label="as far from gold as these"
        )
    )
    across = 2 * COLUMN + GAP
    rows = key_rows([str(mark.get_label()) for mark in marks], across)
    figure, ((every, among),) = panel_grid(
        [COLUMN] * 2,
        [len(classes) * (PAD + STEP * len(conditions))],
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        top=LEGEND + LINE * len(rows) + 0.3,
        gap_across=GAP,
        share_y=True,
    )
    errors = np.array([name != CORRECT for name in classes])
    _draw(every, shares, interval, random, np.full_like(shares, np.nan), q)
    _draw(
        among,
        np.where(errors, among_errors, np.nan),
        np.where(errors, among_errors_interval, np.nan),
        np.where(errors, among_errors_random, np.nan),
        np.where(errors, among_errors_near, np.nan),
        np.where(errors, among_errors_q, np.nan),
    )
    for axes, found, possible in ((every, q, np.ones_like(errors)), (among, among_errors_q, errors)):
        _say_what_is_tested(axes, classes, np.isfinite(found).any(axis=0) & possible, possible)
    every.yaxis.set_major_locator(FixedLocator([row + 0.5 for row in range(len(classes))]))
    every.set_yticklabels(classes, parse_math=False)
    for row in np.flatnonzero(~errors):
        among.text(
            0.5, row + 0.5, "not an error", transform=among.get_yaxis_transform(), color=MUTED, ha="center", va="center"
        )
    every.set_title("Share of all answers", loc="left", weight="bold")
    among.set_title("Share of wrong answers", loc="left", weight="bold")
    heading(
        figure,
        title,
        f"{n:,} problems, answered under each condition; 95 % bootstrap intervals over problems. Square-root scale."
        + (f" No answer shown is of class {', '.join(absent)}." if absent else ""),
        LEFT,
    )
    draw_key(figure, marks, LEFT, LEGEND, across)
    return figure


def _say_what_is_tested(axes: Axes, classes: Sequence[str], tested: np.ndarray, possible: np.ndarray) -> None:
    """Below a panel: which of the ``possible`` rows have a test where some have none, or which have none if these are fewer."""
    left_out = possible & ~tested
    if tested.any() and left_out.any():
        fewer, verb = (tested, "tested") if tested.sum() < left_out.sum() else (left_out, "not tested")
        words = f"{verb}: {', '.join(name for name, one in zip(classes, fewer, strict=True) if one)}"
        axes.set_xlabel(f"Share\n{words}", fontsize=fitted_size(words, 8.0, COLUMN), parse_math=False)


def _draw(
    axes: Axes, values: np.ndarray, interval: np.ndarray, random: np.ndarray, near: np.ndarray, q: np.ndarray
) -> None:
    """One panel: a row per class from the top, in it a mark with its bounds for each condition."""
    count, classes = values.shape
    known = [part[np.isfinite(part)] for part in (values, interval, random, near)]
    end = min(1.0, round_up(float(max(part.max(initial=0.0) for part in known))))
    axes.set_xscale("function", functions=(_root, _square))
    axes.set_xlim(-0.0003 * end, 1.06 * end)
    axes.set_ylim(classes, 0)
    for row in range(0, classes, 2):
        axes.axhspan(row, row + 1, color="#f3f5f7", linewidth=0, zorder=0)
    axes.vlines(random, np.arange(classes) + 0.06, np.arange(classes) + 0.94, color=NULL, linewidth=1.8, zorder=2)
    step = STEP / (PAD + STEP * count)
    for condition in range(count):
        marker, colour = look_of(condition)
        places = np.arange(classes) + 0.5 + step * (condition - (count - 1) / 2)
        axes.hlines(places, *interval[:, condition], color=colour, linewidth=1.1, zorder=3)
        axes.plot(
            values[condition],
            places,
            linestyle="none",
            marker=marker,
            markersize=4.6,
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.4,
            label=f"condition {condition}",
            clip_on=False,
            zorder=4,
        )
        axes.plot(
            near[condition],
            places,
            linestyle="none",
            marker="|",
            markersize=6,
            markeredgewidth=1.2,
            color=INK,
            label=f"near {condition}",
            clip_on=False,
            zorder=5,
        )
        stars = np.flatnonzero(q[condition] < SIGNIFICANT)
        right = np.fmax(values[condition], interval[1, condition])[stars]
        # Beside the bound by an equal distance on the page, wherever it lies on the scale.
        axes.plot(
            _square(_root(right) + 0.022 * _root(end)),
            places[stars],
            linestyle="none",
            marker="*",
            markersize=7,
            color=colour,
            markeredgewidth=0,
            label=f"star {condition}",
            clip_on=False,
            zorder=4,
        )
    axes.xaxis.set_major_locator(FixedLocator(_ticks(end)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("Share")


def _ticks(end: float) -> list[float]:
    """Numbers from 0 to ``end``, each as round as can be and far enough from the next."""
    kept = [end]
    for tick in sorted((tick for tick in TICKS if tick < end), reverse=True):
        if np.sqrt(kept[-1] / end) - np.sqrt(tick / end) >= APART and (tick == 0 or np.sqrt(tick / end) >= APART):
            kept.append(tick)
    return kept[::-1]


def _root(values: np.ndarray | float) -> np.ndarray:
    return np.sign(values) * np.sqrt(np.abs(values))


def _square(values: np.ndarray | float) -> np.ndarray:
    return np.sign(values) * np.square(values)
