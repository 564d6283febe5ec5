"""Each hypothesis on one axis: the measured value, the rule, the controls, planted patterns and what can be attained."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, log10

from harness.documents import phrases
from harness.reporting.curves import NAMES
from harness.results import Calibration, CriterionResult

WIDTH = 640
LEFT, RIGHT = 150.0, 520.0
"""The axis, in pixels; names stand left of it, values right of it."""
TOP, LANE, AXIS = 24.0, 15.0, 30.0
"""Where the first lane begins, the height of one, and of the axis below the last."""

DECADES_APART = 100.0
"""Positive values that span more than this ratio are shown on a logarithmic axis."""
SMALLEST = 1e-4
"""What is smaller than this share of the threshold stands at the edge of a logarithmic axis."""


@dataclass(frozen=True)
class Lane:
    """One line of the strip: what is on it, the pixels of its values (an undefined one left out), and the values in words."""

    kind: str
    name: str
    y: float
    points: list[float]
    span: tuple[float, float] | None
    """The interval of the model's own value."""
    words: str


@dataclass(frozen=True)
class Strip:
    """What the template draws; positions in pixels."""

    words: str
    height: float
    lanes: list[Lane]
    ticks: list[tuple[float, str]]
    passing: tuple[float, float]
    limits: list[float]
    rule: tuple[float, str]
    reach: tuple[float, float]
    """The part of the axis that can be attained."""

    @property
    def axis(self) -> float:
        """Where the axis is, downwards."""
        return self.height - AXIS


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    logarithmic: bool

    def __call__(self, value: float) -> float:
        """The pixel; values beyond an end stand at it."""
        value = min(max(value, self.low), self.high)
        low, high, value = ((log10(one) if self.logarithmic else one) for one in (self.low, self.high, value))
        return round(LEFT + (RIGHT - LEFT) * (value - low) / (high - low), 1)

    def ticks(self) -> list[float]:
        """Round values within the window."""
        from matplotlib.ticker import LogLocator, MaxNLocator

        locator = LogLocator(numticks=6) if self.logarithmic else MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
        return [float(one) for one in locator.tick_values(self.low, self.high) if self.low <= one <= self.high]


def strip(criterion: CriterionResult, entry: Calibration | None) -> Strip | None:
    """The strip of a hypothesis with a rule about numbers; None where there is no axis to draw.

    ``entry`` is its calibration: of every planted pattern the medians at all strengths share the axis.
    """
    passing = _passing(criterion)
    if criterion.kind != "hypothesis" or criterion.verdict == "skipped" or passing is None:
        return None
    measured = _number(criterion.measured)
    ends = [end for end in (criterion.ci_low, criterion.ci_high) if end is not None]
    controls = {
        name: [value] for name, one in criterion.controls.items() if (value := _number(one.measured)) is not None
    }
    planted = _medians(entry)
    limits = [end for end in passing if isfinite(end)]
    own = [] if measured is None else [measured]
    scale = _scale([*own, *ends, *limits], [*_flat(controls), *_flat(planted)], limits, criterion.attainable)
    named = [("own", "measured", own)]
    named += [("control", name, values) for name, values in controls.items()]
    named += [(kind, _planted_name(kind), values) for kind, values in planted.items()]
    span = (scale(ends[0]), scale(ends[1])) if len(ends) == 2 else None
    rule = phrases.asked(criterion)
    return Strip(
        words=_in_words(criterion, rule, {name: values for _, name, values in named}),
        height=TOP + LANE * len(named) + AXIS,
        lanes=[
            Lane(
                kind,
                name,
                y=TOP + LANE * (place + 0.5),
                points=[scale(one) for one in values],
                span=span if kind == "own" else None,
                words=_values(values),
            )
            for place, (kind, name, values) in enumerate(named)
        ],
        ticks=[(scale(tick), phrases.number(tick)) for tick in scale.ticks()],
        passing=(scale(passing[0]), scale(passing[1])),
        limits=sorted({scale(limit) for limit in limits}),
        rule=(sum(scale(limit) for limit in limits) / len(limits), rule),
        reach=_reach(scale, criterion.attainable),
    )


def _passing(criterion: CriterionResult) -> tuple[float, float] | None:
    """The values that pass, an open end infinite; None for rules that are not about a number."""
    match criterion.comparator, criterion.threshold:
        case ((">=" | ">"), int() | float() as least):
            return float(least), inf
        case (("<=" | "<"), int() | float() as most):
            return -inf, float(most)
        case "==", int() | float() as value:
            return float(value), float(value)
        case (("between" | "in"), [*values]) if values and all(_number(one) is not None for one in values):
            return float(min(values)), float(max(values))
    return None


def _medians(entry: Calibration | None) -> dict[str, list[float]]:
    """By planted pattern, nothing first, the median at every strength; undefined ones left out."""
    if entry is None or entry.planted_values is None:
        return {}
    return {
        kind: [median for _, median, _ in entry.planted_values[kind] if median is not None]
        for kind in NAMES
        if kind in entry.planted_values
    }


def _planted_name(kind: str) -> str:
    return NAMES[kind] if kind == "none" else f"planted {NAMES[kind]}"


def _scale(
    own: Sequence[float],
    others: Sequence[float],
    limits: Sequence[float],
    attainable: tuple[float | None, float | None] | None,
) -> _Scale:
    """A window on all values, wide enough to show an end of the attainable range that is near."""
    shown = [*own, *others]
    low, high = min(shown), max(shown)
    if low > 0 and high / low > DECADES_APART:
        low = max(low, SMALLEST * min(limits))
        return _Scale(low / 1.3, high * 1.3, logarithmic=True)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    least, most = attainable or (None, None)
    near = high - low + room
    return _Scale(
        least if least is not None and low - near < least <= low else low - room,
        most if most is not None and high <= most < high + near else high + room,
        logarithmic=False,
    )


def _reach(scale: _Scale, attainable: tuple[float | None, float | None] | None) -> tuple[float, float]:
    low, high = attainable or (None, None)
    return scale(scale.low if low is None else low), scale(scale.high if high is None else high)


def _values(values: Sequence[float]) -> str:
    """One value, or the first and the last of several."""
    if not values:
        return "not defined"
    ends = list(dict.fromkeys(phrases.number(one) for one in (values[0], values[-1])))
    return " to ".join(ends)


def _in_words(criterion: CriterionResult, rule: str, lanes: Mapping[str, Sequence[float]]) -> str:
    """The strip read aloud, for those who cannot see it."""
    reach = "" if criterion.attainable is None else f" Attainable {phrases.interval(*criterion.attainable)}."
    spread = phrases.interval(criterion.ci_low, criterion.ci_high)
    within = "" if spread == phrases.NOTHING else f", interval {spread}"
    said = "; ".join(f"{name} {_values(values)}" for name, values in lanes.items())
    return f"Passes if {rule}: {said}{within}.{reach}"


def _flat(lanes: Mapping[str, Iterable[float]]) -> list[float]:
    return [value for values in lanes.values() for value in values]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
