import io

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from harness.figures.inspect import facts
from harness.figures.layers import grid_shape, layers_grid, round_up
from harness.figures.top_heads import top_heads_grid


def _all_heads(mean):
    return [(layer, head) for layer in range(mean.shape[0]) for head in range(mean.shape[1])]


def _largest_causal(pattern):
    return max(pattern[i, j] for i in range(len(pattern)) for j in range(i + 1))


def test_twenty_heads_fill_four_rows_of_five_in_the_order_given(patterns):
    mean = patterns(4, 8, 6)
    heads = _all_heads(mean)[31:11:-1]
    drawn = facts(top_heads_grid(mean, heads))
    assert (drawn.rows, drawn.columns, len(drawn.panels)) == (4, 5, 20)
    assert [panel.title for panel in drawn.panels] == [
        f"L{layer}H{head} (max={_largest_causal(mean[layer, head]):.2f})" for layer, head in heads
    ]
    assert not any(panel.empty for panel in drawn.panels)


def test_panels_without_a_head_stay_in_the_grid_and_stay_empty(patterns):
    mean = patterns(2, 2, 6)
    drawn = facts(top_heads_grid(mean, _all_heads(mean)))
    assert (drawn.rows, drawn.columns, len(drawn.panels)) == (4, 5, 20)
    assert [panel.empty for panel in drawn.panels] == [False] * 4 + [True] * 16
    assert any("16 of 20 panels empty" in text for text in drawn.texts)


@pytest.mark.parametrize("positions", [1, 3, 6, 12])
def test_every_panel_shows_the_causal_cells_only_and_names_its_axes(patterns, positions):
    mean = patterns(1, 3, positions)
    drawn = facts(top_heads_grid(mean, _all_heads(mean)))
    for panel in drawn.panels[:3]:
        assert panel.cells == positions * (positions + 1) // 2
        assert panel.blank_cells == positions * (positions - 1) // 2
        assert panel.xlabel == f"Source Position (0-{positions - 1})"
        assert panel.ylabel == f"Destination Position (0-{positions - 1})"


@pytest.mark.parametrize("positions", [6, 12, 24])
def test_axis_labels_keep_clear_of_the_tick_labels(patterns, positions):
    figure = top_heads_grid(patterns(1, 6, positions), [(0, head) for head in range(6)])
    figure.set_dpi(300)
    figure.draw_without_rendering()
    for axes in figure.axes[:6]:
        for axis in (axes.xaxis, axes.yaxis):
            label = axis.label.get_window_extent()
            assert not any(label.overlaps(tick.get_window_extent()) for tick in axis.get_ticklabels())


def test_heads_share_one_colour_scale_from_zero_to_one_and_one_colour_bar(patterns):
    mean = patterns(2, 4, 6) / 3
    drawn = facts(top_heads_grid(mean, _all_heads(mean)))
    assert drawn.colour_scales == ((0.0, 1.0),)
    assert drawn.colour_bars == 1


def test_more_than_twenty_heads_are_refused(patterns):
    mean = patterns(3, 7, 6)
    with pytest.raises(ValueError, match="holds 20 heads, got 21"):
        top_heads_grid(mean, _all_heads(mean))


def test_query_runs_down_and_key_runs_across_in_the_pixels():
    mean = np.zeros((1, 1, 6, 6))
    mean[0, 0, 4, 1] = 1.0
    figure = top_heads_grid(mean, [(0, 0)])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=50)
    picture = np.asarray(Image.open(buffer).convert("RGB"), dtype=int)
    figure.set_dpi(50)
    figure.draw_without_rendering()
    box = figure.axes[0].get_window_extent()

    def colour(row, column):
        x = box.x0 + (column + 0.5) / 6 * box.width
        from_top = picture.shape[0] - box.y1 + (row + 0.5) / 6 * box.height
        return picture[int(from_top), int(x)]

    def close(pixel, weight):
        return np.abs(pixel - np.asarray(colormaps["viridis"](weight)[:3]) * 255).max() < 12

    for row in range(6):
        for column in range(6):
            if column > row:
                assert (colour(row, column) == 255).all(), (row, column)
            else:
                assert close(colour(row, column), float((row, column) == (4, 1))), (row, column)


@pytest.mark.parametrize(("layers", "heads"), [(1, 1), (2, 2), (5, 3), (12, 12), (16, 32), (24, 2), (48, 2)])
def test_every_layer_has_a_panel_on_one_fitted_scale(patterns, layers, heads):
    mean = patterns(layers, heads, 6)
    drawn = facts(layers_grid(mean))
    shown = [panel for panel in drawn.panels if not panel.empty]
    assert [panel.title.split(" (")[0] for panel in shown] == [f"Layer {layer}" for layer in range(layers)]
    largest = max(_largest_causal(mean[layer].mean(axis=0)) for layer in range(layers))
    ((low, high),) = drawn.colour_scales
    assert low == 0.0
    assert largest <= high * (1 + 1e-9)
    assert high <= 1.5 * largest
    assert any(f"fitted to these means (0 to {high:g})" in text for text in drawn.texts)


def test_layer_titles_give_the_largest_mean_over_heads(patterns):
    mean = patterns(3, 4, 6)
    drawn = facts(layers_grid(mean))
    for layer, panel in enumerate(drawn.panels):
        assert panel.title == f"Layer {layer} (max={_largest_causal(mean[layer].mean(axis=0)):.2f})"


@pytest.mark.parametrize("layers", range(1, 49))
def test_layer_grids_hold_every_layer_without_an_empty_row(layers):
    rows, columns = grid_shape(layers)
    assert (rows - 1) * columns < layers <= rows * columns


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 1.0), (0.1, 0.1), (0.11, 0.15), (0.26, 0.3), (0.81, 1.0), (0.003, 0.003)]
)
def test_colour_scales_end_at_round_numbers(value, expected):
    assert round_up(value) == pytest.approx(expected)
