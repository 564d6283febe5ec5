"""Progress of long work, shown through pytest's captured output."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from tqdm import tqdm

from harness.storage.progress import quiet

SECONDS_BETWEEN_LINES = 30.0
SECONDS_WORTH_KEEPING = 0.5

_LINE = "{desc}: {n_fmt}/{total_fmt} in {elapsed_s:.1f} s, {rate_noinv_fmt}"


class TerminalProgress:
    """A bar on a terminal; elsewhere, and in a worker that shares its terminal, a line now and then.

    Writes to a copy of standard error taken before pytest captures it, so that work done inside a test can be seen.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._stream = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1)
        self._worker: str = getattr(config, "workerinput", {}).get("workerid", "")

    def __call__(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show work on ``total`` items; the context yields ``advance(items_done)``."""
        if self._config.get_verbosity() < 0:
            return quiet(label, total)
        if self._stream.isatty() and not self._worker:
            return self._bar(label, total)
        return self._lines(f"[{self._worker}] {label}" if self._worker else label, total)

    def close(self) -> None:
        """Give the copy of standard error back."""
        self._stream.close()

    @contextmanager
    def _bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        self._leave_the_line_of_dots()
        begun = time.monotonic()
        with tqdm(desc=label, total=total, file=self._stream, unit="", dynamic_ncols=True) as bar:
            try:
                yield lambda done: (bar.update(done), None)[1]
            finally:
                bar.leave = time.monotonic() - begun >= SECONDS_WORTH_KEEPING

    @contextmanager
    def _lines(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        begun = said = time.monotonic()
        finished = 0

        def say() -> None:
            elapsed = time.monotonic() - begun
            self._leave_the_line_of_dots()
            meter = tqdm.format_meter(finished, total, elapsed, prefix=label, unit="", bar_format=_LINE)
            self._stream.write(f"{meter}\n")

        def advance(done: int) -> None:
            nonlocal finished, said
            finished += done
            if finished < total and time.monotonic() - said >= SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                say()

        yield advance
        if time.monotonic() - begun >= SECONDS_WORTH_KEEPING:
            say()

    def _leave_the_line_of_dots(self) -> None:
        manager = self._config.pluginmanager
        reporter, capture = manager.getplugin("terminalreporter"), manager.getplugin("capturemanager")
        if reporter is None or self._worker:
            return
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
