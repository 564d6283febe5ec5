"""Story 2.6: two models on the same problems, and whether they carry their reasoning in different ways.

Every difference is taken problem by problem. Random halves of one model stand beside it as control: what differs
between them too says nothing about the models. With a single model there is nothing to compare and nothing is collected.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "2.6"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
