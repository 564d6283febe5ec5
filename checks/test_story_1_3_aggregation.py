"""Story 1.3: from single problems to patterns.

Averaged over problems, a head's attention becomes a pattern. The pattern means something only if the problems agree
on it, if some heads have clear structure, and if the strongest ones are strong; the statistics to see all this by
are saved beside it.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "1.3"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
