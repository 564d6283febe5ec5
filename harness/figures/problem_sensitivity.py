"""Which problems suffer: what a blocked thought costs, by every feature of a problem and by its type."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from harness.figures.conditions import look_of_thought
from harness.figures.keys import LINE, draw_key, key_rows
from harness.figures.panels import LEGEND, value_grid
from harness.figures.patterns import MINIMAL_WIDTH
from harness.figures.style import FAINT, INK, styled
from harness.figures.text import equation, fitted_size, heading, shortened, width_of

WIDTH, LEFT, RIGHT, BOTTOM, TOP = 12.0, 0.72, 0.2, 0.42, 1.52
COLUMNS, ACROSS, DOWN = 4, 0.3, 1.05
MEANS, POINTS, BETWEEN = 1.45, 0.85, 0.1
"""Inches: margins; panels side by side at most, gaps between them; height of the means, of the points below, and their gap."""
NOTE, NAME = 6.8, 0.95
"""Points of what is written above a panel, and the inches that a condition's name may take there."""
MOST_VALUES, FEWEST, BINS = 8, 20, 6
"""A feature with so many values at most has a group for each, else so many groups of as many problems. A group has
``FEWEST`` problems at least, but for those of a feature of 0 and 1."""
LONG_TAIL = 20.0
"""A feature whose largest value exceeds the median by this factor stands on a logarithmic scale."""
SHIFT = 0.035
"""Inches by which the conditions stand left and right of their place."""
DRAWS = 2000
OUTCOMES = {1: "lost", 0: "same", -1: "gained"}

ROW, HEADING, NAMES = 0.27, 0.36, 2.6
"""Inches: height of a type and of a heading, and what the names of the types may take."""


@styled
def problem_sensitivity_scatter(
    *,
    features: np.ndarray,
    impact: np.ndarray,
    feature_names: Sequence[str],
    conditions: Sequence[str],
    thoughts: Sequence[int],
    pearson: np.ndarray,
    spearman: np.ndarray,
    q: np.ndarray,
    title: str = "Which problems suffer, by feature",
) -> Figure:
    """A panel per feature: above, mean impact by its value under both conditions; below, every problem as a point.

    ``features`` [n, F] of n problems, called ``feature_names``; a feature of 0 and 1 is drawn as two groups, one with
    many values in groups of as many problems; one that is the same in all problems has no panel and is named above.
    ``impact`` [n, 2] under the two ``conditions``, which block these ``thoughts``: 1 where the right answer is lost, -1
    where it is gained, else 0. ``pearson``, ``spearman`` and ``q`` [F, 2] are written above each panel. A problem whose
    feature is NaN is left out of its panel; an undefined coefficient is n/a. Intervals are bootstrapped over the problems
    of a group.
    """
    varies = np.array([len(np.unique(column[np.isfinite(column)])) > 1 for column in features.T], dtype=bool)
    same = [name for name, one in zip(feature_names, varies, strict=True) if not one]
    feature_names = [name for name, one in zip(feature_names, varies, strict=True) if one]
    features, pearson, spearman, q = features[:, varies], pearson[varies], spearman[varies], q[varies]
    count = max(len(feature_names), 1)
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    wide = (WIDTH - LEFT - RIGHT - ACROSS * (COLUMNS - 1)) / COLUMNS
    tall = MEANS + BETWEEN + POINTS
    marks = _marks(conditions, thoughts)
    width = max(LEFT + columns * wide + (columns - 1) * ACROSS + RIGHT, MINIMAL_WIDTH)
    top = TOP + LINE * (len(key_rows([str(mark.get_label()) for mark in marks], width - LEFT - RIGHT)) - 1)
    height = top + rows * tall + (rows - 1) * DOWN + BOTTOM
    figure = Figure(figsize=(width, height))
    upper = []
    for index, name in enumerate(feature_names):
        row, column = divmod(index, columns)
        left, above = LEFT + column * (wide + ACROSS), top + row * (tall + DOWN)
        means, points = (
            figure.add_axes((left / width, 1 - (down + high) / height, wide / width, high / height))
            for down, high in ((above, MEANS), (above + MEANS + BETWEEN, POINTS))
        )
        known = np.isfinite(features[:, index])
        values, effects = features[known, index], impact[known]
        _draw_means(means, values, effects, thoughts)
        _draw_points(points, values, effects, thoughts)
        _horizontal(means, points, values)
        coefficients = np.stack([pearson[index], spearman[index], q[index]], axis=1)
        _write_coefficients(means, conditions, thoughts, coefficients, wide)
        means.set_title(
            name, loc="left", weight="bold", pad=28, parse_math=False, fontsize=fitted_size(name, 8.5, 0.85 * wide)
        )
        means.tick_params(labelleft=column == 0)
        points.tick_params(labelleft=column == 0)
        if column == 0:
            means.set_ylabel("Mean impact")
        upper.append(means)
    for axes in upper:
        axes.set_ylim(*(end(one.get_ylim()[side] for one in upper) for side, end in ((0, min), (1, max))))
    heading(
        figure,
        title,
        f"{len(impact):,} problems. Impact: 1 where the right answer is lost, −1 where it is gained. Above: means with 95 % "
        "bootstrap intervals; below: every problem. r: Pearson, ρ: Spearman, q: of ρ."
        + (f" The same in all problems: {', '.join(same)}." if same else ""),
        LEFT,
    )
    draw_key(figure, marks, LEFT, LEGEND, width - LEFT - RIGHT)
    return figure


@styled
def problem_sensitivity_types(
    *,
    names: Sequence[str],
    headings: Sequence[str],
    means: np.ndarray,
    interval: np.ndarray,
    counts: Sequence[int],
    conditions: Sequence[str],
    thoughts: Sequence[int],
    title: str = "Which problems suffer, by type",
) -> Figure:
    """Mean impact under two ``conditions``, which block these ``thoughts``, for each of G types of problem, one row each.

    ``names`` [G] of the types, ``counts`` [G] their problems; those that follow each other with the same entry in
    ``headings`` [G] stand together under it. ``means`` [G, 2] with ``interval`` [2, G, 2], low and high; NaN where
    undefined. A heading under which fewer than two types have problems tells none apart and is left out; so is a type
    without problems. What is left out is named above.
    """
    filled = np.array(counts) > 0
    apart = np.array([sum(filled[place] for place, one in enumerate(headings) if one == text) > 1 for text in headings])
    kept = np.flatnonzero(filled & apart)
    missing = [f"{text.lower()}: {name}" for text, name, some in zip(headings, names, filled, strict=True) if not some]
    names, headings = [names[place] for place in kept.tolist()], [headings[place] for place in kept.tolist()]
    counts = [counts[place] for place in kept.tolist()]
    means, interval = means[kept], interval[:, kept]
    groups = [(text, len(list(members))) for text, members in groupby(headings)]
    labels = [
        f"{shortened(name, 7.5, NAMES - width_of(f' ({count:,})', 7.5))} ({count:,})"
        for name, count in zip(names, counts, strict=True)
    ]
    left = 0.4 + max((width_of(label, 7.5) for label in labels), default=0.0)
    wide = max(4.6, MINIMAL_WIDTH - left - RIGHT)
    width = left + wide + RIGHT
    tall = ROW * len(names) + HEADING * len(groups)
    marks = _marks(conditions, thoughts)
    top = 0.9 + LINE * (len(key_rows([str(mark.get_label()) for mark in marks], width - 0.3 - RIGHT)) - 1)
    height = top + tall + 0.5
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, 0.5 / height, wide / width, tall / height))
    places, starts = [], []
    down = 0.0
    for _, size in groups:
        starts.append(down)
        places += [down + HEADING + ROW * (row + 0.5) for row in range(size)]
        down += HEADING + ROW * size
    for start, (text, _) in zip(starts, groups, strict=True):
        axes.text(
            (0.3 - left) / wide,
            start + HEADING - 0.1,
            shortened(text, 8.0, left + wide - 1.0),
            transform=axes.get_yaxis_transform(),
            weight="bold",
            fontsize=8.0,
            va="baseline",
            parse_math=False,
        )
    for index, row in enumerate(places):
        if index % 2 == 0:
            axes.axhspan(row - ROW / 2, row + ROW / 2, color="#f3f5f7", linewidth=0, zorder=0)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for condition, (thought, shift) in enumerate(zip(thoughts, (-0.19 * ROW, 0.19 * ROW), strict=False)):
        marker, colour = look_of_thought(thought)
        rows = np.array(places) + shift
        axes.hlines(rows, *interval[:, :, condition], color=colour, linewidth=1.3, zorder=3)
        axes.plot(
            means[:, condition],
            rows,
            linestyle="none",
            marker=marker,
            markersize=4.6,
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=f"condition {condition}",
            zorder=4,
        )
    low, high = _limits(means, interval)
    axes.set_xlim(low, high)
    axes.set_ylim(tall, 0)
    axes.set_yticks(places, labels, parse_math=False)
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_xlabel("Mean impact")
    heading(
        figure,
        title,
        "Impact: 1 where the right answer is lost, −1 where it is gained. Means with 95 % bootstrap intervals over problems."
        + (f" Without problems: {', '.join(missing)}." if missing else ""),
        0.3,
    )
    draw_key(figure, marks, 0.3, LEGEND, width - 0.3 - RIGHT)
    return figure


def grouped(values: np.ndarray) -> list[np.ndarray]:
    """Indices of ``values`` [n] in groups of ascending value; equal values are never parted.

    A group for each value where there are few, else about ``BINS`` groups of as many problems; one of fewer than
    ``FEWEST`` is merged with the next, unless all values are 0 or 1.
    """
    distinct, sizes = np.unique(values, return_counts=True)
    fewest = 1 if _binary(values) else FEWEST if len(distinct) <= MOST_VALUES else max(FEWEST, len(values) / BINS)
    ends: list[int] = []
    held = 0
    for place, size in enumerate(sizes.tolist()):
        held += size
        if held >= fewest:
            ends.append(place)
            held = 0
    if held:
        ends = [*ends[:-1], len(distinct) - 1]
    group = np.searchsorted(ends, np.searchsorted(distinct, values))
    return [np.flatnonzero(group == index) for index in range(len(ends))]


def mean_and_bounds(impact: np.ndarray) -> tuple[float, float, float]:
    """Mean of ``impact`` [n] in {-1, 0, 1} and the bounds of its 95 % bootstrap interval."""
    n = len(impact)
    shares = [float((impact == outcome).mean()) for outcome in (1, 0, -1)]
    draws = np.random.default_rng(0).multinomial(n, shares, DRAWS)
    low, high = np.quantile((draws[:, 0] - draws[:, 2]) / n, [0.025, 0.975])
    return float(np.mean(impact)), float(low), float(high)


def _marks(conditions: Sequence[str], thoughts: Sequence[int]) -> list[Artist]:
    looks = [look_of_thought(thought) for thought in thoughts]
    return [
        Line2D([], [], linestyle="none", marker=marker, markersize=5, color=colour, label=name)
        for name, (marker, colour) in zip(conditions, looks, strict=True)
    ]


def _draw_means(axes: Axes, values: np.ndarray, impact: np.ndarray, thoughts: Sequence[int]) -> None:
    groups = grouped(values) if len(values) else []
    places = [float(np.median(values[group])) for group in groups]
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    figure = axes.get_figure(root=True)
    assert figure is not None
    bounds = []
    for condition, (thought, side) in enumerate(zip(thoughts, (-SHIFT, SHIFT), strict=False)):
        marker, colour = look_of_thought(thought)
        beside = axes.transData + ScaledTranslation(side, 0, figure.dpi_scale_trans)
        found = np.array([mean_and_bounds(impact[group, condition]) for group in groups]).reshape(-1, 3)
        axes.vlines(places, found[:, 1], found[:, 2], color=colour, linewidth=1.2, transform=beside, zorder=3)
        axes.plot(
            places,
            found[:, 0],
            color=colour,
            linewidth=0.8,
            marker=marker,
            markersize=4.4,
            markeredgecolor="white",
            markeredgewidth=0.5,
            transform=beside,
            label=f"condition {condition}",
            zorder=4,
        )
        bounds.append(found)
    axes.set_ylim(*_limits(np.concatenate(bounds), np.zeros(1)))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    value_grid(axes)


def _draw_points(axes: Axes, values: np.ndarray, impact: np.ndarray, thoughts: Sequence[int]) -> None:
    """Every problem, moved at random inside its row and, where values repeat, beside its value."""
    generator = np.random.default_rng(0)
    beside = _room(values)
    for condition, (thought, side) in enumerate(zip(thoughts, (0.2, -0.2), strict=False)):
        axes.plot(
            values + generator.uniform(-beside, beside, len(values)),
            impact[:, condition] + side + generator.uniform(-0.15, 0.15, len(values)),
            linestyle="none",
            marker="o",
            markersize=1.7,
            markeredgewidth=0,
            color=look_of_thought(thought)[1],
            alpha=float(np.clip(120 / (1 + len(values)), 0.2, 0.7)),
            label=f"problems {condition}",
            rasterized=True,
        )
    axes.hlines([-0.5, 0.5], 0, 1, transform=axes.get_yaxis_transform(), color=FAINT, linewidth=0.5)
    axes.set_ylim(-1.5, 1.5)
    axes.yaxis.set_major_locator(FixedLocator(list(OUTCOMES)))
    axes.set_yticklabels(OUTCOMES.values())
    axes.tick_params(left=False)


def _horizontal(means: Axes, points: Axes, values: np.ndarray) -> None:
    """One horizontal axis for the means and the points below, whose numbers stand under the points."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    binary = _binary(values)
    for axes in (means, points):
        if binary:
            axes.set_xlim(-0.6, 1.6)
            axes.xaxis.set_major_locator(FixedLocator([0, 1]))
        elif _logarithmic(values):
            axes.set_xscale("log")
            axes.set_xlim(low / (high / low) ** 0.04, high * (high / low) ** 0.04)
            axes.xaxis.set_major_locator(LogLocator(numticks=6))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
            axes.xaxis.set_minor_locator(NullLocator())
        else:
            pad = 0.04 * (high - low) + _room(values) or 0.5
            axes.set_xlim(low - pad, high + pad)
            whole = bool((values == np.round(values)).all())
            axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=whole))
    means.tick_params(labelbottom=False)
    if binary:
        points.set_xticklabels(
            [f"{name} ({int((values == value).sum()):,})" for value, name in enumerate(("no", "yes"))]
        )


def _short(value: float) -> str:
    """``20k`` for 20,000: numbers below a logarithmic axis."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def _binary(values: np.ndarray) -> bool:
    return set(np.unique(values).tolist()) <= {0.0, 1.0}


def _room(values: np.ndarray) -> float:
    """How far a point may stand beside its value: where values repeat, less than half of the way to the next one."""
    distinct = np.unique(values)
    few = 1 < len(distinct) <= 4 * MOST_VALUES and not _logarithmic(values)
    return 0.3 * float(np.diff(distinct).min()) if few else 0.0


def _logarithmic(values: np.ndarray) -> bool:
    return bool(len(values) and values.min() > 0 and values.max() > LONG_TAIL * np.median(values))


def _write_coefficients(
    axes: Axes, conditions: Sequence[str], thoughts: Sequence[int], coefficients: np.ndarray, wide: float
) -> None:
    for condition, (name, thought, found) in enumerate(zip(conditions, thoughts, coefficients, strict=True)):
        words = ", ".join(
            equation(symbol, float(value), form)
            for symbol, form, value in zip("rρq", ("z.2f", "z.2f", ".2g"), found, strict=True)
        )
        line = f"{shortened(name, NOTE, NAME)}: {words}"
        axes.text(
            0,
            1 + (0.17 - 0.13 * condition) / MEANS,
            line,
            transform=axes.transAxes,
            color=look_of_thought(thought)[1],
            fontsize=fitted_size(line, NOTE, wide),
            va="bottom",
            parse_math=False,
        )


def _limits(*values: np.ndarray) -> tuple[float, float]:
    """Ends of a scale that holds ``values`` and 0."""
    everything = np.concatenate([np.ravel(part) for part in values])
    known = everything[np.isfinite(everything)]
    low, high = float(known.min(initial=0.0)), float(known.max(initial=0.0))
    pad = 0.06 * ((high - low) or 1.0)
    return low - pad, high + pad
