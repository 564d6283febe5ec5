"""The first screen: what each model does, what passed and failed in each study, and what of it can be believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.documents import phrases
from harness.documents.standing import Finding, Standing, standing
from harness.reporting.facts import described
from harness.reporting.rows import KINDS, Group, Row, Shown, Tone
from harness.results import PhaseResult, RunResult

PHASE_WORDS = ("pass", "fail", "invalid", "incomplete", "skipped")


@dataclass(frozen=True)
class Condition:
    """A criterion that decides a phase."""

    id: str
    tone: Tone
    anchor: str | None
    title: str


@dataclass(frozen=True)
class Line:
    """One study of one model.

    ``word`` is the verdict on the phase, empty where a study is counted; ``note`` is what must be added to it.
    """

    group: Group
    word: str
    tone: str
    note: str
    findings: list[Finding]
    answers: list[str]
    conditions: list[Condition]

    @property
    def hypotheses(self) -> dict[Tone, int]:
        """How many hypotheses there are of each tone."""
        return self.group.tallies.get("hypothesis", {})

    @property
    def others(self) -> str:
        """How many of the rest pass: ``4 of 4 validity checks, 10 of 11 deliverables``."""
        counted = [(kind, tones) for kind, tones in self.group.tallies.items() if kind != "hypothesis"]
        return ", ".join(f"{_passes(tones)} of {sum(tones.values())} {KINDS[kind]}" for kind, tones in counted)


@dataclass(frozen=True)
class Card:
    """One model, or a pair, or the run as a whole."""

    scope: str
    title: str
    described: str
    overall: list[Finding]
    lines: list[Line]
    standing: Standing


def cards(result: RunResult, grouped: Mapping[str, Sequence[Group]], shown: Shown) -> list[Card]:
    """One for each scope, in the order of ``grouped``."""
    return [_card(scope, groups, result, shown) for scope, groups in grouped.items()]


def _card(scope: str, groups: Sequence[Group], result: RunResult, shown: Shown) -> Card:
    entries = {name: curves.entry for (model, name), curves in shown.items() if model == scope}
    stands = standing((item for item in result.criteria if item.model == scope), entries)
    phases = {phase.id: phase for phase in result.phases if phase.scope == scope}
    own = {row.criterion.id: row for group in groups for row in group.rows}
    return Card(
        scope=scope,
        title=phrases.scope_name(scope),
        described=described(result.run, scope),
        overall=[one for one in stands.findings if not one.study][:1],
        lines=[_line(group, phases.get(group.study), stands.findings, own) for group in groups],
        standing=stands,
    )


def _line(group: Group, phase: PhaseResult | None, findings: Sequence[Finding], own: Mapping[str, Row]) -> Line:
    said = [one for one in findings if one.study == group.study]
    if phase is None:
        return Line(group, "", _plain_tone(group), "", said, [], [])
    word, _, note = phase.verdict.partition(" (")
    known = word in PHASE_WORDS
    tone = ("hollow" if word == "pass" and note else word) if known else "counted"
    conditions = [_condition(name, own.get(name)) for name in phase.conditions]
    return Line(
        group=group,
        word=word if known else "",
        tone=tone,
        note=_note(tone, note.removesuffix(")") if known else ""),
        findings=said,
        answers=phase.answers,
        conditions=conditions,
    )


def _note(tone: str, note: str) -> str:
    return "a validity check failed; the answers rest on it" if tone == "invalid" and not note else note


def _condition(name: str, row: Row | None) -> Condition:
    if row is None:
        return Condition(name, "skipped", None, "not part of this run")
    return Condition(name, row.tone, row.anchor, row.criterion.statement)


def _plain_tone(group: Group) -> str:
    """A study without a phase is as good as the worst of what it has to deliver."""
    verdicts = {row.criterion.verdict for row in group.rows if row.criterion.kind != "hypothesis"}
    return next((verdict for verdict in ("invalid", "fail") if verdict in verdicts), "counted")


def _passes(tones: Mapping[Any, int]) -> int:
    return sum(count for tone, count in tones.items() if tone in ("pass", "hollow"))
