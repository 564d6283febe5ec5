import os
import time
from pathlib import Path

from filelock import FileLock

from harness.cli import main
from harness.extraction.prune import prune


def _cache(folder: Path, *, age_days: float) -> Path:
    """A cache with one extraction and two measurements, one of planted samples, last used so long ago."""
    (folder / "extractions" / "a").mkdir(parents=True)
    (folder / "measurements").mkdir()
    (folder / "plantings").mkdir()
    kept = [
        folder / "extractions" / "a" / "raw.npy",
        folder / "extractions" / "a.lock",
        folder / "measurements" / "m.json",
        folder / "plantings" / "p.npy",
    ]
    for file in kept:
        file.write_bytes(b"12345")
    used = time.time() - age_days * 86_400
    for path in [*kept, folder / "extractions" / "a"]:
        os.utime(path, (used, used))
    return folder


def test_what_was_not_used_lately_goes_with_its_lock(tmp_path: Path) -> None:
    _cache(tmp_path, age_days=31)
    assert prune(tmp_path, 30) == (1, 2, 15)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_answers_under_conditions_go_as_extractions_do(tmp_path: Path) -> None:
    (tmp_path / "extractions").mkdir()
    (_cache(tmp_path / "old", age_days=31) / "extractions").rename(tmp_path / "conditions")
    assert prune(tmp_path, 30) == (1, 0, 5)
    assert not list((tmp_path / "conditions").iterdir())


def test_what_was_used_lately_stays(tmp_path: Path) -> None:
    _cache(tmp_path, age_days=29)
    assert prune(tmp_path, 30) == (0, 0, 0)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 4


def test_an_extraction_that_a_run_holds_stays(tmp_path: Path) -> None:
    _cache(tmp_path, age_days=31)
    with FileLock(tmp_path / "extractions" / "a.lock"):
        assert prune(tmp_path, 30)[0] == 0
    assert (tmp_path / "extractions" / "a" / "raw.npy").is_file()


def test_the_command_says_what_it_removed(tmp_path: Path, capsys) -> None:
    _cache(tmp_path, age_days=31)
    assert main(["prune-cache", "--cache-dir", str(tmp_path)]) == 0
    assert "removed 1 extractions and 2 measurements" in capsys.readouterr().out
