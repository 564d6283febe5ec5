import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection
from matplotlib.colors import to_rgb

from harness.figures.inspect import facts
from harness.figures.step_importance import DESIGNS, step_importance_figure
from tests.figures.reading import assert_readable, lay_out, lines, segments, texts_of

GROUPS = ["all problems", "2 steps", "3 steps", "4 steps", "5+ steps"]


def _inputs(positions=6, groups=5, seed=0):
    generator = np.random.default_rng(seed)
    values = generator.normal(0.1, 0.1, (2, groups, 4, positions))
    values[1] *= 3
    return {
        "values": values,
        "interval": np.stack([values - 0.05, values + 0.07]),
        "groups": GROUPS[:groups],
    }


@pytest.mark.parametrize(("positions", "groups"), [(3, 5), (6, 5), (12, 5), (6, 4), (6, 2), (6, 1)])
def test_every_metric_and_design_has_a_panel_with_each_group_at_its_values(positions, groups):
    inputs = _inputs(positions, groups)
    figure = step_importance_figure(**inputs)
    assert (facts(figure).rows, facts(figure).columns) == (2, 4)
    for place, axes in enumerate(figure.axes):
        metric, design = divmod(place, 4)
        drawn = lines(axes)
        assert list(drawn) == GROUPS[:groups]
        for group, name in enumerate(GROUPS[:groups]):
            assert drawn[name][:, 1] == pytest.approx(inputs["values"][metric, group, design])
            assert np.round(drawn[name][:, 0]) == pytest.approx(np.arange(positions))


def test_intervals_are_a_band_for_all_problems_and_strokes_for_each_difficulty():
    inputs = _inputs()
    for place, axes in enumerate(step_importance_figure(**inputs).axes):
        metric, design = divmod(place, 4)
        bounds = inputs["interval"][:, metric, :, design]
        (band,) = [part for part in axes.collections if isinstance(part, FillBetweenPolyCollection)]
        corners = {tuple(corner) for corner in np.round(band.get_paths()[0].vertices, 9)}
        assert corners == {(k, round(bounds[end, 0, k], 9)) for k in range(6) for end in range(2)}
        strokes = [segments(part) for part in axes.collections if isinstance(part, LineCollection)]
        for group, drawn in enumerate(strokes, start=1):
            assert pytest.approx(bounds[:, group]) == drawn[:, :, 1].T
            assert drawn[:, 0, 0] == pytest.approx(lines(axes)[GROUPS[group]][:, 0])
        assert len(strokes) == 4


@pytest.mark.parametrize("groups", [2, 3, 4, 5])
def test_intervals_of_two_groups_never_share_a_place(groups):
    drawn = lines(step_importance_figure(**_inputs(groups=groups)).axes[0])
    places = np.sort(np.concatenate([points[:, 0] for points in drawn.values()]))
    assert (np.diff(places) > 0.08).all()


def test_all_problems_are_drawn_boldest_and_difficulties_darken():
    first, *others = (line for line in step_importance_figure(**_inputs()).axes[0].lines if line.get_label() in GROUPS)
    assert all(first.get_linewidth() >= 2 * line.get_linewidth() and first.zorder > line.zorder for line in others)
    light = [np.dot(to_rgb(line.get_color()), (0.2126, 0.7152, 0.0722)) for line in others]
    assert (np.diff(light) < -0.05).all()
    assert light[0] < 0.75


def test_designs_of_one_metric_share_a_scale_that_holds_all_of_them():
    inputs = _inputs()
    figure = step_importance_figure(**inputs)
    for metric in range(2):
        (limits,) = {axes.get_ylim() for axes in figure.axes[4 * metric : 4 * metric + 4]}
        assert limits[0] < inputs["interval"][0, metric].min() and limits[1] > inputs["interval"][1, metric].max()


def test_each_design_says_below_its_column_what_it_shows_and_what_it_cannot():
    figure = step_importance_figure(**_inputs())
    lay_out(figure)
    written = {" ".join(text.get_text().split()): text for text in figure.texts}
    for column, (name, label, shows, hides) in enumerate(DESIGNS):
        panel = figure.axes[4 + column]
        assert figure.axes[column].get_title(loc="left") == name
        assert panel.get_xlabel() == label.format(last=5)
        for words in (shows, hides):
            box = written[words].get_window_extent()
            assert box.x0 == pytest.approx(panel.bbox.x0, abs=5) and box.x1 <= panel.bbox.x1 + 5
            assert box.y1 < panel.bbox.y0


def test_a_group_without_values_is_named_as_such_and_a_gap_stays_a_gap():
    inputs = _inputs()
    inputs["values"][:, 4], inputs["interval"][:, :, 4] = np.nan, np.nan
    inputs["values"][0, 1, 2, 3] = np.nan
    figure = step_importance_figure(**inputs)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [*GROUPS[:4], "5+ steps n/a"]
    assert np.isnan(lines(figure.axes[2])["2 steps"][3, 1])
    assert_readable(figure)


@pytest.mark.parametrize("positions", [3, 6, 12])
@pytest.mark.parametrize("title", ["short", "a rather long name of a model and its data " * 8])
def test_text_is_readable(positions, title):
    inputs = _inputs(positions)
    inputs["groups"] = [f"{name} (n=1000)" for name in GROUPS]
    figure = step_importance_figure(**inputs, title=title)
    assert_readable(figure)
    assert {"Accuracy drop", "Gold log-probability drop"} <= {text.get_text() for text in texts_of(figure)}
    width, height = figure.get_size_inches()
    assert width < 12.6 and height < 6.8
