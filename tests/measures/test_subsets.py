"""Designs that ablate thoughts, against sums over orders and against each other."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measures import TooFewLatents
from harness.measures.subsets import (
    DESIGNS,
    early_less_late,
    halves_of,
    leave_one_in,
    most_early_less_late,
    nested_drop,
    nested_steps,
    positions_of,
    shapley,
    single_drop,
    subset_of,
    thoughts_in,
)


def over_all_orders(values: np.ndarray, T: int) -> np.ndarray:
    """Mean over orders of what restoring each thought adds, starting with all ablated."""
    found = np.zeros(T)
    orders = list(permutations(range(T)))
    for order in orders:
        subset = 2**T - 1
        for position in order:
            restored = subset - 2**position
            found[position] += values[restored] - values[subset]
            subset = restored
    return found / len(orders)


@pytest.mark.parametrize("T", [1, 2, 3, 5])
def test_shapley_is_the_mean_over_all_orders_and_sums_to_the_whole_drop(T: int) -> None:
    values = np.random.default_rng(T).normal(size=(4, 2**T))
    found = shapley(values)
    for row, expected in zip(found, values, strict=True):
        np.testing.assert_allclose(row, over_all_orders(expected, T), atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=-1), values[:, 0] - values[:, -1], atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(worth=st.lists(st.floats(-3, 3), min_size=1, max_size=7))
def test_where_thoughts_add_up_every_design_but_the_nested_says_the_same(worth: list[float]) -> None:
    T = len(worth)
    values = np.array([sum(worth[j] for j in range(T) if not subset >> j & 1) for subset in range(2**T)])
    for design in (shapley, single_drop, leave_one_in):
        np.testing.assert_allclose(design(values), worth, atol=1e-9)
    np.testing.assert_allclose(nested_drop(values), np.concatenate([[0], np.cumsum(worth)[:-1]]), atol=1e-9)


def test_two_thoughts_that_stand_in_for_each_other_are_missed_by_ablating_one() -> None:
    values = np.array([float(not (subset & 1 and subset & 2)) for subset in range(8)])
    assert single_drop(values).tolist() == [0, 0, 0]
    assert leave_one_in(values).tolist() == [1, 1, 0]
    np.testing.assert_allclose(shapley(values), [0.5, 0.5, 0], atol=1e-12)
    assert nested_drop(values).tolist() == [0, 0, 1]


def test_a_thought_without_effect_is_worth_nothing_and_alike_ones_the_same() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=8)
    values = np.array([base[subset & 7] for subset in range(16)])
    assert shapley(values)[3] == pytest.approx(0, abs=1e-12)
    symmetric = np.array([float(subset.bit_count() ** 2) for subset in range(16)])
    assert np.ptp(shapley(symmetric)) < 1e-12


def test_subsets_are_numbered_by_what_is_ablated() -> None:
    assert [positions_of(subset, 3) for subset in (0, 5, 7)] == [(), (0, 2), (0, 1, 2)]
    assert all(subset_of(positions_of(subset, 6)) == subset for subset in range(64))
    assert thoughts_in(np.zeros((3, 64))) == 6
    with pytest.raises(ValueError, match="powers of two, got 6"):
        shapley(np.zeros(6))


def test_what_is_worth_nothing_is_exactly_zero_for_right_and_wrong_answers() -> None:
    right = np.random.default_rng(0).random((50, 32)) < 0.5
    same = np.concatenate([right, right], axis=1)  # thought 5 changes no answer
    assert (shapley(same)[:, 5] == 0).all()
    assert shapley(np.ones((3, 64))).tolist() == np.zeros((3, 6)).tolist()


def test_a_step_of_the_nested_curve_is_what_its_thought_costs_when_those_before_it_are_gone() -> None:
    values = np.random.default_rng(1).normal(size=(3, 16))
    steps = nested_steps(values)
    assert steps.shape == (3, 3)
    for position, (before, after) in enumerate([(0, 1), (1, 3), (3, 7)]):
        np.testing.assert_allclose(steps[:, position], values[:, before] - values[:, after])


@pytest.mark.parametrize(("T", "early"), [(2, 1), (5, 2), (6, 3)])
def test_early_thoughts_are_the_first_half_rounded_down(T: int, early: int) -> None:
    assert halves_of(T) == (tuple(range(early)), tuple(range(early, T)))
    by_position = np.arange(T) ** 2.0
    assert early_less_late(by_position) == by_position[:early].mean() - by_position[early:].mean()


def test_a_single_thought_is_neither_early_nor_late() -> None:
    with pytest.raises(TooFewLatents, match="at least 2 latents, got 1"):
        halves_of(1)


@pytest.mark.parametrize("T", [2, 3])
def test_no_metric_between_0_and_1_gives_more_early_less_late_than_the_stated_most(T: int) -> None:
    every = np.array(list(product((0.0, 1.0), repeat=2**T)))
    found = early_less_late(shapley(every))
    assert (found.max(), found.min()) == pytest.approx((most_early_less_late(T), -most_early_less_late(T)))


def test_every_design_has_a_value_for_each_thought() -> None:
    values = np.random.default_rng(2).normal(size=(4, 32))
    assert list(DESIGNS) == ["nested", "single", "leave_one_in", "shapley"]
    assert all(design(values).shape == (4, 5) for design in DESIGNS.values())
