"""The report as pytest-html's file: where it goes, what stands on top, and when it must not be written."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_html.basereport import BaseReport

from harness.errors import HarnessError
from harness.files import write_text
from harness.plugin.completion import Completion


class HtmlReport:
    """Makes pytest-html write ``index.html`` in the output folder; ``--html`` asks for a copy elsewhere."""

    def __init__(self, config: pytest.Config, output: Path, completion: Completion) -> None:
        self._config = config
        self._output = output
        self._completion = completion
        self._copy: str | None = config.option.htmlpath
        config.option.htmlpath = str(output / "index.html")
        config.option.self_contained_html = True

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Leave the last report alone when this session does not even collect."""
        try:
            return (yield)
        except BaseException:
            self._withdraw()
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Leave the last report alone when nothing was judged."""
        try:
            return (yield)
        finally:
            if not self._completion.anything_judged:
                self._withdraw()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the page after what it reports."""
        from harness.reporting.html import TITLE

        report.title = TITLE

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the criteria on top of pytest-html's own list."""
        if self._completion.result is not None:
            from harness.reporting.html import render

            prefix.append(render(self._completion.result, self._output))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Replace the last report, and the copy that ``--html`` asks for, in one step each or not at all.

        The innermost wrapper: the terminal, an outer one, sums up whatever became of it.
        """
        index = self._output / "index.html"
        for report in self._reports():
            report._write_report = partial(write_text, index)
        try:
            yield
            if self._copy is not None:
                write_text(Path(self._copy).expanduser(), index.read_text(encoding="utf-8"))
        except HarnessError as error:
            self._withdraw()
            self._completion.report_written = False
            self._completion.stop(session, str(error))

    def _reports(self) -> Iterator[BaseReport]:
        return (plugin for plugin in self._config.pluginmanager.get_plugins() if isinstance(plugin, BaseReport))

    def _withdraw(self) -> None:
        for report in list(self._reports()):
            self._config.pluginmanager.unregister(report)
        self._copy = None
