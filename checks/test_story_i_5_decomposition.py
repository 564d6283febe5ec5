"""Story I.5: whether the parts of the residual stream at each thought add up to it."""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "I.5"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
