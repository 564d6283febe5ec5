"""Why an item fails, as a short paragraph without a traceback."""

from harness.documents import phrases
from harness.plugin.baselines import Baselines
from harness.plugin.changes import change_of
from harness.plugin.gate import Decision
from harness.results import CriterionResult


def failure(result: CriterionResult, decision: Decision, baselines: Baselines) -> str:
    """The criterion, what was measured against what rule, and everything that helps to believe it or not."""
    why = change_of(result, baselines).sentence if decision.change else decision.why
    lines = [f"{result.id} on {result.model}: {why}", result.statement, _measured(result)]
    if result.controls:
        lines.append(f"controls: {', '.join(_control(name, result) for name in result.controls)}")
    lines += [explanation for word, explanation in phrases.marks(result) if word != "vacuous"]
    if result.reason:
        lines.append(f"reason: {result.reason}")
    return "\n  ".join(map(phrases.one_line, lines))


def _measured(result: CriterionResult) -> str:
    text = f"measured {phrases.scalar(result.measured, result.threshold)}, "
    text += f"rule {phrases.rule(result.comparator, result.threshold)}"
    if result.ci_low is not None or result.ci_high is not None:
        text += f", 95 % interval {phrases.interval(result.ci_low, result.ci_high)}"
    return text


def _control(name: str, result: CriterionResult) -> str:
    control = result.controls[name]
    outcome = {True: " passes", False: " fails", None: ""}[control.passes]
    rate = f" ({phrases.number(control.pass_rate)} of draws pass)" if control.pass_rate is not None else ""
    return f"{name} {phrases.scalar(control.measured)}{outcome}{rate}"
