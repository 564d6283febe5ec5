"""Rows of a file on disk against numpy's own reading of the same file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.storage.rows import RowFile

SHAPES = [(9,), (9, 4), (9, 2, 3)]
TYPES = [np.dtype(np.float32), np.dtype(np.float16), np.dtype(np.int32)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(9)), st.integers(1, 9), st.sampled_from(SHAPES), st.sampled_from(TYPES))
def test_written_rows_are_where_numpy_finds_them(
    tmp_path: Path, order: list[int], count: int, shape: tuple[int, ...], dtype: np.dtype
) -> None:
    rows, expected = order[:count], np.zeros(shape, dtype)
    values = np.arange(1, count * int(np.prod(shape[1:])) + 1).reshape(count, *shape[1:])
    expected[rows] = values
    file = RowFile.create(tmp_path / "a.npy", shape, dtype)
    file.write(rows, values)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)
    assert np.load(tmp_path / "a.npy").dtype == dtype
    again = RowFile.open(tmp_path / "a.npy")
    assert again == file
    np.testing.assert_array_equal(again.read(rows), expected[rows])


def test_a_file_of_numpys_own_is_read(tmp_path: Path) -> None:
    array = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(RowFile.open(tmp_path / "a.npy").read([4, 0, 1]), array[[4, 0, 1]])


@pytest.mark.parametrize("content", [b"", b"no array at all", None])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.npy"
    RowFile.create(path, (4, 2), np.dtype(np.float32))
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    with pytest.raises(ValueError, match=r"damaged|magic|EOF"):
        RowFile.open(path)
    np.save(path, np.asfortranarray(np.ones((4, 2))))
    with pytest.raises(ValueError, match="damaged"):
        RowFile.open(path)


def test_the_space_of_all_rows_is_claimed_at_once(tmp_path: Path) -> None:
    RowFile.create(tmp_path / "a.npy", (1000, 100), np.dtype(np.float32))
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 400_000
