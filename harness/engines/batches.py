"""Work on problems in a fixed plan of batches, resumable where it streams to a folder."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.engines.local import LocalEngine
from harness.engines.work import Arrays, Engine, Work
from harness.models.thoughts import ThoughtModel, length_batches
from harness.storage.blocks import Blocks
from harness.storage.costs import noted_costs
from harness.storage.progress import Progress, quiet
from harness.storage.store import ArrayStore, Layout


def in_batches(
    model: ThoughtModel,
    work: Work,
    lengths: Sequence[int],
    layout: Layout,
    *,
    batch_size: int,
    folder: Path | None = None,
    content: str = "",
    engine: Engine | None = None,
    blocks: Blocks | None = None,
    progress: Progress = quiet,
    label: str = "extracting",
) -> Arrays:
    """Every array of ``layout``, its first axis being the problems in order, filled by ``work`` batch by batch.

    ``lengths`` [n]: tokens of every problem's prompt, which decide the batches. With ``folder``, results stream to files
    there and what was cut off is continued if its ``content`` was the same; without, they stay in memory. ``engine`` does
    the work; this process unless named. With ``blocks``, what each batch cost is kept beside the arrays.

    Errors: ``HarnessError`` for a prompt that does not fit the model's positions, or a folder that cannot be written.
    """
    model.require_fit(lengths)
    run = (engine or LocalEngine()).run
    plan = list(length_batches(lengths, batch_size, blocks.size if blocks else None))
    with progress(f"{model.name}: {label}", len(lengths)) as advance:
        if folder is None:
            arrays = {name: np.zeros(shape, dtype) for name, (shape, dtype) in layout.items()}
            for done in run(model, work, dict(enumerate(plan)), lengths):
                rows = plan[done.chunk]
                for name, value in done.arrays.items():
                    arrays[name][rows] = value
                advance(len(rows))
            return arrays
        store = ArrayStore(folder, layout, plan, content)
        chunks = {chunk: plan[chunk] for chunk in store.remaining}
        advance(len(lengths) - sum(map(len, chunks.values())))
        finish = _Finish(blocks, store, plan, chunks)
        with noted_costs(folder if blocks else None, model.device.type) as costs:
            for done in run(model, work, chunks, lengths):
                rounding = store.write(done.chunk, done.arrays)
                costs.note(done.chunk, len(plan[done.chunk]), rounding, done.resident, done.on_device)
                advance(len(plan[done.chunk]))
                finish.after(done.chunk)
        return store.arrays()


class _Finish:
    """Tells of each block whose chunks are all done, those that were done before included."""

    def __init__(
        self, blocks: Blocks | None, store: ArrayStore, plan: Sequence[Sequence[int]], chunks: Mapping[int, object]
    ):
        self._blocks, self._store = blocks, store
        if blocks is None:
            return
        self._n = sum(map(len, plan))
        self._block_of = [rows[0] // blocks.size for rows in plan]
        self._left = Counter(self._block_of[chunk] for chunk in chunks)
        for block in sorted(set(self._block_of) - set(self._left)):
            self._tell(blocks, block)

    def after(self, chunk: int) -> None:
        """A chunk is in the store."""
        if self._blocks is None:
            return
        block = self._block_of[chunk]
        self._left[block] -= 1
        if self._left[block] == 0:
            self._tell(self._blocks, block)

    def _tell(self, blocks: Blocks, block: int) -> None:
        blocks.finished(range(block * blocks.size, min((block + 1) * blocks.size, self._n)), self._store)
