"""Story 2.4: the most critical heads, what each is for, and whether another sample finds the same ones.

The composite score adds flow, hub and skip. It is judged raw and normalised; the ranking stands beside the one a
second, disjoint sample gives, and beside the overlap that chance alone would produce.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "2.4"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
