"""What each chunk of a long run cost: seconds and memory, kept beside the arrays and not part of them."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.files import cannot_write

SECONDS_BETWEEN_LOOKS = 0.01
FILE = "costs.jsonl"


@dataclass(frozen=True)
class Cost:
    """What one chunk cost: ``resident`` and ``on_device`` are the most bytes seen while it ran, of host and accelerator."""

    chunk: int
    problems: int
    seconds: float
    resident: int
    on_device: int
    rounding: float
    """The largest difference of a value from what was kept of it."""


class Costs:
    """Writes a line for every finished chunk."""

    def __init__(self, path: Path, device: str, peak: "Peak"):
        self._path, self._device, self._peak = path, device, peak
        self._before = time.monotonic()

    def note(self, chunk: int, problems: int, rounding: float, resident: int = 0, on_device: int = 0) -> None:
        """A chunk is finished; ``resident`` and ``on_device``: memory of who else did it.

        Errors: ``HarnessError`` where it cannot be written.
        """
        now = time.monotonic()
        memory = max(resident, self._peak.take()), max(on_device, peak_on_device(self._device))
        cost = Cost(chunk, problems, now - self._before, *memory, rounding)
        self._before = now
        try:
            with self._path.open("a", encoding="utf-8") as file:
                # The newline comes first: a line that was cut off must not take this one with it.
                file.write(f"\n{json.dumps(asdict(cost))}")
        except OSError as error:
            raise cannot_write(self._path, error) from error


class Unnoted:
    """Writes nothing."""

    def note(self, chunk: int, problems: int, rounding: float, resident: int = 0, on_device: int = 0) -> None:
        """Do nothing."""


@contextmanager
def noted_costs(folder: Path | None, device: str) -> Iterator[Costs | Unnoted]:
    """Within it the memory of the process is watched, and what chunks cost is written into ``folder``, if there is one."""
    if folder is None:
        yield Unnoted()
        return
    peak = Peak()
    try:
        yield Costs(folder / FILE, device, peak)
    finally:
        peak.stop()


def read_costs(folder: Path) -> list[Cost]:
    """By chunk: what each cost when it was last run; a line that was cut off is left out."""
    path = folder / FILE
    if not path.is_file():
        return []
    known: dict[int, Cost] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            content: Any = json.loads(line)
            known[content["chunk"]] = Cost(**content)
        except (ValueError, TypeError, KeyError):
            continue
    return [known[chunk] for chunk in sorted(known)]


def peak_on_device(device: str) -> int:
    """The most bytes allocated on the accelerator since this was last asked; 0 where ``device`` is not "cuda"."""
    if device != "cuda":
        return 0
    import torch

    peak = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    return peak


class Peak:
    """The most memory the process was seen to have; a thread looks every few milliseconds.

    What the system counts as the peak is that of the whole life of the process, whatever it did before.
    """

    def __init__(self) -> None:
        self._process = psutil.Process(os.getpid())
        self._most = self._now()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def take(self) -> int:
        """The most bytes since this was last asked."""
        most, self._most = max(self._most, self._now()), self._now()
        return most

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(SECONDS_BETWEEN_LOOKS):
            self._most = max(self._most, self._now())

    def _now(self) -> int:
        return int(self._process.memory_info().rss)
