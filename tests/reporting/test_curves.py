import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from harness.documents import phrases
from harness.files import write_json
from harness.reporting import curves
from harness.reporting.html import render
from harness.results import Calibration, CalibrationFile, Sensitivity

STRENGTHS = [0.1, 0.25, 0.5, 0.75, 1.0]
PATH = "results/tiny-llama/calibration.json"
THRESHOLDS = np.linspace(0, 1, 41).tolist()
POWER = {
    "hub": [0.1, 0.4, 0.9, 1.0, 1.0],
    "chain": [0.03, 0.03, 0.02, 0.0, 0.0],
    "skip": [0.03, 0.05, 0.1, 0.2, 0.3],
    "mixed": [0.05, 0.2, 0.6, 0.95, 1.0],
}


def calibration(criterion_id="1.5-ratio", **changes):
    given = {
        "id": criterion_id,
        "comparator": ">=",
        "threshold": 0.25,
        "verdict": "pass",
        "measured": 0.5,
        "plantings": 200,
        "power": POWER,
        "false_positive_rate": 0.03,
        "threshold_at_5_percent_false_positives": 0.31,
        "planted_values": {"none": [[0.1, 0.2, 0.3]], **{kind: [[0.1, s, 1.0] for s in STRENGTHS] for kind in POWER}},
        "sensitivity": Sensitivity(
            thresholds=THRESHOLDS,
            passes=[threshold <= 0.5 for threshold in THRESHOLDS],
            share_of_resamples=[float(np.clip(1.5 - 2 * t, 0, 1)) for t in THRESHOLDS],
            false_positive_rate=[float(t < 0.3) for t in THRESHOLDS],
        ),
    }
    return Calibration.model_validate({**given, **changes})


def write(folder, *entries, path=PATH, **about):
    given = {"model": "tiny-llama", "models": ["tiny-llama"], **about}
    content = CalibrationFile(strengths=STRENGTHS, criteria=list(entries), **given)
    write_json(folder / path, content.model_dump(mode="json", by_alias=True))


@pytest.fixture
def drawn(make_criterion, make_run, tmp_path):
    """The text of a report on one criterion with this calibration, and its curves as parsed elements."""

    def draw(**changes):
        entry = calibration(**changes)
        write(tmp_path, entry)
        shown = {name: value for name, value in changes.items() if name in {"comparator", "threshold", "measured"}}
        text = render(make_run([make_criterion(artifacts=[PATH], **shown)]), tmp_path)
        return text, [ElementTree.fromstring(one) for one in re.findall(r'<svg class="ch-curve".*?</svg>', text, re.S)]

    return draw


def texts(svg):
    return [element.text for element in svg.iter("text")]


def ends(svg, kind):
    (path,) = (one for one in svg.iter("path") if one.get("class") == f"ch-line ch-of-{kind}")
    points = [tuple(map(float, point.split())) for point in path.get("d").removeprefix("M").split("L")]
    return points[0], points[-1]


def test_a_hypothesis_shows_its_power_and_what_other_thresholds_would_say(drawn):
    _, (power, other) = drawn()
    assert {"hub", "chain", "skip", "mixture"} <= set(texts(power))
    assert {"this model", "nothing planted", "study ≥ 0.25"} <= set(texts(other))


def test_power_lines_start_at_the_false_positives_and_end_at_full_strength(drawn):
    _, (power, _) = drawn()
    for kind, shares in POWER.items():
        (left, first), (right, last) = ends(power, kind)
        assert (left, right) == (curves.LEFT, curves.RIGHT)
        assert first == pytest.approx(curves._y(0.03), abs=0.06)
        assert last == pytest.approx(curves._y(shares[-1]), abs=0.06)
    (ring,) = (one for one in power.iter("circle") if one.get("class") == "ch-ring ch-of-none")
    assert float(ring.get("cy")) == pytest.approx(curves._y(0.03), abs=0.06)


def test_all_is_at_the_top_and_nothing_at_the_bottom(drawn):
    text, (power, _) = drawn()
    shared = re.search(r'<g id="ch-frame">.*?</g>', text, re.S)[0]
    labels = {one.text: float(one.get("y")) for one in ElementTree.fromstring(shared).iter("text")}
    assert ends(power, "hub")[1][1] == pytest.approx(labels["100 %"] - 3)
    assert ends(power, "chain")[1][1] == pytest.approx(labels["0 %"] - 3)
    assert labels["100 %"] < labels["0 %"]
    assert power.find("use").get("href") == "#ch-frame"


def test_names_of_lines_do_not_touch(drawn):
    _, (power, _) = drawn()
    heights = sorted(float(one.get("y")) for one in power.iter("text") if one.get("class"))
    assert len(heights) == len(POWER)
    assert min(np.diff(heights)) >= curves.LINE_HEIGHT - 0.2


def test_the_curves_can_be_read_aloud(drawn):
    _, (power, other) = drawn()
    assert power.get("role") == other.get("role") == "img"
    assert "Nothing planted: 3 %. hub: 10 % at 0.1, 40 % at 0.25, 90 % at 0.5" in power.get("aria-label")
    assert "≥ 0.25 (the study): this model 100 %, nothing planted 100 %" in other.get("aria-label")


def test_the_study_s_threshold_stands_where_it_belongs_on_the_axis(drawn):
    _, (_, other) = drawn()
    (limit,) = (one for one in other.iter("path") if one.get("class") == "ch-limit")
    assert limit.get("d").startswith(f"M{curves.LEFT + 0.25 * (curves.RIGHT - curves.LEFT):.1f} ")


def test_a_small_range_of_p_values_gets_room(drawn):
    thresholds = [0.0001, 0.001, 0.01, 0.1, 1.0]
    curve = Sensitivity(thresholds=thresholds, passes=[False, True, True, True, True])
    _, (_, other) = drawn(comparator="<", threshold=0.01, measured=0.0005, sensitivity=curve)
    (limit,) = (one for one in other.iter("path") if one.get("class") == "ch-limit")
    middle = (curves.LEFT + curves.RIGHT) / 2
    assert limit.get("d").startswith(f"M{middle:.1f} ")


def test_the_curves_stay_small_and_bring_no_style_or_script_of_their_own(drawn):
    text, found = drawn()
    for one in re.findall(r'<svg class="ch-curve".*?</svg>', text, re.S):
        assert len(one) < 6_000
        assert not re.search(r"https?:|<style|<script|style=| id=", one)
    assert len(found) == 2


def test_one_sentence_says_how_often_nothing_passes(drawn):
    text, _ = drawn()
    assert "With nothing planted, 3 % of 200 samples pass; at most 5 % would at ≥ 0.31." in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold_at_5_percent_false_positives": None}, "3 % of 200 samples pass; no threshold that any of them"),
        (
            {"sensitivity": None, "threshold_at_5_percent_false_positives": None},
            "planted, 3 % of 200 samples pass. The rule has no single",
        ),
        ({"shortened": "99 resamples each"}, "at ≥ 0.31. Planted samples: 99 resamples each."),
        ({"false_positive_rate": None}, ""),
        ({"false_positive_rate": 0.005, "threshold_at_5_percent_false_positives": None}, "0.5 % of 200"),
    ],
)
def test_the_sentence_says_no_more_than_is_known(changes, said):
    found = phrases.planted(calibration(**changes), ["tiny-llama"])
    assert said in found if said else found == ""


def test_without_planted_samples_there_is_only_the_other_curve(drawn):
    unplanted = {"power": None, "false_positive_rate": None, "planted_values": None, "plantings": None}
    curve = Sensitivity(thresholds=[0.0, 0.25, 1.0], passes=[True, True, False], share_of_resamples=[1.0, 1.0, 0.0])
    text, (other,) = drawn(**unplanted, sensitivity=curve)
    assert "this model" in texts(other) and "nothing planted" not in texts(other)
    assert "With nothing planted" not in text


def test_a_rule_with_two_ends_has_power_but_no_other_thresholds(drawn):
    _, found = drawn(comparator="between", threshold=[2, 3], sensitivity=None)
    assert [svg.get("aria-label")[:24] for svg in found] == ["Share of planted samples"]


def test_an_undefined_value_and_patterns_that_never_pass_are_drawn_all_the_same(drawn):
    never = dict.fromkeys(POWER, [0.0] * 5)
    undefined = {"none": [[None] * 3], **dict.fromkeys(POWER, [[None] * 3] * 5)}
    _, (_, other) = drawn(measured=None, power=never, planted_values=undefined)
    assert [one.get("class") for one in other.iter("circle")] == ["ch-ring ch-of-none"]


def test_only_what_this_run_calibrated_is_shown(make_criterion, make_run, tmp_path):
    write(tmp_path, calibration())
    others = [
        make_criterion(),
        make_criterion("1.2-max", artifacts=[PATH]),
        make_criterion(model="b", artifacts=[PATH]),
    ]
    assert "ch-curve" not in render(make_run(others), tmp_path).split("</style>", 1)[1]


def test_a_calibration_that_was_written_anew_is_read_anew(make_criterion, make_run, tmp_path):
    for share, said in ((0.03, "3 % of 200"), (0.04, "4 % of 200")):
        write(tmp_path, calibration(false_positive_rate=share))
        assert said in render(make_run([make_criterion(artifacts=[PATH])]), tmp_path)


@pytest.fixture
def compared(make_criterion, make_run, tmp_path):
    """The report on one hypothesis about a pair, whose pattern is planted in the second model."""
    path = "results/a_vs_b_calibration.json"

    def draw(**changes):
        write(
            tmp_path, calibration("2.6-fewer", planted_in="b", **changes), path=path, model="a_vs_b", models=["a", "b"]
        )
        text = render(make_run([make_criterion("2.6-fewer", model="a_vs_b", artifacts=[path])]), tmp_path)
        return text, [ElementTree.fromstring(one) for one in re.findall(r'<svg class="ch-curve".*?</svg>', text, re.S)]

    return draw


def test_a_hypothesis_about_a_pair_has_the_same_curves_and_says_which_model_has_the_pattern(compared):
    text, (power, other) = compared()
    assert {"hub", "chain", "skip", "mixture"} <= set(texts(power))
    assert power.get("aria-label").startswith("Share of pairs with a pattern planted in b that pass ≥ 0.25.")
    assert "Power: share of pairs with a pattern planted in b that pass ≥ 0.25." in text
    assert {"this pair", "nothing planted"} <= set(texts(other)) and "this model" not in texts(other)
    assert "(the study): this pair 100 %" in other.get("aria-label")
    assert "With nothing planted, 3 % of 200 pairs of samples pass" in text
    assert "Patterns are planted in b, nothing in a." in text


def test_a_pair_of_which_nothing_is_planted_does_not_say_where(compared):
    text, (other,) = compared(power=None, false_positive_rate=None, planted_values=None, plantings=None)
    assert "this pair" in texts(other)
    assert "Patterns are planted" not in text


def test_a_rule_that_finds_no_planted_pattern_is_marked(make_criterion):
    item = make_criterion("1.5-ratio")
    flat = calibration(power={kind: [0.0, 0.0, 0.0, 0.0, 0.05] for kind in POWER})
    assert "no power" in dict(phrases.marks(item, flat))
    assert "no power" not in dict(phrases.marks(item, calibration()))
    assert "no power" not in dict(phrases.marks(item))


def test_a_rule_that_nothing_planted_meets_too_often_is_marked(make_criterion):
    item = make_criterion("1.5-ratio")
    loose = calibration(false_positive_rate=0.14)
    assert dict(phrases.marks(item, loose))["false positives"].startswith("14 % of samples with nothing planted pass")
    assert "false positives" not in dict(phrases.marks(item, calibration(false_positive_rate=0.05)))
    assert "false positives" not in dict(
        phrases.marks(item, calibration(false_positive_rate=1.0, null_should_pass=True))
    )


label_widths = st.lists(st.floats(1, 80), min_size=1, max_size=7)


@given(label_widths, st.data())
def test_labels_are_placed_as_bounded_isotonic_regression_places_them(widths, data):
    centres = sorted(data.draw(st.lists(st.floats(0, 640), min_size=len(widths), max_size=len(widths))))
    before = np.concatenate([[0.0], np.cumsum(widths)])
    wishes = np.asarray(centres) - np.asarray(widths) / 2 - before[:-1]
    best = np.clip(isotonic_regression(wishes).x, 0, 640 - before[-1])
    expected = best + before[:-1] + np.asarray(widths) / 2
    assert curves.place_labels(centres, widths, 0, 640) == pytest.approx(expected)
