"""A run on GitHub Actions says there what it found: in the summary of the job, and where a verdict changed."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from harness.documents.github import announce
from harness.documents.summary import summary, unjudged
from harness.plugin.changes import changes_of
from harness.plugin.completion import Completion
from harness.plugin.terminal import outcome


class GitHub:
    """Writes when the terminal sums up; in the controller only."""

    def __init__(self, completion: Completion, environment: Mapping[str, str] = os.environ) -> None:
        self._completion = completion
        self._environment = environment

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Annotations are lines of the log; the summary goes into the file that the step was given."""
        completion = self._completion
        result, stopped = completion.result, completion.stopped
        if result is None:
            if stopped:
                refuse(stopped, self._environment)
            return
        assessment = completion.assessment
        compared = assessment.gate.of_items == "baseline"
        changes = changes_of(completion.rows, assessment.baselines) if compared else None
        announce(
            self._environment,
            terminalreporter.write_line,
            lambda limit: summary(result, outcome(completion), changes, stopped, limit),
            changes or (),
            stopped,
        )


def refuse(why: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell GitHub Actions why there is no verdict at all."""
    announce(environment, print, lambda limit: unjudged(why)[:limit], stopped=why)
