"""A run without models that judges all that decides phases 1 and 2, and a little of phase 4 that comes after them."""

from collections.abc import Sequence

import pytest

from harness.criteria.criterion import Criterion
from harness.criteria.phases import phase_results, phases_before
from harness.options import RunOptions
from harness.results import CriterionResult, RunResult
from harness.storage.progress import Progress
from tests.plugin.fake_run import FakeRun, declared

CRITERIA = (
    *(declared(name, "hypothesis", ">", 0) for phase in phases_before("phase4") for name in phase.conditions),
    declared("4.1-clean", "validity", "==", 0, scope="run"),
    declared("4.2-shape", "acceptance", "is", "right"),
    declared("4.3-overlap", "hypothesis", ">", 0.7),
)


class PhasedRun(FakeRun):
    def complete(self, results: Sequence[CriterionResult]) -> RunResult:
        phases = phase_results(results, {"model": self.options.models})
        return RunResult(run=self.provenance(), phases=phases, criteria=list(results))


def pytest_harness_criteria() -> Sequence[Criterion]:
    return CRITERIA


@pytest.hookimpl
def pytest_harness_run(options: RunOptions, progress: Progress) -> PhasedRun:
    return PhasedRun(options, progress)
