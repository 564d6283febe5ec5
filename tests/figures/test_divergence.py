import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh

from harness.figures.divergence import SHIFT, divergence_figure
from harness.figures.inspect import facts
from harness.figures.patterns import COLOUR_BAR
from tests.figures.reading import assert_readable, lines, segments, texts_of


def _inputs(conditions=2, thoughts=6, layers=4, seed=0):
    generator = np.random.default_rng(seed)
    relative = generator.uniform(0.01, 0.5, (conditions, thoughts + 1, layers + 1))
    for condition in range(conditions):
        relative[condition, : condition + 1] = 0
    last = relative[:, :, -1]
    return {
        "cosine": relative**2 / 2,
        "relative": relative,
        "flipped": last * 1.3,
        "unflipped": last * 0.8,
        "flipped_interval": np.stack([last * 1.2, last * 1.5]),
        "unflipped_interval": np.stack([last * 0.75, last * 0.85]),
        "counts": np.array([[213 + condition, 1106 - condition] for condition in range(conditions)]),
        "parts_at": [condition - 1 for condition in range(conditions)],
        "conditions": [f"CT{4 * condition} blocked" for condition in range(conditions)],
    }


def _panels(figure, conditions):
    drawn = [axes for axes in figure.axes if axes.get_label() != COLOUR_BAR]
    return [drawn[3 * row : 3 * row + 3] for row in range(conditions)]


@pytest.mark.parametrize(("conditions", "thoughts", "layers"), [(2, 6, 4), (3, 12, 16), (1, 2, 1)])
def test_every_distance_is_a_cell_at_its_position_and_depth(conditions, thoughts, layers):
    inputs = _inputs(conditions, thoughts, layers)
    figure = divergence_figure(**inputs)
    assert (facts(figure).rows, facts(figure).columns) == (conditions, 3)
    for row, panels in enumerate(_panels(figure, conditions)):
        for axes, name in zip(panels, ("relative", "cosine"), strict=False):
            (mesh,) = [part for part in axes.collections if isinstance(part, QuadMesh)]
            expected = inputs[name][row].T
            drawn = mesh.get_array()
            assert (np.ma.getmaskarray(drawn) == (expected == 0)).all()
            assert drawn.compressed() == pytest.approx(expected[expected > 0])
            low, high = axes.get_ylim()
            assert low < high
            ticks = [text.get_text() for text in axes.get_yticklabels()]
            depths = axes.get_yticks()
            assert ticks == ["emb.", *(f"{depth - 1:g}" for depth in depths[1:])]
            assert depths[0] == 0 and (layers > 11 or len(depths) == layers + 1)
            assert [text.get_text() for text in axes.get_xticklabels()] == [*map(str, range(thoughts)), "EOT"]


def test_exactly_identical_streams_are_hatched_and_nothing_else_is():
    inputs = _inputs()
    inputs["relative"][1, 3, 2] = 1e-12
    inputs["cosine"][1, 4, 1] = np.nan
    for row, panels in enumerate(_panels(divergence_figure(**inputs), 2)):
        for axes, name in zip(panels, ("relative", "cosine"), strict=False):
            (hatched,) = [part for part in axes.collections if isinstance(part, PolyCollection)]
            assert hatched.get_hatch()
            centres = {tuple(path.vertices[:4].mean(axis=0).round(6)) for path in hatched.get_paths()}
            assert centres == {tuple(map(float, cell)) for cell in np.argwhere(inputs[name][row] == 0)}


def test_conditions_share_one_colour_scale_for_each_distance_that_starts_at_zero():
    inputs = _inputs(3)
    scales = facts(divergence_figure(**inputs)).colour_scales
    assert len(scales) == 2
    for (low, high), name in zip(scales, ("relative", "cosine"), strict=True):
        assert low == 0 and inputs[name].max() <= high < 2 * inputs[name].max()


def test_flipped_and_unflipped_stand_at_their_values_with_their_bounds():
    inputs = _inputs(3)
    tops = set()
    for row, (*_, axes) in enumerate(_panels(divergence_figure(**inputs), 3)):
        strokes = [segments(part) for part in axes.collections if isinstance(part, LineCollection)]
        for place, name in enumerate(("flipped", "unflipped")):
            points = lines(axes)[name]
            assert points[:, 1] == pytest.approx(inputs[name][row])
            assert np.abs(points[:, 0] - np.arange(7)) == pytest.approx(SHIFT)
            assert pytest.approx(inputs[f"{name}_interval"][:, row]) == strokes[place][:, :, 1].T
        tops.add(axes.get_ylim())
        titles = [axes.get_title(loc=side) for side in ("left", "right")]
        assert titles == [f"{213 + row:,} flip", f"{1106 - row:,} stay right"]
    ((low, high),) = tops
    assert low == 0 and high > inputs["flipped_interval"].max()


def test_a_line_marks_where_the_two_part_and_there_is_none_where_they_do_not():
    inputs = {**_inputs(3), "parts_at": [-1, 2, 6]}
    seen = []
    for *_, axes in _panels(divergence_figure(**inputs), 3):
        mark = lines(axes).get("parts")
        seen.append((None if mark is None else mark[0, 0], axes.get_title(loc="center")))
    assert seen == [(None, "do not part"), (2, "part at CT2"), (6, "part at EOT")]


def test_where_problems_of_one_kind_are_few_the_two_are_not_compared():
    inputs = {**_inputs(2), "counts": np.array([[8, 1199], [10, 1199]]), "parts_at": [-1, -1], "fewest": 10}
    titles = [axes.get_title(loc="center") for *_, axes in _panels(divergence_figure(**inputs), 2)]
    assert titles == ["too few to compare", "do not part"]


def test_a_condition_that_flips_nothing_has_a_gap():
    inputs = _inputs()
    inputs["flipped"][0], inputs["flipped_interval"][:, 0], inputs["counts"][0, 0] = np.nan, np.nan, 0
    figure = divergence_figure(**inputs)
    assert np.isnan(lines(_panels(figure, 2)[0][2])["flipped"][:, 1]).all()
    assert_readable(figure)


def test_runs_that_never_leave_the_baseline_are_drawn():
    inputs = {name: value * 0 if isinstance(value, np.ndarray) else value for name, value in _inputs().items()}
    assert_readable(divergence_figure(**inputs))


@pytest.mark.parametrize(("conditions", "thoughts", "layers"), [(2, 6, 4), (3, 12, 16), (1, 2, 2), (2, 6, 40)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_text_is_readable(conditions, thoughts, layers, scale):
    inputs = _inputs(conditions, thoughts, layers)
    for name in ("relative", "cosine", "flipped", "unflipped", "flipped_interval", "unflipped_interval"):
        inputs[name] = inputs[name] * scale
    inputs["conditions"][-1] = "a rather long name $x$ costing $3_ " * 5
    figure = divergence_figure(**inputs, title="paths of $name$ " * 12)
    assert_readable(figure)
    assert figure.get_size_inches()[0] < 13.5
    assert {"emb.", "EOT", "Depth (layer)"} <= {text.get_text() for text in texts_of(figure)}
