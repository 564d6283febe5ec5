import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from harness.figures.inspect import facts
from harness.figures.panels import legend_row, panel_grid
from harness.figures.style import styled


def _grid(**more):
    sizes = {"left": 0.7, "right": 0.3, "bottom": 0.5, "top": 1.1, "gap_across": 0.4, "gap_down": 0.2}
    return panel_grid([2.0, 3.0, 1.5], [1.0, 2.5], **{**sizes, **more})


def test_panels_have_the_inches_asked_for():
    figure, rows = _grid()
    width, height = figure.get_size_inches()
    assert (width, height) == pytest.approx((0.7 + 6.5 + 0.8 + 0.3, 0.5 + 3.5 + 0.2 + 1.1))
    for row, (above, tall) in zip(rows, ((1.1, 1.0), (1.1 + 1.0 + 0.2, 2.5)), strict=True):
        for axes, (before, wide) in zip(row, ((0.7, 2.0), (3.1, 3.0), (6.5, 1.5)), strict=True):
            box = axes.get_position()
            assert (box.x0 * width, box.width * width) == pytest.approx((before, wide))
            assert ((1 - box.y1) * height, box.height * height) == pytest.approx((above, tall))
    assert (facts(figure).rows, facts(figure).columns) == (2, 3)


def test_a_shared_scale_is_shared_within_a_row_and_numbered_once():
    _, (first, second) = _grid(share_y=True)
    first[2].set_ylim(-3, 7)
    assert first[0].get_ylim() == (-3, 7) != second[0].get_ylim()
    assert [axes.yaxis.get_major_ticks()[0].label1.get_visible() for axes in first] == [True, False, False]


@styled
def _explained():
    figure, _ = _grid()
    legend_row(figure, [Patch(edgecolor="#ff0000", label="frame"), Line2D([], [], color="#00ff00", label="line")], 0.7)
    return figure


def test_explanations_stand_in_one_row_from_the_left_edge_of_the_panels():
    figure = _explained()
    figure.draw_without_rendering()
    (legend,) = figure.legends
    frame, line = (text.get_window_extent() for text in legend.get_texts())
    assert frame.x1 < line.x0 and frame.y0 == pytest.approx(line.y0, abs=3)
    assert legend.get_window_extent().x0 == pytest.approx(0.7 * figure.dpi, abs=2)
    assert facts(figure).legend == {"frame": "#ff0000"}
