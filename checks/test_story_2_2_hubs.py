"""Story 2.2: which heads gather attention on one position.

The hub score of a head is the variance of what its positions receive. Each head's hub position is named, and the
strongest heads are asked how much of their attention really falls there.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "2.2"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
