"""Story 1.2: the attention between thoughts, of every layer and head.

Each thought reads its context. What it reads from earlier thoughts is extracted for every problem, layer and head,
and it must really be the model's attention: rows sum to one, nothing looks ahead, a plain forward over the whole
sequence shows the same weights, and the batch makes no difference. Then the first question: does the attention
between thoughts have any structure at all?
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "1.2"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
