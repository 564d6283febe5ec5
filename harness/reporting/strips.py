"""Each hypothesis on its axis: the measured value, the rule, the controls and what can be attained."""

from functools import lru_cache
from typing import Any

from markupsafe import Markup

from harness.files import digest
from harness.results import CriterionResult

DECADES_APART = 100.0
"""Positive values that span more than this ratio are shown on a logarithmic axis."""


def strip(criterion: CriterionResult, name: str) -> Markup | None:
    """The calibration strip as SVG, its ids derived from ``name``; None where there is no axis to draw.

    Drawn for hypotheses with a numeric rule, from the model's value, its interval and every control's value.
    """
    threshold = _threshold(criterion)
    if criterion.kind != "hypothesis" or criterion.verdict == "skipped" or threshold is None:
        return None
    controls = {name: value for name, c in criterion.controls.items() if (value := _number(c.measured)) is not None}
    both = criterion.ci_low is not None and criterion.ci_high is not None
    interval = (criterion.ci_low, criterion.ci_high) if both else None
    comparator = "between" if isinstance(threshold, tuple) else criterion.comparator
    value, reachable = _number(criterion.measured), criterion.attainable
    return _drawn(f"s{digest(name)[:12]}", value, interval, threshold, comparator, reachable, tuple(controls.items()))


@lru_cache(maxsize=2048)
def _drawn(
    name: str,
    measured: float | None,
    interval: Any,
    threshold: Any,
    comparator: str,
    attainable: tuple[float | None, float | None] | None,
    controls: tuple[tuple[str, float], ...],
) -> Markup:
    """Drawing takes some 70 ms, and a session renders its report twice: after the checks and after the documents."""
    from harness.figures.calibration import calibration_strip
    from harness.figures.svg import svg

    limits = threshold if isinstance(threshold, tuple) else (threshold,)
    shown = [*limits, *(interval or ()), *(value for _, value in controls)]
    shown += [] if measured is None else [measured]
    positive = min(shown) > 0
    figure = calibration_strip(
        measured=measured,
        interval=interval,
        threshold=threshold,
        comparator=comparator,
        attainable=attainable or (None, None),
        controls=dict(controls),
        logarithmic=positive and max(shown) / min(shown) > DECADES_APART,
    )
    return Markup(svg(figure, name))


def _threshold(criterion: CriterionResult) -> float | tuple[float, float] | None:
    """One bound or two; None for rules that are not about a number."""
    given = criterion.threshold
    if criterion.comparator in {">=", ">", "<=", "<", "=="}:
        return _number(given)
    if criterion.comparator in {"between", "in"} and isinstance(given, list):
        numbers = [number for value in given if (number := _number(value)) is not None]
        if numbers and len(numbers) == len(given):
            return min(numbers), max(numbers)
    return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
