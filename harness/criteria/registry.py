"""Every criterion there is, in the order of the study."""

from collections.abc import Sequence
from functools import cache

from harness.criteria import (
    story_1_1,
    story_1_2,
    story_1_3,
    story_1_4,
    story_1_5,
    story_2_1,
    story_2_2,
    story_2_3,
    story_2_4,
    story_2_5,
    story_2_6,
    story_3_1,
    story_3_2,
    story_3_3,
    story_4_1,
    story_4_2,
    story_4_3,
    story_4_4,
    story_b_1,
    story_b_2,
    story_b_3,
    story_b_4,
    story_b_5,
    story_b_6,
    story_b_7,
    story_i_1,
    story_i_2,
    story_i_3,
    story_i_4,
    story_i_5,
    story_s_1,
    story_s_2,
)
from harness.criteria.criterion import Criterion
from harness.files import digest

_STORIES = (
    story_1_1,
    story_1_2,
    story_1_3,
    story_1_4,
    story_1_5,
    story_2_1,
    story_2_2,
    story_2_3,
    story_2_4,
    story_2_5,
    story_2_6,
    story_i_1,
    story_i_2,
    story_i_3,
    story_i_4,
    story_i_5,
    story_s_1,
    story_s_2,
    story_b_1,
    story_b_2,
    story_b_3,
    story_b_4,
    story_b_5,
    story_b_6,
    story_b_7,
    story_4_1,
    story_4_2,
    story_4_3,
    story_4_4,
    story_3_2,
    story_3_3,
    story_3_1,
)
"""Those that look at what the others left come last."""


@cache
def criteria() -> tuple[Criterion, ...]:
    """All declared criteria; ids are unique."""
    declared = tuple(criterion for story in _STORIES for criterion in story.CRITERIA)
    ids = [criterion.id for criterion in declared]
    repeated = sorted({one for one in ids if ids.count(one) > 1})
    if repeated:
        raise ValueError(f"criteria declared twice: {', '.join(repeated)}")
    return declared


def find(criterion_id: str) -> Criterion:
    """The criterion with this id; KeyError when there is none."""
    return {criterion.id: criterion for criterion in criteria()}[criterion_id]


def declaration_digests(own: Sequence[Criterion] = ()) -> dict[str, str]:
    """SHA-256 of each declaration, by id; those of a user's ``own`` criteria too."""
    return {criterion.id: criterion.digest() for criterion in (*criteria(), *own)}


def declarations_digest(own: Sequence[Criterion] = ()) -> str:
    """SHA-256 over all declarations, a user's ``own`` included."""
    return digest(*(f"{name}:{value}" for name, value in sorted(declaration_digests(own).items())))
