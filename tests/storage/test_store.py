"""The array store: finished chunks survive, damaged ones are found and done again, bytes never differ."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.storage.resumed import continued
from harness.storage.store import ArrayStore, chunk_sizes, open_finished, tear

LAYOUT = {"a": ((7, 3), np.dtype(np.float32)), "b": ((7,), np.dtype(np.int32))}
PLAN = [[2, 0], [5, 6, 1], [3, 4]]
NAMES = ("a", "b")


def values(rows: list[int]) -> dict[str, np.ndarray]:
    return {"a": np.array([[row, row + 0.5, -row] for row in rows], np.float32), "b": np.array(rows, np.int32) * 10}


def fill(folder: Path, chunks: int | None = None) -> list[int]:
    """Run the remaining chunks (at most ``chunks``) and return which were run."""
    store = ArrayStore(folder, LAYOUT, PLAN)
    todo = store.remaining[:chunks]
    for chunk in todo:
        store.write(chunk, values(store.rows(chunk)))
    return todo


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    fill(tmp_path / "whole")
    return tmp_path / "whole"


def test_rows_land_in_problem_order(whole: Path) -> None:
    arrays = open_finished(whole, NAMES)
    assert arrays is not None
    expected = values(list(range(7)))
    np.testing.assert_array_equal(arrays["a"], expected["a"])
    np.testing.assert_array_equal(arrays["b"], expected["b"])


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_run_that_was_cut_off_goes_on_and_ends_with_the_same_bytes(whole: Path, tmp_path: Path, done: int) -> None:
    fill(tmp_path / "cut", done)
    assert open_finished(tmp_path / "cut", NAMES) is None
    assert fill(tmp_path / "cut") == [0, 1, 2][done:]
    assert contents(tmp_path / "cut") == contents(whole)


def flip_a_bit(folder: Path) -> None:
    path = folder / "a.npy"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def truncate(folder: Path) -> None:
    path = folder / "b.npy"
    path.write_bytes(path.read_bytes()[:-4])


def lose_a_file(folder: Path) -> None:
    (folder / "a.npy").unlink()


def cut_the_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text()[:40])


def age_the_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 0}))


@pytest.mark.parametrize("damage", [flip_a_bit, truncate, lose_a_file, cut_the_manifest, age_the_manifest])
def test_damage_is_noticed_and_mended(whole: Path, damage: Callable[[Path], None]) -> None:
    intact = contents(whole)
    damage(whole)
    assert open_finished(whole, NAMES) is None
    assert fill(whole)
    assert contents(whole) == intact


def test_only_the_damaged_chunk_is_done_again(whole: Path) -> None:
    flip_a_bit(whole)
    assert fill(whole) == [1]


def test_another_plan_starts_afresh(whole: Path) -> None:
    store = ArrayStore(whole, LAYOUT, [[0, 1, 2, 3], [4, 5, 6]])
    assert store.remaining == [0, 1]


def test_no_half_written_file_is_left_under_any_name(whole: Path) -> None:
    assert {file.name for file in whole.iterdir()} == {"a.npy", "b.npy", "manifest.json"}


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match=r"Cannot write .*--cache-dir"):
        ArrayStore(tmp_path / "file" / "store", LAYOUT, PLAN)


def test_a_torn_store_lacks_its_last_chunk_and_holds_something_else_there(whole: Path) -> None:
    before = contents(whole)
    assert tear(whole) == 2
    assert open_finished(whole, NAMES) is None
    assert (np.load(whole / "a.npy")[[3, 4]] == -1).all()
    np.testing.assert_array_equal(np.load(whole / "b.npy")[[0, 1, 2, 5, 6]], [0, 10, 20, 50, 60])
    assert fill(whole) == [2]
    assert contents(whole) == before


def test_chunks_have_the_sizes_of_the_plan(whole: Path, tmp_path: Path) -> None:
    assert chunk_sizes(whole) == [2, 3, 2]
    assert chunk_sizes(tmp_path / "nothing") == []


def test_a_store_whose_manifest_has_its_spaces_elsewhere_ends_alike_when_it_is_cut_off(whole: Path) -> None:
    manifest = whole / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()), indent=2))
    found = continued(whole, fill)
    assert found.before == found.after
    assert found.repeated == len(PLAN[-1])
