"""Story B.7: what does all that allow one to say about CT0?

The report is written from the verdicts: what fails is not claimed, what a control passes too is said to be so.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "B.7"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
