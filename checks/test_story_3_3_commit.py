"""Story 3.3: what of a run may be committed, and the commit message made of its findings.

Judged when all other checks are, on what they left: not counted among pytest's tests, but part of the report and the gate.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "3.3"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
