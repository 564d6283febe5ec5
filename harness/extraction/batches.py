"""Work done in batches of problems: within memory, in a fixed plan, and resumable where it streams to a folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.extraction.blocks import Blocks
from harness.extraction.costs import noted_costs
from harness.extraction.progress import Progress, quiet
from harness.extraction.store import ArrayStore, Layout
from harness.models.thoughts import ThoughtModel, length_batches

Arrays = dict[str, NDArray[Any]]
Run = Callable[[Sequence[int]], Arrays]
"""Arrays of the problems in these rows, in their order."""


def in_batches(
    model: ThoughtModel,
    prompts: Sequence[Sequence[int]],
    layout: Layout,
    run: Run,
    *,
    batch_size: int,
    folder: Path | None = None,
    progress: Progress = quiet,
    label: str = "extracting",
    blocks: Blocks | None = None,
) -> Arrays:
    """Every array of ``layout``, its first axis being the prompts in order, filled by ``run`` batch by batch.

    With ``folder``, results stream to files there and what was cut off is continued; without, they stay in memory. With
    ``blocks`` too, what each batch cost is kept beside the arrays. Errors: ``HarnessError`` for a prompt that does not fit the model's positions, or a
    folder that cannot be written.
    """
    model.require_fit(prompts)
    plan = list(length_batches([len(prompt) for prompt in prompts], batch_size, blocks.size if blocks else None))
    with progress(f"{model.name}: {label}", len(prompts)) as advance:
        if folder is None:
            arrays = {name: np.zeros(shape, dtype) for name, (shape, dtype) in layout.items()}
            for rows in plan:
                for name, value in within_memory(run, rows, model.device, prompts).items():
                    arrays[name][rows] = value
                advance(len(rows))
            return arrays
        store = ArrayStore(folder, layout, plan)
        remaining, done = set(store.remaining), 0
        advance(sum(len(rows) for chunk, rows in enumerate(plan) if chunk not in remaining))
        with noted_costs(folder if blocks else None, model.device.type) as costs:
            for chunk, rows in enumerate(plan):
                if chunk in remaining:
                    rounding = store.write(chunk, within_memory(run, rows, model.device, prompts))
                    costs.note(chunk, len(rows), rounding)
                    advance(len(rows))
                done += len(rows)
                if blocks is not None and (done % blocks.size == 0 or done == len(prompts)):
                    blocks.finished(range((done - 1) // blocks.size * blocks.size, done), store)
        return store.arrays()


def within_memory(
    run: Run, rows: Sequence[int], device: torch.device | str, prompts: Sequence[Sequence[int]]
) -> Arrays:
    """One batch; when memory runs out it is done in halves, which changes nothing but the last bits."""
    try:
        return run(rows)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        if len(rows) == 1:
            raise HarnessError(
                f"Not even one problem ({len(prompts[rows[0]])} tokens) fits in the memory of {device}. Use another "
                "--device, or --dtype bfloat16."
            ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    half = len(rows) // 2
    first, second = (within_memory(run, part, device, prompts) for part in (rows[:half], rows[half:]))
    return {name: np.concatenate([first[name], second[name]]) for name in first}


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
