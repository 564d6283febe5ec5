"""Story S.2: the full sweep, validated on other problems first, kept batch by batch, and summed up by difficulty."""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "S.2"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
