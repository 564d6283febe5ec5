"""This process does the work, one batch after the other."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch

from harness.engines.work import Arrays, Done, Work
from harness.errors import HarnessError
from harness.models.memory import peak_memory
from harness.models.thoughts import ThoughtModel


class LocalEngine:
    """Work done here, in the order given."""

    def run(
        self, model: ThoughtModel, work: Work, chunks: Mapping[int, Sequence[int]], lengths: Sequence[int]
    ) -> Iterator[Done]:
        """See :class:`~harness.engines.work.Engine`."""
        for chunk, rows in chunks.items():
            yield Done(chunk, within_memory(partial(work, model), rows, model.device, lengths))

    def peak_memory(self, device: str) -> int:
        """See :class:`~harness.engines.work.Engine`; the host's is that of the whole life of this process."""
        return peak_memory(device)


def within_memory(
    run: "partial[Arrays]", rows: Sequence[int], device: torch.device | str, lengths: Sequence[int]
) -> Arrays:
    """One batch; when memory runs out it is done in halves, which changes nothing but the last bits.

    Errors: ``HarnessError`` where not even one problem fits.
    """
    try:
        return run(rows)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        if len(rows) == 1:
            raise HarnessError(
                f"Not even one problem ({lengths[rows[0]]} tokens) fits in the memory of {device}. Use another "
                "--device, or --dtype bfloat16."
            ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    half = len(rows) // 2
    first, second = (within_memory(run, part, device, lengths) for part in (rows[:half], rows[half:]))
    return {name: np.concatenate([first[name], second[name]]) for name in first}


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
