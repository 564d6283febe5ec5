"""The log of a run, beside everything else: whatever goes wrong with it is told and changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.criteria.finished import AFTERWARDS
from harness.tracking.advance import Advance, NoteFile, noted
from harness.tracking.contents import contents
from harness.tracking.place import FOLDER, LastLog, forget_last_log
from harness.tracking.run_log import RunLog

if TYPE_CHECKING:
    from harness.options import RunOptions
    from harness.plugin.progress import TerminalProgress
    from harness.results import RunResult
    from harness.storage.progress import Progress
    from harness.tracking.contents import Contents

_NOTES = "harness_notes"
_NOTES_FOLDER = ".notes"


def beside(config: pytest.Config, options: RunOptions, shown: TerminalProgress) -> tuple[Progress, Tracking | None]:
    """The progress that a run is given, and the log that hears of it, if one is asked for; workers have none of their own."""
    if options.wandb == "off":
        return shown, None
    worker: Mapping[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:
        return noted(shown, NoteFile(Path(worker[_NOTES]) / f"{worker['workerid']}.jsonl").write), None
    tracking = Tracking(options)
    return noted(shown, tracking.advance), tracking


class Tracking:
    """Runs in the controller only: starts the log, tells it of work here and in workers, and ends it with the results."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._log: RunLog | None = None
        self._last: LastLog | None = None
        """What became of the log, once that is known."""
        self._notes = options.output / FOLDER / _NOTES_FOLDER
        self._workers: dict[str, NoteFile] = {}

    def begin(self, run: Mapping[str, Any], studies: Sequence[str]) -> None:
        """Start the log of ``run``, as ``criteria.json`` has it; ``studies`` are those about to be judged."""
        shutil.rmtree(self._notes, ignore_errors=True)
        try:
            forget_last_log(self._options.output)
            self._log = RunLog(self._options.output, self._options.wandb, run, studies)
        # Whatever a logger, or a disk, runs into must never end a run.
        except Exception as error:
            self._fails(error)

    def advance(self, advance: Advance) -> None:
        """Note how far a piece of work is."""
        if self._log is not None:
            self._log.advance(advance)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to leave word of its work."""
        worker = node.workerinput["workerid"]
        node.workerinput[_NOTES] = str(self._notes.resolve())
        self._workers[worker] = NoteFile(self._notes / f"{worker}.jsonl")

    def pytest_runtest_logreport(self) -> None:
        """Take up what workers left since the last check was done."""
        for file in self._workers.values():
            for advance in file.new():
                self.advance(advance)

    def pytest_harness_written(self, result: RunResult) -> None:
        """Log what was judged and what was written, but for what looks at the log, and end it."""
        self.pytest_runtest_logreport()
        judged = [one for one in result.criteria if one.study != AFTERWARDS]
        self._end(lambda: contents(result.model_copy(update={"criteria": judged}), self._options.output))
        if self._last is not None:
            try:
                self._last.write(self._options.output)
            except Exception as error:
                # The log itself may be there all the same.
                self._fails(error, self._last.file)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
        """Say last where the log is, or why there is none."""
        yield
        if self._last is not None:
            terminalreporter.write_line(_told(self._last, self._options.output))

    def close(self) -> None:
        """End the log of a run that came to no result, and forget what workers left."""
        self._end(lambda: None)
        shutil.rmtree(self._notes, ignore_errors=True)

    def _end(self, made: Callable[[], Contents | None]) -> None:
        if self._log is None:
            return
        log, self._log = self._log, None
        content = None
        try:
            try:
                content = made()
            finally:
                self._last = log.end(content)
        except Exception as error:
            self._fails(error)

    def _fails(self, error: Exception, file: str | None = None) -> None:
        self._log = None
        self._last = LastLog(file, str(error) or type(error).__name__)


def _told(last: LastLog, output: Path) -> str:
    if last.file is None:
        return f"W&B: not logged: {last.notice}"
    folder = (output / last.file).parent
    return f"W&B: {folder}" + (f" ({last.notice}; send it with: wandb sync {folder})" if last.notice else "")
