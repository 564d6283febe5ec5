"""A measure is tried on planted patterns of the model's sizes before anything is extracted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.declared.read import own_criteria
from harness.declared.trial import try_out
from harness.errors import HarnessError
from tests.declared.conftest import DECLARED

Write = Callable[..., Path]
L, H, T = 4, 8, 6
RETURNED = "return (last[..., 0] / last.sum(axis=-1)).mean(axis=(-2, -1))"
MEASURE = "MeanMeasure(first_share, within(0, 1))"
TESTED = "TestMeasure(lambda sample: {given}, lambda sample: sample.drawn(first_share), within(0, 1))"
ON_PAIRS = "PairMeasure(lambda pair, rule: {given}, lambda pair: 0.5, OnPlantings(lambda s: s.mean, {values}))"
ALL = ("import MeanMeasure", "import Measurement, TestMeasure, PairMeasure, OnPlantings, difference, MeanMeasure")


def tried(write: Write, *changes: tuple[str, str]) -> None:
    for criterion in own_criteria([write("mine/test_first.py", DECLARED, *changes)]):
        try_out(criterion, L, H, T)


@pytest.mark.parametrize(
    "measure",
    [
        MEASURE,
        f"difference({MEASURE})",
        TESTED.format(given="Measurement(0.5)"),
        ON_PAIRS.format(given="Measurement(0.5)", values="lambda a, b, seed: first_share(a)"),
        "MeanMeasure(lambda each: each[..., 0], within(0, 1), per_problem=lambda raw: raw[:, 0, 0, 1:, 0])",
    ],
)
def test_a_measure_in_order_passes(write: Write, measure: str) -> None:
    tried(write, ALL, (MEASURE, measure))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (RETURNED, "return last[..., 0]", r"shape \(4, 4, 8\) for 4 means together, \[4, 4, 8, 6, 6\]; .*shape \(4,\)"),
        (RETURNED, "return last.mean()", r"shape \(\) for 4 means together"),
        (RETURNED, "return last[..., 0].mean(axis=(-2, -1)) / mean.max()", "other values for several means together"),
        ("within(0, 1)", "within(0, 0.3)", "between 0 and 0.3, and is 0.[4-9].* on a planted pattern"),
        ("within(0, 1)", "(0, 1)", r"its bounds are \(0, 1\); they must be a function"),
        ("within(0, 1)", "within(0, 1), per_problem=lambda raw: raw.mean(axis=0)", r"\(4, 8, 6, 6\) for 3 problems"),
        ("last[..., 0]", "last[..., 9]", r"IndexError: .*\(line 7: return"),
        (MEASURE, TESTED.format(given="0.5"), "its procedure gave float; it must give a Measurement"),
        (MEASURE, TESTED.format(given="Measurement(2.0)"), "between 0 and 1, and is 2 on a planted pattern"),
        (MEASURE, ON_PAIRS.format(given="1", values="first_share"), "its procedure gave int"),
        (MEASURE, ON_PAIRS.format(given="Measurement(1)", values="lambda a, b, seed: 1"), r"samples it gave .*shape \(\)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_sizes_or_the_line(write: Write, before: str, after: str, said: str) -> None:
    with pytest.raises(HarnessError, match=said) as error:
        tried(write, ALL, (before, after))
    assert str(error.value).startswith("X.1-first in mine/test_first.py cannot be measured")
    assert "\n" not in str(error.value)


def test_a_measure_that_does_not_apply_to_the_model_is_in_order(write: Write) -> None:
    tried(write, ("import Mean", "import NotApplicable, Mean"), (RETURNED, "raise NotApplicable('needs 99 heads')"))
