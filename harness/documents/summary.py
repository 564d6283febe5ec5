"""A run in Markdown, for the page of a job: what cannot be believed, what changed, the phases, every hypothesis."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.documents import phrases
from harness.documents.changes import Change
from harness.documents.github import SUMMARY_LIMIT
from harness.documents.markdown import code, plain, table
from harness.results import CriterionResult, PhaseResult, RunResult

LONGEST = 300
"""Characters of a cell."""
NAMED = 5
"""Parts that are named where some are left out."""
ROOM = 4000
"""Bytes kept free for saying what is left out."""


@dataclass(frozen=True)
class _Part:
    """A heading and what stands under it, in the order in which it matters."""

    title: str
    above: Sequence[str]
    rows: Sequence[str]


def summary(
    result: RunResult,
    outcome: str,
    changes: Sequence[Change] | None = None,
    stopped: str | None = None,
    limit: int = SUMMARY_LIMIT,
) -> str:
    """The run in at most ``limit`` bytes of UTF-8; what does not fit is counted in the last line.

    Args:
        result: the run.
        outcome: what the gate made of it, in a few words.
        changes: what differs from the approved verdicts; None where nothing was compared.
        stopped: why the run ended before its time.
        limit: in bytes; with less than 4,000, a summary that does not fit as a whole is empty.
    """
    parts = [
        _opening(result, outcome, stopped),
        *_broken(result.criteria),
        *(_changed(changes, result.run) if changes is not None else ()),
        *_phases(result.phases),
        *_hypotheses(result.criteria),
    ]
    return _within(parts, limit)


def unjudged(why: str) -> str:
    """The summary of a run that has no verdict to show."""
    return f"## The checks did not come to their end\n\n{_cell(why)}\n"


def _opening(result: RunResult, outcome: str, stopped: str | None) -> _Part:
    run = result.run
    data = run["dataset"]
    models = phrases.joined([code(str(model["name"])) for model in run["models"]])
    sample = f"{data['n']:,} of {data['split_size']:,} problems ({_cell(data['split'])} split, seed {run['seed']})"
    about = f"{models} on {_cell(data['name'])}, {sample}. {_cell(outcome)}"
    source = phrases.judged_from_results(run)
    again = ["", plain(source)] if source else []
    notice = ["", f"**The run did not come to its end:** {_cell(stopped)}"] if stopped else []
    return _Part("Success criteria", [about, *again, *notice], [])


def _broken(judged: Sequence[CriterionResult]) -> Iterator[_Part]:
    failed = [one for one in judged if one.kind == "validity" and one.verdict == "fail"]
    if failed:
        heading = ("criterion", "model", "what must hold", "measured", "rule", "why")
        rows = [[_cell(one.id), _cell(one.model), *_measured(one), _cell(one.reason or "")] for one in failed]
        yield _table("What cannot be believed", ["What rests on these checks is invalid.", ""], heading, rows)


def _changed(changes: Sequence[Change], run: dict[str, Any]) -> Iterator[_Part]:
    edited = run.get("declarations_changed", ())
    above = [f"Declarations that differ from the approved ones: {_cell(', '.join(edited))}", ""] if edited else []
    heading = ("criterion", "model", "statement", "verdict", "", "details")
    rows = [
        [
            _cell(change.result.id),
            _cell(change.result.model),
            _cell(change.result.statement),
            f"**{_cell(change.turn)}**",
            change.meaning,
            _cell(change.details),
        ]
        for change in changes
    ]
    if rows:
        yield _table("What changed", above, heading, rows)
    else:
        yield _Part("What changed", [*above, "Nothing: every verdict compared is the approved one."], [])


def _phases(phases: Sequence[PhaseResult]) -> Iterator[_Part]:
    rows = [
        [_cell(phrases.study_name(one.id)), _cell(one.scope.replace("_vs_", " vs ")), _verdict(one.verdict)]
        for one in phases
    ]
    if rows:
        yield _table("Phases", [], ("phase", "model", "verdict"), rows)


def _hypotheses(judged: Sequence[CriterionResult]) -> Iterator[_Part]:
    """A table for each model and pair, its counts in the title."""
    hypotheses = [one for one in judged if one.kind == "hypothesis"]
    for scope in dict.fromkeys(one.model for one in hypotheses):
        own = [one for one in hypotheses if one.model == scope]
        counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(one.verdict for one in own).most_common())
        heading = (
            "criterion",
            "statement",
            "measured",
            "rule",
            "95 % interval",
            "controls that pass",
            "verdict",
            "marks",
        )
        rows = [
            [
                _cell(one.id),
                *_measured(one),
                phrases.interval(one.ci_low, one.ci_high),
                _cell(phrases.passing_controls(one)),
                _verdict(one.verdict),
                _cell(", ".join(word for word, _ in phrases.marks(one))),
            ]
            for one in own
        ]
        yield _table(f"Hypotheses: {scope.replace('_vs_', ' vs ')} ({counts})", _vacuous(own), heading, rows)


def _vacuous(hypotheses: Sequence[CriterionResult]) -> list[str]:
    passes = [one for one in hypotheses if one.verdict == "pass"]
    vacuous = sum(one.vacuous for one in passes)
    if not vacuous:
        return []
    return [
        f"{vacuous} of {phrases.counted(len(passes), 'pass', 'passes')} {'is' if vacuous == 1 else 'are'} vacuous: a control, "
        "which lacks what the hypothesis is about, passes too.",
        "",
    ]


def _measured(one: CriterionResult) -> list[str]:
    measured = phrases.scalar(one.measured, one.threshold)
    return [_cell(one.statement), _cell(measured), _cell(phrases.rule(one.comparator, one.threshold))]


def _verdict(verdict: str) -> str:
    return f"**{_cell(verdict)}**" if verdict.startswith(("fail", "invalid")) else _cell(verdict)


def _cell(text: str) -> str:
    return plain(text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…")


def _table(title: str, above: Sequence[str], heading: Sequence[str], rows: Sequence[Sequence[str]]) -> _Part:
    first, line, *body = table(heading, rows)
    return _Part(title, [*above, first, line], body)


def _lines(parts: Sequence[_Part]) -> Iterator[tuple[str, str, bool]]:
    """Every line, with the title it stands under and whether it is a row."""
    for depth, part in zip([2, *[3] * len(parts)], parts, strict=False):
        for line in (f"{'#' * depth} {_cell(part.title)}", "", *part.above):
            yield part.title, line, False
        for row in part.rows:
            yield part.title, row, True
        yield part.title, "", False


def _within(parts: Sequence[_Part], limit: int) -> str:
    """The parts one after another; from the first line on that does not fit, rows are left out and counted."""
    whole = "".join(f"{line}\n" for _, line, _ in _lines(parts))
    if len(whole.encode()) <= limit:
        return whole
    room = limit - ROOM
    kept: list[str] = []
    left: Counter[str] = Counter()
    for title, line, is_row in _lines(parts):
        room -= len(line.encode()) + 1
        if room >= 0:
            kept.append(line)
        else:
            left[title] += is_row
    rows = {part.title: len(part.rows) for part in parts}
    counts = [f"{count:,} of {rows[title]:,} rows of “{_cell(title[:60])}”" for title, count in left.items() if count]
    others = f" and rows of {phrases.counted(len(counts) - NAMED, 'other table')}" if len(counts) > NAMED else ""
    notice = f"**Left out, for the summary of a step has room for 1 MiB: {'; '.join(counts[:NAMED])}{others}.**"
    return "\n".join([*kept, "", f"{notice} The report has all of them.", ""]) if limit >= ROOM else ""
