from itertools import pairwise

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection
from matplotlib.colors import to_hex

from harness.figures.attention_importance import attention_vs_importance, correlation_by_position
from harness.figures.inspect import facts
from tests.figures.reading import assert_readable, lines, segments

TITLES = ["short", "a rather long name of a model and its data " * 8]


def _around(values, width=0.03):
    return np.stack([values - width, values + width])


def _scatter(positions=6, n=30, seed=0):
    generator = np.random.default_rng(seed)
    means = generator.normal(0, 0.01, (3, positions))
    effects = generator.normal(0, 0.1, positions)
    return {
        "attention": generator.uniform(0, 0.2, (3, n, positions)),
        "attention_interval": np.stack([means - 0.01, means + 0.01], axis=1),
        "effect": generator.normal(0.1, 0.5, (n, positions)),
        "effect_interval": _around(effects),
        "layers": (4, 8, 14),
        "r": np.array([0.012, 0.41, -0.124]),
        "interval": _around(np.array([0.012, 0.41, -0.124]), 0.1),
        "p": np.array([0.61, 0.00123, 0.2]),
    }


def _correlations(positions=6, layers=16, seed=0):
    generator = np.random.default_rng(seed)
    by_position, by_layer = generator.uniform(-0.3, 0.6, positions), generator.uniform(-0.3, 0.6, layers)
    return {
        "by_position": by_position,
        "by_position_interval": _around(by_position, 0.1),
        "by_layer": by_layer,
        "by_layer_interval": _around(by_layer, 0.08),
        "probe": (layers // 4, layers // 2, 7 * layers // 8),
        "by_difficulty": {"2": (0.1, -0.05, 0.2), "3": (0.2, 0.1, 0.3), "4": (0.3, 0.2, 0.4), "5+": (0.5, 0.3, 0.7)},
    }


@pytest.mark.parametrize(("positions", "n"), [(3, 10), (6, 100), (12, 10)])
def test_points_are_the_values_less_the_mean_of_their_problem(positions, n):
    inputs = _scatter(positions, n)
    figure = attention_vs_importance(**inputs)
    for axes, attention in zip(figure.axes, inputs["attention"], strict=True):
        clouds = [part for part in axes.collections if isinstance(part, PathCollection)]
        assert [cloud.get_label() for cloud in clouds] == [f"CT{position}" for position in range(positions)]
        for position, cloud in enumerate(clouds):
            expected = [
                (
                    attention[k, position] - attention[k].mean(),
                    inputs["effect"][k, position] - inputs["effect"][k].mean(),
                )
                for k in range(n)
            ]
            assert np.asarray(cloud.get_offsets()) == pytest.approx(np.array(expected))


def test_means_of_positions_stand_on_top_with_both_intervals():
    inputs = _scatter()
    figure = attention_vs_importance(**inputs)
    for index, axes in enumerate(figure.axes):
        attention, effect = inputs["attention"][index], inputs["effect"]
        across = (attention - attention.mean(axis=1, keepdims=True)).mean(axis=0)
        up = (effect - effect.mean(axis=1, keepdims=True)).mean(axis=0)
        drawn = lines(axes)
        for position in range(6):
            assert drawn[f"mean of CT{position}"][0] == pytest.approx([across[position], up[position]])
        wide, tall = (segments(part) for part in axes.collections if isinstance(part, LineCollection))
        assert pytest.approx(inputs["attention_interval"][index]) == wide[:, :, 0].T
        assert wide[:, 0, 1] == pytest.approx(up)
        assert pytest.approx(inputs["effect_interval"]) == tall[:, :, 1].T
        assert tall[:, 0, 0] == pytest.approx(across)
        clouds = [part.get_zorder() for part in axes.collections if isinstance(part, PathCollection)]
        means = [line.get_zorder() for line in axes.lines if line.get_label().startswith("mean of")]
        assert min(means) > max(clouds)


def test_panels_name_their_layer_correlation_and_effect():
    drawn = attention_vs_importance(**_scatter(), effect_label="Answers lost")
    assert [axes.get_title(loc="left") for axes in drawn.axes] == [
        "Early: layer 4",
        "Middle: layer 8",
        "Late: layer 14",
    ]
    assert [axes.texts[0].get_text() for axes in drawn.axes] == [
        "r = 0.01 [−0.09, 0.11], p = 0.61",
        "r = 0.41 [0.31, 0.51], p = 0.00123",
        "r = −0.12 [−0.22, −0.02], p = 0.2",
    ]
    assert drawn.axes[0].get_ylabel() == "Answers lost, centred"


def test_positions_differ_in_colour_and_neighbours_in_marker():
    figure = attention_vs_importance(**_scatter(12))
    means = [line for line in figure.axes[0].lines if line.get_label().startswith("mean of")]
    assert len({to_hex(line.get_color()) for line in means}) == 12
    assert all(one.get_marker() != other.get_marker() for one, other in pairwise(means))


def test_undefined_correlations_say_so_and_problems_without_a_value_are_left_out():
    inputs = _scatter()
    inputs["r"][0], inputs["interval"][:, 0], inputs["p"][0] = np.nan, np.nan, np.nan
    inputs["effect"][3, 2] = np.nan
    figure = attention_vs_importance(**inputs)
    assert figure.axes[0].texts[0].get_text() == "r n/a, p n/a"
    clouds = [part for part in figure.axes[1].collections if isinstance(part, PathCollection)]
    assert all(len(cloud.get_offsets()) == 29 for cloud in clouds)
    assert np.isfinite(np.concatenate([line.get_ydata() for line in figure.axes[1].lines])).all()


@pytest.mark.parametrize("positions", [3, 6, 12])
@pytest.mark.parametrize("title", TITLES)
def test_text_of_the_scatter_is_readable(positions, title):
    figure = attention_vs_importance(**_scatter(positions, 10), title=title)
    assert_readable(figure)
    assert [(panel.row, panel.column) for panel in facts(figure).panels] == [(0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize(("positions", "layers"), [(3, 4), (6, 16), (12, 12)])
def test_correlations_stand_at_the_values_and_intervals_given(positions, layers):
    inputs = _correlations(positions, layers)
    of_position, of_layer, of_difficulty = correlation_by_position(**inputs).axes
    assert lines(of_position)["r"][:, 1] == pytest.approx(inputs["by_position"])
    assert pytest.approx(inputs["by_position_interval"]) == segments(of_position.collections[0])[:, :, 1].T
    assert lines(of_layer)["every layer"] == pytest.approx(np.column_stack([np.arange(layers), inputs["by_layer"]]))
    (band,) = [part for part in of_layer.collections if isinstance(part, FillBetweenPolyCollection)]
    corners = np.unique(np.round(band.get_paths()[0].vertices, 9), axis=0)
    expected = [(layer, bound) for layer in range(layers) for bound in inputs["by_layer_interval"][:, layer]]
    assert corners == pytest.approx(np.unique(np.round(expected, 9), axis=0))
    groups = np.array(list(inputs["by_difficulty"].values()))
    assert lines(of_difficulty)["r"][:, 1] == pytest.approx(groups[:, 0])
    assert segments(of_difficulty.collections[0])[:, :, 1] == pytest.approx(groups[:, 1:])
    assert [label.get_text() for label in of_difficulty.get_xticklabels()] == ["2", "3", "4", "5+"]


@pytest.mark.parametrize(
    ("layers", "probe", "named"),
    [
        (16, (4, 8, 14), {4: "early", 8: "middle", 14: "late"}),
        (2, (0, 1, 1), {0: "early", 1: "middle, late"}),
    ],
)
def test_probe_layers_are_marked_and_named(layers, probe, named):
    inputs = {**_correlations(layers=layers), "probe": probe}
    of_layer = correlation_by_position(**inputs).axes[1]
    marked = lines(of_layer)["probe layers"]
    assert {int(layer): value for layer, value in marked} == pytest.approx({k: inputs["by_layer"][k] for k in named})
    assert {text.get_position()[0]: text.get_text() for text in of_layer.texts} == named


def test_undefined_correlations_are_marked_where_they_would_stand():
    inputs = _correlations()
    inputs["by_position"][4], inputs["by_layer"][2] = np.nan, np.nan
    inputs["by_position_interval"][:, 4], inputs["by_layer_interval"][:, 2] = np.nan, np.nan
    inputs["by_difficulty"]["5+"] = (np.nan, np.nan, np.nan)
    figure = correlation_by_position(**inputs)
    places = [[text.get_position()[0] for text in axes.texts if text.get_text() == "n/a"] for axes in figure.axes]
    assert places == [[4], [2], [3]]
    assert_readable(figure)


def test_the_three_correlations_share_one_scale_that_holds_them_all():
    inputs = _correlations()
    inputs["by_difficulty"]["2"] = (-0.8, -0.95, -0.5)
    figure = correlation_by_position(**inputs)
    (limits,) = {axes.get_ylim() for axes in figure.axes}
    assert limits[0] < -0.95 and limits[1] > np.max(inputs["by_layer_interval"])


@pytest.mark.parametrize(("positions", "layers"), [(3, 4), (6, 16), (12, 12), (6, 2), (6, 1)])
@pytest.mark.parametrize("title", TITLES)
def test_text_of_the_correlations_is_readable(positions, layers, title):
    assert_readable(correlation_by_position(**_correlations(positions, layers), title=title))
