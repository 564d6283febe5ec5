"""Story 4.2: attention on the complete training set.

A thousand problems at a time, each thousand kept as soon as it is done, so that a run that is killed goes on where it stopped
and ends with the same bytes. Then the question of the study: is what a hundred problems show what all of them show, and do
standard errors shrink as they should?
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "4.2"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
