"""Story 2.3: which heads let the last latent reach back to the first ones.

The mean of three weights of one row is at most a third, so a claim of "twice the equal share" may be out of reach;
the report says where it is.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "2.3"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
