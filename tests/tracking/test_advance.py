"""Progress on its way into a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.storage.progress import Pace, quiet
from harness.tracking.advance import Advance, NoteFile, noted


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time; tests set it."""
    clock = [0.0]
    monkeypatch.setattr("harness.tracking.advance.time.monotonic", lambda: clock[0])
    return clock


class TestNoted:
    def test_the_problems_processed_and_the_time_left_are_noted(self, now: list[float]) -> None:
        notes: list[Advance] = []
        with noted(quiet, notes.append)("reading", 100) as advance:
            advance(0)
            for _ in range(2):
                now[0] += 10.0
                advance(20)
        assert notes == [
            Advance("reading", 0, 100, None),
            Advance("reading", 20, 100, 40.0),
            Advance("reading", 40, 100, 30.0),
        ]

    def test_one_note_a_second_and_one_in_the_end(self, now: list[float]) -> None:
        notes: list[Advance] = []
        with noted(quiet, notes.append)("reading", 27) as advance:
            for _ in range(27):
                now[0] += 0.125
                advance(1)
        assert [note.done for note in notes] == [1, 9, 17, 25, 27]
        assert notes[-1].seconds_left == 0.0

    def test_it_goes_on_being_shown(self, now: list[float]) -> None:
        shown: list[object] = []

        @contextmanager
        def show(label: str, total: int) -> Iterator[Callable[[int], None]]:
            shown.append((label, total))
            yield shown.append
            shown.append("done")

        with noted(show, lambda note: None)("reading", 3) as advance:
            advance(1)
            advance(2)
        assert shown == [("reading", 3), 1, 2, "done"]


class TestPace:
    def test_what_was_done_before_says_nothing_about_it(self, now: list[float]) -> None:
        pace = Pace(1000)
        pace.advance(800)
        assert pace.seconds_left is None
        now[0] = 60.0
        pace.advance(100)
        assert pace.seconds_left == 60.0

    def test_nothing_is_left_when_all_is_done_at_once(self, now: list[float]) -> None:
        pace = Pace(5)
        assert pace.seconds_left is None
        pace.advance(5)
        assert pace.seconds_left == 0.0


class TestNoteFile:
    def test_notes_are_read_once_each_in_order(self, tmp_path: Path) -> None:
        file = NoteFile(tmp_path / "notes" / "gw0.jsonl")
        assert file.new() == []
        notes = [Advance("reading", done, 10, None) for done in (1, 2, 10)]
        for note in notes[:2]:
            file.write(note)
        assert file.new() == notes[:2]
        assert file.new() == []
        file.write(notes[2])
        assert file.new() == notes[2:]

    def test_a_line_that_is_being_written_is_left_for_later(self, tmp_path: Path) -> None:
        path = tmp_path / "gw0.jsonl"
        NoteFile(path).write(Advance("reading", 1, 10, 2.5))
        line = path.read_text("utf-8")
        path.write_text(line + line[:9], "utf-8")
        file = NoteFile(path)
        assert len(file.new()) == 1
        path.write_text(line + line, "utf-8")
        assert file.new() == [Advance("reading", 1, 10, 2.5)]

    def test_a_disk_that_takes_no_note_ends_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("", "utf-8")
        file = NoteFile(tmp_path / "taken" / "gw0.jsonl")
        file.write(Advance("reading", 1, 10, None))
        assert file.new() == []
