"""Attention in files of a thousand problems each, written as a long extraction goes on."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.files import file_digest, write_array, write_json

EVERY = 1000
"""Problems between checkpoints."""
CHECKSUMS = "checksums.json"

Rows = Callable[[Sequence[int]], NDArray[Any]]
"""The attention [len(rows), L, H, T, T] of problems by their place in the set."""


def checkpoint_name(done: int) -> str:
    """The file that is complete when so many problems are done; it holds those after the checkpoint before."""
    return f"attention_checkpoint_{done}.npy"


def checkpoints_of(n: int, every: int = EVERY) -> list[range]:
    """The problems of each checkpoint of n problems."""
    return [range(start, min(start + every, n)) for start in range(0, n, every)]


def write_checkpoint(folder: Path, problems: range, rows: Rows) -> Path:
    """Write one checkpoint and its checksum, unless it is there already. Errors: ``HarnessError`` for a full disk."""
    path = folder / checkpoint_name(problems.stop)
    known = read_checksums(folder)
    if path.is_file() and known.get(path.name) == file_digest(path):
        return path
    write_array(path, rows(problems))
    write_json(folder / CHECKSUMS, dict(sorted({**known, path.name: file_digest(path)}.items())))
    return path


def wrong_checkpoints(folder: Path, n: int, rows: Rows, every: int = EVERY) -> list[str]:
    """Names of checkpoints that are missing, not what their checksum says, or not the attention of their problems."""
    known, wrong = read_checksums(folder), []
    for problems in checkpoints_of(n, every):
        path = folder / checkpoint_name(problems.stop)
        whole = path.is_file() and known.get(path.name) == file_digest(path)
        if not whole or not np.array_equal(np.load(path), rows(problems)):
            wrong.append(path.name)
    return wrong


def read_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every checkpoint, by name; none where the file is missing or damaged, for all are then written again."""
    path = folder / CHECKSUMS
    try:
        content: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content
