"""Story 3.2: the log that Weights & Biases keeps of a run.

Judged when all other checks are, on what they left: not counted among pytest's tests, but part of the report and the gate.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "3.2"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
