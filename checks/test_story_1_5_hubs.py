"""Story 1.5: hubs, sequences and skips.

Is there a thought that the later ones read more than causality alone makes them? Do thoughts read their
predecessor, or do they skip? Each question gets a yes or a no with a confidence, a hub is held against what the
causal mask gives for free, and one figure shows it.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "1.5"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
