from itertools import pairwise

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from harness.figures.conditions import look_of
from harness.figures.error_distributions import error_distributions_figure
from harness.figures.inspect import facts
from harness.figures.style import NULL
from tests.figures.reading import assert_readable, lines, texts_of

CLASSES = (
    "NONE", "NONSENSE", "CORRECT", "SIGN_ERROR", "OPERATION_REVERSAL", "PARTIAL_ANSWER", "OFF_BY_FACTOR",
    "CALC_ERROR (evidence)", "LOGIC_ERROR", "CALC_ERROR (unexplained)",
)  # fmt: skip
CORRECT = CLASSES.index("CORRECT")
ERRORS = [place for place in range(len(CLASSES)) if place != CORRECT]


def _inputs(conditions=3, seed=0):
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet([0.1, 0.2, 6, 0.1, 0.5, 1, 0.2, 1, 2, 1], conditions)
    wrong = np.where(np.arange(10) == CORRECT, np.nan, shares / (1 - shares[:, [CORRECT]]))
    random = generator.dirichlet(np.ones(10))
    q = np.vstack([np.full(10, np.nan), generator.uniform(0, 0.1, (conditions - 1, 10))])
    return {
        "shares": shares,
        "interval": np.stack([shares * 0.9, np.minimum(shares * 1.1, 1)]),
        "among_errors": wrong,
        "among_errors_interval": np.stack([wrong * 0.8, np.minimum(wrong * 1.2, 1)]),
        "random": random,
        "among_errors_random": random / (1 - random[CORRECT]),
        "among_errors_near": generator.dirichlet(np.ones(10), conditions),
        "wrong": (1319 * (1 - shares[:, CORRECT])).round().astype(int).tolist(),
        "conditions": ["baseline", *(f"CT{4 * place} blocked" for place in range(conditions - 1))],
        "classes": CLASSES,
        "q": q,
        "among_errors_q": q[:, ::-1],
        "n": 1319,
    }


def _strokes(axes, colour):
    found = [part for part in axes.collections if isinstance(part, LineCollection)]
    (part,) = [part for part in found if to_hex(part.get_color()[0]) == to_hex(colour)]
    return np.asarray([stroke for stroke in part.get_segments() if len(stroke)]).reshape(-1, 2, 2)


@pytest.mark.parametrize("conditions", [1, 2, 3, 8])
def test_every_share_and_its_bounds_stand_in_the_row_of_their_class(conditions):
    inputs = _inputs(conditions)
    figure = error_distributions_figure(**inputs)
    for axes, values, bounds in zip(
        figure.axes, ("shares", "among_errors"), ("interval", "among_errors_interval"), strict=True
    ):
        for condition in range(conditions):
            points = lines(axes)[f"condition {condition}"]
            np.testing.assert_allclose(points[:, 0], inputs[values][condition])
            assert (np.floor(points[:, 1]) == np.arange(10)).all()
            strokes = _strokes(axes, look_of(condition)[1])
            rows = np.floor(strokes[:, 0, 1]).astype(int)
            assert (strokes[:, :, 0] == inputs[bounds][:, condition, rows].T).all()
            assert set(rows) >= set(ERRORS)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == list(CLASSES)


def test_beside_each_share_of_wrong_answers_stands_that_of_answers_as_far_from_gold():
    inputs = _inputs()
    every, wrong = error_distributions_figure(**inputs).axes
    for condition in range(3):
        points, near = lines(wrong)[f"condition {condition}"], lines(wrong)[f"near {condition}"]
        np.testing.assert_allclose(near[ERRORS, 0], inputs["among_errors_near"][condition][ERRORS])
        np.testing.assert_array_equal(near[ERRORS, 1], points[ERRORS, 1])
        assert np.isnan(lines(every)[f"near {condition}"][:, 0]).all()


def test_right_answers_have_no_share_among_the_wrong_ones():
    inputs = _inputs()
    for name in ("among_errors", "among_errors_q", "among_errors_random", "among_errors_near"):
        inputs[name][..., CORRECT] = 0.04
    every, wrong = error_distributions_figure(**inputs).axes
    assert np.isfinite(lines(every)["condition 1"][CORRECT, 0])
    assert np.isnan(lines(wrong)["condition 1"][CORRECT, 0])
    assert CORRECT not in np.floor(lines(wrong)["star 1"][:, 1])
    assert CORRECT not in np.floor(_strokes(wrong, NULL)[:, 0, 1])
    (words,) = wrong.texts
    assert np.floor(words.get_position()[1]) == CORRECT


def test_random_answers_are_a_tick_across_their_row():
    inputs = _inputs()
    every, wrong = error_distributions_figure(**inputs).axes
    ticks = _strokes(every, NULL)
    assert ticks[:, 0, 0] == pytest.approx(inputs["random"])
    assert (np.floor(ticks[:, :, 1]) == np.arange(10)[:, None]).all()
    assert _strokes(wrong, NULL)[:, 0, 0] == pytest.approx(inputs["among_errors_random"][ERRORS])


def test_stars_stand_right_of_the_bounds_that_differ_and_nowhere_else():
    inputs = _inputs()
    inputs["among_errors_q"][:, CORRECT] = np.nan
    figure = error_distributions_figure(**inputs)
    for axes, q, bounds in zip(
        figure.axes,
        (inputs["q"], inputs["among_errors_q"]),
        (inputs["interval"], inputs["among_errors_interval"]),
        strict=True,
    ):
        for condition in range(3):
            stars = lines(axes)[f"star {condition}"]
            expected = np.flatnonzero(q[condition] < 0.05)
            assert (np.floor(stars[:, 1]) == expected).all()
            known = np.isfinite(stars[:, 0])
            assert (stars[known, 0] > bounds[1, condition, expected[known]]).all()


def test_which_rows_are_tested_is_said_below_a_panel_where_others_are_not_and_nothing_where_all_are():
    inputs = _inputs()
    some = np.full((3, 10), np.nan)
    some[1:, [4, 7]] = 0.2
    inputs["among_errors_q"] = some
    every, wrong = error_distributions_figure(**inputs).axes
    assert every.get_xlabel() == "Share"
    assert wrong.get_xlabel() == "Share\ntested: OPERATION_REVERSAL, CALC_ERROR (evidence)"
    inputs["q"][:, 9] = np.nan
    every, _ = error_distributions_figure(**inputs).axes
    assert every.get_xlabel() == "Share\nnot tested: CALC_ERROR (unexplained)"


def test_a_class_of_no_answer_at_all_has_no_row_and_is_named():
    inputs = _inputs()
    inputs["shares"][:, [0, 3]], inputs["random"][[0, 1]] = 0, 0
    figure = error_distributions_figure(**inputs)
    left = [name for name in CLASSES if name != "NONE"]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == left
    assert any("No answer shown is of class NONE." in text.get_text() for text in figure.texts)
    assert lines(figure.axes[1])["condition 1"][:, 0] == pytest.approx(inputs["among_errors"][1, 1:], nan_ok=True)
    assert not any("No answer" in text.get_text() for text in error_distributions_figure(**_inputs()).texts)


def test_the_key_says_how_many_answers_are_wrong_under_each_condition():
    inputs = {**_inputs(), "wrong": [112, 1482, 115]}
    legends = error_distributions_figure(**inputs).legends
    words = [text.get_text() for legend in legends for text in legend.get_texts()]
    assert words[:3] == ["baseline: 112 wrong", "CT0 blocked: 1,482 wrong", "CT4 blocked: 115 wrong"]


def test_no_two_conditions_have_marker_and_colour_alike():
    assert len({look_of(condition) for condition in range(64)}) == 64
    for one, other in pairwise(range(64)):
        assert look_of(one)[0] != look_of(other)[0] and look_of(one)[1] != look_of(other)[1]


@pytest.mark.parametrize("conditions", [1, 3, 8])
def test_marks_of_two_conditions_never_touch(conditions):
    figure = error_distributions_figure(**_inputs(conditions))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    places = np.sort(np.concatenate([points[:, 1] for name, points in lines(axes).items() if "cond" in name]))
    inches = np.diff(axes.transData.transform(np.column_stack([np.zeros(len(places)), places]))[:, 1]) / figure.dpi
    assert (np.abs(inches) > 4.6 / 72).all()


def test_the_scale_holds_every_value_and_keeps_rare_classes_apart():
    inputs = _inputs()
    inputs["shares"][0, 0], inputs["shares"][1, 0] = 0.0, 0.004
    figure = error_distributions_figure(**inputs)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    assert low < 0 and high > max(inputs["interval"].max(), inputs["random"].max())
    zero, rare = axes.transData.transform([[0, 0], [0.004, 0]])[:, 0]
    assert rare - zero > 0.03 * axes.bbox.width


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_right_and_all_wrong_are_drawn(share):
    inputs = _inputs()
    inputs["shares"] = np.zeros((3, 10))
    inputs["shares"][:, CORRECT], inputs["shares"][:, 0] = share, 1 - share
    inputs["among_errors"] = np.full((3, 10), np.nan) if share else inputs["shares"] * np.nan_to_num(inputs["shares"])
    inputs["random"], inputs["among_errors_random"] = np.eye(10)[CORRECT], np.full(10, np.nan)
    rows = [name for place, name in enumerate(CLASSES) if place == CORRECT or (share == 0 and place == 0)]
    figure = error_distributions_figure(**inputs)
    assert_readable(figure)
    assert not len(_strokes(figure.axes[1], NULL))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == rows


@pytest.mark.parametrize("conditions", [1, 2, 3, 8])
@pytest.mark.parametrize("name", ["short", "$x$ rather long name of a condition, costing $3_ " * 3])
def test_text_is_readable(conditions, name):
    inputs = _inputs(conditions)
    inputs["conditions"][-1] = name
    figure = error_distributions_figure(**inputs, title=f"How {name} answers")
    assert_readable(figure)
    assert figure.get_size_inches()[0] < 12.6 and figure.get_size_inches()[1] < 12
    assert (facts(figure).rows, facts(figure).columns) == (1, 2)
    written = " ".join(text.get_text() for text in texts_of(figure))
    assert "1,319" in written and (name[:30] in written)
