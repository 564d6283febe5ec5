"""Story B.4: what do single problems look like when CT0 is blocked?

Cases illustrate, they prove nothing; so that none is picked to please, a stated rule picks them.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "B.4"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
