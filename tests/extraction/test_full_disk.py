"""A disk that is full at any write: the run stops with a message, and goes on to the same bytes when there is room."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.extraction.extract import extract_attention
from harness.models.thoughts import ThoughtModel
from harness.problems import load_problems
from harness.storage.blocks import Blocks
from harness.storage.checkpoints import write_checkpoint

N, BATCH, BLOCK = 40, 6, 16


@pytest.fixture(scope="module")
def model(tiny: Callable[..., ThoughtModel]) -> ThoughtModel:
    return tiny("gpt2")


def extract(model: ThoughtModel, folder: Path) -> None:
    """All problems in blocks, each written as a checkpoint when it is done."""
    problems = load_problems("synthetic", split="train", n=N, seed=3)
    blocks = Blocks(
        BLOCK, lambda rows, store: write_checkpoint(folder / "checkpoints", rows, partial(store.read, "raw"))
    )
    extract_attention(model, problems, BATCH, folder=folder / "cache", blocks=blocks)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but what batches cost, which tells of time."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "costs.jsonl"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def whole(model: ThoughtModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    extract(model, folder)
    return contents(folder)


@contextmanager
def full_disk(owner: Any, name: str, after: int) -> Iterator[None]:
    """Every call of a function after the first so many finds no space."""
    real, calls = getattr(owner, name), []

    def limited(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, limited)
        yield
    assert len(calls) > after, "nothing was refused"


PLACES = {
    "claiming the files": (os, "posix_fallocate", 2),
    "the first rows": (os, "fsync", 0),
    "rows in the middle": (os, "fsync", 11),
    "the first manifest": (tempfile, "mkstemp", 0),
    "a manifest or checkpoint in the middle": (tempfile, "mkstemp", 5),
    "a later one": (tempfile, "mkstemp", 9),
    "what a batch cost": (Path, "open", 18),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_full_disk_stops_with_a_message_and_the_same_call_goes_on_to_the_same_bytes(
    model: ThoughtModel, whole: dict[str, bytes], tmp_path: Path, place: str
) -> None:
    with (
        full_disk(*PLACES[place]),
        pytest.raises(HarnessError, match=r"Cannot write .*No space left on device\. Free some space"),
    ):
        extract(model, tmp_path)
    partial_names = {name for name in contents(tmp_path) if Path(name).name.startswith(".")}
    assert not partial_names, "half a file was left behind"
    extract(model, tmp_path)
    assert contents(tmp_path) == whole


@pytest.mark.parametrize("after", range(0, 30, 3))
def test_wherever_the_disk_fills_up_no_checkpoint_under_its_name_is_half_a_file(
    model: ThoughtModel, whole: dict[str, bytes], tmp_path: Path, after: int
) -> None:
    with full_disk(tempfile, "mkstemp", min(after, 12)), pytest.raises(HarnessError):
        extract(model, tmp_path)
    for name, content in contents(tmp_path).items():
        if name.startswith("checkpoints/attention"):
            assert content == whole[name]
