import multiprocessing
from pathlib import Path

import pytest

from harness.documents.entries import entry_of, update_entry
from harness.errors import HarnessError

HEADING = "# Journal\n\nWhat was done.\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "docs" / "journal.md"


def test_the_same_entry_twice_is_there_once_and_nothing_is_written(path: Path) -> None:
    update_entry(path, "a", "some words", HEADING)
    written, when = path.read_bytes(), path.stat().st_mtime_ns
    update_entry(path, "a", "some words", HEADING)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (written, when)
    assert path.read_text(encoding="utf-8").count("some words") == 1


def test_the_newest_of_a_journal_comes_first_and_a_changed_one_stays_where_it_is(path: Path) -> None:
    for key in ("a", "b", "c"):
        update_entry(path, key, f"text of {key}", HEADING, first=True)
    update_entry(path, "b", "another", HEADING, first=True)
    text = path.read_text(encoding="utf-8")
    assert text.startswith(HEADING)
    assert [text.index(words) for words in ("text of c", "another", "text of a")] == sorted(
        text.index(words) for words in ("text of c", "another", "text of a")
    )
    assert "text of b" not in text
    assert entry_of(text, "b").strip() == "another"


def test_there_is_no_entry_of_a_key_that_was_not_written(path: Path) -> None:
    update_entry(path, "a", "some words", HEADING)
    assert entry_of(path.read_text(encoding="utf-8"), "b") == ""


def test_an_entry_without_its_end_is_not_guessed_at(path: Path) -> None:
    update_entry(path, "a", "some words", HEADING)
    path.write_text(path.read_text(encoding="utf-8").replace("<!-- end of entry a -->", ""), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(HarnessError, match="has lost the mark that ends its entry a"):
        update_entry(path, "a", "two", HEADING)
    assert path.read_bytes() == before


def _enter(path: Path, names: list[str]) -> None:
    for name in names:
        update_entry(path, name, f"text of {name}", HEADING)


def test_processes_that_write_at_once_lose_no_entry(path: Path) -> None:
    names = [[f"{process}-{number}" for number in range(20)] for process in range(2)]
    writers = [multiprocessing.get_context("spawn").Process(target=_enter, args=(path, some)) for some in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    text = path.read_text(encoding="utf-8")
    assert all(entry_of(text, name).strip() == f"text of {name}" for some in names for name in some)
