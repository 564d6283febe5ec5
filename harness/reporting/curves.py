"""Two small plots beside a hypothesis: how often planted patterns pass, and what other thresholds would have said."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from harness.documents import phrases
from harness.results import CALIBRATION, Calibration, CalibrationFile, RunResult, Sensitivity

WIDTH, HEIGHT = 300, 150
LEFT, RIGHT, TOP, BOTTOM = 34.0, 220.0, 16.0, 112.0
"""The frame of a plot, in pixels, y downwards; names of lines stand right of it."""
LINE_HEIGHT = 11.0
NAMES = {
    "none": "nothing planted",
    "hub": "hub",
    "chain": "chain",
    "skip": "skip",
    "mixed": "mixture",
    "few": "few heads",
}
FAR_APART = 100.0


@dataclass(frozen=True)
class Line:
    """One curve: the pattern or sample it is of, its points, and where its name stands."""

    kind: str
    path: str
    name: str
    name_at: float


@dataclass(frozen=True)
class Plot:
    """What the template draws; positions in pixels."""

    words: str
    lines: list[Line]
    ticks: list[tuple[float, str]]
    axis: str
    marks: list[tuple[str, float, float]]
    """Kind and centre of single points."""
    rule: tuple[float, str] | None = None
    """The study's threshold."""
    caption: str = ""


@dataclass(frozen=True)
class Curves:
    """What the report shows of a calibration."""

    power: Plot | None
    sensitivity: Plot | None
    sentence: str
    entry: Calibration


def curves(result: RunResult, output: Path) -> dict[tuple[str, str], Curves]:
    """By model (or pair) and criterion id, the plots of what names a calibration file of the folder ``output`` and is in it."""
    named: dict[str, set[tuple[str, str]]] = {}
    for item in result.criteria:
        for path in (path for path in item.artifacts if path.endswith(CALIBRATION)):
            named.setdefault(path, set()).add((item.model, item.id))
    found = {}
    for path, calibrated in named.items():
        if (output / path).is_file():
            content = CalibrationFile.model_validate_json((output / path).read_text(encoding="utf-8"))
            for entry in (entry for entry in content.criteria if (content.model, entry.id) in calibrated):
                found[content.model, entry.id] = Curves(
                    power_plot(entry, content),
                    sensitivity_plot(entry, content),
                    phrases.planted(entry, content.models),
                    entry,
                )
    return found


def power_plot(entry: Calibration, content: CalibrationFile) -> Plot | None:
    """Share of planted samples that pass against strength, one line per pattern; None where nothing was planted."""
    none, strengths = entry.false_positive_rate, content.strengths
    what = "planted samples" if len(content.models) == 1 else f"pairs with a pattern planted in {entry.planted_in}"
    if entry.power is None or none is None:
        return None
    lines = {kind: [(0.0, none), *zip(strengths, shares, strict=True)] for kind, shares in entry.power.items()}
    rule = phrases.rule(entry.comparator, entry.threshold)
    said = [
        f"{NAMES[kind]}: " + ", ".join(f"{phrases.percent(y)} at {x:g}" for x, y in points[1:])
        for kind, points in lines.items()
    ]
    return shares_plot(
        f"Share of {what} that pass {rule}. Nothing planted: {phrases.percent(none)}. {'; '.join(said)}",
        {kind: (NAMES[kind], points) for kind, points in lines.items()},
        [(value, f"{value:g}") for value in (0, 0.5, 1)],
        "strength of the planted pattern",
        f"Power: share of {what} that pass {rule}. ○ nothing planted.",
        [("none", LEFT, _y(none))],
    )


def shares_plot(
    words: str,
    lines: Mapping[str, tuple[str, Sequence[tuple[float, float]]]],
    ticks: Sequence[tuple[float, str]],
    axis: str,
    caption: str,
    marks: Sequence[tuple[str, float, float]] = (),
) -> Plot:
    """Named curves by kind, and ticks: along the axis from 0 to 1, and upwards a share."""
    return Plot(
        words=words,
        lines=_lines(
            {kind: (name, [(_x(x, 0, 1), _y(y)) for x, y in points]) for kind, (name, points) in lines.items()}
        ),
        ticks=[(_x(value, 0, 1), text) for value, text in ticks],
        axis=axis,
        marks=list(marks),
        caption=caption,
    )


def sensitivity_plot(entry: Calibration, content: CalibrationFile) -> Plot | None:
    """Share that passes against the threshold, for this model or pair and for samples with nothing planted."""
    curve = entry.sensitivity
    if curve is None or not isinstance(entry.threshold, int | float):
        return None
    low, high = curve.thresholds[0], curve.thresholds[-1]
    logarithmic = low > 0 and high / low > FAR_APART

    def x(value: float) -> float:
        return _x(*(math.log(one) if logarithmic else one for one in (value, low, high)))

    shares = {"own": curve.share_of_resamples or [float(one) for one in curve.passes]}
    if curve.false_positive_rate is not None:
        shares["none"] = curve.false_positive_rate
    names = {**NAMES, "own": "this model" if len(content.models) == 1 else "this pair"}
    lines = {
        kind: (names[kind], [(x(t), _y(share)) for t, share in zip(curve.thresholds, values, strict=True)])
        for kind, values in shares.items()
    }
    marks = []
    if isinstance(entry.measured, int | float) and low <= entry.measured <= high:
        marks.append(("own", x(entry.measured), BOTTOM))
    accepted = entry.threshold_at_5_percent_false_positives
    if accepted is not None and low <= accepted <= high:
        marks.append(("none", x(accepted), _y(0.05)))
    return Plot(
        words=_in_words(
            entry.comparator, entry.threshold, curve, {names[kind]: values for kind, values in shares.items()}
        ),
        lines=_lines(lines),
        ticks=[(x(value), phrases.number(value)) for value in (low, high)],
        axis="threshold",
        marks=marks,
        rule=(x(entry.threshold), f"study {phrases.rule(entry.comparator, entry.threshold)}"),
        caption=f"Other thresholds: {'share of resamples that pass' if curve.share_of_resamples else 'who would pass'}. "
        "◆ measured.",
    )


def _in_words(comparator: str, study: float, curve: Sensitivity, shares: Mapping[str, Sequence[float]]) -> str:
    """The curves at the study's threshold and at a few others."""
    count = len(curve.thresholds)
    own = min(range(count), key=lambda place: abs(curve.thresholds[place] - study))
    said = []
    for place in sorted({0, count // 2, count - 1, own}):
        at = phrases.rule(comparator, curve.thresholds[place])
        each = ", ".join(f"{name} {phrases.percent(values[place])}" for name, values in shares.items())
        said.append(f"{at}{' (the study)' if place == own else ''}: {each}")
    return f"Share that passes at other thresholds. {'; '.join(said)}"


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (RIGHT - LEFT) * (value - low) / ((high - low) or 1)


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _lines(lines: dict[str, tuple[str, list[tuple[float, float]]]]) -> list[Line]:
    """Curves with their names beside their right ends, as near as they can stand without touching."""
    ordered = sorted(lines.items(), key=lambda item: item[1][1][-1][1])
    ends = [points[-1][1] for _, (_, points) in ordered]
    places = place_labels(ends, [LINE_HEIGHT] * len(ends), TOP - LINE_HEIGHT / 2, BOTTOM + LINE_HEIGHT / 2)
    return [
        Line(kind, _path(points), name, round(place, 1))
        for (kind, (name, points)), place in zip(ordered, places, strict=True)
    ]


def _path(points: Sequence[tuple[float, float]]) -> str:
    """The corners of a curve as SVG path data; points on a level stretch are left out."""
    places = [(round(x, 1), round(y, 1)) for x, y in points]
    level = [a[1] == b[1] for a, b in pairwise(places)]
    inner = [
        place for place, before, after in zip(places[1:-1], level, level[1:], strict=False) if not (before and after)
    ]
    corners = [places[0], *inner, places[-1]]
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners)


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
