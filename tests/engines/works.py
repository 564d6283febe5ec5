"""Work that notes what it does, and work that goes wrong: a module that the workers can import."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.engines.ray import RayEngine
from harness.engines.work import Arrays, Done, Work
from harness.errors import HarnessError
from harness.models.thoughts import ThoughtModel


@dataclass(frozen=True)
class Noted:
    """Work of which every begin and end is noted, with the process that does it."""

    work: Work
    log: Path
    seconds: float

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        self._note("begin", rows)
        time.sleep(self.seconds)
        arrays = self.work(model, rows)
        self._note("end", rows)
        return arrays

    def _note(self, what: str, rows: Sequence[int]) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{what} {os.getpid()} {rows[0]}\n")


@dataclass(frozen=True)
class Log:
    """What was noted."""

    path: Path

    def begun(self) -> list[tuple[int, int]]:
        """(process, first row) of every begin, in order of time."""
        return self._lines("begin")

    def at_work(self) -> list[int]:
        """Processes that have begun something and not ended it."""
        open_ones = Counter(self.begun()) - Counter(self._lines("end"))
        return [process for process, _ in open_ones]

    def _lines(self, what: str) -> list[tuple[int, int]]:
        words = (line.split() for line in self.path.read_text(encoding="utf-8").splitlines())
        return [(int(process), int(row)) for said, process, row in words if said == what]


@dataclass(frozen=True)
class NotedEngine:
    """An engine whose work is noted, and takes so many seconds longer."""

    engine: RayEngine
    log: Path
    seconds: float = 0.0

    def run(
        self, model: ThoughtModel, work: Work, chunks: Mapping[int, Sequence[int]], lengths: Sequence[int]
    ) -> Iterator[Done]:
        return self.engine.run(model, Noted(work, self.log, self.seconds), chunks, lengths)

    def peak_memory(self, device: str) -> int:
        return self.engine.peak_memory(device)


@dataclass(frozen=True)
class Goes:
    """Rows as they are, but at one ``wrong`` is called."""

    wrong: Callable[[], object]
    at: int

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        if self.at in rows:
            self.wrong()
        return {"rows": np.array(rows)}


class OwnError(Exception):
    """Has more than its text."""

    number = 0


class UnportableError(Exception):
    """Cannot be sent from one process to another."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def say_it() -> None:
    raise HarnessError("say it so")


def miss() -> None:
    raise KeyError("missing")


def own() -> None:
    error = OwnError("an own one")
    error.number = 4
    raise error


def unportable() -> None:
    raise UnportableError("this", "that")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class DieOnce:
    """Ends the first worker that does it, after a while; what marks that it has."""

    mark: Path

    def __call__(self) -> None:
        if not self.mark.exists():
            self.mark.touch()
            time.sleep(1)
            die()
