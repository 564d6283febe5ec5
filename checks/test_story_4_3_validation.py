"""Story 4.3: what the sample showed, held against all problems.

Are the same heads on top, are the verdicts the same, is the hub a hub on problems that did not choose it? With thousands of
problems next to everything is significant, so every test says how large the effect is.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "4.3"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
