"""How the report says things: numbers, rules, intervals and what a verdict is worth, as short plain text."""

from collections.abc import Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any

from harness.results import Calibration, CriterionResult

NOTHING = "–"

STUDIES = {
    "phase1": "Phase 1 · attention patterns",
    "phase2": "Phase 2 · critical heads",
    "comparison": "Comparison · two models on the same problems",
    "phase3": "Phase 3 · documentation",
    "phase4": "Phase 4 · full scale",
    "full": "Full scale",
    "importance": "Importance of each thought",
    "steps": "Step importance",
    "behaviour": "Behaviour under intervention",
    "own": "Own hypotheses",
}

IN_WORDS = {
    "== n_problems": "as many as asked for",
    "== n (T+1)": "each problem without each thought, and with all",
    "== size of the test set": "the whole test set",
    "== size of the split": "the whole split",
    "== [N, L, H, T, T]": "a weight for each problem, layer, head and pair of thoughts",
    "contain N={N}": "name the number of problems",
    "0 and <= 1e-5 (2e-2 in 16-bit)": "0, elsewhere ≤ 1e-5 (2e-2 in 16 bits)",
}
"""What rules ask for that are declared in the study's own shorthand."""

AS_ASKED = "as asked"

PASSES_ALONE = "The model passes and no control does"

RARE = 0.05
"""Shares of planted samples up to this are rare."""

SURE = 0.95
"""Share of resamples that must agree on a verdict for it to count as settled."""

OTHER_PLACES = "random"
"""The control that takes other thoughts, or heads, in place of those in question."""

_HOLDS = {">=": ge, ">": gt, "<=": le, "<": lt}

COMPARATORS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}


def judged_from_results(run: Mapping[str, Any]) -> str | None:
    """Of a run that judged the results of an earlier one, that it did, and which criteria are declared differently now."""
    source = run.get("from_results")
    if not source:
        return None
    words = (
        f"Judged again from the results in {source['folder']} ({source['time'][:10]}, harness {source['harness']}), not from the "
        "models: what needs a model was skipped, and the validity checks among it stand as they were recorded."
    )
    changed = source["declared_differently"]
    return f"{words} Declared differently since then: {', '.join(changed)}." if changed else words


def study_name(study: str) -> str:
    """A study's title; one that this module has not heard of keeps its own name."""
    return STUDIES.get(study, study)


def number(value: float | None, against: float | None = None) -> str:
    """Three significant digits, ``4.8e-07`` style when tiny, thousands separated, an en dash for nothing.

    Against a threshold, digits are added until the text lies on the same side of it as the value: 0.9996
    that misses 1 must not read "1".
    """
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    for digits in range(3, 18):
        text = _rounded(value, digits)
        if against is None or _side(float(text.replace(",", "")), against) == _side(value, against):
            break
    return text


def _rounded(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    if abs(value) < 1e-3 or abs(value) >= 1e15:
        return f"{value:.{digits - 2}e}"
    if abs(value) < 999.5:
        return f"{value:.{digits}g}"
    text = f"{value:,.{digits - 3}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _side(value: float, against: float) -> int:
    return (value > against) - (value < against)


def scalar(value: Any, against: Any = None) -> str:
    """Any measured value as text: yes and no for booleans, lists in brackets, text as it is."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        comparable = isinstance(against, int | float) and not isinstance(against, bool)
        return number(value, against if comparable else None)
    if isinstance(value, list | tuple):
        return f"[{', '.join(scalar(item) for item in value)}]"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {scalar(item)}" for key, item in value.items())
    return str(value)


def rule(comparator: str, threshold: Any) -> str:
    """``≥ 0.1``, ``2 to 3``, ``1 or 2``, or the word that describes success."""
    match comparator, threshold:
        case "is", _:
            return scalar(threshold)
        case "between", [low, high]:
            return f"{scalar(low)} to {scalar(high)}"
        case "in", [*choices]:
            return " or ".join(scalar(choice) for choice in choices)
    sign = COMPARATORS.get(comparator, comparator)
    return sign if threshold is None else f"{sign} {scalar(threshold)}"


def found(criterion: CriterionResult) -> str:
    """The measured value for a reader; what a rule in words asks for need not be said twice."""
    if criterion.comparator == "is" and criterion.measured == criterion.threshold:
        return AS_ASKED
    return scalar(criterion.measured, criterion.threshold)


def asked(criterion: CriterionResult) -> str:
    """The rule for a reader."""
    said = rule(criterion.comparator, criterion.threshold)
    return IN_WORDS.get(said, said)


def study_of(criterion: CriterionResult) -> str:
    """The study that a reader looks for it in: what compares two models is no part of one model's phase 2."""
    return "comparison" if "_vs_" in criterion.model and criterion.study == "phase2" else criterion.study


def scope_name(scope: str) -> str:
    """``tiny-llama``, ``tiny-llama vs tiny-gpt2``, ``The run as a whole``."""
    return "The run as a whole" if scope == "run" else scope.replace("_vs_", " vs ")


def interval(low: float | None, high: float | None) -> str:
    """``[0.19, 0.23]``; an open end is an en dash, no interval at all is one en dash."""
    if low is None and high is None:
        return NOTHING
    return f"[{number(low)}, {number(high)}]"


def confidence(value: float | None) -> str:
    """A share of 2,000 resamples: all of them is at least 1 - 1/2000, never certainty."""
    if value is None:
        return NOTHING
    return f"≥ {1 - 1 / 2000}" if value >= 1 else number(value, 1.0)


def percent(share: float) -> str:
    """``3 %``, ``0.5 %``."""
    return f"{100 * share:.3g} %"


def planted(entry: Calibration, models: Sequence[str]) -> str:
    """How often the rule is met with nothing planted, and where it would be met by at most 5 %; empty if not known.

    Of two ``models``, it also says which one patterns are planted in.
    """
    if entry.false_positive_rate is None:
        return ""
    what = "samples" if len(models) == 1 else "pairs of samples"
    said = f"With nothing planted, {percent(entry.false_positive_rate)} of {entry.plantings} {what} pass"
    if entry.threshold_at_5_percent_false_positives is not None:
        said += f"; at most 5 % would at {rule(entry.comparator, entry.threshold_at_5_percent_false_positives)}"
    elif entry.sensitivity is not None:
        said += "; no threshold that any of them meets is met by at most 5 %"
    if len(models) > 1:
        (other,) = (name for name in models if name != entry.planted_in)
        said += f". Patterns are planted in {entry.planted_in}, nothing in {other}"
    if entry.shortened:
        said += f". Planted samples: {entry.shortened}"
    return f"{said}. The rule has no single threshold to move." if entry.sensitivity is None else f"{said}."


def one_line(text: str) -> str:
    """``text`` without line breaks: what begins a line of a log on GitHub Actions can be a command, and no data may."""
    return " ".join(text.split())


def joined(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else list(items))


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 criterion``, ``2 criteria``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def passing_controls(criterion: CriterionResult) -> str:
    """Which controls meet the rule too, in a few words; an en dash when none were evaluated."""
    judged = {name: control for name, control in criterion.controls.items() if control.passes is not None}
    if not judged:
        return NOTHING
    names = [name for name, control in judged.items() if control.passes]
    text = "none" if not names else ("all" if len(names) == len(judged) > 1 else ", ".join(names))
    return f"{text} (expected)" if names and criterion.null_should_pass else text


def discrimination(criterion: CriterionResult) -> str:
    """What the controls make of the verdict, as one sentence."""
    names = _passing(criterion)
    if criterion.verdict == "invalid":
        return "A validity check failed, so neither the value nor its controls can be read."
    if criterion.null_should_pass:
        return "A model without the mechanism is expected to pass as well, so the controls are no test of this one."
    if criterion.discriminates is False:
        if names == [OTHER_PLACES]:
            return "Other thoughts, or heads, pass in its place: passing says nothing about which one it is."
        learned = "these models have" if "_vs_" in criterion.model else "this model has"
        passing = f"{joined(names) or 'A control'} {'pass' if len(names) > 1 else 'passes'} too"
        return f"{passing}: passing says nothing about what {learned} learned."
    if criterion.discriminates:
        return f"{PASSES_ALONE}, so passing says something about {'this pair' if '_vs_' in criterion.model else 'this model'}."
    if criterion.verdict == "fail":
        passing = f"; {joined(names)} {'do' if len(names) > 1 else 'does'}" if names else ""
        return f"The question does not arise: the model does not pass{passing}."
    return "The question does not arise: no control was evaluated."


def _passing(criterion: CriterionResult) -> list[str]:
    return [name for name, control in criterion.controls.items() if control.passes]


def reach(criterion: CriterionResult) -> str:
    """What values the measure can take for this model, and what that means for the rule."""
    if criterion.attainable is None and criterion.reach == "normal":
        return NOTHING
    low, high = criterion.attainable or (None, None)
    limits = interval(low, high) if high is not None else f"at least {number(low)}"
    span = limits if criterion.attainable else "not stated"
    meaning = {
        "normal": "the rule can be met and can be missed",
        "unattainable": "no model of this shape can meet the rule",
        "cannot fail": "every model of this shape meets the rule",
    }[criterion.reach]
    return f"{span}: {meaning}"


def misses(criterion: CriterionResult, value: Any) -> bool:
    """Whether ``value`` is a number that does not meet the rule; False for a rule that has no single threshold."""
    holds, threshold = _HOLDS.get(criterion.comparator), criterion.threshold
    return (
        holds is not None
        and isinstance(value, int | float)
        and isinstance(threshold, int | float)
        and not holds(value, threshold)
    )


def marks(criterion: CriterionResult, entry: Calibration | None = None) -> list[tuple[str, str]]:
    """What must be said beside the verdict: (word, explanation), the gravest first; ``entry`` is its calibration."""
    found = []
    if criterion.vacuous:
        word = "not particular" if _passing(criterion) == [OTHER_PLACES] else "vacuous"
        found.append((word, f"A pass that does not discriminate. {discrimination(criterion)}"))
    if criterion.reach == "unattainable":
        found.append(("unattainable", f"Attainable {reach(criterion)}."))
    if criterion.reach == "cannot fail":
        found.append(("cannot fail", f"Attainable {reach(criterion)}."))
    if criterion.kind == "hypothesis" and criterion.null_should_pass:
        found.append(("expected to pass", discrimination(criterion)))
    passes = criterion.kind == "hypothesis" and criterion.verdict == "pass"
    if passes and criterion.discriminates is None and not criterion.null_should_pass:
        found.append(("no controls", "No control was evaluated: for all that is known here, any model would pass."))
    if entry is not None and entry.power is not None:
        found += _found_by_planting(entry)
    again = criterion.beside.get("on_the_validation_sample")
    if passes and misses(criterion, again):
        problems = criterion.beside.get("problems_of_the_validation_sample")
        found.append(
            (
                "another sample disagrees",
                f"On other problems, {scalar(problems)} of the validation sample, the same value is "
                f"{scalar(again, criterion.threshold)}, which misses the rule: the pass may not hold beyond these problems.",
            )
        )
    if criterion.confidence is not None and criterion.confidence < SURE and criterion.verdict in {"pass", "fail"}:
        share = percent(criterion.confidence)
        found.append(
            ("unsure", f"{share} of resamples of the problems give this verdict: other problems may well give another.")
        )
    if criterion.biased:
        cross = f" Cross-fitted value: {number(criterion.cross_fitted)}." if criterion.cross_fitted is not None else ""
        found.append(
            ("selection-biased", "Chosen and measured on the same problems: the value and interval flatter." + cross)
        )
    return found


def _found_by_planting(entry: Calibration) -> list[tuple[str, str]]:
    """What samples with a known pattern say of a rule: that it finds none of them, or takes nothing for something."""
    found = []
    if max(max(shares) for shares in (entry.power or {}).values()) <= RARE:
        found.append(
            (
                "no power",
                "No planted pattern passes more than rarely, not even at full strength. The planted heads look at the thoughts "
                "as much as the model's own do, so what the rule asks for is more than any of these patterns would give it: "
                "a fail was to be expected.",
            )
        )
    if (entry.false_positive_rate or 0.0) > RARE and not entry.null_should_pass:
        found.append(
            (
                "false positives",
                f"{percent(entry.false_positive_rate or 0.0)} of samples with nothing planted pass: a pass is weak evidence.",
            )
        )
    return found
