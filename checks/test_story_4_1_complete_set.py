"""Story 4.1: the complete training set.

What holds on a hundred problems may not hold on all of them. Before all are run they must be in order: every problem of the
split is either kept or listed with the reason why not, nothing corrupt or repeated is left, and the set lies in a file that
the inventory names.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "4.1"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
