"""Story B.3: which problems suffer when a thought is blocked?

A problem that the baseline gets wrong cannot lose its answer, so impact goes with whatever goes with being solved. Every
number about all problems therefore stands beside the one about problems that the baseline solves.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "B.3"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
