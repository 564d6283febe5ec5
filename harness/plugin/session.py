"""Where the plug-in comes to life: only if the checks are asked for, and only if every input is in order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock, Timeout

from harness.errors import HarnessError
from harness.plugin import hooks
from harness.plugin.options import (
    checks_are_asked_for,
    checks_are_named,
    gate_options,
    own_files,
    places,
    run_options,
    selected_criteria,
    waits_for_phases,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.criteria.criterion import Criterion
    from harness.judging import Run
    from harness.options import RunOptions
    from harness.plugin.afterwards import Afterwards
    from harness.plugin.collection import Case
    from harness.plugin.judging import Assessment
    from harness.storage.progress import Progress


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make the harness' own hooks known."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(trylast=True)
def pytest_harness_criteria() -> tuple[Criterion, ...]:
    """The registry's criteria, unless a conftest brings others."""
    from harness.criteria.registry import criteria

    return criteria()


@pytest.hookimpl(trylast=True)
def pytest_harness_run(options: RunOptions, progress: Progress, own: Sequence[Criterion]) -> Run:
    """The real run, unless a conftest brings another."""
    from harness.from_results import SavedRun
    from harness.judging import Run

    return (Run if options.from_results is None else SavedRun)(options, progress, own)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start a run, before workers and other plug-ins do anything; an input that is wrong is a usage error."""
    if checks_are_asked_for(config):
        try:
            _start(config)
        except HarnessError as error:
            from harness.plugin.github import refuse

            refuse(str(error))
            raise pytest.UsageError(str(error)) from None


def _start(config: pytest.Config) -> None:
    # Imported here: a session without checks should not pay for what they need.
    from harness.declared.read import own_criteria
    from harness.plugin.afterwards import Afterwards
    from harness.plugin.collection import Collection, cases_of
    from harness.plugin.foregoing import Foregoing
    from harness.plugin.judging import Judging
    from harness.plugin.progress import TerminalProgress
    from harness.plugin.tracking import beside

    for place in places(config):
        if not place.exists():
            raise HarnessError(f"file or directory not found: {place}")
    options = run_options(config)
    files = own_files(config)
    own = own_criteria(files)
    known = config.hook.pytest_harness_criteria() if checks_are_named(config) else ()
    criteria = selected_criteria(config, (*known, *own))
    required = waits_for_phases(config, criteria)
    for study in dict.fromkeys(criterion.study for criterion in criteria):
        config.addinivalue_line("markers", f"{study}: criteria of the study {study}")
    progress = TerminalProgress(config)
    config.add_cleanup(progress.close)
    shown, tracking = beside(config, options, progress)
    run = config.hook.pytest_harness_run(options=options, progress=shown, own=own)
    config.add_cleanup(run.close)
    cases = cases_of(criteria, run)
    if not cases:
        asked = ", ".join(dict.fromkeys(criterion.story for criterion in criteria))
        raise HarnessError(f"Story {asked} compares models: name two or more of them with --model.")
    register = config.pluginmanager.register
    afterwards = Afterwards(cases, known)
    register(Collection(cases, files), "harness-collection")
    register(afterwards, "harness-afterwards")
    if config.option.collectonly:
        return
    if hasattr(config, "workerinput"):
        assessment = _assessment_of_worker(config, run)
    else:
        assessment = _assessment(config, run, cases)
        _report(config, assessment, cases, afterwards)
        if tracking is not None:
            config.add_cleanup(tracking.close)
            register(tracking, "harness-tracking")
            tracking.begin(run.provenance(), list(dict.fromkeys(criterion.study for criterion in criteria)))
    foregoing = Foregoing(run, assessment.store, progress.say, required=required)
    register(foregoing, "harness-foregoing")
    register(Judging(assessment, foregoing), "harness-judging")


def _assessment(config: pytest.Config, run: Run, cases: Sequence[Case]) -> Assessment:
    """What the controller judges by, once every input is in order and the output folder is its own."""
    from harness.plugin.afterwards import is_afterwards
    from harness.plugin.baselines import Baselines
    from harness.plugin.completion import left_by_earlier_run
    from harness.plugin.judging import Assessment
    from harness.plugin.verdict_store import VerdictStore

    gate, output = gate_options(config), run.options.output
    if all(map(is_afterwards, cases)):
        left_by_earlier_run(output, run.provenance())
    else:
        run.preflight({case.criterion.study for case in cases})
    approved = Baselines.read(gate.baselines, cases, run.provenance(), required=gate.of_items == "baseline")
    if gate.approve and approved.unreadable:
        raise HarnessError(approved.unreadable[0])
    _occupy(config, output)
    return Assessment(run, gate, approved, VerdictStore(output))


def _assessment_of_worker(config: pytest.Config, run: Run) -> Assessment:
    """The same, as the controller tells it."""
    from harness.plugin.baselines import Baselines
    from harness.plugin.judging import Assessment
    from harness.plugin.verdict_store import VerdictStore

    told = config.workerinput  # type: ignore[attr-defined]
    approved = Baselines.model_validate_json(told["harness_baselines"])
    return Assessment(run, gate_options(config), approved, VerdictStore(run.options.output, told["harness_run_id"]))


def _report(config: pytest.Config, assessment: Assessment, cases: Sequence[Case], afterwards: Afterwards) -> None:
    """Register what sums up and tells."""
    from harness.plugin.completion import Completion
    from harness.plugin.github import GitHub
    from harness.plugin.html import HtmlReport
    from harness.plugin.terminal import Terminal

    completion = Completion(assessment, cases, afterwards)
    config.pluginmanager.register(completion, "harness-completion")
    if config.pluginmanager.hasplugin("html"):
        config.pluginmanager.register(HtmlReport(config, completion.output, completion), "harness-html")
    config.pluginmanager.register(Terminal(config, completion), "harness-terminal")
    config.pluginmanager.register(GitHub(completion), "harness-github")


def _occupy(config: pytest.Config, output: Path) -> None:
    """Keep other runs out of the output folder until this one ends; the system forgets it should this one be killed."""
    from harness.files import remove_partial
    from harness.plugin.verdict_store import remove_abandoned
    from harness.storage.tracked import write_gitignore

    lock = FileLock(output / ".lock", timeout=0)
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise HarnessError(
            f"Another run is writing to {output}. Wait for it, or give this one a folder of its own with --output."
        ) from None

    remove_abandoned(output)
    remove_partial(output)
    write_gitignore(output)

    def leave() -> None:
        (output / ".lock").unlink(missing_ok=True)
        lock.release()

    config.add_cleanup(leave)
