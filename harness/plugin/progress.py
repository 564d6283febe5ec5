"""Progress of long work, shown through pytest's captured output."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil
import pytest
from tqdm import tqdm

from harness.storage.progress import Pace, quiet

SECONDS_BETWEEN_LINES = 30.0
SECONDS_WORTH_KEEPING = 0.5

_LINE = "{desc}: {n_fmt}/{total_fmt} in {elapsed_s:.1f} s, {rate_noinv_fmt}{postfix}"


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
        return self._lines(self._labelled(label), total)

    def say(self, text: str) -> None:
        """Show one line, whatever the verbosity."""
        self._leave_the_line_of_dots()
        self._stream.write(f"{self._labelled(text)}\n")

    def close(self) -> None:
        """Give the copy of standard error back."""
        self._stream.close()

    def _labelled(self, text: str) -> str:
        return f"[{self._worker}] {text}" if self._worker else text

    @contextmanager
    def _bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        self._leave_the_line_of_dots()
        begun = time.monotonic()
        with tqdm(desc=label, total=total, file=self._stream, unit="", dynamic_ncols=True) as bar:
            try:

                def advance(done: int) -> None:
                    bar.set_postfix_str(_memory(), refresh=False)
                    bar.update(done)

                yield advance
            finally:
                bar.leave = time.monotonic() - begun >= SECONDS_WORTH_KEEPING

    @contextmanager
    def _lines(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        begun = said = time.monotonic()
        pace = Pace(total)

        def say(postfix: str | None = None) -> None:
            elapsed = time.monotonic() - begun
            self._leave_the_line_of_dots()
            meter = tqdm.format_meter(
                pace.done, total, elapsed, prefix=label, unit="", bar_format=_LINE, postfix=postfix
            )
            self._stream.write(f"{meter}\n")

        def advance(done: int) -> None:
            nonlocal said
            pace.advance(done)
            now = time.monotonic()
            if pace.done < total and now - said >= SECONDS_BETWEEN_LINES:
                said = now
                say(f"{_left(pace.seconds_left)}, {_memory()}")

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


def _left(seconds: float | None) -> str:
    """How long the rest takes."""
    return "time left not known yet" if seconds is None else f"{tqdm.format_interval(seconds)} left"


def _memory() -> str:
    """The resident memory of this process."""
    return f"{psutil.Process().memory_info().rss / 1e9:.2f} GB of memory"
