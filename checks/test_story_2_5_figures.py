"""Story 2.5: the most critical heads for the eye, and whether their patterns bear out what their scores say.

Twelve heads in one grid, three in detail with the reason they are critical. Heads picked for their scores should
look unlike the others, unlike heads of another type, and like the type they are given.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "2.5"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
