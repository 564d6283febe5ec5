"""Story B.2: of what kind are the wrong answers, and does blocking a thought change it?

When accuracy falls, the share of every kind of error among all answers rises. Whether the kind changes shows among wrong answers
alone, beside what answers drawn at random from other problems would be called.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "B.2"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
