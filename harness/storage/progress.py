"""How a long piece of work reports that it advances, without knowing who is watching."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""``progress(label, total)`` yields ``advance(done)``, called as items are finished."""


@contextmanager
def quiet(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Report nothing."""
    yield lambda done: None
