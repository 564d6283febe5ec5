"""Story I.4: whether attention from the answer says which thoughts matter."""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "I.4"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
