"""What happens inside one item: the criterion is judged, the verdict kept, the gate applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.documents import phrases
from harness.errors import HarnessError
from harness.plugin.baselines import Baselines
from harness.plugin.collection import Case
from harness.plugin.foregoing import Foregoing, left_out
from harness.plugin.gate import Decision, decide
from harness.plugin.messages import failure
from harness.plugin.options import GateOptions
from harness.plugin.verdict_store import VerdictStore
from harness.results import CriterionResult

if TYPE_CHECKING:
    from harness.judging import Run

Judge = Callable[[Case], None]
"""Judges a case; returns when the gate is met, and ends the test as failed or skipped when it is not."""

STOPPED = "stopped"
"""The property of a test whose failure ended the whole run."""
VERDICT = "verdict"
"""The property of a test that reached a verdict."""


@dataclass(frozen=True)
class Assessment:
    """What a process needs to judge: who judges, by what gate, against what approval, and where verdicts go."""

    run: Run
    gate: GateOptions
    baselines: Baselines
    store: VerdictStore

    def decision(self, result: CriterionResult) -> Decision:
        """What the gate makes of one verdict."""
        if self.gate.approve and result.verdict == "invalid":
            return Decision("failed", "nothing is approved while a validity criterion fails")
        return decide(self.gate.of_items, result, self.baselines.approved(result))


class Judging:
    """Brings the fixture ``judge`` of the checks."""

    def __init__(self, assessment: Assessment, foregoing: Foregoing) -> None:
        self._assessment = assessment
        self._foregoing = foregoing

    @pytest.fixture
    def judge(self, request: pytest.FixtureRequest) -> Judge:
        """Judge one case and let the gate decide the outcome of the test."""

        def judge(case: Case) -> None:
            __tracebackhide__ = True
            result = self._judged(case)
            if isinstance(result, HarnessError):
                # The next criterion would meet the same error; one message is enough.
                request.session.shouldfail = "stopped: the run cannot go on"
                request.node.user_properties.append((STOPPED, str(result)))
                pytest.fail(phrases.one_line(str(result)), pytrace=False)
            request.node.user_properties.extend(_properties(result))
            self._apply_gate(result)

        return judge

    def _judged(self, case: Case) -> CriterionResult | HarnessError:
        try:
            why_not = self._foregoing.why_not(case)
            result = left_out(case, why_not) if why_not else self._assessment.run.judge(case.criterion, case.scope)
            self._assessment.store.keep(result)
        except HarnessError as error:
            return error
        return result

    def _apply_gate(self, result: CriterionResult) -> None:
        __tracebackhide__ = True
        decision = self._assessment.decision(result)
        if decision.outcome == "skipped":
            pytest.skip(phrases.one_line(decision.why))
        if decision.outcome == "failed":
            pytest.fail(failure(result, decision, self._assessment.baselines), pytrace=False)


def has_verdict(report: pytest.TestReport) -> bool:
    """Whether the test behind ``report`` reached a verdict, whatever the gate made of it."""
    return any(name == VERDICT for name, _ in report.user_properties)


def _properties(result: CriterionResult) -> list[tuple[str, str]]:
    return [
        ("criterion", result.id),
        ("model", result.model),
        ("kind", result.kind),
        (VERDICT, result.verdict),
        ("measured", phrases.scalar(result.measured, result.threshold)),
        ("rule", phrases.rule(result.comparator, result.threshold)),
    ]
