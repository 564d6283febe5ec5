"""Calibration strips: one measured value, its rule, its controls and what is attainable, on one thin axis."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator

from harness.figures.style import ACCENT, INK, MEASURED, MUTED, SECOND, styled

WIDTH, HEIGHT = 640, 90
"""Pixels, at 100 per inch; every position below is in these pixels, y upwards."""

MARGIN = 22
TICK_TEXT, AXIS, NAMES, CONTROLS, MODEL, RULE_TEXT = 6, 16, (27, 51), 39, 65, 83
TEXT, SMALL = 7.4, 6.8
CHARACTER = 5.2
"""Points, and the width in pixels to allow for one character of the smaller type."""

CROWDED = 1 / 8
"""Below this share of the attainable range the values would be a single blot: the axis zooms in on them."""


@dataclass(frozen=True)
class Scale:
    """Maps values to pixels over the window ``low`` to ``high``."""

    low: float
    high: float
    logarithmic: bool

    def __call__(self, value: float) -> float:
        """The pixel of ``value``."""
        low, high, value = (self._position(v) for v in (self.low, self.high, value))
        return MARGIN + (WIDTH - 2 * MARGIN) * (value - low) / (high - low)

    def ticks(self) -> list[float]:
        """About six round values within the window."""
        locator = LogLocator(numticks=7) if self.logarithmic else MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])
        slack = 1e-9 * (self.high - self.low)
        values = locator.tick_values(self.low, self.high)
        return [float(v) for v in values if self.low - slack <= v <= self.high + slack]

    def _position(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value


@styled
def calibration_strip(
    *,
    measured: float | None,
    interval: tuple[float, float] | None,
    threshold: float | tuple[float, float],
    comparator: str,
    attainable: tuple[float | None, float | None],
    controls: Mapping[str, float | np.ndarray | None],
    logarithmic: bool = False,
) -> Figure:
    """One axis with the attainable range, the passing side, the model's value and its controls.

    ``measured`` and ``interval`` (low, high) are the model's, in the unit of the measure; None where
    there is none. ``comparator`` is ``>=``, ``>``, ``<=``, ``<``, ``==`` or ``between`` (then ``threshold``
    is a pair, ends included). ``attainable``: the least and greatest value any attention pattern can
    give; None or infinite where unbounded. ``controls``: by name one value, or an array of draws, shown
    as median, quartiles and the central 90 %. On a ``logarithmic`` axis every value must be positive.
    640 x 90 pixels at 100 per inch. Errors: ``ValueError`` for an unknown comparator.
    """
    passing = passing_side(comparator, threshold)
    quantiles = {name: _quantiles(value) for name, value in controls.items() if value is not None}
    spread = {name: values for name, values in quantiles.items() if values}
    shown = [value for pair in spread.values() for value in (pair[0], pair[-1])]
    shown += [bound for bound in passing if math.isfinite(bound)]
    shown += [value for value in (measured, *(interval or ())) if value is not None and math.isfinite(value)]
    scale = _window(shown, attainable, logarithmic)

    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, HEIGHT)
    rule = _rule_text(comparator, threshold)
    _draw_passing_side(axes, scale, passing, rule)
    _draw_axis(axes, scale, attainable)
    _draw_controls(axes, scale, spread)
    _draw_model(axes, scale, measured, interval, passing)
    for artist in (*axes.lines, *axes.collections, *axes.patches):
        artist.set_clip_on(False)
    figure.set_label(_in_words(measured, interval, rule, attainable, spread))
    return figure


def passing_side(comparator: str, threshold: float | tuple[float, float]) -> tuple[float, float]:
    """The interval of values that pass, its open end infinite."""
    if isinstance(threshold, tuple):
        if comparator != "between":
            raise ValueError(f"two thresholds go with 'between', got {comparator!r}")
        return threshold
    match comparator:
        case ">=" | ">":
            return threshold, math.inf
        case "<=" | "<":
            return -math.inf, threshold
        case "==":
            return threshold, threshold
    raise ValueError(f"unknown comparator {comparator!r}: expected >=, >, <=, <, == or between")


def place_labels(centres: Sequence[float], widths: Sequence[float], low: float, high: float) -> list[float]:
    """Centres as near as possible to those wished for (least squares) with no two labels overlapping.

    ``centres`` ascending; all in one unit. Labels keep their order and stay between ``low`` and ``high``;
    when they do not fit they run over ``high``. Pool adjacent violators, on starts less the widths before.
    """
    before = np.concatenate([[0.0], np.cumsum(widths)])
    pools: list[tuple[float, int]] = []
    for centre, width, offset in zip(centres, widths, before[:-1], strict=True):
        mean, count = centre - width / 2 - offset, 1
        while pools and pools[-1][0] > mean:
            earlier, earlier_count = pools.pop()
            mean = (earlier * earlier_count + mean * count) / (earlier_count + count)
            count += earlier_count
        pools.append((mean, count))
    starts = np.repeat([mean for mean, _ in pools], [count for _, count in pools])
    starts = np.clip(starts, low, max(low, high - float(before[-1])))
    return [float(c) for c in starts + before[:-1] + np.asarray(widths) / 2]


def _quantiles(value: float | np.ndarray) -> tuple[float, ...]:
    """The value alone, or the 5, 25, 50, 75 and 95 % quantiles of an array of draws; () if none is finite."""
    values = np.asarray(value, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if values.ndim == 0 or not finite.size:
        return tuple(finite.tolist())
    return tuple(np.quantile(finite, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist())


def _window(shown: Sequence[float], attainable: tuple[float | None, float | None], logarithmic: bool) -> Scale:
    """The whole attainable range and everything shown, or a closer look where that would be a blot."""
    least, greatest = (
        end if end is not None and math.isfinite(end) and (end > 0 or not logarithmic) else None for end in attainable
    )
    low, high = min(shown), max(shown)
    whole_low = low if least is None else min(low, least)
    whole_high = high if greatest is None else max(high, greatest)
    if logarithmic:
        pad = (high / low) ** 0.08 if high > low else 10.0
        return Scale(min(whole_low, low / pad), max(whole_high, high * pad), True)
    if None not in (least, greatest) and 0 < CROWDED * (whole_high - whole_low) <= high - low:
        return Scale(whole_low, whole_high, False)
    pad = 0.15 * (high - low) or 0.5 * abs(high) or 0.5
    reach = high - low + 2 * pad
    # An end of the range that lies just outside the window is worth showing.
    window = [low - pad, high + pad]
    if least is not None and low - pad - reach < least <= low:
        window[0] = least
    if greatest is not None and high <= greatest < high + pad + reach and greatest > window[0]:
        window[1] = greatest
    low, high = window
    return Scale(low, high, False)


def _draw_passing_side(axes: Axes, scale: Scale, passing: tuple[float, float], rule: str) -> None:
    bounds = [scale(value) for value in passing if math.isfinite(value)]
    left = scale(passing[0]) if math.isfinite(passing[0]) else 0.0
    right = scale(passing[1]) if math.isfinite(passing[1]) else float(WIDTH)
    axes.add_patch(
        Rectangle((left, AXIS), right - left, RULE_TEXT - 9 - AXIS, facecolor=SECOND, alpha=0.16, linewidth=0)
    )
    axes.vlines(sorted(set(bounds)), AXIS - 4, RULE_TEXT - 7, color=ACCENT, linewidth=1.3)
    (centre,) = place_labels([sum(bounds) / len(bounds)], [len(rule) * CHARACTER], 2, WIDTH - 2)
    axes.text(centre, RULE_TEXT, rule, color=INK, fontsize=TEXT, ha="center", va="center")


def _draw_axis(axes: Axes, scale: Scale, attainable: tuple[float | None, float | None]) -> None:
    low, high = (
        None if end is None or not math.isfinite(end) or (scale.logarithmic and end <= 0) else end for end in attainable
    )
    left = 0.0 if low is None or low < scale.low else scale(low)
    right = float(WIDTH) if high is None or high > scale.high else scale(high)
    axes.plot([4, WIDTH - 4], [AXIS, AXIS], color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.plot([max(left, 8), min(right, WIDTH - 8)], [AXIS, AXIS], color=MUTED, linewidth=2.6, solid_capstyle="butt")
    for end, pixel, marker, edge in ((low, left, "<", 5.0), (high, right, ">", WIDTH - 5.0)):
        if pixel in {0.0, float(WIDTH)}:
            axes.plot([edge], [AXIS], marker=marker, markersize=4, color=MUTED, linestyle="none")
        elif end is not None:
            axes.vlines(pixel, AXIS - 5, AXIS + 5, color=MUTED, linewidth=1.6)
    for tick in scale.ticks():
        axes.vlines(scale(tick), AXIS - 4, AXIS, color=MUTED, linewidth=0.8)
        axes.text(
            scale(tick), TICK_TEXT, _number(tick), color=INK, alpha=0.75, fontsize=SMALL, ha="center", va="center"
        )


def _draw_controls(axes: Axes, scale: Scale, spread: Mapping[str, tuple[float, ...]]) -> None:
    drawn = 0
    for quantiles in spread.values():
        if len(quantiles) == 1:
            axes.plot(
                [scale(quantiles[0])],
                [CONTROLS],
                linestyle="none",
                marker="o",
                markersize=4.6,
                markerfacecolor="none",
                markeredgecolor=INK,
                markeredgewidth=1.1,
                alpha=0.75,
            )
            continue
        least, lower, median, upper, most = (scale(value) for value in quantiles)
        height = CONTROLS + (0, 3, -3)[drawn % 3]
        drawn += 1
        axes.hlines(height, least, most, color=MUTED, linewidth=1.2)
        axes.hlines(height, lower, upper, color=MUTED, linewidth=4.2)
        axes.vlines(median, height - 3.5, height + 3.5, color=INK, linewidth=1.2, alpha=0.75)
    _name_controls(axes, {name: scale(quantiles[len(quantiles) // 2]) for name, quantiles in spread.items()})


def _name_controls(axes: Axes, pixels: Mapping[str, float]) -> None:
    """Write the controls' names in turn below and above their marks; marks that touch share one label."""
    groups: list[tuple[float, list[str]]] = []
    for name, pixel in sorted(pixels.items(), key=lambda item: item[1]):
        if groups and pixel - groups[-1][0] < 6:
            groups[-1][1].append(name)
        else:
            groups.append((pixel, [name]))
    for side, row in enumerate(NAMES):
        turn = groups[side::2]
        labels = [", ".join(names) for _, names in turn]
        marks = [pixel for pixel, _ in turn]
        widths = [CHARACTER * len(label) + 8 for label in labels]
        toward = 1 if row > CONTROLS else -1
        for mark, label, centre in zip(marks, labels, place_labels(marks, widths, 0, WIDTH), strict=True):
            ends = [CONTROLS + 3.5 * toward, row - 4.5 * toward]
            axes.plot([mark, centre], ends, color=INK, linewidth=0.6, alpha=0.4)
            axes.text(centre, row, label, color=INK, alpha=0.8, fontsize=SMALL, ha="center", va="center")


def _draw_model(
    axes: Axes,
    scale: Scale,
    measured: float | None,
    interval: tuple[float, float] | None,
    passing: tuple[float, float],
) -> None:
    lines = [scale(bound) for bound in passing if math.isfinite(bound)]
    if measured is None or not math.isfinite(measured):
        clear = max((WIDTH / 4, WIDTH / 2, 3 * WIDTH / 4), key=lambda x: min(abs(x - line) for line in lines))
        axes.text(clear, MODEL, "not measured", color=INK, fontsize=TEXT, ha="center", va="center")
        return
    centre = scale(measured)
    left, right = centre - 5, centre + 5
    if interval is not None:
        ends = [scale(end) for end in interval]
        axes.hlines(MODEL, ends[0], ends[1], color=MEASURED, linewidth=2.2)
        axes.vlines(ends, MODEL - 4, MODEL + 4, color=MEASURED, linewidth=1.2)
        left, right = min(left, *ends), max(right, *ends)
    axes.plot([centre], [MODEL], linestyle="none", marker="D", markersize=6, color=MEASURED, markeredgewidth=0)
    label = _number(measured)
    width = CHARACTER * 1.15 * len(label) + 8
    crossed = right + width > WIDTH or any(right < line < right + width for line in lines)
    free_left = left - width > 0 and not any(left - width < line < left for line in lines)
    before = crossed and free_left
    axes.text(
        left - 5 if before else right + 5,
        MODEL,
        label,
        color=INK,
        fontsize=TEXT + 0.8,
        ha="right" if before else "left",
        va="center",
    )


def _rule_text(comparator: str, threshold: float | tuple[float, float]) -> str:
    if isinstance(threshold, tuple):
        return f"{_number(threshold[0])} to {_number(threshold[1])}"
    return f"{ {'>=': '≥', '<=': '≤', '==': '='}.get(comparator, comparator) } {_number(threshold)}"


def _number(value: float) -> str:
    text = f"{value:.3g}"
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}e{int(power)}" if exponent else text.replace("-", "−")


def _in_words(
    measured: float | None,
    interval: tuple[float, float] | None,
    rule: str,
    attainable: tuple[float | None, float | None],
    spread: Mapping[str, tuple[float, ...]],
) -> str:
    """The strip read aloud, for those who cannot see it."""
    value = "not measured" if measured is None else f"measured {_number(measured)}"
    if interval is not None:
        value += f" (interval {_number(interval[0])} to {_number(interval[1])})"
    low, high = ("unbounded" if end is None or not math.isfinite(end) else _number(end) for end in attainable)
    controls = ", ".join(f"{name} {_number(quantiles[len(quantiles) // 2])}" for name, quantiles in spread.items())
    return f"{value}; passes if {rule}; attainable {low} to {high}; controls: {controls or 'none'}"
