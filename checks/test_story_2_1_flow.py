"""Story 2.1: which heads move information forward.

Flow is the share of a head's attention to latents that goes to earlier ones. It is high in any model, because
causality leaves little else, so each claim about the strongest heads stands beside what uniform reading, shuffled
rows and an untrained model give.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "2.1"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
