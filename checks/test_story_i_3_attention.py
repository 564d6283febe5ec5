"""Story I.3: what the answer reads of each thought, and which words each thought reads."""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "I.3"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
