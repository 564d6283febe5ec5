"""Story 4.4: what was found on all problems, written for readers.

Is every hypothesis in the document with both verdicts, does every finding name its criterion, and do journal, inventory and
README know of the run?
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "4.4"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
