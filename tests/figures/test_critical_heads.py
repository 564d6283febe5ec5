import itertools

import numpy as np
import pytest

from harness.figures.critical_heads import critical_heads_grid
from harness.figures.inspect import facts
from harness.figures.save import DPI
from harness.figures.style import TYPE_COLOURS

TYPES = list(TYPE_COLOURS)


def _grid(mean, count):
    heads = [divmod(index, mean.shape[1]) for index in range(count)][::-1]
    types = [TYPES[index % len(TYPES)] for index in range(count)]
    return heads, types, critical_heads_grid(mean, heads, types, [1.5 - 0.1 * index for index in range(count)])


def test_twelve_heads_fill_three_rows_of_four_with_type_and_score_in_the_title(patterns):
    heads, types, figure = _grid(patterns(4, 8, 6), 12)
    drawn = facts(figure)
    assert (drawn.rows, drawn.columns, len(drawn.panels)) == (3, 4, 12)
    assert [panel.title for panel in drawn.panels] == [
        f"L{layer}H{head}: {kind} (score={1.5 - 0.1 * index:.2f})"
        for index, ((layer, head), kind) in enumerate(zip(heads, types, strict=True))
    ]
    assert drawn.colour_bars == 1


@pytest.mark.parametrize("scale", [1, 0.2, 0.01])
def test_one_colour_scale_fits_the_heads_shown_and_the_note_says_so(patterns, scale):
    mean = scale * patterns(4, 8, 6)
    largest = max(mean[divmod(index, 8)][i, j] for index in range(12) for i in range(6) for j in range(i + 1))
    drawn = facts(_grid(mean, 12)[2])
    ((low, high),) = drawn.colour_scales
    assert low == 0 and largest <= high * (1 + 1e-9) and high <= 1.5 * largest
    assert any(f"Colours: 0 to {high:g}." in text for text in drawn.texts)


def test_frames_have_the_colour_of_the_type_and_the_legend_says_which(patterns):
    _, types, figure = _grid(patterns(4, 8, 6), 12)
    drawn = facts(figure)
    assert [panel.border for panel in drawn.panels] == [TYPE_COLOURS[kind] for kind in types]
    assert drawn.legend == TYPE_COLOURS


def test_panels_without_a_head_stay_empty_and_without_a_frame(patterns):
    _, _, figure = _grid(patterns(1, 5, 5), 5)
    drawn = facts(figure)
    assert [panel.empty for panel in drawn.panels] == [False] * 5 + [True] * 7
    assert [panel.border for panel in drawn.panels[5:]] == [None] * 7
    assert any("7 of 12 panels empty" in text for text in drawn.texts)


def test_more_than_twelve_heads_are_refused(patterns):
    with pytest.raises(ValueError, match="holds 12 heads, got 13"):
        _grid(patterns(4, 8, 6), 13)


def test_the_longest_titles_do_not_meet_and_stay_on_the_figure(patterns):
    mean = patterns(16, 32, 6)
    heads = [(15, 20 + index) for index in range(12)]
    figure = critical_heads_grid(mean, heads, ["Skip Connection"] * 12, [2.22] * 12, "one-model " * 40)
    figure.set_dpi(DPI)
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in figure.axes[:12]]
    for left, right in itertools.pairwise(boxes):
        assert left.x1 < right.x0 or left.y0 > right.y1
    page = figure.bbox
    for box in [*boxes, *(text.get_window_extent() for text in figure.texts), figure.legends[0].get_window_extent()]:
        assert box.x0 >= page.x0 and box.x1 <= page.x1 and box.y1 <= page.y1


def test_title_note_legend_and_panels_stand_below_each_other(patterns):
    *_, figure = _grid(patterns(4, 8, 6), 12)
    figure.set_dpi(DPI)
    figure.draw_without_rendering()
    stack = [*(text.get_window_extent() for text in figure.texts), figure.legends[0].get_window_extent()]
    stack.append(figure.axes[0].title.get_window_extent())
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(stack))


def test_a_head_without_attention_is_drawn_with_an_undefined_score(patterns):
    mean = np.zeros((1, 1, 6, 6))
    drawn = facts(critical_heads_grid(mean, [(0, 0)], ["None"], [float("nan")]))
    assert drawn.panels[0].title == "L0H0: None (score=nan)"
