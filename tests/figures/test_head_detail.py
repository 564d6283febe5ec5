import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from harness.figures.head_detail import head_detail
from harness.figures.inspect import facts
from harness.figures.style import TYPE_COLOURS
from tests.figures.reading import lay_out

CAPTION = [
    "Functional type of L15H31: Multi-Purpose. On the model's scale from 0 to 1 it has flow 0.7152, hub 1.0000 and skip "
    "0.1471.",
    "Largest measure: hub score 1.2345, rank 12 of 512 heads. The model's heads range from 0.0001 to 2.3456 with a "
    "median of 0.4567.",
    "Composite score 0.8765 [0.8123, 0.9321], rank 3 of 512; among the first three in 0.7345 of the resamples.",
]


def _inputs(patterns, layers=4, heads=8, positions=6, place=(0, 1), **more):
    mean = patterns(layers, heads, positions)
    scores = np.random.default_rng(3).uniform(0, 2, (3, layers, heads))
    return {
        "weights": mean[place],
        "place": place,
        "kind": "Hub Aggregator",
        "hub": 1,
        "scores": dict(zip(("flow", "hub", "skip"), scores, strict=True)),
        "largest": "hub",
        "caption": CAPTION,
        **more,
    }


def _luminance(colour):
    srgb = np.asarray(colour)
    return float(np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def _panel(drawn, test):
    (found,) = [panel for panel in drawn.panels if test(panel)]
    return found


@pytest.mark.parametrize("positions", [5, 6, 8, 12])
def test_every_causal_cell_carries_its_weight(patterns, positions):
    inputs = _inputs(patterns, positions=positions)
    heatmap = _panel(facts(head_detail(**inputs)), lambda panel: panel.cells)
    assert heatmap.cells == positions * (positions + 1) // 2
    assert heatmap.annotations == {
        (i, j): f"{inputs['weights'][i, j]:.2f}" for i in range(positions) for j in range(i + 1)
    }
    assert heatmap.xlabel == f"Source Position (0-{positions - 1})"
    low, high = heatmap.colour_limits
    assert low == 0 and inputs["weights"].max() <= high * (1 + 1e-9) and high <= 1.5 * inputs["weights"].max()


def test_bars_are_what_each_thought_receives_and_gives(patterns):
    inputs = _inputs(patterns)
    weights = inputs["weights"]
    figure = head_detail(**inputs)
    bars = {label: values for panel in facts(figure).panels for label, values in panel.bars.items()}
    assert set(bars) == {"received", "causality alone", "to earlier thoughts", "to itself"}
    for k in range(6):
        assert bars["received"][k] == pytest.approx(sum(weights[i, k] for i in range(k, 6)))
        assert bars["to earlier thoughts"][k] == pytest.approx(sum(weights[k, :k]))
        assert bars["to itself"][k] == pytest.approx(weights[k, k])
    own = figure.axes[2].containers[1]
    assert [bar.get_x() for bar in own] == pytest.approx(bars["to earlier thoughts"])


def test_bars_stand_over_their_column_and_beside_their_row(patterns):
    figure = head_detail(**_inputs(patterns))
    received, heatmap, given = figure.axes[:3]
    lay_out(figure)
    assert received.get_window_extent().intervalx == pytest.approx(heatmap.get_window_extent().intervalx)
    assert given.get_window_extent().intervaly == pytest.approx(heatmap.get_window_extent().intervaly)
    assert received.get_xlim() == heatmap.get_xlim()
    assert given.get_ylim() == heatmap.get_ylim()


def test_causality_alone_spreads_each_row_over_what_it_can_read(patterns):
    inputs = _inputs(patterns)
    (alone,) = [bars for panel in facts(head_detail(**inputs)).panels if (bars := panel.bars.get("causality alone"))]
    mass = [sum(inputs["weights"][i, : i + 1]) for i in range(6)]
    assert alone == pytest.approx([sum(mass[i] / (i + 1) for i in range(key, 6)) for key in range(6)])


@pytest.mark.parametrize(("positions", "hub"), [(6, 0), (6, 5), (8, 3), (5, 1)])
def test_hub_and_skip_cells_are_outlined(patterns, positions, hub):
    drawn = facts(head_detail(**_inputs(patterns, positions=positions, hub=hub)))
    assert _panel(drawn, lambda panel: panel.cells).outlined == {
        f"hub: CT{hub}": tuple((query, hub) for query in range(hub, positions)),
        "skip": tuple((positions - 1, key) for key in range(3)),
    }


@pytest.mark.parametrize("kind", TYPE_COLOURS)
def test_the_frame_and_the_head_s_own_marks_have_the_colour_of_its_type(patterns, kind):
    figure = head_detail(**_inputs(patterns, kind=kind))
    assert _panel(facts(figure), lambda panel: panel.cells).border == TYPE_COLOURS[kind]
    assert kind in facts(figure).texts


def test_scores_are_ranked_among_all_heads(patterns):
    inputs = _inputs(patterns, place=(2, 5))
    strips = head_detail(**inputs).axes[-3:]
    for axes, (name, values) in zip(strips, inputs["scores"].items(), strict=True):
        own = values[2, 5]
        assert axes.get_title(loc="left") == f"{name.capitalize()} score {own:.4f}"
        assert axes.get_title(loc="right") == f"rank {1 + sum(value > own for value in values.ravel())} of 32"
        heads, decile, this = axes.collections
        assert sorted(segment[0][0] for segment in heads.get_segments()) == pytest.approx(sorted(values.ravel()))
        assert decile.get_segments()[0][0][0] == pytest.approx(np.percentile(values, 90))
        assert this.get_segments()[0][0][0] == own


def test_the_caption_is_whole_when_its_lines_are_joined(patterns):
    drawn = facts(head_detail(**_inputs(patterns)))
    assert " ".join(CAPTION) in [" ".join(text.split()) for text in drawn.texts]


@pytest.mark.parametrize(("layers", "heads", "positions"), [(4, 8, 6), (16, 32, 8), (1, 1, 5), (2, 2, 16)])
@pytest.mark.parametrize(
    "title", ["short", "a rather long name of a model and its data " * 8, "odd $x_ names\nof $y^ models"]
)
def test_no_text_meets_another_or_leaves_the_page(patterns, layers, heads, positions, title):
    figure = head_detail(**_inputs(patterns, layers, heads, positions, place=(layers - 1, 0)), title=title)
    lay_out(figure)
    boxes = {text.get_text(): text.get_window_extent() for text in figure.texts}
    for axes in figure.axes:
        for text in (axes.xaxis.label, axes.yaxis.label, axes._left_title, axes._right_title):
            if text.get_text():
                boxes[f"{text.get_text()} of {id(axes)}"] = text.get_window_extent()
        for axis, (low, high) in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim()))):
            for place, text in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
                if low <= place <= high and text.get_text():
                    boxes[f"{axis.axis_name} tick {text.get_text()} of {id(axes)}"] = text.get_window_extent()
        if axes.get_legend() and axes.collections and axes.get_legend().get_title().get_text():
            continue
        if axes.get_legend():
            boxes[f"legend of {id(axes)}"] = axes.get_legend().get_window_extent()
    page = figure.bbox
    for name, box in boxes.items():
        assert box.x0 >= page.x0 and box.x1 <= page.x1 and box.y0 >= page.y0 and box.y1 <= page.y1, name
    for (name, box), (other, beside) in itertools.combinations(boxes.items(), 2):
        assert not box.overlaps(beside), (name, other)


@pytest.mark.parametrize("positions", [5, 6, 8, 16, 24])
def test_the_legend_of_the_outlines_lies_on_blank_cells(patterns, positions):
    figure = head_detail(**_inputs(patterns, positions=positions))
    lay_out(figure)
    heatmap = figure.axes[1]
    (x0, y0), (x1, y1) = heatmap.transData.inverted().transform(heatmap.get_legend().get_window_extent().get_points())
    assert min(y0, y1) >= -0.5 and max(x0, x1) <= positions - 0.5
    assert np.ceil(min(x0, x1) - 0.5) > np.ceil(max(y0, y1) - 0.5)


@pytest.mark.parametrize("scale", [1, 0.1])
def test_numbers_stand_out_from_their_cells(patterns, scale):
    inputs = _inputs(patterns)
    inputs["weights"] *= scale
    figure = head_detail(**inputs)
    heatmap = figure.axes[1]
    colours = heatmap.collections[0]
    for text in heatmap.texts:
        key, query = text.get_position()
        cell = colours.to_rgba(inputs["weights"][query, key])[:3]
        light, dark = sorted((_luminance(to_rgb(text.get_color())), _luminance(cell)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("positions", [5, 6, 8, 12, 24])
def test_numbers_stay_inside_their_cells(patterns, positions):
    figure = head_detail(**_inputs(patterns, positions=positions))
    lay_out(figure)
    heatmap = figure.axes[1]
    cell = heatmap.get_window_extent().width / positions
    assert max(text.get_window_extent().width for text in heatmap.texts) < cell


def test_heads_without_attention_and_scores_without_a_value_can_be_drawn(patterns):
    inputs = _inputs(patterns)
    inputs["weights"] = np.zeros((6, 6))
    inputs["scores"]["flow"][:] = np.nan
    figure = head_detail(**inputs)
    lay_out(figure)
    assert figure.axes[-3].get_title(loc="left") == "Flow score nan"
