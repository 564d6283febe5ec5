"""Where values, controls and planted patterns stand on a strip."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reporting.strips import LEFT, RIGHT, strip
from harness.results import Calibration, ControlResult


def calibrated(**planted):
    values = {kind: [[median] * 3 for median in medians] for kind, medians in planted.items()}
    return Calibration(id="x", comparator=">=", verdict="fail", planted_values=values)


@pytest.fixture
def drawn(make_criterion):
    def draw(entry=None, **changes):
        return strip(make_criterion(**changes), entry)

    return draw


def lane(shown, name):
    return next(one for one in shown.lanes if one.name == name)


def test_the_model_its_controls_and_planted_patterns_share_one_axis(drawn):
    entry = calibrated(none=[0.1], hub=[0.3, 0.5, 0.9], chain=[0.1, None, 0.2])
    shown = drawn(entry, measured=0.5)
    assert [one.name for one in shown.lanes] == [
        "measured",
        "uniform",
        "nothing planted",
        "planted hub",
        "planted chain",
    ]
    hub, own = lane(shown, "planted hub"), lane(shown, "measured")
    assert hub.points == sorted(hub.points)
    assert hub.points[1] == own.points[0]
    assert lane(shown, "uniform").points == lane(shown, "nothing planted").points
    assert len(lane(shown, "planted chain").points) == 2
    assert hub.words == "0.3 to 0.9"


def test_lanes_do_not_touch_and_stay_above_the_axis(drawn):
    shown = drawn(calibrated(none=[0.1], hub=[0.3], few=[0.3]))
    heights = [one.y for one in shown.lanes]
    assert min(b - a for a, b in pairwise(heights)) >= 12
    assert heights[-1] < shown.axis < shown.height


@pytest.mark.parametrize(
    ("comparator", "threshold", "inside", "outside"),
    [
        (">=", 0.25, 0.9, 0.1),
        ("<", 0.25, 0.1, 0.9),
        ("between", [0.2, 0.4], 0.3, 0.9),
        ("in", [1, 2], 1.5, 4.0),
    ],
)
def test_the_passing_side_holds_what_passes(drawn, comparator, threshold, inside, outside):
    shown = drawn(
        comparator=comparator,
        threshold=threshold,
        measured=inside,
        controls={"uniform": ControlResult(measured=outside, passes=False)},
    )
    low, high = shown.passing
    assert low <= lane(shown, "measured").points[0] <= high
    assert not low <= lane(shown, "uniform").points[0] <= high


numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers, st.lists(numbers, max_size=4))
def test_everything_stays_on_the_axis_in_its_order(measured, threshold, planted):
    from tests.reporting.conftest import criterion

    shown = strip(criterion(measured=measured, threshold=threshold), calibrated(hub=planted))
    pixels = [x for one in shown.lanes if one.kind in ("own", "hub") for x in one.points]
    assert all(LEFT <= x <= RIGHT for x in pixels)
    in_order = [x for _, x in sorted(zip([measured, *planted], pixels, strict=True))]
    assert in_order == sorted(pixels)


def test_p_values_get_room_and_tiny_ones_stand_at_the_edge(drawn):
    tiny = {"uniform": ControlResult(measured=1.0, passes=False)}
    shown = drawn(comparator="<", threshold=0.05, measured=1e-90, controls=tiny)
    assert lane(shown, "measured").points == [pytest.approx(LEFT, abs=12)]
    assert LEFT + 60 < shown.limits[0] < RIGHT - 30
    assert lane(shown, "measured").words == "1.0e-90"


def test_the_attainable_part_is_marked_where_it_ends_near(drawn):
    shown = drawn(attainable=(0.0, 1.0), measured=0.5)
    assert shown.reach[0] >= LEFT
    assert shown.reach[1] <= RIGHT
    far = drawn(attainable=(0.0, 1000.0), measured=0.5)
    assert far.reach[1] == RIGHT


@pytest.mark.parametrize(
    "changes",
    [{"kind": "acceptance"}, {"verdict": "skipped", "measured": None}, {"comparator": "is", "threshold": "present"}],
)
def test_there_is_none_without_an_axis(drawn, changes):
    assert drawn(**changes) is None


def test_what_is_not_defined_is_said(drawn):
    shown = drawn(measured=None, verdict="fail")
    assert lane(shown, "measured").words == "not defined"
    assert "measured not defined" in shown.words
