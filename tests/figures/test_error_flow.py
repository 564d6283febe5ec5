from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle

from harness.figures.error_flow import class_colours, error_flow_figure
from harness.figures.inspect import facts
from harness.figures.panels import spread
from tests.figures.reading import assert_readable, lay_out
from tests.figures.test_style import SIGHT, _lab

CLASSES = (
    "NONE", "NONSENSE", "CORRECT", "SIGN_ERROR", "OPERATION_REVERSAL", "PARTIAL_ANSWER", "OFF_BY_FACTOR",
    "CALC_ERROR (evidence)", "LOGIC_ERROR", "CALC_ERROR (unexplained)",
)  # fmt: skip


def _inputs(conditions=2, n=1319, seed=0, classes=CLASSES):
    generator = np.random.default_rng(seed)
    share = generator.dirichlet(np.full(len(classes), 0.5))
    before = generator.multinomial(n, share)
    moves = 0.6 * np.eye(len(classes)) + 0.4 * share
    flows = [[generator.multinomial(k, row / row.sum()) for k, row in zip(before, moves, strict=True)]]
    flows += [[generator.multinomial(k, row / row.sum()) for k, row in zip(before, moves, strict=True)]] * conditions
    return {
        "flows": np.array(flows[:conditions]),
        "conditions": [f"CT{4 * place} blocked" for place in range(conditions)],
        "classes": classes,
        "n": n,
    }


def _bars(axes):
    return {patch.get_label(): patch for patch in axes.patches if isinstance(patch, Rectangle)}


def _bands(axes):
    return {patch.get_label(): patch for patch in axes.patches if isinstance(patch, PathPatch)}


@pytest.mark.parametrize("conditions", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 10, 1319])
def test_bars_are_as_high_as_their_classes_and_each_column_makes_up_all_problems(conditions, n):
    inputs = _inputs(conditions, n)
    for axes, flow in zip(error_flow_figure(**inputs).axes, inputs["flows"], strict=True):
        bars = _bars(axes)
        for side, totals in (("from", flow.sum(axis=1)), ("to", flow.sum(axis=0))):
            expected = {f"{side} {name}": count for name, count in zip(CLASSES, totals, strict=True) if count}
            drawn = {label: bar.get_height() for label, bar in bars.items() if label.startswith(side)}
            assert drawn == pytest.approx(expected)
            assert sum(drawn.values()) == pytest.approx(n)


def test_bars_of_a_column_never_touch_and_end_inside_the_panel():
    for axes in error_flow_figure(**_inputs(3)).axes:
        for side in ("from", "to"):
            bars = [bar for label, bar in _bars(axes).items() if label.startswith(side)]
            for upper, lower in pairwise(bars):
                assert upper.get_y() + upper.get_height() < lower.get_y()
            assert bars[0].get_y() == pytest.approx(0)
            assert bars[-1].get_y() + bars[-1].get_height() <= axes.get_ylim()[0] + 1e-6


def test_a_band_is_as_wide_as_its_problems_and_joins_the_bars_of_its_classes():
    inputs = _inputs(2)
    for axes, flow in zip(error_flow_figure(**inputs).axes, inputs["flows"], strict=True):
        bars, bands = _bars(axes), _bands(axes)
        assert set(bands) == {f"{i} to {j}" for i, j in zip(*np.nonzero(flow), strict=True)}
        for label, band in bands.items():
            source, target = map(int, label.split(" to "))
            corners = band.get_path().vertices
            for (upper, lower), bar in (
                ((corners[0], corners[7]), bars[f"from {CLASSES[source]}"]),
                ((corners[3], corners[4]), bars[f"to {CLASSES[target]}"]),
            ):
                assert lower[1] - upper[1] == pytest.approx(flow[source, target])
                assert bar.get_y() - 1e-6 <= upper[1] and lower[1] <= bar.get_y() + bar.get_height() + 1e-6
            assert to_hex(band.get_facecolor()) == class_colours(CLASSES)[source]


def test_the_bands_of_a_bar_fill_it_without_overlap():
    inputs = _inputs(1)
    (axes,) = error_flow_figure(**inputs).axes
    for ends, place in (((0, 7), 0), ((3, 4), 1)):
        of_bar = {}
        for label, band in _bands(axes).items():
            corners = band.get_path().vertices
            of_bar.setdefault(label.split(" to ")[place], []).append(tuple(corners[list(ends), 1]))
        for parts in of_bar.values():
            for upper, lower in pairwise(sorted(parts)):
                assert upper[1] == pytest.approx(lower[0])


def test_problems_that_keep_their_class_are_fainter_than_those_that_move_and_lie_below_them():
    (axes,) = error_flow_figure(**_inputs(1)).axes
    bands = _bands(axes)
    stay = [band for label, band in bands.items() if len(set(label.split(" to "))) == 1]
    move = [band for label, band in bands.items() if len(set(label.split(" to "))) == 2]
    assert max(band.get_alpha() for band in stay) < 0.5 * min(band.get_alpha() for band in move)
    assert max(band.get_zorder() for band in stay) < min(band.get_zorder() for band in move)


def test_every_bar_of_every_panel_is_named_and_numbered_at_both_sides():
    inputs = _inputs(3)
    for axes, flow in zip(error_flow_figure(**inputs).axes, inputs["flows"], strict=True):
        words = [text.get_text() for text in axes.texts]
        after = [f"{count:,} {name}" for name, count in zip(CLASSES, flow.sum(axis=0), strict=True) if count]
        before = [f"{name} {count:,}" for name, count in zip(CLASSES, flow.sum(axis=1), strict=True) if count]
        assert words == before + after
        assert f"{int(flow.sum() - np.trace(flow)):,} of 1,319 change class" in axes.get_title(loc="left")


@pytest.mark.parametrize("sight", SIGHT)
def test_classes_keep_colours_that_differ_for_every_reader(sight):
    colours = class_colours(CLASSES)
    assert len(set(colours)) == 10
    for one, other in combinations(colours, 2):
        assert np.linalg.norm(_lab(one, sight) - _lab(other, sight)) > 13


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.floats(0.1, 8))
def test_spread_places_keep_their_order_and_distance_and_move_only_where_they_must(places, apart):
    places = np.sort(places)
    moved = spread(places, apart, 100.0)
    assert (np.diff(moved) >= apart - 1e-9).all()
    assert moved[0] >= -1e-9 and moved[-1] <= 100 + 1e-9
    if (np.diff(places) >= apart).all():
        assert moved == pytest.approx(places, abs=1e-6)


def _all_small():
    flow = np.zeros((10, 10), dtype=int)
    flow[2, 2] = 1300
    flow[np.arange(10), np.arange(10)] += 1
    flow[2, :] += 1
    return {**_inputs(1), "flows": np.stack([flow] * 3), "conditions": ["a", "b", "c"], "n": int(flow.sum())}


@pytest.mark.parametrize("conditions", [1, 2, 3, 6])
@pytest.mark.parametrize("n", [1, 1319, 100000])
def test_text_is_readable(conditions, n):
    inputs = _inputs(conditions, n)
    inputs["conditions"][-1] = "a long name of a condition that costs $5 and x_1$ " * 2
    figure = error_flow_figure(**inputs, title="an odd $name$ " * 20)
    assert_readable(figure)
    assert figure.get_size_inches()[0] < 14
    assert (facts(figure).rows, facts(figure).columns) == (-(-conditions // 2), min(2, conditions))


def test_classes_of_one_problem_beside_a_large_one_stay_visible_and_named():
    inputs = _all_small()
    figure = error_flow_figure(**inputs)
    assert_readable(figure)
    lay_out(figure)
    for axes in figure.axes:
        assert len(_bars(axes)) == 20
        assert all(bar.get_linewidth() >= 0.5 for bar in _bars(axes).values())
