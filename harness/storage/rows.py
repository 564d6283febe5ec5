"""Rows of one ``.npy`` file, read and written in place: whatever the file's size, none of it stays in memory.

A memory-mapped file would do the same, but counts as the process' memory as long as it is mapped.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray


@dataclass(frozen=True)
class RowFile:
    """An array on disk, by its first axis."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    """Bytes before the first row."""

    @classmethod
    def create(cls, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> "RowFile":
        """A new file with all its space claimed: on a full disk this fails, and no later write does. Errors: ``OSError``."""
        with path.open("wb") as file:
            header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(file, header)
            offset = file.tell()
            size = offset + int(np.prod(shape)) * dtype.itemsize
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
        return cls(path, shape, dtype, offset)

    @classmethod
    def open(cls, path: Path) -> "RowFile":
        """The file as it is. Errors: ``ValueError`` for one that is no array, or not as long as it says; ``OSError``."""
        with path.open("rb") as file:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read(file)
            offset = file.tell()
            if fortran or os.fstat(file.fileno()).st_size != offset + int(np.prod(shape)) * dtype.itemsize:
                raise ValueError(f"{path} is damaged")
        return cls(path, shape, dtype, offset)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Some rows after one another, as a new array."""
        return self.read(range(*rows.indices(len(self))))

    def write(self, rows: Sequence[int], values: NDArray[Any]) -> float:
        """Put ``values[k]`` into the k-th of ``rows``, and all of it on the disk. Errors: ``OSError``.

        Returns the largest difference of a value from what is kept of it; 0 where the file has the values' type.
        """
        given = np.ascontiguousarray(values, dtype=self.dtype)
        with self.path.open("r+b") as file:
            for start, stop in _runs(rows):
                file.seek(self._place(rows[start]))
                file.write(given[start:stop].tobytes())
            file.flush()
            os.fsync(file.fileno())
        same = values.dtype == self.dtype or not given.size
        return 0.0 if same else float(np.abs(given.astype(np.float64) - values).max())

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        """[len(rows), ...]. Errors: ``OSError``."""
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        with self.path.open("rb") as file:
            for start, stop in _runs(rows):
                file.seek(self._place(rows[start]))
                some = np.frombuffer(file.read((stop - start) * self._row_bytes), self.dtype)
                found[start:stop] = some.reshape(stop - start, *self.shape[1:])
        return found

    @property
    def _row_bytes(self) -> int:
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def _place(self, row: int) -> int:
        return self.offset + row * self._row_bytes


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, one past the last) place of neighbours that are neighbours in the file, too."""
    start = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place] != rows[place - 1] + 1:
            yield start, place
            start = place
