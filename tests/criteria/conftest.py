"""Figures of the studies as they are drawn, saved in less time: how they are saved is tested with the figures themselves."""

from collections.abc import Iterator

import pytest

import harness.figures.save
from harness.figures.style import STYLE


@pytest.fixture(scope="module", autouse=True)
def outlines() -> Iterator[None]:
    """Letters in a pdf as outlines: cutting fonts down to the letters in use takes longer than everything else in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STYLE, "pdf.fonttype", 3)
        yield


@pytest.fixture(scope="module")
def coarse() -> Iterator[None]:
    """Pictures of few pixels, where no criterion asks for how many there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.figures.save, "DPI", 40)
        yield
