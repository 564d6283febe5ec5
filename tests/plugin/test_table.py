from typing import Any

import pytest

from harness.plugin.table import fitted, verdict
from harness.results import ControlResult, CriterionResult


def judged(name: str = "1.2-max", **more: Any) -> CriterionResult:
    content: dict[str, Any] = {
        "id": name,
        "story": "1.2",
        "study": "phase1",
        "kind": "hypothesis",
        "model": "m",
        "statement": "Non-random patterns: max attention > 0.4 in 10 % of heads",
        "definition": "d",
        "measured": 0.2134,
        "comparator": ">=",
        "threshold": 0.1,
        "verdict": "pass",
        "ci_low": 0.19,
        "ci_high": 0.23,
        "biased": True,
        "controls": {
            "uniform": ControlResult(measured=0.0, passes=False),
            "shuffled": ControlResult(measured=0.2, passes=True, pass_rate=0.4),
        },
        "discriminates": True,
    }
    return CriterionResult.model_validate({**content, **more})


RESULTS = [
    judged(),
    judged("1.3-consistent-cells", biased=False, controls={}),
    judged("1.2-metadata", measured="present and consistent", comparator="is", threshold="present and consistent"),
]


@pytest.mark.parametrize("width", [80, 90, 98, 100, 118, 120, 150, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    heading, rows = fitted(RESULTS, width)
    lines = [heading, *("  ".join(row.cells) for row in rows)]
    assert max(len(line.rstrip()) for line in lines) <= width


@pytest.mark.parametrize("width", [80, 100, 150, 200])
def test_columns_are_aligned(width: int) -> None:
    heading, rows = fitted(RESULTS, width)
    start = heading.index("verdict")
    assert {"  ".join(row.cells)[start:][:4] for row in rows} == {"PASS"}


def test_what_decides_the_verdict_survives_in_a_narrow_terminal() -> None:
    _, rows = fitted(RESULTS, 80)
    text = "  ".join(rows[0].cells)
    for needed in ("1.2-max", "0.213", "≥ 0.1", "[0.19, 0.23]*", "1 of 2", "PASS"):
        assert needed in text


def test_a_wide_terminal_shows_statements_and_names_of_controls_in_full() -> None:
    _, rows = fitted(RESULTS, 200)
    assert RESULTS[0].statement in rows[0].cells[1]
    assert "shuffled" in rows[0].cells[5]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "PASS"),
        ({"kind": "validity"}, "PASS validity"),
        ({"discriminates": False}, "PASS vacuous"),
        ({"discriminates": None, "controls": {}}, "PASS no controls"),
        ({"verdict": "fail", "reach": "unattainable", "attainable": (0.0, 0.05)}, "FAIL unattainable"),
        ({"reach": "cannot fail", "attainable": (0.6, 1.0)}, "PASS cannot fail"),
        ({"verdict": "invalid"}, "INVALID"),
        ({"verdict": "skipped"}, "SKIPPED"),
    ],
)
def test_the_verdict_says_what_it_is_worth(more: dict[str, Any], said: str) -> None:
    assert verdict(judged(**more)) == said


def test_a_value_just_short_of_its_threshold_does_not_look_like_it() -> None:
    _, rows = fitted([judged(measured=0.09996, verdict="fail")], 200)
    assert rows[0].cells[2].strip() == "0.09996"
