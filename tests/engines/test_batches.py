"""Batches whose results come in any order: every row in its place, and each block of problems told of once."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.engines.batches import in_batches
from harness.engines.work import Arrays, Done, Work
from harness.storage.blocks import Blocks
from harness.storage.store import ArrayStore

MODEL = SimpleNamespace(name="none", device=torch.device("cpu"), require_fit=lambda lengths: None)


class Stopped(Exception):
    pass


class Shuffled:
    """An engine that does chunks in an order of its own, at most so many of them."""

    def __init__(self, seed: int, most: int | None = None) -> None:
        self.seed, self.most = seed, most
        self.did: list[int] = []

    def run(
        self, model: object, work: Work, chunks: Mapping[int, Sequence[int]], lengths: Sequence[int]
    ) -> Iterator[Done]:
        for chunk in random.Random(self.seed).sample(sorted(chunks), len(chunks)):
            if len(self.did) == self.most:
                raise Stopped
            self.did.append(chunk)
            yield Done(chunk, work(model, chunks[chunk]))  # type: ignore[arg-type]

    def peak_memory(self, device: str) -> int:
        return 0


def tens(model: object, rows: Sequence[int]) -> Arrays:
    return {"tens": 10 * np.array(rows, dtype=np.int32)}


def run(engine: Shuffled, lengths: Sequence[int], folder: Path | None, blocks: Blocks | None = None) -> Arrays:
    layout = {"tens": ((len(lengths),), np.dtype(np.int32))}
    return in_batches(MODEL, tens, lengths, layout, batch_size=3, folder=folder, engine=engine, blocks=blocks)  # type: ignore[arg-type]


def blocks_of(n: int, size: int) -> list[range]:
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


@pytest.mark.parametrize("kept", [True, False])
def test_rows_land_in_their_places_whatever_the_order(tmp_path: Path, kept: bool) -> None:
    lengths = [5, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
    engine = Shuffled(seed=1)
    found = run(engine, lengths, tmp_path if kept else None)
    np.testing.assert_array_equal(found["tens"], 10 * np.arange(11))
    assert sorted(engine.did) == [0, 1, 2, 3]
    assert engine.did != sorted(engine.did)


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    size=st.integers(1, 12),
    before=st.integers(0, 30),
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_each_block_is_told_of_once_when_it_is_whole_and_again_by_a_run_that_goes_on(
    lengths: list[int], size: int, before: int, seeds: tuple[int, int]
) -> None:
    """The run that goes on tells of all blocks: what was told of before may have been lost with the run."""
    told: list[range] = []

    def finished(problems: range, store: ArrayStore) -> None:
        told.append(problems)
        np.testing.assert_array_equal(store.read("tens", problems), 10 * np.arange(problems.start, problems.stop))

    with TemporaryDirectory() as folder:
        cut = Shuffled(seeds[0], before)
        try:
            run(cut, lengths, Path(folder), Blocks(size, finished))
        except Stopped:
            assert len(told) == len(set(told)) < len(blocks_of(len(lengths), size))
        told.clear()
        rest = Shuffled(seeds[1])
        run(rest, lengths, Path(folder), Blocks(size, finished))
    assert sorted(told, key=lambda block: block.start) == blocks_of(len(lengths), size)
    assert not set(cut.did) & set(rest.did)


def test_blocks_are_told_of_in_the_order_in_which_they_end(tmp_path: Path) -> None:
    told: list[range] = []
    engine = Shuffled(seed=2)
    run(engine, [1] * 12, tmp_path, Blocks(6, lambda problems, store: told.append(problems)))
    ends = {block: max(engine.did.index(chunk) for chunk in (2 * block, 2 * block + 1)) for block in (0, 1)}
    assert [block.start // 6 for block in told] == sorted(ends, key=ends.__getitem__) == [1, 0]
