"""Story 1.1: a sample of problems to stand on.

Before any attention is looked at, the problems themselves must be in order: as many as were asked for, drawn so
that the seed alone brings them back, each with a question, a solution and a numeric answer, none twice, and none
that the model will later be tested on. They are saved with where they came from, and the inventory names them.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "1.1"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
