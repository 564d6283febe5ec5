"""What each thought is worth: accuracy lost when it is ablated, and answers that still hold a number."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from harness.figures.panels import legend_row, panel_grid, position_axis
from harness.figures.style import ACCENT, FILLS, INK, MEASURED, MUTED, styled
from harness.figures.text import equation, heading, shown

LEFT, RIGHT, BOTTOM = 0.72, 0.2, 0.58
"""Inches: the margins that the figures of the importance study have in common."""
SIGNIFICANT = 0.05

BAR, BAR_SHIFT, FIRST_MARK, LAST_MARK = 0.36, -0.22, 0.04, 0.4
"""Places within a position, from -0.5 to 0.5: the bar and the markers of the other fills beside it."""


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
