"""What a run, or the results it left, say against the approved verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from harness.documents import phrases
from harness.documents.changes import Change
from harness.plugin.baselines import ApprovedVerdict, Baselines
from harness.plugin.gate import decide
from harness.results import CriterionResult


def changes_of(judged: Sequence[CriterionResult], baselines: Baselines) -> list[Change]:
    """Every verdict that the gate ``baseline`` fails, the gravest first."""
    found = [change_of(result, baselines) for result in judged if _differs(result, baselines)]
    return sorted(found, key=lambda change: change.gravity)


def change_of(result: CriterionResult, baselines: Baselines) -> Change:
    """What became of one approved verdict; the scope of ``result`` must have a baseline."""
    approved = baselines.approved(result)
    file = baselines.files[result.model]
    if approved is None:
        return Change(result, None, f"measured {_now(result)}, {_rule(result)}", file)
    edited = ["declaration edited"] if result.id in baselines.changed.get(result.model, ()) else []
    moved = ", ".join([*_moved(result, approved), *edited])
    return Change(result, approved.verdict, "; ".join(filter(None, [moved, baselines.approval_of(result)])), file)


def edited_declarations(baselines: Baselines) -> list[str]:
    """A line with the criteria that were approved under another declaration, if there are any."""
    return (
        [f"declarations that differ from the approved ones: {', '.join(baselines.edited)}"] if baselines.edited else []
    )


def unchanged(judged: Sequence[CriterionResult], baselines: Baselines) -> str:
    """``nothing changed: 6 verdicts as approved``, and how many were not compared."""
    approved = [baselines.approved(result) for result in judged]
    same = sum(one is not None and one.verdict == result.verdict for one, result in zip(approved, judged, strict=True))
    others = f", {len(judged) - same} not compared" if same < len(judged) else ""
    return f"nothing changed: {phrases.counted(same, 'verdict')} as approved{others}"


def several_models(judged: Sequence[CriterionResult]) -> bool:
    """Whether an id alone leaves open which model is meant."""
    return len({result.model for result in judged} - {"run"}) > 1


def _differs(result: CriterionResult, baselines: Baselines) -> bool:
    return decide("baseline", result, baselines.approved(result)).change


def _moved(result: CriterionResult, approved: ApprovedVerdict) -> list[str]:
    """What moved: the value, the rule, or what the verdict rests on."""
    reason = [result.reason] if result.reason and result.verdict in ("skipped", "invalid") else []
    if result.verdict == "skipped":
        return reason
    before, now = phrases.scalar(approved.measured, result.threshold), _now(result)
    measured = f"measured {now}" if before == now else f"measured {before} -> {now}"
    return [*reason, measured, _rule(result, approved.rule)]


def _now(result: CriterionResult) -> str:
    return phrases.scalar(result.measured, result.threshold)


def _rule(result: CriterionResult, before: str | None = None) -> str:
    """``threshold ≥ 0.7``, or ``rule present``; one that was edited is shown before and after."""
    numeric = isinstance(result.threshold, int | float) and not isinstance(result.threshold, bool)
    rule = phrases.rule(result.comparator, result.threshold)
    ruled = rule if before in (None, rule) else f"{before} -> {rule}"
    return f"{'threshold' if numeric else 'rule'} {ruled}"
