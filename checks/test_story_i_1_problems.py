"""Story I.1: problems of the test split, as many of each difficulty."""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "I.1"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
