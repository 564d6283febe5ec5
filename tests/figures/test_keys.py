from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.lines import Line2D

from harness.figures.keys import BESIDE, SIZE, draw_key, key_rows
from harness.figures.panels import panel_grid
from harness.figures.style import styled
from harness.figures.text import width_of
from tests.figures.reading import assert_readable


@given(st.lists(st.text("abcW $", max_size=40), max_size=12), st.floats(1, 8))
def test_rows_hold_every_label_in_order_and_are_as_full_as_they_can_be(labels, width):
    rows = key_rows(labels, width)
    assert [index for row in rows for index in row] == list(range(len(labels)))
    wide = [min(width_of(label, SIZE) + BESIDE, width) for label in labels]
    for row, after in pairwise(rows):
        assert sum(wide[index] for index in row) <= width + 1e-6
        assert sum(wide[index] for index in row) + wide[after[0]] > width - 1e-6


@pytest.mark.parametrize("count", [1, 3, 20])
@pytest.mark.parametrize("label", ["a", "CT$4$ blocked_", "W" * 200])
def test_explanations_stay_on_the_page_and_apart(count, label):
    @styled
    def build():
        figure, _ = panel_grid([6], [1], left=0.5, right=0.2, bottom=0.5, top=6)
        handles = [Line2D([], [], marker="o", label=f"{label}{index}") for index in range(count)]
        draw_key(figure, handles, 0.5, 0.5, 6)
        return figure

    figure = build()
    assert_readable(figure)
    assert sum(len(legend.get_texts()) for legend in figure.legends) == count
