"""Whether attention tells what a thought is worth: problem by problem, and as correlations."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator

from harness.figures.importance import BOTTOM, LEFT, RIGHT
from harness.figures.panels import legend_row, panel_grid, position_axis, value_grid
from harness.figures.style import ACCENT, INK, MEASURED, MUTED, NULL, PATTERN_COLOURS, SECOND, styled
from harness.figures.text import equation, heading, with_interval

MARKERS = "osD^vP"


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
