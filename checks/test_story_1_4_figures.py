"""Story 1.4: patterns for the eye.

The twenty strongest heads in one grid, and every layer in one aggregate. Whether the figures show anything is a
question with a number as well: structure that survives squinting, cells that are bright, a hub one can point at,
heads and layers that differ from each other.
"""

from harness.plugin.collection import Case
from harness.plugin.judging import Judge

STORY = "1.4"


def test_criterion(case: Case, judge: Judge) -> None:
    judge(case)
