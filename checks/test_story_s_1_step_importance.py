"""Story S.1: do complex problems depend on early thoughts?

Zeroing the first i thoughts takes away more of them as i grows, so its curve rises whatever the thoughts do. Beside it stand
each thought alone, each left in alone, and the exact Shapley values, all from the same runs over every set of thoughts.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "S.1"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
