from pathlib import Path

import numpy as np

from benchmarks.kills import Place, compared
from harness.storage.store import ArrayStore


def place(folder: Path, value: float, seconds: str) -> Place:
    """A run that extracted three of four problems."""
    found = Place(folder, ())
    store = ArrayStore(found.cache / "extractions" / "a", {"raw": ((4, 2), np.dtype("f4"))}, [[0, 2], [1], [3]])
    for chunk in (0, 1):
        store.write(chunk, {"raw": np.full((len(store.rows(chunk)), 2), value, "f4")})
    (folder / "out").mkdir()
    (folder / "out" / "costs.jsonl").write_text(seconds)
    return found


def test_runs_are_the_same_where_all_but_their_times_is(tmp_path: Path) -> None:
    one, other = place(tmp_path / "one", 1.0, "1 s"), place(tmp_path / "other", 1.0, "2 s")
    assert compared(one, other) == "2 files, all the same"


def test_what_differs_is_named(tmp_path: Path) -> None:
    one, other = place(tmp_path / "one", 1.0, "1 s"), place(tmp_path / "other", 2.0, "1 s")
    (other.folder / "out" / "more.csv").write_text("a")
    assert compared(one, other) == (
        "different: cache/extractions/a/manifest.json, cache/extractions/a/raw.npy, out/more.csv"
    )


def test_how_far_a_run_came_is_read_from_its_store(tmp_path: Path) -> None:
    found = place(tmp_path / "one", 1.0, "1 s")
    assert (found.done(4), found.done(5)) == (3, 0)
