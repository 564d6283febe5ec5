"""Story 3.1: the reports, the journal and the README that a run leaves, and whether they say what was found.

Judged when all other checks are, on what they left: not counted among pytest's tests, but part of the report and the gate.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "3.1"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
