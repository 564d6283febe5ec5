"""What is done on batches of problems, and who does it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

if TYPE_CHECKING:
    from harness.models.thoughts import ThoughtModel

Arrays = dict[str, NDArray[Any]]
Work = Callable[["ThoughtModel", Sequence[int]], Arrays]
"""Arrays of the problems in these rows, in their order. It can be pickled, so that a worker elsewhere can do it."""


@dataclass(frozen=True)
class Done:
    """What became of one batch: the ``arrays`` of chunk ``chunk``, and the memory of the worker that made them, in bytes.

    ``resident`` and ``on_device`` are 0 where this process, which is watched anyway, did it.
    """

    chunk: int
    arrays: Arrays
    resident: int = 0
    on_device: int = 0


class Engine(Protocol):
    """Does work on chunks of problems, in any order."""

    def run(
        self, model: "ThoughtModel", work: Work, chunks: Mapping[int, Sequence[int]], lengths: Sequence[int]
    ) -> Iterator[Done]:
        """Every chunk's result once. ``chunks``: their rows; ``lengths``: tokens of every problem's prompt.

        Errors: ``HarnessError`` where not even one problem fits in memory, or no worker is left.
        """

    def peak_memory(self, device: str) -> int:
        """Most bytes that a process had at once while it ran the model: of the accelerator for "cuda", else of the host."""
