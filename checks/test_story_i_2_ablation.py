"""Story I.2: every thought ablated alone, in pairs and triplets, and whether the ablation did what it says."""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "I.2"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
