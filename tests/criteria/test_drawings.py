"""Figures on disk are drawn again exactly when what they show, or a file of theirs, is no longer there."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from harness.criteria.drawings import drawn_once

STEM = "figures/made-up/one"


class Drawer:
    """Draws an empty page and counts how often."""

    def __init__(self, output: Path):
        self.output, self.times = output, 0

    def draw(self) -> Figure:
        self.times += 1
        return Figure(figsize=(1, 1))

    def ask(self, content: str = "these answers", stem: str = STEM) -> tuple[str, str]:
        return drawn_once(self.output, stem, self.draw, content)


@pytest.fixture
def drawer(tmp_path: Path) -> Drawer:
    one = Drawer(tmp_path)
    assert one.ask() == (f"{STEM}.png", f"{STEM}.pdf")
    assert all((tmp_path / path).stat().st_size > 0 for path in one.ask())
    return one


def test_what_is_there_is_not_drawn_again(drawer: Drawer) -> None:
    before = {path: path.stat().st_mtime_ns for path in drawer.output.rglob("one.*")}
    drawer.ask()
    assert drawer.times == 1
    assert {path: path.stat().st_mtime_ns for path in drawer.output.rglob("one.*")} == before


def test_other_answers_are_drawn_again_and_then_not(drawer: Drawer) -> None:
    for _ in range(2):
        drawer.ask("other answers")
    assert drawer.times == 2


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_deleted_file_is_drawn_again(drawer: Drawer, suffix: str) -> None:
    lost = drawer.output / f"{STEM}.{suffix}"
    lost.unlink()
    drawer.ask()
    assert drawer.times == 2 and lost.is_file()


def test_a_png_that_was_cut_off_is_drawn_again(drawer: Drawer) -> None:
    (drawer.output / f"{STEM}.png").write_bytes(b"\x89PNG")
    drawer.ask()
    assert drawer.times == 2


def test_changed_code_draws_again(drawer: Drawer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.criteria.drawings.sources_digest", lambda *_: "other code")
    drawer.ask()
    assert drawer.times == 2
