"""Many problems, run so many at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.storage.store import ArrayStore


@dataclass(frozen=True)
class Blocks:
    """Problems run so many at a time; ``finished`` is told of each block once, when the last of its problems is done."""

    size: int
    finished: "Callable[[range, ArrayStore], object]"
