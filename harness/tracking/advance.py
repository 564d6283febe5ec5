"""Progress of long work on its way into a log: how much is done, and how long the rest will take."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.storage.progress import Pace, Progress

SECONDS_BETWEEN_NOTES = 1.0


@dataclass(frozen=True)
class Advance:
    """How far a piece of work is: ``done`` of ``total`` items, most often problems."""

    work: str
    done: int
    total: int
    seconds_left: float | None
    """None while it is not known."""


Note = Callable[[Advance], None]


def noted(shown: Progress, note: Note) -> Progress:
    """Progress that goes on being ``shown`` and is noted too: once a second, and when a piece of work is done."""

    @contextmanager
    def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
        with shown(label, total) as show:
            pace, last = Pace(total), float("-inf")

            def advance(done: int) -> None:
                nonlocal last
                show(done)
                pace.advance(done)
                now = time.monotonic()
                if pace.done >= total or now - last >= SECONDS_BETWEEN_NOTES:
                    last = now
                    note(Advance(label, pace.done, total, pace.seconds_left))

            yield advance

    return progress


class NoteFile:
    """Notes of one process, read by another one while they are written: a line each."""

    def __init__(self, path: Path):
        self._path = path
        self._read = 0

    def write(self, advance: Advance) -> None:
        """Add a note; one that the disk does not take is lost."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(advance)) + "\n")
        except OSError:
            return

    def new(self) -> list[Advance]:
        """What was added since this was last asked; a line that is still being written is left for the next time."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [Advance(**json.loads(line)) for line in whole.splitlines()]
