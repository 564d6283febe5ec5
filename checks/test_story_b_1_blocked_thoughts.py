"""Story B.1: what does the model answer when later queries cannot read a thought?

Blocking an early thought takes it from more readers than blocking a late one, so both are also blocked for the same two readers.
Before any answer counts, the weights are read back: none on what is blocked, the others as a softmax without it.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "B.1"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
