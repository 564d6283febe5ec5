"""Outcomes of blocked thoughts, and the controls made of them."""

import numpy as np
import pytest

from harness.criteria.blocks import BlockTrials
from harness.interventions.designs import READERS, block_name, blocks_design
from harness.measures import NotApplicable
from tests.criteria.block_cases import block_trials

T, N = 6, 60


@pytest.fixture(scope="module")
def marked() -> BlockTrials:
    """The log-probability under each condition is its column, the numbers read are the thought and the problem."""
    trials = block_trials(n=N, numbers=np.arange(N)[:, None] * 10.0 + np.arange(T))
    trials.gold[:] = np.arange(len(trials.names))
    return trials


def test_a_thought_blocked_for_readers_is_the_condition_of_that_name(marked: BlockTrials) -> None:
    names = list(blocks_design(T))
    for readers in READERS:
        expected = [names.index(block_name(readers, position, T)) for position in range(T)]
        assert (marked.blocked("gold", readers) == expected).all()
    assert marked.blocked("gold", "latents")[0, T - 1] == names.index("sham")
    assert (marked.blocked("gold", "matched")[:, 4:] == marked.blocked("gold")[:, 4:]).all()


def test_impact_is_right_before_less_right_after() -> None:
    trials = block_trials(lambda problem, blocked, readers: (blocked is None) == (problem % 2 == 0), 10)
    assert trials.impact()[:, 0].tolist() == [1, -1] * 5


def test_a_sham_leaves_no_impact_and_no_change_of_class() -> None:
    trials = block_trials(lambda problem, blocked, readers: blocked != 0, 10).sham()
    assert not trials.impact().any()
    assert (trials.codes == trials.codes[:, :1]).all()


def test_in_a_draw_every_thought_has_the_place_of_another_one_the_same_in_all_problems(marked: BlockTrials) -> None:
    for draw in range(20):
        drawn = marked.drawn(draw)
        own, moved = marked.blocked("gold"), drawn.blocked("gold")
        assert (np.sort(moved, axis=1) == np.sort(own, axis=1)).all()
        assert (moved != own).all()
        taken = moved - own[0, 0]
        assert (taken == taken[0]).all()
        # Whose place a thought has is the same for all kinds of readers, and for what thoughts read.
        assert (drawn.numbers % 10 == taken).all()
        matched = np.take_along_axis(marked.blocked("gold", "matched"), taken.astype(int), axis=1)
        assert (drawn.blocked("gold", "matched")[:, :4] == matched[:, :4]).all()
        for name in ("baseline", "sham", "all blocked", "sequential only"):
            assert (drawn.of("gold", name) == marked.of("gold", name)).all()


def test_draws_differ_and_are_the_same_again(marked: BlockTrials) -> None:
    first, again, other = marked.drawn(1), marked.drawn(1), marked.drawn(2)
    assert (first.gold == again.gold).all()
    assert (first.gold != other.gold).any()
    assert len({tuple(marked.drawn(draw).blocked("gold")[0]) for draw in range(50)}) > 10


def test_a_thought_without_a_thought_after_it_is_none_that_can_be_blocked_for_one() -> None:
    trials = block_trials(n=4, T=5)
    assert trials.thought(3) == 3
    with pytest.raises(NotApplicable):
        trials.thought(4)
