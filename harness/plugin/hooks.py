"""The hooks by which a ``conftest.py`` can change what is judged and who judges it, and hear when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.criteria.criterion import Criterion
    from harness.judging import Run
    from harness.options import RunOptions
    from harness.results import RunResult
    from harness.storage.progress import Progress


@pytest.hookspec(firstresult=True)
def pytest_harness_criteria() -> Sequence[Criterion] | None:
    """Every criterion there is, in the order in which they are to be judged."""


@pytest.hookspec(firstresult=True)
def pytest_harness_run(options: RunOptions, progress: Progress, own: Sequence[Criterion]) -> Run | None:
    """The run that judges criteria under ``options``, a user's ``own`` included. Called once per process; must be cheap."""


@pytest.hookspec
def pytest_harness_written(result: RunResult) -> None:
    """All checks are done and what they found is written. Called in the controller, if anything was judged."""
