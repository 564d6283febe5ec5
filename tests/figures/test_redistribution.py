import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import to_hex

from harness.figures.patterns import COLOUR_BAR
from harness.figures.redistribution import redistribution_figure
from harness.figures.style import MEASURED
from tests.figures.reading import assert_readable, lines, segments, texts_of


def _inputs(layers=4, heads=8, thoughts=6, seed=0):
    generator = np.random.default_rng(seed)
    classes = ["first token", "question numbers", "other question tokens", "bot"]
    classes += [f"CT{thought}" for thought in range(1, thoughts)]
    removed = generator.uniform(0.02, 0.3, (layers, thoughts))
    predicted = generator.dirichlet(np.ones(len(classes)), (layers, thoughts)) * removed[..., None]
    gained = predicted + generator.normal(0, 0.01, predicted.shape)
    means = gained.mean(axis=1)
    return {
        "removed": removed,
        "gained": gained,
        "predicted": predicted,
        "by_head": generator.normal(0, 0.02, (layers, heads, len(classes))),
        "interval": np.stack([means - 0.004, means + 0.006]),
        "classes": classes,
    }


def _parts(figure, layers):
    drawn = [axes for axes in figure.axes if axes.get_label() != COLOUR_BAR]
    return drawn[:layers], drawn[layers:]


def _map(axes):
    (mesh,) = [part for part in axes.collections if isinstance(part, QuadMesh)]
    return mesh


@pytest.mark.parametrize(("layers", "thoughts"), [(4, 6), (16, 12), (2, 2), (5, 6), (1, 6)])
def test_each_layer_has_the_mean_over_queries_of_gained_and_predicted_in_the_row_of_each_class(layers, thoughts):
    inputs = _inputs(layers, 4, thoughts)
    panels, _ = _parts(redistribution_figure(**inputs), layers)
    for layer, axes in enumerate(panels):
        drawn = lines(axes)
        for name in ("gained", "predicted"):
            assert drawn[name][:, 0] == pytest.approx(inputs[name][layer].mean(axis=0))
            assert (np.round(drawn[name][:, 1]) == np.arange(len(inputs["classes"]))).all()
        (strokes,) = [
            segments(part)
            for part in axes.collections
            if isinstance(part, LineCollection) and to_hex(part.get_color()[0]) == MEASURED
        ]
        assert (inputs["interval"][:, layer] == strokes[:, :, 0].T).all()
        assert strokes[:, 0, 1] == pytest.approx(drawn["gained"][:, 1])
        assert axes.get_title(loc="left") == f"Layer {layer}: {inputs['removed'][layer].mean():.3f} removed"
        low, high = axes.get_ylim()
        assert low > high
    assert [text.get_text() for text in panels[0].get_yticklabels()] == inputs["classes"]


def test_layers_share_a_scale_that_holds_all_values_and_zero():
    inputs = _inputs()
    panels, _ = _parts(redistribution_figure(**inputs), 4)
    ((low, high),) = {axes.get_xlim() for axes in panels}
    everything = np.concatenate([inputs["interval"].ravel(), inputs["predicted"].mean(axis=1).ravel(), [0.0]])
    assert low < everything.min() and high > everything.max()


@pytest.mark.parametrize(("layers", "heads"), [(4, 8), (16, 32), (2, 1)])
def test_the_maps_hold_what_is_removed_and_gained_less_predicted_by_layer_and_head(layers, heads):
    inputs = _inputs(layers, heads)
    _, maps = _parts(redistribution_figure(**inputs), layers)
    difference = (inputs["gained"] - inputs["predicted"]).mean(axis=1)
    for axes, expected in zip(maps, (inputs["removed"], difference, inputs["by_head"].reshape(-1, 9)), strict=True):
        assert np.asarray(_map(axes).get_array()) == pytest.approx(expected)
    queries, *classes = ([text.get_text() for text in axes.get_xticklabels()] for axes in maps)
    assert queries == ["CT1", "CT2", "CT3", "CT4", "CT5", "EOT"]
    assert classes == [inputs["classes"]] * 2


def test_differences_are_coloured_around_zero_and_removed_weight_from_zero_on():
    inputs = _inputs()
    _, maps = _parts(redistribution_figure(**inputs), 4)
    assert _map(maps[0]).get_clim()[0] == 0
    for axes in maps[1:]:
        low, high = _map(axes).get_clim()
        assert low == -high and high >= np.abs(_map(axes).get_array()).max()
        middle = _map(axes).cmap(0.5)
        assert min(middle[:3]) > 0.95


def test_a_layer_s_number_stands_at_the_middle_of_its_heads_and_lines_part_the_layers():
    _, maps = _parts(redistribution_figure(**_inputs(4, 8)), 4)
    axes = maps[2]
    assert dict(zip([text.get_text() for text in axes.get_yticklabels()], axes.get_yticks(), strict=True)) == {
        str(layer): 8 * layer + 3.5 for layer in range(4)
    }
    (border,) = [part for part in axes.collections if isinstance(part, LineCollection)]
    assert segments(border)[:, 0, 1].tolist() == [7.5, 15.5, 23.5]
    assert axes.get_ylabel() == "Layer (8 heads each)"


def _heads(figure, layers):
    """Names beside the map of heads, and the row each stands for: where its leader begins."""
    axes = _parts(figure, layers)[1][2]
    leaders = [line.get_ydata()[0] for line in axes.lines if line.get_label() == "_leader"]
    return dict(zip([text.get_text() for text in axes.texts], leaders, strict=True))


def test_every_head_is_named_beside_its_row_where_all_have_room():
    named = _heads(redistribution_figure(**_inputs(4, 8)), 4)
    assert named == {f"L{layer}H{head}": 8 * layer + head for layer in range(4) for head in range(8)}


def test_where_not_all_have_room_those_farthest_from_the_prediction_are_named():
    inputs = _inputs(16, 32)
    planted = {(0, 3): 0.5, (9, 31): -0.7, (15, 0): 0.9, (15, 1): -0.6}
    for (layer, head), value in planted.items():
        inputs["by_head"][layer, head, 2] = value
    inputs["by_head"][3, 3] = np.nan
    figure = redistribution_figure(**inputs)
    named = _heads(figure, 16)
    assert len(named) == 16 and "L3H3" not in named
    assert {f"L{layer}H{head}": 32 * layer + head for layer, head in planted}.items() <= named.items()
    least = min(np.abs(inputs["by_head"].reshape(512, -1)[int(row)]).max() for row in named.values())
    others = np.setdiff1d(np.arange(512), [int(row) for row in named.values()])
    assert np.nanmax(np.abs(inputs["by_head"].reshape(512, -1)[others])) <= least
    assert_readable(figure)


def test_what_is_undefined_stays_blank():
    inputs = _inputs()
    inputs["by_head"][1, 2, 3] = np.nan
    inputs["gained"][2, :, 1], inputs["interval"][:, 2, 1] = np.nan, np.nan
    figure = redistribution_figure(**inputs)
    _, maps = _parts(figure, 4)
    assert np.argwhere(np.ma.getmaskarray(_map(maps[2]).get_array())).tolist() == [[10, 3]]
    assert np.argwhere(np.ma.getmaskarray(_map(maps[1]).get_array())).tolist() == [[2, 1]]
    assert_readable(figure)


@pytest.mark.parametrize(
    ("layers", "heads", "thoughts"), [(4, 8, 6), (16, 32, 12), (2, 4, 2), (1, 1, 2), (5, 8, 6), (40, 8, 6)]
)
@pytest.mark.parametrize("scale", [0.0, 1e-4, 1.0])
def test_text_is_readable(layers, heads, thoughts, scale):
    inputs = _inputs(layers, heads, thoughts)
    inputs = {name: value if name == "classes" else value * scale for name, value in inputs.items()}
    inputs["classes"][1] = "numbers that cost $5_ and $6 in the question"
    figure = redistribution_figure(**inputs, title="a $title$ for a model " * 12)
    assert_readable(figure)
    assert figure.get_size_inches()[0] < 12.6
    assert "EOT" in {text.get_text() for text in texts_of(figure)}
