import numpy as np
import pytest
from matplotlib.collections import LineCollection

from harness.figures.importance import importance_by_position
from harness.figures.inspect import facts
from harness.figures.style import FILLS
from tests.figures.reading import assert_readable, lines, segments, texts_of

OTHERS = [name for name in FILLS if name != "zero"]
TITLES = ["short", "a rather long name of a model and its data " * 8]


def _around(values, width=0.03):
    return np.stack([values - width, values + width])


def _by_position(positions=6, seed=0, **more):
    generator = np.random.default_rng(seed)
    drop = generator.normal(0.02, 0.03, positions)
    drop[2] = 0.4
    q = generator.uniform(0.06, 1, positions)
    q[2] = 0.0000123
    return {
        "drop": drop,
        "interval": _around(drop),
        "q": q,
        "others": {name: generator.normal(0.02, 0.05, positions) for name in OTHERS},
        "baseline_accuracy": 0.87,
        "parse_rate": {name: generator.uniform(0.3, 1, positions) for name in FILLS},
        "baseline_parse_rate": 0.99,
        **more,
    }


@pytest.mark.parametrize("positions", [3, 6, 12])
def test_bars_intervals_and_markers_of_other_fills_stand_at_the_values_given(positions):
    inputs = _by_position(positions)
    lost, parsed = importance_by_position(**inputs).axes
    (bars,) = lost.containers
    assert [bar.get_height() for bar in bars] == pytest.approx(inputs["drop"])
    (strokes,) = [segments(part) for part in lost.collections if isinstance(part, LineCollection)]
    assert pytest.approx(inputs["interval"]) == strokes[:, :, 1].T
    assert strokes[:, 0, 0] == pytest.approx([bar.get_x() + bar.get_width() / 2 for bar in bars])
    drawn = lines(lost)
    for name in OTHERS:
        assert drawn[name][:, 1] == pytest.approx(inputs["others"][name])
        assert np.round(drawn[name][:, 0]) == pytest.approx(np.arange(positions))
    rates = lines(parsed)
    for name, values in inputs["parse_rate"].items():
        assert rates[name][:, 1] == pytest.approx(values)
    assert set(rates["baseline"][:, 1]) == {0.99}


def test_a_star_stands_above_every_bar_with_q_below_the_threshold_and_no_other():
    inputs = _by_position(q=np.array([0.049, 0.05, 0.2, np.nan, 1.0, 0.0001]))
    figure = importance_by_position(**inputs)
    lost = figure.axes[0]
    stars = lines(lost)["zero: q < 0.05"]
    centres = [bar.get_x() + bar.get_width() / 2 for bar in lost.containers[0]]
    assert stars[:, 0] == pytest.approx([centres[0], centres[5]])
    assert (stars[:, 1] > inputs["interval"][1][[0, 5]]).all()
    assert [text.get_text() for text in lost.texts] == [
        "q = 0.049", "q = 0.05", "q = 0.2", "q n/a", "q = 1", "q = 0.0001",
    ]  # fmt: skip
    assert [text.get_weight() for text in lost.texts] == ["bold", *["normal"] * 4, "bold"]


def test_accuracy_and_parse_rate_of_the_baseline_are_written():
    written = {text.get_text() for text in texts_of(importance_by_position(**_by_position()))}
    assert "Accuracy lost (baseline accuracy 0.87)" in written
    assert "Answers that hold a number (dashed: baseline, 0.99)" in written
    assert {"zero", *OTHERS} <= written


def test_an_undefined_drop_is_marked_where_its_bar_would_stand():
    inputs = _by_position()
    inputs["drop"][1], inputs["interval"][:, 1], inputs["q"][1] = np.nan, np.nan, np.nan
    lost = importance_by_position(**inputs).axes[0]
    (mark,) = [text for text in lost.texts if text.get_text() == "n/a"]
    bar = lost.containers[0][1]
    assert mark.get_position()[0] == pytest.approx(bar.get_x() + bar.get_width() / 2)


def test_nothing_drawn_leaves_the_panel_of_drops():
    inputs = _by_position()
    inputs["others"]["shuffle"][0] = -0.7
    inputs["interval"][1, 2] = 0.95
    low, high = importance_by_position(**inputs).axes[0].get_ylim()
    assert low < -0.7 and high > 1.0


@pytest.mark.parametrize("positions", [3, 6, 12])
@pytest.mark.parametrize("title", TITLES)
def test_text_of_the_bars_is_readable(positions, title):
    figure = importance_by_position(**_by_position(positions), title=title)
    assert_readable(figure)
    assert facts(figure).panels[1].xlabel == f"Ablated Position (0-{positions - 1})"


def test_markers_of_fills_do_not_cover_each_other_or_the_bars():
    lost = importance_by_position(**_by_position()).axes[0]
    across = np.sort([lines(lost)[name][0, 0] for name in OTHERS])
    assert (np.diff(across) > 0.05).all()
    assert across[0] > lost.containers[0][0].get_x() + lost.containers[0][0].get_width()
