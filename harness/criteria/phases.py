"""The verdict on a phase: a short list of criteria decides, and says when it does not discriminate."""

from collections.abc import Sequence

from harness.criteria.hypothesis import RESAMPLES
from harness.criteria.results import CriterionResult, PhaseResult

PHASE_1 = ("1.2-max", "1.3-consistent", "1.4-squint", "1.5-hub-confidence", "1.5-sequential", "1.5-skip")
_ANSWERED = ("1.5-hub-confidence", "1.5-sequential", "1.5-skip", "1.5-54")


def phase_results(results: Sequence[CriterionResult], models: Sequence[str]) -> list[PhaseResult]:
    """One result per phase and model, for the phases of which anything was judged."""
    phases = []
    for model in models:
        own = {result.id: result for result in results if result.model == model}
        if any(result.study == "phase1" for result in own.values()):
            answered = [own[criterion_id] for criterion_id in _ANSWERED if criterion_id in own]
            answers = [f"{one.answer}{_sure(one.confidence)}" for one in answered if one.answer]
            phases.append(
                PhaseResult(
                    id="phase1",
                    scope=model,
                    verdict=verdict_of(own, PHASE_1),
                    conditions=list(PHASE_1),
                    answers=answers,
                )
            )
    return phases


def _sure(confidence: float | None) -> str:
    """A share of resamples in words; all of them is no more than that many can tell."""
    if confidence is None:
        return ""
    return f", confidence {f'at least {1 - 1 / RESAMPLES:.4f}' if confidence == 1 else f'{confidence:.2f}'}"


def verdict_of(results: dict[str, CriterionResult], conditions: Sequence[str]) -> str:
    """``fail``, ``invalid``, ``incomplete``, ``pass``, or a pass that names what does not discriminate."""
    found = [results.get(criterion_id) for criterion_id in conditions]
    verdicts = {None if result is None else result.verdict for result in found}
    if "invalid" in verdicts:
        return "invalid"
    if "fail" in verdicts:
        return "fail"
    if verdicts != {"pass"}:
        return "incomplete"
    shaky = [result.id for result in found if result is not None and (result.vacuous or result.reach == "cannot fail")]
    return f"pass (does not discriminate: {', '.join(shaky)})" if shaky else "pass"
