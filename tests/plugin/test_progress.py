"""What long work says of itself where there is no terminal."""

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugin import progress


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> tuple[progress.TerminalProgress, io.StringIO, list[float]]:
    """A progress whose lines are kept, and its clock."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    config: Any = SimpleNamespace(
        get_verbosity=lambda: 0, pluginmanager=SimpleNamespace(getplugin=lambda name: None), workerinput={}
    )
    one = progress.TerminalProgress(config)
    one.close()
    stream = io.StringIO()
    one._stream = stream  # type: ignore[assignment]
    return one, stream, now


def test_a_line_says_how_long_it_will_take_and_what_memory_there_is(shown: Any) -> None:
    show, stream, now = shown
    with show("reading", 1000) as advance:
        advance(0)
        now[0] = 40.0
        advance(100)
    assert re.search(r"reading: 100/1000 in 40\.0 s, .*, 06:00 left, \d\.\d\d GB of memory\n", stream.getvalue())


def test_what_was_done_before_says_nothing_about_the_pace(shown: Any) -> None:
    show, stream, now = shown
    with show("reading", 1000) as advance:
        advance(800)
        now[0] = 60.0
        advance(100)
    assert ", 01:00 left" in stream.getvalue()


def test_nothing_is_said_between_lines_and_the_end_is(shown: Any) -> None:
    show, stream, now = shown
    with show("reading", 30) as advance:
        for second in range(30):
            now[0] = float(second)
            advance(1)
    assert stream.getvalue().splitlines() == ["reading: 30/30 in 29.0 s,  1.03/s"]
