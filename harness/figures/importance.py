"""The four figures of the importance study: what each thought is worth, and whether attention tells."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator

from harness.figures.panels import legend_row, panel_grid, position_axis, value_grid
from harness.figures.patterns import MINIMAL_WIDTH, position_label
from harness.figures.style import ACCENT, FILLS, INK, MEASURED, MUTED, NULL, PATTERN_COLOURS, SECOND, styled
from harness.figures.text import equation, heading, shown, with_interval

LEFT, RIGHT, BOTTOM = 0.72, 0.2, 0.58
"""Inches: the margins that all four have in common."""
SIGNIFICANT = 0.05

BAR, BAR_SHIFT, FIRST_MARK, LAST_MARK = 0.36, -0.22, 0.04, 0.4
"""Places within a position, from -0.5 to 0.5: the bar and the markers of the other fills beside it."""

BLOCK_GAP = 0.2
"""Inches between the problems that the baseline solves and the others, where the latter are named."""
LOST, SAME, GAINED, NOTHING = ACCENT, "#e4e7eb", MEASURED, (1.0, 1.0, 1.0, 0.0)
"""Colours of a cell; ``NOTHING`` lets the hatching of unsolved problems through."""
HARDEST = 5
"""Difficulties from here on are one group."""

MARKERS = "osD^vP"


@styled
def importance_by_position(
    *,
    drop: np.ndarray,
    interval: np.ndarray,
    q: np.ndarray,
    others: Mapping[str, np.ndarray],
    baseline_accuracy: float,
    parse_rate: Mapping[str, np.ndarray],
    baseline_parse_rate: float,
    title: str = "What each thought is worth",
) -> Figure:
    """Accuracy lost when each of T thoughts is ablated alone, and the answers that still hold a number.

    ``drop`` [T] baseline minus ablated accuracy under zero ablation at the middle layer, as shares of all problems (-1
    to 1), ``interval`` [2, T] its low and high bounds, ``q`` [T] of McNemar's test; ``others`` the drops [T] of other
    fills, by their name in ``FILLS``. ``parse_rate``: the share [T] of answers with a number, for ``zero`` and any of
    the others. NaN where undefined.
    """
    positions = len(drop)
    figure, ((lost,), (parsed,)) = panel_grid(
        [max(8.0, 0.95 * positions)],
        [2.9, 0.75],
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        top=1.24,
        gap_down=0.36,
    )
    places = np.arange(positions)
    bars = lost.bar(places + BAR_SHIFT, drop, BAR, color=MEASURED, label="zero")
    lost.vlines(places + BAR_SHIFT, interval[0], interval[1], color=INK, linewidth=1.2)
    lost.axhline(0, color=INK, linewidth=0.8)
    shifts = dict(zip(others, np.linspace(FIRST_MARK, LAST_MARK, max(len(others), 2)), strict=False))
    marks = [_fill_marks(lost, places + shifts[name], values, name) for name, values in others.items()]
    everything = np.concatenate([np.ravel(values) for values in (drop, interval, *others.values())])
    low, high = min(0.0, float(np.nanmin(everything))), max(0.0, float(np.nanmax(everything)))
    span = (high - low) or 1.0
    lost.set_ylim(low - 0.06 * span, high + 0.14 * span)
    stars = np.flatnonzero(q < SIGNIFICANT)
    highest = np.fmax(np.fmax(drop, interval[1]), 0)
    (star,) = lost.plot(
        stars + BAR_SHIFT,
        highest[stars] + 0.06 * span,
        linestyle="none",
        marker="*",
        markersize=9,
        color=ACCENT,
        markeredgewidth=0,
        label=f"zero: q < {SIGNIFICANT:g}",
    )
    for position in range(positions):
        place = position + BAR_SHIFT
        if not np.isfinite(drop[position]):
            lost.text(place, 0.012 * span, "n/a", color=MUTED, fontsize=6.5, ha="center", va="bottom")
        bold = "bold" if position in stars else "normal"
        lost.text(
            place,
            1.02,
            equation("q", float(q[position]), ".3g"),
            transform=lost.get_xaxis_transform(),
            color=INK if position in stars else MUTED,
            weight=bold,
            fontsize=6.5,
            ha="center",
            va="bottom",
        )
    lost.set_title(f"Accuracy lost (baseline accuracy {shown(baseline_accuracy)})", loc="left", pad=16)
    lost.set_ylabel("Accuracy drop")
    position_axis(lost, "Ablated", positions)
    lost.set_xlabel("")
    lost.tick_params(labelbottom=False)

    parsed.axhline(baseline_parse_rate, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label="baseline")
    for name, rates in parse_rate.items():
        _fill_marks(parsed, places + shifts.get(name, BAR_SHIFT), rates, name)
    parsed.set_ylim(0, 1.12)
    parsed.set_title(f"Answers that hold a number (dashed: baseline, {shown(baseline_parse_rate)})", loc="left")
    parsed.set_ylabel("Share")
    parsed.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    position_axis(parsed, "Ablated", positions)
    heading(
        figure,
        title,
        "Each thought ablated alone at the middle layer (blocked, input zero: at all). Bars: zero, 95 % bootstrap intervals "
        "over problems. q: exact McNemar, corrected.",
        LEFT,
    )
    legend_row(figure, [bars, star, *marks], LEFT)
    return figure


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


@styled
def attention_vs_importance(
    *,
    attention: np.ndarray,
    attention_interval: np.ndarray,
    effect: np.ndarray,
    effect_interval: np.ndarray,
    layers: Sequence[int],
    names: Sequence[str] = ("early", "middle", "late"),
    r: np.ndarray,
    interval: np.ndarray,
    p: np.ndarray,
    effect_label: str = "Drop in gold log-probability",
    title: str = "Attention and importance",
) -> Figure:
    """Every problem and position: attention from the answer against what ablation costs, a panel per probe layer.

    ``attention`` [3, n, T] from the first answer position to each thought at the ``layers``, called ``names``; ``effect``
    [n, T] named by ``effect_label``. Both are drawn less their mean over the positions of the problem; a problem that
    lacks a value is left out. ``attention_interval`` [3, 2, T] and ``effect_interval`` [2, T]: low and high bounds of
    the means over problems of these centred values, one per position. ``r`` [3], its ``interval`` [2, 3] and ``p`` [3].
    """
    positions = effect.shape[1]
    figure, (panels,) = panel_grid(
        [3.45] * len(layers),
        [3.2],
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        top=1.28,
        gap_across=0.34,
        share_y=True,
    )
    colours = matplotlib.colormaps[PATTERN_COLOURS](np.linspace(0, 0.88, positions))
    marks = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=MARKERS[position % len(MARKERS)],
            color=colours[position],
            markeredgecolor=INK,
            markersize=5.5,
            markeredgewidth=0.5,
            label=f"CT{position}",
        )
        for position in range(positions)
    ]
    for index, (axes, layer, name) in enumerate(zip(panels, layers, names, strict=True)):
        known = np.isfinite(attention[index]).all(axis=1) & np.isfinite(effect).all(axis=1)
        across, up = _centred(attention[index][known]), _centred(effect[known])
        axes.axhline(0, color=NULL, linewidth=0.8, zorder=1)
        axes.axvline(0, color=NULL, linewidth=0.8, zorder=1)
        for position, mark in enumerate(marks):
            axes.scatter(
                across[:, position],
                up[:, position],
                s=10,
                marker=str(mark.get_marker()),
                color=colours[position],
                alpha=0.45,
                linewidths=0,
                label=f"CT{position}",
                zorder=2,
            )
        centres = across.mean(axis=0), up.mean(axis=0)
        axes.hlines(centres[1], *attention_interval[index], color=INK, linewidth=1.3, zorder=3)
        axes.vlines(centres[0], *effect_interval, color=INK, linewidth=1.3, zorder=3)
        for position, mark in enumerate(marks):
            axes.plot(
                [centres[0][position]],
                [centres[1][position]],
                linestyle="none",
                marker=mark.get_marker(),
                markersize=7,
                color=colours[position],
                markeredgecolor=INK,
                markeredgewidth=1.0,
                label=f"mean of CT{position}",
                zorder=4,
            )
        axes.set_title(f"{name.capitalize()}: layer {layer}", loc="left", pad=17, weight="bold")
        axes.text(
            0,
            1.02,
            f"{with_interval('r', float(r[index]), *interval[:, index].tolist())}, {equation('p', float(p[index]), '.3g')}",
            transform=axes.transAxes,
            va="bottom",
        )
        axes.xaxis.set_major_locator(MaxNLocator(5))
        value_grid(axes)
        axes.set_xlabel("Attention from the answer, centred")
    panels[0].set_ylabel(f"{effect_label}, centred")
    heading(
        figure,
        title,
        "A point is one thought of one problem, less the mean over the thoughts of that problem. Large: means over problems, "
        "with 95 % bootstrap intervals over problems.",
        LEFT,
    )
    legend_row(figure, marks, LEFT)
    return figure


@styled
def correlation_by_position(
    *,
    by_position: np.ndarray,
    by_position_interval: np.ndarray,
    by_layer: np.ndarray,
    by_layer_interval: np.ndarray,
    probe: Sequence[int],
    by_difficulty: Mapping[str, tuple[float, float, float]],
    names: Sequence[str] = ("early", "middle", "late"),
    title: str = "Where attention goes with importance",
) -> Figure:
    """Correlation r of attention with importance, by position, by layer and by difficulty, on one scale.

    ``by_position`` [T] over problems at each thought, at the middle layer, with its interval [2, T]; ``by_layer`` [L]
    over centred problems and positions, with its interval [2, L], the ``probe`` layers called ``names``;
    ``by_difficulty`` r at the middle layer, low and high, by name of the group. NaN where undefined, shown as n/a.
    """
    positions, layers = len(by_position), len(by_layer)
    figure, (panels,) = panel_grid(
        [max(3.2, 0.3 * positions), 4.4, 2.7],
        [2.75],
        left=LEFT,
        right=RIGHT,
        bottom=BOTTOM,
        top=1.08,
        gap_across=0.36,
        share_y=True,
    )
    of_position, of_layer, of_difficulty = panels
    groups = np.array(list(by_difficulty.values()), dtype=np.float64).T
    values = np.concatenate(
        [np.ravel(part) for part in (by_position, by_position_interval, by_layer, by_layer_interval, groups, 0.0)]
    )
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    pad = 0.08 * max(high - low, 0.1)
    of_position.set_ylim(low - 2 * pad, high + pad)
    for axes in panels:
        axes.axhline(0, color=INK, linewidth=0.8, zorder=1)

    _draw_points(of_position, by_position, by_position_interval, MEASURED, "o")
    position_axis(of_position, "Thought", positions)
    of_position.set_title("Per position, middle layer", loc="left", pad=16)
    of_position.set_ylabel("Correlation r with importance")

    places = np.arange(layers)
    of_layer.fill_between(places, *by_layer_interval, color=SECOND, alpha=0.2, linewidth=0, label="interval")
    of_layer.plot(places, by_layer, color=SECOND, marker="o", markersize=3, label="every layer")
    _say_undefined(of_layer, by_layer)
    probes = sorted(set(probe))
    of_layer.plot(
        probes,
        by_layer[probes],
        linestyle="none",
        marker="D",
        markersize=7,
        color=SECOND,
        markeredgecolor=INK,
        label="probe layers",
    )
    for layer in probes:
        of_layer.axvline(layer, color=NULL, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
        called = ", ".join(name for name, place in zip(names, probe, strict=True) if place == layer)
        of_layer.text(
            layer,
            1.02,
            called,
            transform=of_layer.get_xaxis_transform(),
            fontsize=7.5,
            color=INK,
            ha="center",
            va="bottom",
        )
    of_layer.set_xlim(-0.5, layers - 0.5)
    of_layer.xaxis.set_major_locator(FixedLocator(range(0, layers, -(-layers // 16))))
    of_layer.set_xlabel(f"Layer (0-{layers - 1})")
    of_layer.set_title("Per layer", loc="left", pad=16)
    value_grid(of_layer)

    _draw_points(of_difficulty, groups[0], groups[1:], ACCENT, "s")
    of_difficulty.set_xlim(-0.6, len(by_difficulty) - 0.4)
    of_difficulty.xaxis.set_major_locator(FixedLocator(range(len(by_difficulty))))
    of_difficulty.set_xticklabels(list(by_difficulty))
    of_difficulty.set_xlabel("Steps of the solution")
    of_difficulty.set_title("Per difficulty, middle layer", loc="left", pad=16)
    value_grid(of_difficulty)
    heading(
        figure,
        title,
        "Pearson r of attention from the answer with what ablating the thought costs, with 95 % bootstrap intervals over "
        "problems. n/a: not defined there.",
        LEFT,
    )
    return figure


def _fill_marks(axes: Axes, places: np.ndarray, values: np.ndarray, name: str) -> Line2D:
    marker, colour = FILLS[name]
    (line,) = axes.plot(
        places,
        values,
        linestyle="none",
        marker=marker,
        markersize=4.4,
        color=colour,
        markeredgecolor=INK,
        markeredgewidth=0.4,
        label=name,
    )
    return line


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


def _draw_points(axes: Axes, values: np.ndarray, interval: np.ndarray, colour: str, marker: str) -> None:
    places = np.arange(len(values))
    axes.vlines(places, interval[0], interval[1], color=colour, linewidth=1.6)
    axes.plot(
        places,
        values,
        linestyle="none",
        marker=marker,
        markersize=6,
        color=colour,
        markeredgecolor="white",
        markeredgewidth=0.6,
        label="r",
    )
    _say_undefined(axes, values)


def _say_undefined(axes: Axes, values: np.ndarray) -> None:
    for place in np.flatnonzero(~np.isfinite(values)).tolist():
        axes.text(
            place,
            0.02,
            "n/a",
            transform=axes.get_xaxis_transform(),
            color=MUTED,
            fontsize=6.5,
            ha="center",
            va="bottom",
        )


def _centred(values: np.ndarray) -> np.ndarray:
    """[n, T] less each row's mean."""
    return np.asarray(values - values.mean(axis=1, keepdims=True))
