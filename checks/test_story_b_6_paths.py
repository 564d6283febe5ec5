"""Story B.6: where do the states part from the baseline's, and from those of problems whose answer stays?

Up to the blocked thought nothing may differ in any bit.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "B.6"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
