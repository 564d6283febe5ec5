"""What the report says of heads that were given a pattern."""

import re
from xml.etree import ElementTree

import pytest

from harness.files import write_json
from harness.reporting import curves
from harness.reporting.html import render
from harness.reporting.planted_heads import sentence
from harness.results import CalibrationFile, FoundAgain, PatternFoundAgain, PlantedHeads

PATH = "results/tiny-llama/calibration.json"
OWN = [0.0, 0.5, 1.0, 1.0]
COMPOSITE = [0.0, 0.0, 0.25, 0.5]


def found(bias, own, composite, **changes):
    given = {
        "weight": bias / 10,
        "own_ranks": [[1, 7], [2, 12]],
        "composite_ranks": [[3, 4], [9, 5]],
        "own_false_positives": 2 * (1 - own),
        "composite_false_positives": 2 * (1 - composite),
        "own_newcomers": 0.0,
        "composite_newcomers": 0.0,
        "types": {"Multi-Purpose": 3, "Hub Aggregator": 1},
        "became_expected": 0.25,
        "changed_type": 2.5,
        "changed_by_scale": 1.5,
    }
    return FoundAgain(bias=bias, own_recall=own, composite_recall=composite, **{**given, **changes})


def hub(own=OWN, composite=COMPOSITE, **changes):
    steps = zip((0, 1, 4, 8), own, composite, strict=True)
    return PatternFoundAgain(
        pattern="hub",
        score="hub",
        expected_type="Hub Aggregator",
        heads=[[(0, 1), (2, 3)], [(1, 1), (3, 0)]],
        found=[found(bias, *recalls, **changes) for bias, *recalls in steps],
    )


def planted(*patterns):
    return PlantedHeads(n_problems=100, seed=42, heads_together=2, n_heads=32, chance=1 / 16, patterns=list(patterns))


@pytest.fixture
def section(make_criterion, make_run, tmp_path):
    """The report's part on planted heads, as text; None where there is none."""

    def draw(content, artifacts=(PATH,)):
        file = CalibrationFile(
            model="tiny-llama", models=["tiny-llama"], strengths=[], criteria=[], planted_heads=content
        )
        write_json(tmp_path / PATH, file.model_dump(mode="json", by_alias=True))
        text = render(make_run([make_criterion("2.1-top", artifacts=list(artifacts))]), tmp_path)
        match = re.search(r'<section class="ch-calibration".*?</section>', text, re.S)
        assert ('href="#ch-calibration-tiny-llama"' in text) == (match is not None)
        return match and match.group()

    return draw


def cells(text):
    rows = re.findall(r"<tr><th scope=\"row\".*?</tr>", text, re.S)
    return [re.findall(r">([^<>]+)</t[hd]>", row) for row in rows]


def test_every_strength_has_a_row_with_ranks_others_and_types(section):
    rows = cells(section(planted(hub())))
    assert rows[0] == ["0", "0 %", "4.5 (1–12)", "4.5 (3–9)", "2 / 2", "1 / 3 / 0", "0.25 / 2.5 / 1.5"]
    assert [row[0] for row in rows] == ["0", "1", "4", "8"]
    assert [row[4] for row in rows] == ["2 / 2", "1 / 2", "0 / 1.5", "0 / 1"]


def test_types_that_are_neither_expected_nor_several_are_counted_apart(section):
    rows = cells(section(planted(hub(types={"Forward Flow": 3, "Multi-Purpose": 1}))))
    assert rows[0][5] == "0 / 1 / 3"


def test_curves_end_where_the_last_strength_does(section):
    text = section(planted(hub()))
    (drawing,) = [ElementTree.fromstring(one) for one in re.findall(r'<svg class="ch-curve".*?</svg>', text, re.S)]
    for kind, shares in {"hub": OWN, "composite": COMPOSITE, "none": [0, 0.1, 0.4, 0.8]}.items():
        (path,) = (one for one in drawing.iter("path") if one.get("class") == f"ch-line ch-of-{kind}")
        x, y = map(float, path.get("d").split("L")[-1].split())
        assert x == curves.RIGHT
        assert y == pytest.approx(curves._y(shares[-1]), abs=0.06)
    ticks = [one.text for one in drawing.iter("text")]
    assert [text for text in ticks if text in {"0", "1", "4", "8"}] == ["0", "1", "4", "8"]
    assert "by hub: 0 % at 0, 50 % at 1, 100 % at 4, 100 % at 8" in drawing.get("aria-label")


def test_it_brings_no_style_or_script_of_its_own(section):
    text = section(planted(hub()))
    assert not re.search(r"https?:|<style|<script|style=", text)


def test_the_lead_says_what_was_done_and_what_chance_gives(section):
    text = section(planted(hub()))
    assert "gave 2 heads at a time a known pattern while the model thought about 100 problems" in text
    assert "drawn 2 times for each pattern from the lower half" in text
    assert "among the first 2 of 32; drawn blindly, 6.25 % would be" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "By hub score all are found from 4 nats on (40 % of their attention where planted)"),
        ({}, "by composite score at most 50 % are found (at 8 nats)."),
        ({}, "The heads that keep their places at 8 nats were among the model's first 2 without any bias too."),
        ({"composite_newcomers": 0.5}, "The heads that keep their places at 8 nats were not all among the model's first 2"),
        ({}, "At 8 nats 1 of 4 planted heads is typed Hub Aggregator (3 Multi-Purpose)."),
        ({"types": {"Hub Aggregator": 4}}, "At 8 nats 4 of 4 planted heads are typed Hub Aggregator."),
        ({}, "On average 2.5 other heads change their type; 1.5 would if they attended as before"),
        ({"own": [0.0, 1.0, 0.5, 1.0]}, "By hub score all are found from 8 nats on"),
        ({"own": [0.0, 0.5, 0.5, 0.25]}, "By hub score at most 50 % are found (at 1 nat)"),
    ],
)  # fmt: skip
def test_one_sentence_says_what_came_out(changes, said):
    pattern = hub(**changes)
    assert said in sentence(pattern, planted(pattern))


def test_nothing_is_said_of_others_where_there_are_none():
    pattern = hub(composite=[0.0, 1.0, 1.0, 1.0], changed_type=0.0)
    text = sentence(pattern, planted(pattern))
    assert "keep their places" not in text and "other heads" not in text


def test_without_planted_heads_or_in_another_run_there_is_no_such_part(section):
    assert section(None) is None
    assert section(planted(hub()), artifacts=()) is None
