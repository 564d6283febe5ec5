"""After the last item: the verdicts of all processes become one result, one file, and one exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.files import write_json
from harness.plugin.afterwards import Afterwards
from harness.plugin.baselines import approve, conditions_of
from harness.plugin.collection import Case, is_check
from harness.plugin.judging import STOPPED, Assessment, has_verdict
from harness.results import FILE, CriterionResult, RunResult, read_results

INTERRUPTED = "interrupted"


def left_by_earlier_run(output: Path, provenance: Mapping[str, Any]) -> RunResult:
    """What an earlier run left in the output folder.

    Errors: ``HarnessError`` where there is nothing, or it is about other models, problems or options than this run's.
    """
    earlier = read_results(output)
    differences = conditions_of(earlier.run).differences(conditions_of(provenance))
    models, asked = ([one["name"] for one in run["models"]] for run in (earlier.run, provenance))
    if models != asked:
        differences.append(f"models {', '.join(models)} there, {', '.join(asked)} here")
    if differences:
        raise HarnessError(
            f"The results in {output} are of another run than the one asked about: {'; '.join(differences)}. Give its options, "
            "or name its folder with --output."
        )
    return earlier


class Completion:
    """Runs in the controller only; the terminal and the report read its attributes once the session finished."""

    def __init__(self, assessment: Assessment, cases: Sequence[Case], afterwards: Afterwards) -> None:
        self.assessment = assessment
        self.output = assessment.run.options.output
        self.judged: list[CriterionResult] = []
        """What this session judged, in the order of the study."""
        self.result: RunResult | None = None
        """The completed run; None while, and if, nothing was judged."""
        self.approved: dict[Path, str] = {}
        """Baseline files written, each with what became of it."""
        self.stopped: str | None = None
        """Why the run ended before its time."""
        self.report_written = True
        """False when the page could not be written."""
        self.broken = 0
        """Number of criteria whose check ended without a verdict."""
        self.exit_status = 0
        self._cases = tuple(cases)
        self._afterwards = afterwards

    @property
    def anything_judged(self) -> bool:
        """Whether there is a verdict to report on, or there are results to look at."""
        looks = bool(self._afterwards.selected) and (self.output / FILE).is_file()
        return looks or self.assessment.store.holds_any()

    @property
    def rows(self) -> list[CriterionResult]:
        """Rows of the completed run that this session judged; others were left by an earlier one."""
        own = {(one.id, one.model) for one in self.judged}
        return [one for one in self.result.criteria if (one.id, one.model) in own] if self.result else []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where verdicts go and which ones are approved."""
        node.workerinput["harness_run_id"] = self.assessment.store.run_id
        node.workerinput["harness_baselines"] = self.assessment.baselines.model_dump_json(by_alias=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice checks without a verdict, and the error after which the run cannot go on."""
        said = dict(report.user_properties)
        if report.failed and is_check(report.nodeid) and not has_verdict(report):
            self.broken += 1
            self.stopped = str(said[STOPPED]) if STOPPED in said else self.stopped

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Complete, write and, where asked, approve what was judged, whether or not the run came to its end."""
        self.judged = self.assessment.store.results([(case.scope, case.criterion.id) for case in self._cases])
        try:
            if self.judged or self._afterwards.selected:
                self._complete(session, exitstatus)
        except HarnessError as error:
            self.stopped = str(error)
        finally:
            self.assessment.store.remove()
        if self.stopped:
            self.stop(session, self.stopped)
        elif exitstatus == pytest.ExitCode.INTERRUPTED:
            self.stopped = INTERRUPTED
        elif session.shouldfail or session.shouldstop:
            self.stopped = str(session.shouldfail or session.shouldstop)
        self.exit_status = int(session.exitstatus)

    def _calibrated(self, exitstatus: int) -> list[CriterionResult]:
        """What was judged, calibrated unless the run ended before its time."""
        if self.stopped or exitstatus == pytest.ExitCode.INTERRUPTED:
            return self.judged
        try:
            return self.assessment.run.calibrated(self.judged)
        except HarnessError as error:
            self.stopped = str(error)
            return self.judged

    def stop(self, session: pytest.Session, why: str) -> None:
        """End the run as failed: something it needed to write or read was not to be had."""
        self.stopped = why
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self.exit_status = int(session.exitstatus)

    def _complete(self, session: pytest.Session, exitstatus: int) -> None:
        self.result = self._judged(exitstatus)
        if self.assessment.baselines.edited:
            self.result.run["declarations_changed"] = self.assessment.baselines.edited
        self._write(self.result)
        session.config.hook.pytest_harness_written(result=self.result)
        to_its_end = exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.TESTS_FAILED,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        )
        if self._afterwards.selected and to_its_end and not (self.stopped or session.shouldstop or session.shouldfail):
            self.result = self._afterwards.conclude(self.assessment.run.options, self.result)
            self._write(self.result)
            self._apply_gate(session, self.result.criteria[-len(self._afterwards.selected) :])
        if self.assessment.gate.approve and session.exitstatus == pytest.ExitCode.OK:
            self._approve()

    def _judged(self, exitstatus: int) -> RunResult:
        """What items judged; where there were none, what an earlier run left, without the rows that are judged again."""
        if self.judged:
            return self.assessment.run.complete(self._calibrated(exitstatus))
        earlier = left_by_earlier_run(self.output, self.assessment.run.provenance())
        again = {case.criterion.id for case in self._afterwards.selected}
        return earlier.model_copy(update={"criteria": [one for one in earlier.criteria if one.id not in again]})

    def _apply_gate(self, session: pytest.Session, concluded: Sequence[CriterionResult]) -> None:
        """The outcome of what no item stands for."""
        self.judged += concluded
        if any(self.assessment.decision(one).outcome == "failed" for one in concluded):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK

    def _write(self, result: RunResult) -> None:
        write_json(self.output / FILE, result.model_dump(mode="json", by_alias=True))

    def _approve(self) -> None:
        criteria = {case.criterion.id: case.criterion for case in self._cases}
        provenance = self.assessment.run.provenance()
        self.approved = approve(
            self.assessment.gate.baselines,
            [(criteria[result.id], result) for result in self.judged],
            conditions_of(provenance),
            provenance["declarations_sha256"],
            datetime.now(UTC).date(),
        )
