"""A run without models in which two criteria look at what the others left."""

import os
from collections.abc import Sequence
from dataclasses import replace

from harness.criteria.criterion import Criterion, Measurement
from harness.criteria.finished import FinishedRun
from tests.plugin import fake_run
from tests.plugin.fake_run import declared, pytest_harness_run  # noqa: F401


def rows(seen: FinishedRun) -> Measurement:
    """As many as others judged."""
    return Measurement(len(seen.judged))


def shown(seen: FinishedRun) -> Measurement:
    """How often the page that is about to be written shows the row before this one."""
    return Measurement(seen.page(seen.result).count('id="c-run-3.1-rows"'))


CRITERIA = (
    *fake_run.CRITERIA,
    replace(declared("3.1-rows", "acceptance", ">=", int(os.environ.get("FAKE_ROWS", "1")), "run"), measure=rows),
    replace(declared("3.1-shown", "validity", "==", 1, "run"), measure=shown),
)


def pytest_harness_criteria() -> Sequence[Criterion]:
    return CRITERIA
