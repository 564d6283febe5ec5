"""What a run of the checks says in the terminal: one line before, the verdicts and the gate after."""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import pytest

from harness.documents import phrases
from harness.documents.changes import diff
from harness.plugin.changes import changes_of, edited_declarations, several_models, unchanged
from harness.plugin.completion import INTERRUPTED, Completion
from harness.plugin.gate import could_be_evaluated, fails_validity
from harness.plugin.judging import has_verdict
from harness.plugin.table import GAP, fitted
from harness.results import CriterionResult, PhaseResult

Reporter = pytest.TerminalReporter


class Terminal:
    """Header and summary; in the controller only."""

    def __init__(self, config: pytest.Config, completion: Completion) -> None:
        self._config = config
        self._completion = completion

    def pytest_report_header(self) -> list[str]:
        """What is judged, on what, and which declarations are not the approved ones."""
        provenance, baselines = self._completion.assessment.run.provenance(), self._completion.assessment.baselines
        source = phrases.judged_from_results(provenance)
        lines = [header(provenance), *([source] if source else [])]
        return [*map(phrases.one_line, (*lines, *edited_declarations(baselines), *baselines.unreadable))]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Reporter) -> Generator[None, None, None]:
        """Say each verdict once: the table has it, so pytest's list of failures is for -v and for errors."""
        failed = terminalreporter.stats.get("failed", [])
        told_in_table = self._completion.result is not None and self._config.get_verbosity() <= 0
        if told_in_table and failed:
            terminalreporter.stats["failed"] = [report for report in failed if not has_verdict(report)]
        yield
        if failed:
            terminalreporter.stats["failed"] = failed
        self._summarise(terminalreporter)

    def _summarise(self, terminalreporter: Reporter) -> None:
        completion = self._completion
        if completion.stopped:
            terminalreporter.write_line("")
            terminalreporter.write_line(self._stop_notice(), red=True, bold=True)
        if completion.result is None:
            return
        judged = completion.rows
        self._validity(terminalreporter, judged)
        if completion.assessment.gate.of_items == "baseline":
            self._changes(terminalreporter, judged)
        else:
            self._tables(terminalreporter, judged)
        self._footer(terminalreporter, completion.result.phases, judged)

    def _stop_notice(self) -> str:
        notice = f"The run did not come to its end: {phrases.one_line(self._completion.stopped or '')}"
        if self._completion.judged:
            kept = phrases.counted(len(self._completion.judged), "criterion was", "criteria were")
            what = "the report" if self._completion.report_written else "criteria.json"
            notice += f"\n{kept} judged before; {what} holds what there is."
        if self._completion.stopped == INTERRUPTED:
            notice += "\nThe same command goes on where this one stopped."
        return notice

    def _validity(self, reporter: Reporter, judged: Sequence[CriterionResult]) -> None:
        for result in filter(fails_validity, judged):
            reporter.write_line("")
            told = (
                f"{result.id} fails on {result.model}: the run does not hold what it must ({result.statement}; "
                f"measured {phrases.scalar(result.measured, result.threshold)}, "
                f"rule {phrases.rule(result.comparator, result.threshold)}). "
                f"What rests on it is invalid. {result.reason or ''}"
            )
            reporter.write_line(phrases.one_line(told), red=True, bold=True)
            again = shlex.join(["pytest", *map(str, self._config.invocation_params.args)])
            reporter.write_line(f"Look at this one first: {again} -k {result.model}-{result.id}")

    def _tables(self, reporter: Reporter, judged: Sequence[CriterionResult]) -> None:
        width = self._config.get_terminal_writer().fullwidth - len(GAP)
        for study, scope in dict.fromkeys((result.study, result.model) for result in judged):
            results = [result for result in judged if (result.study, result.model) == (study, scope)]
            heading, rows = fitted(results, width)
            title = phrases.study_name(study) + ("" if scope == "run" else f" · {scope.replace('_vs_', ' vs ')}")
            reporter.write_line("")
            reporter.write_line(title, bold=True)
            reporter.write_line(f"{GAP}{heading}", light=True)
            for row in rows:
                reporter.write(f"{GAP}{GAP.join(row.cells[:-1])}{GAP}")
                reporter.write_line(row.cells[-1].rstrip(), **{row.colour: True})

    def _changes(self, reporter: Reporter, judged: Sequence[CriterionResult]) -> None:
        reporter.write_line("")
        baselines = self._completion.assessment.baselines
        changes = changes_of(judged, baselines)
        for line in diff(changes, with_models=several_models(judged)):
            reporter.write_line(line, red=True)
        if not changes:
            reporter.write_line(unchanged(judged, baselines))

    def _footer(self, reporter: Reporter, phases: Sequence[PhaseResult], judged: Sequence[CriterionResult]) -> None:
        completion = self._completion
        reporter.write_line("")
        stars = completion.assessment.gate.of_items != "baseline" and any(result.biased for result in judged)
        for line in phase_lines(phases, judged):
            reporter.write_line(line)
        if stars:
            reporter.write_line("* biased by selection; cross-fitted value in the report")
        place = _shown(self._config, completion) if completion.report_written else "not written"
        reporter.write_line(f"report: {place}{GAP}{outcome(completion)}")
        for path, became in completion.approved.items():
            reporter.write_line(f"approved: {path}: {became}")
        reporter.write_line("")


def outcome(completion: Completion) -> str:
    """``gate: all -> 9 criteria fail (exit 1)``, with what can be done about it."""
    judged = completion.rows
    ending = f"(exit {completion.exit_status})"
    if completion.assessment.gate.approve:
        if completion.approved:
            return f"approved {phrases.counted(sum(map(could_be_evaluated, judged)), 'verdict')} {ending}"
        return f"nothing approved: the run is not in order {ending}"
    failing = sum(completion.assessment.decision(result).outcome == "failed" for result in judged)
    found = [f"{failing} {'criterion fails' if failing == 1 else 'criteria fail'}"] if failing else []
    if completion.broken:
        found.append(f"{phrases.counted(completion.broken, 'criterion', 'criteria')} without a verdict")
    if completion.stopped:
        found.append("stopped early")
    in_order = not (completion.broken or completion.stopped or any(map(fails_validity, judged)))
    hint = f"{GAP}approve these verdicts: --approve" if failing and in_order else ""
    return f"gate: {completion.assessment.gate.gate} -> {', '.join(found) or 'met'} {ending}{hint}"


def header(provenance: Mapping[str, Any]) -> str:
    """``codi-harness 0.1 · llama: 16 layers x 32 heads, 6 thoughts · gsm8k train, 100 of 7,473, seed 42``.

    A model that was never extracted is named without its shape: knowing it would take loading the model.
    """
    dataset = provenance["dataset"]
    sample = f"{dataset['n']:,} of {dataset['split_size']:,}, seed {provenance['seed']}"
    return " · ".join(
        [
            f"codi-harness {provenance['harness']}",
            *map(_model_words, provenance["models"]),
            f"{dataset['name']} {dataset['split']}, {sample}",
        ]
    )


def phase_lines(phases: Sequence[PhaseResult], judged: Sequence[CriterionResult]) -> list[str]:
    """A line for each model and comparison: its phases with their verdicts, and what made one fail.

    Of studies that are counted it has the count: ``Behaviour 8 of 11``, hypotheses that pass where no control does.
    """
    verdicts = {(one.model, one.id): one.verdict for one in judged}
    lines = []
    for scope in dict.fromkeys(phase.scope for phase in phases):
        own = [_phase_words(phase, verdicts) for phase in phases if phase.scope == scope]
        lines.append(f"{scope.replace('_vs_', ' vs ')}: {' · '.join(own)}")
    return lines


def _phase_words(phase: PhaseResult, verdicts: Mapping[tuple[str, str], str]) -> str:
    name = phrases.study_name(phase.id).partition(" · ")[0]
    counted = re.match(r"\d+ of \d+", phase.verdict)
    if counted:
        return f"{name} {counted.group()}"
    word, _, rest = phase.verdict.partition(" ")
    causes = [one for one in phase.conditions if verdicts.get((phase.scope, one)) == word]
    because = f" ({', '.join(causes)})" if word in ("fail", "invalid") and causes else ""
    return f"{name} {word.upper()}{f' {rest}' if rest else because}"


def _model_words(model: Mapping[str, Any]) -> str:
    if model["n_layers"] is None:
        return str(model["name"])
    shape = f"{model['n_layers']} layers x {model['n_heads']} heads, {model['n_latents']} thoughts"
    return f"{model['name']}: {shape}, {model['device']} {model['dtype']}"


def _shown(config: pytest.Config, completion: Completion) -> str:
    path = (completion.output / "index.html").resolve()
    here = config.invocation_params.dir
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
