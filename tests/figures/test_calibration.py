import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from harness.figures.calibration import CONTROLS, HEIGHT, MODEL, WIDTH, calibration_strip, passing_side, place_labels
from harness.figures.style import INK, MEASURED
from harness.figures.svg import svg

CONTROL_VALUES = {"uniform": 0.02, "shuffled": np.linspace(0.05, 0.15, 200), "untrained": 0.31, "contentless": 0.2}
TYPICAL = {
    "measured": 0.21,
    "interval": (0.19, 0.23),
    "threshold": 0.1,
    "comparator": ">=",
    "attainable": (0.0, 1.0),
    "controls": CONTROL_VALUES,
}


def _pixels(figure, height):
    (axes,) = figure.axes
    return [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [height]]


def _shaded(figure):
    (patch,) = figure.axes[0].patches
    return patch.get_x(), patch.get_x() + patch.get_width()


def _texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


numbers = st.floats(-50, 50).map(lambda value: round(value, 3))


@settings(max_examples=40, deadline=None)
@given(
    measured=numbers,
    threshold=numbers,
    comparator=st.sampled_from([">=", ">", "<=", "<"]),
    controls=st.lists(numbers, max_size=5),
    reach=st.sampled_from([(None, None), (-50.0, 50.0), (0.0, None), (None, 0.0), (-1000.0, 1000.0), (0.0, 6.0)]),
)
def test_the_value_lies_in_the_shading_exactly_when_it_passes(measured, threshold, comparator, controls, reach):
    assume(abs(measured - threshold) > 0.01)
    figure = calibration_strip(
        measured=measured,
        interval=(measured - 0.01, measured + 0.01),
        threshold=threshold,
        comparator=comparator,
        attainable=reach,
        controls={f"control {index}": value for index, value in enumerate(controls)},
    )
    left, right = _shaded(figure)
    (pixel,) = _pixels(figure, MODEL)
    passes = measured > threshold if comparator in {">=", ">"} else measured < threshold
    assert (left <= pixel <= right) == passes
    assert all(0 <= x <= WIDTH for x in [left, right, pixel, *_pixels(figure, CONTROLS)])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(1e-5, 1.0), min_size=1, max_size=4), st.floats(1e-4, 0.5))
def test_a_logarithmic_axis_keeps_order_and_ratios(controls, threshold):
    figure = calibration_strip(
        measured=controls[0],
        interval=None,
        threshold=threshold,
        comparator="<",
        attainable=(1e-4, 1.0),
        controls={"twice": 2 * controls[0], "four times": 4 * controls[0]},
        logarithmic=True,
    )
    (value,) = _pixels(figure, MODEL)
    twice, four = _pixels(figure, CONTROLS)
    assert twice - value == pytest.approx(four - twice)
    assert value < twice < four


@pytest.mark.parametrize("measured", [1e-200, 1e-150, 1e-16, 0.9])
def test_a_logarithmic_axis_reaches_as_far_down_as_any_p(measured):
    figure = calibration_strip(
        measured=measured,
        interval=None,
        threshold=0.001,
        comparator="<",
        attainable=(0.0, 1.0),
        controls={},
        logarithmic=True,
    )
    left, right = _shaded(figure)
    (value,) = set(_pixels(figure, MODEL))
    assert bool(left <= value <= right) is (measured < 0.001)


def test_both_ends_of_a_range_pass_and_are_marked():
    figure = calibration_strip(**TYPICAL | {"threshold": (0.3, 0.5), "comparator": "between"})
    assert "0.3 to 0.5" in _texts(figure)
    assert passing_side("between", (0.3, 0.5)) == (0.3, 0.5)
    left, right = _shaded(figure)
    assert 0 < left < right < WIDTH


@pytest.mark.parametrize("reach", [(0.0, 1.0), (1.0, 2.0), (1.0, 1.0), (None, 1.0), (1.0, None)])
def test_a_value_that_is_all_there_is_to_show_may_be_an_end_of_the_range(reach):
    figure = calibration_strip(
        measured=1.0, interval=None, threshold=1.0, comparator="==", attainable=reach, controls={}
    )
    left, right = _shaded(figure)
    (value,) = set(_pixels(figure, MODEL))
    assert 0 <= left <= value <= right <= WIDTH


@pytest.mark.parametrize(("comparator", "threshold"), [("!=", 1.0), (">=", (1.0, 2.0))])
def test_unknown_rules_are_refused(comparator, threshold):
    with pytest.raises(ValueError, match=re.escape(repr(comparator))):
        calibration_strip(**TYPICAL | {"comparator": comparator, "threshold": threshold})


def test_draws_are_shown_as_their_central_ninety_percent_and_quartiles():
    draws = np.random.default_rng(0).normal(0.5, 0.1, 4001)
    figure = calibration_strip(**TYPICAL | {"controls": {"shuffled": draws, "zero": 0.0, "one": 1.0}})
    zero, one = sorted(_pixels(figure, CONTROLS))
    bars = [
        np.ravel(lines.get_segments())[[0, 2]]
        for lines in figure.axes[0].collections
        if np.allclose(np.ravel(lines.get_segments())[1::2], CONTROLS)
    ]
    expected = [np.quantile(draws, pair) for pair in ((0.05, 0.95), (0.25, 0.75))]
    assert (np.asarray(bars) - zero) / (one - zero) == pytest.approx(np.asarray(expected))


def test_what_is_missing_is_said_or_left_out():
    missing = {"untrained": None, "shuffled": np.full(10, np.nan), "uniform": math.nan}
    figure = calibration_strip(**TYPICAL | {"measured": None, "interval": None, "controls": missing})
    assert "not measured" in _texts(figure)
    assert not _pixels(figure, MODEL)
    assert not any(name in text for text in _texts(figure) for name in missing)


def test_an_open_end_of_the_range_has_an_arrow_and_a_closed_one_a_stop():
    def markers(attainable):
        strip = calibration_strip(**TYPICAL | {"attainable": attainable})
        return [line.get_marker() for line in strip.axes[0].lines if line.get_marker() in {"<", ">"}]

    assert markers((0.0, 1.0)) == []
    assert markers((0.0, None)) == [">"]
    assert markers((-math.inf, math.inf)) == ["<", ">"]
    assert markers((0.0, 1000.0)) == [">"]


def test_controls_in_the_same_place_share_one_label():
    figure = calibration_strip(**TYPICAL | {"controls": {"uniform": 0.5, "untrained": 0.5, "contentless": 0.9}})
    assert {"uniform, untrained", "contentless"} <= set(_texts(figure))


def test_no_text_of_a_crowded_strip_overlaps_another_or_leaves_the_strip():
    controls = {
        "uniform": 0.0,
        "uniform-context": 0.01,
        "shuffled-off-diagonal": np.linspace(0.02, 0.05, 100),
        "untrained": 0.06,
        "contentless": 0.2,
        "tiny-llama-pause": 0.21,
    }
    figure = calibration_strip(**TYPICAL | {"controls": controls})
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for index, box in enumerate(boxes):
        assert box.x0 >= -1
        assert box.x1 <= WIDTH + 1
        assert box.y0 >= -1
        assert box.y1 <= HEIGHT + 1
        assert not any(box.overlaps(other) for other in boxes[:index])


label_widths = st.lists(st.floats(1, 80), min_size=1, max_size=7)


@given(label_widths, st.data())
def test_labels_are_placed_as_bounded_isotonic_regression_places_them(widths, data):
    centres = sorted(data.draw(st.lists(st.floats(0, 640), min_size=len(widths), max_size=len(widths))))
    before = np.concatenate([[0.0], np.cumsum(widths)])
    wishes = np.asarray(centres) - np.asarray(widths) / 2 - before[:-1]
    best = np.clip(isotonic_regression(wishes).x, 0, 640 - before[-1])
    expected = best + before[:-1] + np.asarray(widths) / 2
    assert place_labels(centres, widths, 0, 640) == pytest.approx(expected)


def test_the_strip_is_640_by_90_pixels():
    figure = calibration_strip(**TYPICAL)
    assert (figure.get_size_inches() * figure.dpi).round().tolist() == [640, 90]


def test_svg_is_valid_xml_that_follows_the_page():
    text = svg(calibration_strip(**TYPICAL), "row-1")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 460.8 64.8"
    assert root.get("role") == "img"
    assert "measured 0.21" in root.get("aria-label")
    assert "currentColor" in text
    assert INK not in text
    assert MEASURED in text
    assert "white" not in text
    assert "#ffffff" not in text
    assert "<style" not in text
    assert "contentless" in "".join(root.itertext())


def test_svg_ids_are_unique_to_the_name_and_every_reference_resolves():
    text = svg(calibration_strip(**TYPICAL), "row-1")
    identifiers = re.findall(r' id="([^"]+)"', text)
    references = re.findall(r'href="#([^"]+)"', text) + re.findall(r"url\(#([^)]+)\)", text)
    assert identifiers
    assert len(identifiers) == len(set(identifiers))
    assert all(identifier.startswith("row-1-") for identifier in identifiers)
    assert set(references) == set(identifiers)


def test_svg_repeats_byte_for_byte_and_is_small_enough_to_embed():
    first, second = (svg(calibration_strip(**TYPICAL), "row") for _ in range(2))
    assert first == second
    assert len(first) < 12_000


def test_svg_escapes_names_that_come_from_the_user():
    text = svg(calibration_strip(**TYPICAL | {"controls": {'<script>"&': 0.5}}), "row")
    root = ElementTree.fromstring(text)
    assert '<script>"&' in "".join(root.itertext())
    assert "<script" not in text
