"""An array store that survives being killed: files of rows and a manifest of finished chunks.

A chunk is a set of rows computed together. It counts as finished once its rows are in the files and its
checksum is in the manifest; the manifest is replaced in one step. Opening a store re-computes the checksum
of every finished chunk, so a damaged one is found and done again. At most one chunk's work is lost.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import HarnessError
from harness.files import cannot_write, write_text
from harness.storage.locks import locked
from harness.storage.rows import RowFile

CACHE = "another folder with --cache-dir"
Layout = Mapping[str, tuple[tuple[int, ...], np.dtype]]


class Manifest(BaseModel):
    """The manifest of one store."""

    model_config = ConfigDict(extra="forbid")

    plan: list[list[int]]
    """Rows of each chunk."""
    layout: dict[str, tuple[list[int], str]]
    finished: dict[int, str]
    """Checksum of each finished chunk."""
    content: str = ""
    """What the arrays hold, where the folder's name does not say it."""


class ArrayStore:
    """Arrays with a common first axis, filled chunk by chunk.

    ``layout`` maps each array to shape and dtype; ``plan`` lists the rows of each chunk; ``content`` names what decides the
    values. A folder that holds a store of the same three is continued, anything else in it is started afresh.
    """

    def __init__(self, folder: Path, layout: Layout, plan: Sequence[Sequence[int]], content: str = ""):
        self.folder = folder
        self._manifest_path = folder / "manifest.json"
        fresh = Manifest(
            plan=[list(rows) for rows in plan],
            layout={name: (list(shape), dtype.str) for name, (shape, dtype) in layout.items()},
            finished={},
            content=content,
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            known = _read(self._manifest_path)
            resumable = known is not None and known.model_copy(update={"finished": {}}) == fresh
            self._manifest = known if known is not None and resumable else fresh
            self._files = {name: self._open(name, *spec) for name, spec in layout.items()}
            self._drop_damaged()
            self._save()
        except OSError as error:
            raise cannot_write(folder, error, CACHE) from error

    @property
    def remaining(self) -> list[int]:
        """Chunks that are not finished, in order."""
        return [index for index in range(len(self._manifest.plan)) if index not in self._manifest.finished]

    def rows(self, chunk: int) -> list[int]:
        """Rows of a chunk."""
        return self._manifest.plan[chunk]

    def write(self, chunk: int, values: Mapping[str, NDArray[Any]]) -> float:
        """Store a finished chunk: ``values[name][k]`` belongs to the k-th of :meth:`rows`.

        Returns the largest difference of a value from what is kept of it, where the file's type is a coarser one.
        """
        rows = self.rows(chunk)
        try:
            rounding = max(file.write(rows, values[name]) for name, file in self._files.items())
            # Of what was given, not read back: every checksum is held against the files when the store is opened.
            kept = (np.ascontiguousarray(values[name], file.dtype) for name, file in self._files.items())
            self._manifest.finished[chunk] = _digest(kept)
            self._save()
        except OSError as error:
            raise cannot_write(self.folder, error, CACHE) from error
        return rounding

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays, memory-mapped read-only."""
        return {name: np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in self._manifest.layout}

    def read(self, name: str, rows: Sequence[int]) -> NDArray[Any]:
        """Rows of one array."""
        return self._files[name].read(rows)

    def _open(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> RowFile:
        path = self.folder / f"{name}.npy"
        if self._manifest.finished and path.is_file():
            try:
                found = RowFile.open(path)
                if found.shape == shape and found.dtype == dtype:
                    return found
            except ValueError:
                pass
        self._manifest.finished.clear()
        return RowFile.create(path, shape, dtype)

    def _drop_damaged(self) -> None:
        finished = self._manifest.finished
        for chunk in [
            chunk for chunk, checksum in finished.items() if _checksum(self._files, self.rows(chunk)) != checksum
        ]:
            del finished[chunk]

    def _save(self) -> None:
        # In order of chunks, so that a resumed run leaves the same bytes as an uninterrupted one.
        self._manifest.finished = dict(sorted(self._manifest.finished.items()))
        _write(self._manifest_path, self._manifest)


def finished_rows(folder: Path) -> int:
    """How many rows of the store in a folder are finished; 0 where there is none."""
    manifest = _read(folder / "manifest.json")
    return 0 if manifest is None else sum(len(manifest.plan[chunk]) for chunk in manifest.finished)


def open_finished(folder: Path, names: Sequence[str]) -> dict[str, NDArray[Any]] | None:
    """The arrays of a finished store, read-only, or None when it is unfinished or any chunk is damaged."""
    manifest = _read(folder / "manifest.json")
    if manifest is None or set(manifest.layout) != set(names) or len(manifest.finished) < len(manifest.plan):
        return None
    try:
        files = {name: RowFile.open(folder / f"{name}.npy") for name in manifest.layout}
    except (OSError, ValueError):
        return None
    if any((list(files[name].shape), files[name].dtype.str) != spec for name, spec in manifest.layout.items()):
        return None
    sound = all(_checksum(files, manifest.plan[chunk]) == checksum for chunk, checksum in manifest.finished.items())
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in manifest.layout} if sound else None


def kept_arrays(folder: Path, names: Sequence[str], make: Callable[[Path], object]) -> dict[str, NDArray[Any]]:
    """The arrays of the store in a folder, which ``make`` streams there unless they are; one process at a time.

    Errors: ``HarnessError`` when what was just written is damaged.
    """
    with locked(folder):
        arrays = open_finished(folder, names)
        if arrays is None:
            make(folder)
            arrays = open_finished(folder, names)
    if arrays is None:
        raise HarnessError(f"What was written to {folder} is damaged as soon as written; check the disk.")
    return arrays


def chunk_sizes(folder: Path) -> list[int]:
    """Rows of each chunk of the store in a folder; empty where there is none."""
    manifest = _read(folder / "manifest.json")
    return [] if manifest is None else [len(rows) for rows in manifest.plan]


def tear(folder: Path) -> int:
    """Leave the finished store in a folder as if killed within its last chunk; returns that chunk's number of rows.

    The manifest does not know the chunk, and something else lies in its rows.
    """
    manifest = _read(folder / "manifest.json")
    assert manifest is not None
    last = max(manifest.finished)
    for name in manifest.layout:
        file = RowFile.open(folder / f"{name}.npy")
        rows = manifest.plan[last]
        file.write(rows, np.full((len(rows), *file.shape[1:]), -1, file.dtype))
    del manifest.finished[last]
    _write(folder / "manifest.json", manifest)
    return len(manifest.plan[last])


def _checksum(files: Mapping[str, RowFile], rows: Sequence[int]) -> str:
    return _digest(file.read(rows) for file in files.values())


def _digest(arrays: Iterable[NDArray[Any]]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(array.tobytes())
    return total.hexdigest()


def _write(path: Path, manifest: Manifest) -> None:
    # It is written for every chunk and holds every row: indented, it would cost more than the rows do.
    write_text(path, manifest.model_dump_json() + "\n")


def _read(path: Path) -> Manifest | None:
    try:
        return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValidationError, ValueError):
        return None
