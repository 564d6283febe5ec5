"""Many problems, run so many at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.storage.store import ArrayStore


@dataclass(frozen=True)
class Blocks:
    """Problems run so many at a time, one block finished before the next; ``finished`` is told of each, in order."""

    size: int
    finished: "Callable[[range, ArrayStore], object]"
