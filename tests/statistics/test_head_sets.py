"""Random sets of heads: distinct, apart from the chosen ones, matched by layer where that is possible."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measures import EmptyGroup
from harness.statistics import random_head_sets


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), k=st.integers(2, 10))
def test_sets_are_distinct_of_the_same_size_and_without_chosen_heads(seed: int, k: int) -> None:
    flat = np.random.default_rng(seed).permutation(64)[:k]
    chosen = [divmod(int(head), 8) for head in flat]
    found = random_head_sets(chosen, 8, 8, seed)
    assert 100 <= len(found) == len(set(found)) <= 200
    for heads in found:
        assert len(set(heads)) == k and not set(heads) & set(chosen)
        assert list(heads) == sorted(heads)


def test_layers_are_matched_where_a_hundred_such_sets_exist() -> None:
    chosen = [(0, 1), (0, 2), (2, 5)]
    found = random_head_sets(chosen, 4, 8, 0)
    assert comb(6, 2) * 7 >= 100
    assert {tuple(layer for layer, _ in heads) for heads in found} == {(0, 0, 2)}
    assert len(found) == comb(6, 2) * 7


def test_layers_are_left_open_where_matching_leaves_too_few_sets() -> None:
    chosen = [(0, 0), (1, 1)]
    found = random_head_sets(chosen, 2, 9, 0)
    assert comb(8, 1) ** 2 < 100
    every = [head for layer in range(2) for head in [(layer, one) for one in range(9)] if head not in chosen]
    assert sorted(found) == sorted(combinations(every, 2))


def test_too_few_heads_are_no_comparison() -> None:
    with pytest.raises(EmptyGroup, match="16 heads hold 15 sets of 1 beside the chosen ones; needs at least 100"):
        random_head_sets([(0, 0)], 2, 8, 0)


def test_a_seed_gives_the_same_sets_and_another_seed_others() -> None:
    chosen = [(layer, head) for layer in range(5) for head in range(2)]
    assert random_head_sets(chosen, 12, 12, 4) == random_head_sets(chosen, 12, 12, 4)
    assert random_head_sets(chosen, 12, 12, 4) != random_head_sets(chosen, 12, 12, 5)
