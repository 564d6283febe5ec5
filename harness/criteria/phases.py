"""The verdict on a phase: a short list of criteria decides, and says when it does not discriminate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from harness.criteria.criterion import OWN, Criterion, Scope
from harness.criteria.registry import criteria
from harness.criteria.sample import RESAMPLES
from harness.results import CriterionResult, PhaseResult


@dataclass(frozen=True)
class Phase:
    """A phase of the study, judged on each model, or on each pair of models.

    Attributes:
        id: the phase's name.
        conditions: ids of the criteria that decide.
        answered: ids of the criteria whose answers it gives.
        study: the study its criteria belong to.
        scope: what it is judged on.
        counted: whether the verdict is how many of the criteria pass.
        after: ids of the phases of the same scope that are to have passed before.
    """

    id: str
    conditions: tuple[str, ...]
    answered: tuple[str, ...]
    study: str
    scope: Scope = "model"
    counted: bool = False
    after: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """``Phase 1``."""
        return self.id.replace("phase", "Phase ")


PHASES = (
    Phase(
        "phase1",
        ("1.2-max", "1.3-consistent", "1.4-squint", "1.5-hub-confidence", "1.5-sequential", "1.5-skip"),
        ("1.5-hub-confidence", "1.5-sequential", "1.5-skip", "1.5-54"),
        study="phase1",
    ),
    Phase(
        "phase2",
        ("2.4-top10", "2.4-types", "2.4-stable", "2.4-named"),
        ("2.4-named", "2.4-causal", "2.4-types"),
        study="phase2",
    ),
    Phase(
        "comparison",
        ("2.6-same", "2.6-differ", "2.6-capacity", "2.6-visible"),
        ("2.6-answers", "2.6-differ", "2.6-visible", "2.6-capacity", "2.6-fewer"),
        study="phase2",
        scope="pair",
    ),
    Phase(
        "phase4",
        ("4.3-overlap", "4.3-significant", "4.3-confirmed"),
        ("4.2-correlated", "4.3-confirmed", "4.3-significant", "4.3-hubs"),
        study="phase4",
        after=("phase1", "phase2"),
    ),
)


COUNTED = {"importance": ("I.4-stats", "I.3-question"), "steps": ("S.1-design",), "behaviour": ("B.7-roles",)}
"""Studies that all their hypotheses decide, with the criteria whose answers they give."""

_JUDGED: tuple[Scope, ...] = ("model", "pair")
_NOT_PASSED = {"fail": "failed", "invalid": "invalid", "skipped": "skipped", None: "not run"}


@dataclass(frozen=True)
class Standing:
    """How a phase stands that another one comes after: whether it passed, and what must be said of it, if anything."""

    passed: bool
    sentence: str


def all_phases(own: Sequence[Criterion] = ()) -> tuple[Phase, ...]:
    """Every phase, and every other study as one, a user's ``own`` criteria included."""
    answered = {**COUNTED, OWN: tuple(one.id for one in own)}
    hypotheses = [one for one in (*criteria(), *own) if one.kind == "hypothesis"]
    counted = [
        Phase(
            study,
            tuple(one.id for one in hypotheses if (one.study, one.scope) == (study, scope)),
            answered[study],
            study=study,
            scope=scope,
            counted=True,
        )
        for study, scope in product(answered, _JUDGED)
    ]
    return (*PHASES, *(phase for phase in counted if phase.conditions))


def phases_before(study: str) -> tuple[Phase, ...]:
    """The phases that are to have passed on a model before ``study`` is judged on it."""
    names = {name for phase in PHASES if phase.study == study for name in phase.after}
    return tuple(phase for phase in PHASES if phase.id in names)


def standings(study: str, results: Mapping[str, CriterionResult]) -> list[Standing]:
    """How each phase before ``study`` stands, from one model's results by criterion; what is missing was not run."""
    return [_standing(phase, results) for phase in phases_before(study)]


def _standing(phase: Phase, results: Mapping[str, CriterionResult]) -> Standing:
    verdict = verdict_of(results, phase.conditions)
    if verdict == "pass":
        return Standing(True, "")
    if verdict.startswith("pass"):
        return Standing(True, f"{phase.title} passed, but {verdict.removeprefix('pass (').removesuffix(')')}")
    found = {name: results[name].verdict if name in results else None for name in phase.conditions}
    if set(found.values()) == {None}:
        return Standing(False, f"{phase.title} was not run in this session")
    named = [
        f"{words}: {', '.join(name for name, one in found.items() if one == missing)}"
        for missing, words in _NOT_PASSED.items()
        if missing in found.values()
    ]
    return Standing(False, f"{phase.title} did not pass ({'; '.join(named)})")


def phase_results(
    results: Sequence[CriterionResult], judged_on: Mapping[Scope, Sequence[str]], declared: Sequence[Criterion] = ()
) -> list[PhaseResult]:
    """One result per phase and model or pair, for the phases of which anything was judged.

    The answers of a phase that comes after others begin with what is to be said of those.
    ``judged_on`` names what there is of each scope; ``declared`` are a user's own criteria.
    """
    phases, known = [], all_phases(declared)
    for scope, names in judged_on.items():
        for name in names:
            own = {result.id: result for result in results if result.model == name}
            for phase in known:
                if phase.scope == scope and any(result.study == phase.study for result in own.values()):
                    answered = [own[criterion_id] for criterion_id in phase.answered if criterion_id in own]
                    before = [one.sentence for one in standings(phase.study, own) if one.sentence]
                    answers = [f"{one.answer}{_sure(one.confidence)}" for one in answered if one.answer]
                    phases.append(
                        PhaseResult(
                            id=phase.id,
                            scope=name,
                            verdict=(count_of if phase.counted else verdict_of)(own, phase.conditions),
                            conditions=list(phase.conditions),
                            answers=before + answers,
                        )
                    )
    return phases


def _sure(confidence: float | None) -> str:
    """A share of resamples in words; all of them is no more than that many can tell."""
    if confidence is None:
        return ""
    return f", confidence {f'at least {1 - 1 / RESAMPLES:.4f}' if confidence == 1 else f'{confidence:.2f}'}"


def verdict_of(results: Mapping[str, CriterionResult], conditions: Sequence[str]) -> str:
    """``fail``, ``invalid``, ``incomplete``, ``pass``, or a pass that names what does not discriminate."""
    found = [results.get(criterion_id) for criterion_id in conditions]
    verdicts = {None if result is None else result.verdict for result in found}
    if "invalid" in verdicts:
        return "invalid"
    if "fail" in verdicts:
        return "fail"
    if verdicts != {"pass"}:
        return "incomplete"
    judged = [result for result in found if result is not None]
    # One condition that any model meets is part of a design; where all are, the phase says nothing about the model.
    expected = all(result.null_should_pass for result in judged)
    shaky = [result.id for result in judged if result.vacuous or result.reach == "cannot fail" or expected]
    return f"pass (does not discriminate: {', '.join(shaky)})" if shaky else "pass"


def count_of(results: dict[str, CriterionResult], conditions: Sequence[str]) -> str:
    """``2 of 6 hypotheses pass where no control does``, of those that were judged, and which others pass.

    ``invalid`` and ``incomplete`` as for a phase.
    """
    judged = [results[name] for name in conditions if name in results and results[name].verdict != "skipped"]
    if any(result.verdict == "invalid" for result in judged):
        return "invalid"
    if not judged:
        return "incomplete"
    passing = [result for result in judged if result.verdict == "pass"]
    shaky = [
        result.id for result in passing if result.vacuous or result.null_should_pass or result.reach == "cannot fail"
    ]
    untested = [result.id for result in passing if result.discriminates is None and result.id not in shaky]
    if untested and all(result.discriminates is None for result in passing):
        return f"{len(passing)} of {len(judged)} hypotheses pass, held against no control"
    words = f"{len(passing) - len(shaky) - len(untested)} of {len(judged)} hypotheses pass where no control does"
    others = [
        f"{len(names)} more {'passes' if len(names) == 1 else 'pass'} {how}: {', '.join(names)}"
        for names, how in ((shaky, "without discriminating"), (untested, "with no control evaluated"))
        if names
    ]
    return f"{words} ({'; '.join(others)})" if others else words
