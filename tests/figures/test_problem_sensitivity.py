from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from harness.figures.conditions import look_of_thought
from harness.figures.problem_sensitivity import (
    BINS,
    FEWEST,
    grouped,
    mean_and_bounds,
    problem_sensitivity_scatter,
    problem_sensitivity_types,
)
from tests.figures.reading import assert_readable, lay_out, lines, segments, texts_of

FEATURES = (
    "n_tokens", "n_operations", "n_operation_types", "max_number", "multi_step", "has_division", "has_multiplication",
    "has_fractions",
)  # fmt: skip
CONDITIONS = ("blocked CT0", "blocked CT4")
THOUGHTS = (0, 4)


def _inputs(n=1319, seed=0, features=8):
    generator = np.random.default_rng(seed)
    operations = np.clip(1 + generator.poisson(2, n), 1, 8)
    columns = [
        generator.normal(60, 20, n).round().clip(15),
        operations,
        np.minimum(operations, 3),
        10 ** generator.normal(2, 0.9, n),
        operations >= 3,
        *(generator.random((3, n)) < 0.4),
    ]
    return {
        "features": np.column_stack(columns).astype(float)[:, :features],
        "impact": generator.choice([-1, 0, 1], (n, 2), p=[0.05, 0.8, 0.15]),
        "feature_names": FEATURES[:features],
        "conditions": CONDITIONS,
        "thoughts": THOUGHTS,
        "pearson": generator.uniform(-1, 1, (features, 2)),
        "spearman": generator.uniform(-1, 1, (features, 2)),
        "q": generator.uniform(0, 1, (features, 2)) ** 3,
    }


def _types(seed=0):
    generator = np.random.default_rng(seed)
    means = generator.normal(0.1, 0.05, (7, 2))
    return {
        "names": ["1", "2", "3 or more", "with division", "without", "with fractions", "without"],
        "headings": ["Operations"] * 3 + ["Division"] * 2 + ["Fractions"] * 2,
        "means": means,
        "interval": np.stack([means - 0.03, means + 0.05]),
        "counts": [100, 500, 719, 400, 919, 3, 1316],
        "conditions": CONDITIONS,
        "thoughts": THOUGHTS,
    }


def _strokes(axes, condition):
    colour = look_of_thought(THOUGHTS[condition])[1]
    found = [part for part in axes.collections if isinstance(part, LineCollection)]
    (part,) = [part for part in found if to_hex(part.get_color()[0]) == to_hex(colour)]
    return segments(part)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=300))
def test_groups_hold_every_problem_once_in_order_without_parting_equal_values(values):
    values = np.array(values, dtype=float)
    groups = grouped(values)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(values)))
    for before, after in pairwise(groups):
        assert values[before].max() < values[after].min()
    if set(values) - {0.0, 1.0} and len(groups) > 1:
        assert min(map(len, groups)) >= FEWEST


def test_few_values_have_a_group_each_and_many_have_groups_of_equal_size():
    assert [len(group) for group in grouped(np.repeat([1.0, 2.0, 5.0], [40, 60, 25]))] == [40, 60, 25]
    assert [len(group) for group in grouped(np.repeat([1.0, 2.0, 5.0, 6.0], [40, 60, 19, 2]))] == [40, 60, 21]
    assert [len(group) for group in grouped(np.repeat([1.0, 2.0, 5.0, 6.0], [40, 60, 25, 3]))] == [40, 60, 28]
    assert [len(group) for group in grouped(np.arange(5.0))] == [5]
    assert [len(group) for group in grouped(np.repeat([0.0, 1.0], [400, 2]))] == [400, 2]
    assert [len(group) for group in grouped(np.arange(600.0))] == [100] * BINS


def test_the_bounds_of_a_mean_are_those_of_resampled_problems():
    impact = np.repeat([1, 0, -1], [30, 60, 10])
    mean, low, high = mean_and_bounds(impact)
    drawn = np.random.default_rng(7).choice(impact, (20000, 100)).mean(axis=1)
    assert mean == pytest.approx(0.2)
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.011)
    assert mean_and_bounds(np.zeros(5)) == (0.0, 0.0, 0.0)


def test_the_mean_impact_of_every_group_stands_at_its_value_with_its_bounds():
    inputs = _inputs()
    figure = problem_sensitivity_scatter(**inputs)
    for feature, axes in enumerate(figure.axes[::2]):
        values = inputs["features"][:, feature]
        for condition in range(2):
            drawn = lines(axes)[f"condition {condition}"]
            expected = [inputs["impact"][group, condition].mean() for group in grouped(values)]
            assert drawn[:, 1] == pytest.approx(expected)
            assert drawn[:, 0] == pytest.approx([np.median(values[group]) for group in grouped(values)])
            strokes = _strokes(axes, condition)
            assert (strokes[:, 0, 1] <= expected).all() and (strokes[:, 1, 1] >= expected).all()
            assert strokes[:, 0, 0] == pytest.approx(drawn[:, 0])


def test_two_conditions_at_one_value_do_not_cover_each_other():
    figure = problem_sensitivity_scatter(**_inputs())
    lay_out(figure)
    first, second = (line for line in figure.axes[0].lines if str(line.get_label()).startswith("condition"))
    apart = second.get_transform().transform([0, 0]) - first.get_transform().transform([0, 0])
    assert apart[0] / figure.dpi > 0.06 and apart[1] == pytest.approx(0)


def test_every_problem_is_a_point_in_the_row_of_its_outcome_near_its_value():
    inputs = _inputs()
    figure = problem_sensitivity_scatter(**inputs)
    for feature, axes in enumerate(figure.axes[1::2]):
        values = inputs["features"][:, feature]
        for condition in range(2):
            points = lines(axes)[f"problems {condition}"]
            assert (np.round(points[:, 1]) == inputs["impact"][:, condition]).all()
            moved = np.abs(points[:, 0] - values)
            assert moved.max() < 0.5 if FEATURES[feature] != "max_number" else (moved == 0).all()
            (line,) = [line for line in axes.lines if line.get_label() == f"problems {condition}"]
            assert line.get_rasterized()
            low, high = axes.get_xlim()
            assert low < points[:, 0].min() and high > points[:, 0].max()
        assert axes.get_xlim() == figure.axes[2 * feature].get_xlim()


def test_a_binary_feature_has_two_groups_and_a_long_tailed_one_a_logarithmic_scale():
    inputs = _inputs()
    figure = problem_sensitivity_scatter(**inputs)
    for feature, axes in enumerate(figure.axes[1::2]):
        labels = [text.get_text() for text in axes.get_xticklabels()]
        if feature >= 4:
            yes = int(inputs["features"][:, feature].sum())
            assert labels == [f"no ({1319 - yes:,})", f"yes ({yes:,})"]
        assert (axes.get_xscale() == "log") == (FEATURES[feature] == "max_number")


def test_each_panel_says_its_coefficients_in_the_colours_of_the_conditions():
    inputs = _inputs()
    inputs["pearson"][0, 0], inputs["spearman"][0, 0], inputs["q"][0, 0] = -0.123, 0.456, 0.0321
    inputs["pearson"][0, 1] = np.nan
    axes = problem_sensitivity_scatter(**inputs).axes[0]
    first, second = axes.texts
    assert first.get_text() == "blocked CT0: r = −0.12, ρ = 0.46, q = 0.032"
    assert second.get_text().startswith("blocked CT4: r n/a, ρ = ")
    assert [to_hex(text.get_color()) for text in axes.texts] == [
        to_hex(look_of_thought(place)[1]) for place in THOUGHTS
    ]


def test_means_of_all_features_share_a_scale():
    figure = problem_sensitivity_scatter(**_inputs())
    ((low, high),) = {axes.get_ylim() for axes in figure.axes[::2]}
    assert low < 0 < high
    for axes in figure.axes[::2]:
        for condition in range(2):
            strokes = _strokes(axes, condition)
            assert low < strokes[..., 1].min() and high > strokes[..., 1].max()


@pytest.mark.parametrize("n", [1, 12, 1319])
@pytest.mark.parametrize("features", [1, 3, 4, 8])
def test_text_of_the_scatter_is_readable(n, features):
    inputs = _inputs(n, 1, features)
    inputs["features"][0, 0] = np.nan
    inputs["feature_names"] = [*inputs["feature_names"][:-1], "a $feature$ with a long name_1 " * 4]
    inputs["conditions"] = ("a long $name$ of a condition " * 6, "CT4 blocked")
    figure = problem_sensitivity_scatter(**inputs, title="a $title$ for some model " * 12)
    assert_readable(figure)
    assert figure.get_size_inches()[0] < 12.6


def test_each_type_has_a_row_with_its_means_and_bounds():
    inputs = _types()
    (axes,) = problem_sensitivity_types(**inputs).axes
    rows = axes.get_yticks()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == [f"{name} ({count:,})" for name, count in zip(inputs["names"], inputs["counts"], strict=True)]
    for condition in range(2):
        drawn = lines(axes)[f"condition {condition}"]
        assert drawn[:, 0] == pytest.approx(inputs["means"][:, condition])
        assert np.abs(drawn[:, 1] - rows).max() < 0.25 * np.diff(rows).min()
        strokes = _strokes(axes, condition)
        assert (inputs["interval"][:, :, condition] == strokes[:, :, 0].T).all()
    low, high = axes.get_xlim()
    assert low < 0 < high
    assert any(line.get_xdata()[0] == line.get_xdata()[1] == 0 for line in axes.lines if len(line.get_xdata()) == 2)


def test_types_stand_under_their_heading():
    (axes,) = problem_sensitivity_types(**_types()).axes
    heads = {text.get_text(): text.get_position()[1] for text in axes.texts}
    rows = axes.get_yticks()
    assert list(heads) == ["Operations", "Division", "Fractions"]
    assert (
        heads["Operations"] < rows[0] < rows[2] < heads["Division"] < rows[3] < rows[4] < heads["Fractions"] < rows[5]
    )


def test_types_without_problems_have_no_row_nor_has_a_heading_with_nothing_to_tell_apart():
    inputs = _types()
    for empty in (1, 5):
        inputs["means"][empty], inputs["interval"][:, empty], inputs["counts"][empty] = np.nan, np.nan, 0
    figure = problem_sensitivity_types(**inputs)
    (axes,) = figure.axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["1 (100)", "3 or more (719)", "with division (400)", "without (919)"]
    assert [text.get_text() for text in axes.texts] == ["Operations", "Division"]
    assert lines(axes)["condition 0"][:, 0] == pytest.approx(inputs["means"][[0, 2, 3, 4], 0])
    assert (_strokes(axes, 1)[:, :, 0] == inputs["interval"][:, [0, 2, 3, 4], 1].T).all()
    assert any(
        "Without problems: operations: 2, fractions: with fractions." in text.get_text() for text in figure.texts
    )
    assert_readable(figure)


def test_types_that_all_have_problems_leave_nothing_to_say():
    assert not any("Without" in text.get_text() for text in problem_sensitivity_types(**_types()).texts)


def test_a_feature_that_is_the_same_in_all_problems_has_no_panel_and_is_named():
    inputs = _inputs()
    inputs["features"][:, 1], inputs["features"][:, 7] = 2, 0
    inputs["features"][3, 1] = np.nan
    figure = problem_sensitivity_scatter(**inputs)
    left = [name for name in FEATURES if name not in ("n_operations", "has_fractions")]
    assert [axes.get_title(loc="left") for axes in figure.axes[::2]] == left
    assert any("The same in all problems: n_operations, has_fractions." in text.get_text() for text in figure.texts)
    coefficients = (inputs["pearson"][2, 0], inputs["spearman"][2, 0], inputs["q"][2, 0])
    words = "blocked CT0: r = {:.2f}, ρ = {:.2f}, q = {:.2g}".format(*coefficients).replace("-", "−")
    assert figure.axes[2].texts[0].get_text() == words
    assert_readable(figure)
    assert not any("The same" in text.get_text() for text in problem_sensitivity_scatter(**_inputs()).texts)


@pytest.mark.parametrize("word", ["a", "$x$ a long name_1 of what there is " * 6])
def test_text_of_the_types_is_readable(word):
    inputs = _types()
    inputs["names"][2], inputs["headings"][3:5], inputs["conditions"] = word, [f"Division {word}"] * 2, (word, word)
    figure = problem_sensitivity_types(**inputs, title=f"title {word}")
    assert_readable(figure)
    assert figure.get_size_inches()[0] < 12
    assert "Mean impact" in {text.get_text() for text in texts_of(figure)}
