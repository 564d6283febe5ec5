"""Story B.5: where does attention go when the first thought is blocked?

A softmax without one key gives its weight to all others in proportion, whatever they mean. What the model does is shown beside
that, so that only the rest is taken for a reaction.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "B.5"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
