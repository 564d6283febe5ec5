"""How a long piece of work reports that it advances, without knowing who is watching."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""``progress(label, total)`` yields ``advance(done)``, called as items are finished."""


@contextmanager
def quiet(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Report nothing."""
    yield lambda done: None


class Pace:
    """How fast ``total`` items get done, from the first that are on.

    What an earlier run had done comes at once and says nothing about the pace.
    """

    def __init__(self, total: int):
        self.done = 0
        self._total = total
        self._first: tuple[float, int] | None = None
        self._last = 0.0

    def advance(self, done: int) -> None:
        """So many more are done."""
        self.done += done
        self._last = time.monotonic()
        self._first = self._first or (self._last, self.done)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this pace; None while that is not known."""
        if self.done >= self._total:
            return 0.0
        if self._first is None or self.done == self._first[1]:
            return None
        begun, before = self._first
        return (self._last - begun) / (self.done - before) * (self._total - self.done)
