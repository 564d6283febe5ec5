from collections.abc import Callable
from pathlib import Path

import pytest

DECLARED = """
from harness.own import MeanMeasure, Rule, hypothesis, within


def first_share(mean):
    last = mean[..., -1, :]
    return (last[..., 0] / last.sum(axis=-1)).mean(axis=(-2, -1))


CRITERIA = [
    hypothesis("X.1-first", "Says so", "Means so.", Rule(">", 0.25), MeanMeasure(first_share, within(0, 1))),
]
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a file in the current folder, the text of the declared hypothesis with replacements, or another."""
    monkeypatch.chdir(tmp_path)

    def write(name: str = "mine/test_first.py", text: str = DECLARED, *changes: tuple[str, str]) -> Path:
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write
