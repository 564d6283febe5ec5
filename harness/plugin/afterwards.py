"""Checks of what a run leaves: selected like all others, judged by the controller when the others are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from harness.criteria.finished import AFTERWARDS, FinishedRun, conclude
from harness.plugin.collection import Case, case_of

if TYPE_CHECKING:
    from harness.criteria.criterion import Criterion
    from harness.options import RunOptions
    from harness.results import RunResult

_SELECTED = "harness_afterwards"


class Afterwards:
    """Takes those checks out of the items, so that they are neither run nor counted, and remembers which were selected."""

    def __init__(self, cases: Sequence[Case], known: Sequence[Criterion]) -> None:
        """``known`` is every criterion there is, whether or not it was selected."""
        self._known = tuple(known)
        self._cases = tuple(case for case in cases if is_afterwards(case))
        self._nodes: dict[str, str] = {}
        """Node id of each selected case, by the case's own id."""

    @property
    def selected(self) -> list[Case]:
        """Those that the command line, ``-k``, ``-m`` and the rest left, in the order of the study."""
        return [case for case in self._cases if case.id in self._nodes]

    def conclude(self, options: RunOptions, result: RunResult) -> RunResult:
        """The result with a row for each of them."""
        from harness.reporting.html import render

        finished = FinishedRun(options, result, lambda seen: render(seen, options.output), self._known)
        conclude([case.criterion for case in self.selected], finished)
        return finished.result

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take them out once everyone else has selected."""
        later = {item.nodeid: case for item in items if (case := case_of(item)) is not None and is_afterwards(case)}
        self._nodes |= {case.id: node for node, case in later.items()}
        items[:] = [item for item in items if item.nodeid not in later]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """List them after the items where the items are listed."""
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if session.config.option.collectonly and reporter is not None and self._nodes:
            reporter.write_line("")
            reporter.write_line("judged when all others are:")
            for case in self.selected:
                reporter.write_line(self._nodes[case.id])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A worker collects; the controller has to be told."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_SELECTED] = self._nodes

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear it from a worker."""
        self._nodes |= getattr(node, "workeroutput", {}).get(_SELECTED, {})


def is_afterwards(case: Case) -> bool:
    """Whether the case is about what a run leaves."""
    return case.criterion.study == AFTERWARDS
