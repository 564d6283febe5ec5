import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from harness.figures.causal_heads import STACK, causal_heads_figure
from harness.figures.inspect import facts
from harness.figures.style import ACCENT
from tests.figures.reading import assert_readable, lay_out, lines, segments

FILLS = ("mean", "zero", "resample")


def _inputs(heads=32, k=8, sets=200, seed=0):
    generator = np.random.default_rng(seed)
    effect = np.round(generator.normal(0.01, 0.02, heads), 2)
    return {
        "random": {fill: np.round(generator.normal(0.02, 0.02, sets), 2) for fill in FILLS},
        "chosen": {"mean": 0.12, "zero": 0.213, "resample": -0.04},
        "p": {"mean": 0.00498, "zero": 0.0498, "resample": 0.9},
        "composite": generator.permutation(np.linspace(0.2, 2, heads)),
        "effect": effect,
        "effect_interval": np.stack([effect - 0.02, effect + 0.03]),
        "top": np.arange(heads) < k,
        "relation": 0.214,
        "relation_interval": (-0.05, 0.33),
        "k": k,
    }


def _panels(inputs):
    figure = causal_heads_figure(**inputs)
    return figure, *figure.axes


@pytest.mark.parametrize("sets", [100, 200])
def test_every_random_set_is_a_dot_at_its_drop_in_the_row_of_its_fill(sets):
    inputs = _inputs(sets=sets)
    _, dots, _ = _panels(inputs)
    drawn = lines(dots)
    for row, fill in enumerate(FILLS):
        points = drawn[f"random sets, {fill}"]
        assert points[:, 0] == pytest.approx(inputs["random"][fill])
        assert (np.floor(points[:, 1]) == len(FILLS) - 1 - row).all()
        assert len(np.unique(np.round(points, 9), axis=0)) == sets


def test_the_top_heads_are_marked_at_their_drop_in_each_row():
    inputs = _inputs()
    _, dots, _ = _panels(inputs)
    drawn = lines(dots)
    stems = [segments(part)[0] for part in dots.collections if isinstance(part, LineCollection)]
    for fill, stem in zip(FILLS, stems, strict=True):
        assert drawn[f"top 8, {fill}"][0, 0] == pytest.approx(inputs["chosen"][fill])
        assert stem[:, 0] == pytest.approx([inputs["chosen"][fill]] * 2)
    words = [text.get_text().strip() for text in dots.texts]
    assert words[::2] == ["Mean", "Zero", "Resample"]
    middle = {fill: np.median(inputs["random"][fill]) for fill in FILLS}
    assert words[1::2] == [
        f"top 8 heads 0.120, random sets {middle['mean']:.3f} (median), p = 0.00498",
        f"top 8 heads 0.213, random sets {middle['zero']:.3f} (median), p = 0.0498",
        f"top 8 heads −0.040, random sets {middle['resample']:.3f} (median), p = 0.9",
    ]


@pytest.mark.parametrize("ties", [1, 200])
def test_dots_stay_below_the_words_of_their_row_and_inside_the_panel(ties):
    inputs = _inputs()
    inputs["random"]["zero"] = np.repeat(np.linspace(-0.3, 0.4, 200 // ties), ties)
    figure, dots, _ = _panels(inputs)
    lay_out(figure)
    points = lines(dots)["random sets, zero"]
    assert points[:, 1].max() <= 1 + STACK
    low, high = dots.get_xlim()
    assert low < inputs["random"]["zero"].min() and high > inputs["random"]["zero"].max()
    words = [text.get_window_extent() for text in dots.texts[2:4]]
    top = dots.transData.transform((0, 1 + STACK))[1]
    assert all(box.y0 > top + 0.05 * figure.dpi for box in words)


def test_dots_of_one_drop_stand_on_each_other_without_gaps():
    inputs = _inputs()
    inputs["random"]["mean"] = np.array([0.0] * 5 + [0.1] * 2 + [0.0])
    points = lines(_panels(inputs)[1])["random sets, mean"]
    heights = {drop: np.sort(points[points[:, 0] == drop, 1]) - 2 for drop in (0.0, 0.1)}
    step = heights[0.0][1] - heights[0.0][0]
    assert heights[0.0] == pytest.approx(step * (np.arange(6) + 0.5))
    assert heights[0.1] == pytest.approx(step * (np.arange(2) + 0.5))


@pytest.mark.parametrize(("heads", "k"), [(32, 8), (512, 10)])
def test_every_head_stands_at_its_score_and_drop_with_its_interval_and_the_top_ones_in_colour(heads, k):
    inputs = _inputs(heads, k)
    _, _, scatter = _panels(inputs)
    drawn = lines(scatter)
    strokes = [segments(part) for part in scatter.collections if isinstance(part, LineCollection)]
    for label, these, bars in (
        (f"the other {heads - k} heads", ~inputs["top"], strokes[0]),
        (f"top {k}", inputs["top"], strokes[1]),
    ):
        assert drawn[label] == pytest.approx(np.column_stack([inputs["composite"], inputs["effect"]])[these])
        assert pytest.approx(inputs["effect_interval"][:, these]) == bars[:, :, 1].T
        assert bars[:, 0, 0] == pytest.approx(inputs["composite"][these])
    colours = {line.get_label(): to_hex(line.get_color()) for line in scatter.lines}
    assert colours[f"top {k}"] == ACCENT != colours[f"the other {heads - k} heads"]


@pytest.mark.parametrize(("heads", "k"), [(32, 8), (512, 10)])
def test_the_key_hides_no_head(heads, k):
    figure, _, scatter = _panels(_inputs(heads, k))
    lay_out(figure)
    key = scatter.get_legend().get_window_extent()
    tips = np.concatenate([segments(part).reshape(-1, 2) for part in scatter.collections])
    assert not any(key.contains(*point) for point in scatter.transData.transform(tips))


def test_the_rank_correlation_is_written_with_its_interval():
    _, _, scatter = _panels(_inputs())
    assert scatter.get_title(loc="right") == "Spearman r = 0.21 [−0.05, 0.33]"


def test_undefined_values_are_said_and_counted():
    inputs = _inputs()
    inputs["chosen"]["zero"], inputs["p"]["zero"] = np.nan, np.nan
    inputs["composite"][[1, 20]] = np.nan
    inputs["relation"], inputs["relation_interval"] = np.nan, (np.nan, np.nan)
    figure, dots, scatter = _panels(inputs)
    assert dots.texts[3].get_text().startswith("top 8 heads n/a, ") and dots.texts[3].get_text().endswith("p n/a")
    assert scatter.get_title(loc="left") == "Each head ablated alone (mean) (2 n/a)"
    assert scatter.get_title(loc="right") == "Spearman r n/a"
    assert len(lines(scatter)["the other 23 heads"]) == 23 and len(lines(scatter)["top 8"]) == 7
    assert_readable(figure)


def test_sets_that_all_lose_nothing_can_be_drawn():
    inputs = _inputs()
    inputs["random"] = {"mean": np.zeros(200)}
    inputs["chosen"], inputs["p"] = {"mean": 0.0}, {"mean": 1.0}
    assert_readable(_panels(inputs)[0])


@pytest.mark.parametrize(("heads", "k"), [(8, 2), (32, 8), (512, 10)])
@pytest.mark.parametrize("title", ["short", "a rather long name of a model and its data " * 8])
def test_text_is_readable(heads, k, title):
    figure = causal_heads_figure(**_inputs(heads, k), title=title)
    assert_readable(figure)
    assert [panel.xlabel for panel in facts(figure).panels] == [
        f"Accuracy drop, {k} heads ablated together",
        "Composite score",
    ]
