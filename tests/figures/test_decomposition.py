from itertools import pairwise

import numpy as np
import pytest

from harness.figures.decomposition import decomposition_figure


def _inputs(thoughts, layers, seed=0):
    generator = np.random.default_rng(seed)

    def series(low, high):
        values = generator.uniform(low, high, (thoughts, 1 + 2 * layers))
        return values, np.stack([values - 0.02, values + 0.02])

    share, share_interval = series(-0.1, 0.4)
    norm, norm_interval = series(1, 12)
    return {
        "share": share,
        "share_interval": share_interval,
        "norm": norm,
        "norm_interval": norm_interval,
        "error": 3e-7,
    }


@pytest.mark.parametrize(("thoughts", "layers"), [(6, 4), (6, 16), (1, 2), (8, 3)])
def test_every_part_of_every_thought_is_drawn_at_its_value_and_bounds(thoughts, layers):
    inputs = _inputs(thoughts, layers)
    figure = decomposition_figure(**inputs)
    assert len(figure.axes) == 2 * thoughts
    for index, axes in enumerate(figure.axes):
        thought, kind = divmod(index, 2)
        name = "norm" if kind else "share"
        lines = {line.get_label(): line for line in axes.lines}
        expected = inputs[name][thought]
        assert lines["embedding"].get_ydata() == pytest.approx(expected[:1])
        assert lines["attention"].get_ydata() == pytest.approx(expected[1::2])
        assert lines["MLP"].get_ydata() == pytest.approx(expected[2::2])
        assert np.round(lines["MLP"].get_xdata()).tolist() == list(range(layers))
        bounds = np.concatenate([np.asarray(bars.get_segments())[:, :, 1] for bars in axes.collections])
        order = [0, *range(1, 1 + 2 * layers, 2), *range(2, 1 + 2 * layers, 2)]
        assert pytest.approx(bounds.T) == inputs[f"{name}_interval"][:, thought, order]


def test_thoughts_are_named_and_share_their_scales():
    figure = decomposition_figure(**_inputs(6, 4))
    above, below = figure.axes[::2], figure.axes[1::2]
    assert [axes.get_title(loc="left") for axes in above] == [f"CT{thought}" for thought in range(6)]
    assert len({axes.get_ylim() for axes in above}) == len({axes.get_ylim() for axes in below}) == 1
    assert below[0].get_ylim()[0] == 0


def test_nothing_drawn_leaves_the_axes():
    inputs = _inputs(6, 4)
    inputs["share_interval"][0, 2, 3] = -0.9
    inputs["norm_interval"][1, 5, 8] = 40.0
    figure = decomposition_figure(**inputs)
    assert figure.axes[0].get_ylim()[0] < -0.9
    assert figure.axes[1].get_ylim()[1] > 40


def test_the_note_states_how_exact_the_sum_is():
    (note,) = [text.get_text() for text in decomposition_figure(**_inputs(6, 4)).texts if "misses" in text.get_text()]
    assert "3e-07" in note


def test_no_tick_label_overlaps_another():
    for layers in (4, 12, 16, 28):
        figure = decomposition_figure(**_inputs(6, layers))
        figure.draw_without_rendering()
        boxes = [label.get_window_extent() for label in figure.axes[1].get_xticklabels()]
        assert not any(left.overlaps(right) for left, right in pairwise(boxes)), layers
