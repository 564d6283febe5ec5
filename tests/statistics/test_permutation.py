"""Permutation tests and corrections against scipy and exhaustive enumeration."""

from itertools import permutations, product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import squareform

from harness import measures, statistics


def exact_sign_p(values: np.ndarray, alternative: str) -> float:
    """Share of all sign patterns at least as extreme."""
    sums = np.array(list(product([-1, 1], repeat=len(values)))) @ values
    observed = values.sum()
    extreme = {
        "two-sided": np.abs(sums) >= abs(observed) - 1e-9,
        "greater": sums >= observed - 1e-9,
        "less": sums <= observed + 1e-9,
    }[alternative]
    return float(extreme.mean())


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_sign_flips_agree_with_enumeration_and_scipy(alternative: str) -> None:
    values = np.random.default_rng(2).normal(0.4, 1, size=(10, 3))
    found = statistics.sign_flip_p(values, draws=40_000, seed=1, alternative=alternative)
    exact = [exact_sign_p(column, alternative) for column in values.T]
    np.testing.assert_allclose(found, exact, atol=0.01)
    scipy_p = scipy.stats.permutation_test(
        (values,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", alternative=alternative
    ).pvalue
    np.testing.assert_allclose(found, scipy_p, atol=0.01)


def test_sign_flips_of_one_column_give_one_number() -> None:
    p = statistics.sign_flip_p(np.ones(12), draws=999, seed=0, alternative="greater")
    assert p.shape == ()
    assert p == pytest.approx(2**-12, abs=0.004)


def test_no_difference_is_never_significant() -> None:
    assert statistics.sign_flip_p(np.zeros((8, 2)), draws=99).tolist() == [1.0, 1.0]


def test_ties_by_rounding_count_as_hits() -> None:
    values = np.array([0.1, 0.2, 0.3, -0.6])
    assert statistics.sign_flip_p(values, draws=200, alternative="two-sided") == 1.0


def test_sign_flips_hold_their_level_under_the_null() -> None:
    values = np.random.default_rng(0).normal(size=(30, 2000))
    p = statistics.sign_flip_p(values, draws=499, seed=3)
    assert 0.035 < (p < 0.05).mean() < 0.065


def test_smallest_p_is_one_over_the_arrangements_drawn() -> None:
    assert statistics.p_value(0, 999) == 1 / 1000
    assert statistics.p_value(np.array([0, 999]), 999).tolist() == [1 / 1000, 1.0]


def test_drawn_p_counts_draws_at_least_as_large() -> None:
    assert statistics.drawn_p(0.3, np.array([0.1, 0.3, 0.1 + 0.2, 0.5])) == pytest.approx(4 / 5)


def dealt_distances(mean: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The statistic for every distinct dealing of the heads to the groups."""
    labels = members.argmax(axis=0)
    dealings = np.array(sorted(set(permutations(labels.tolist()))))
    groups = dealings[:, None, :] == np.arange(3)[:, None]
    return measures.largest_distance(measures.group_means(mean[None], groups))


@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_group_permutation_agrees_with_enumeration(strength: float) -> None:
    mean = statistics.plant("hub", strength, n=3, L=3, H=2, T=4, seed=1, heads=[4, 5], noise=0.3).mean(axis=0)
    members = measures.layer_members(3, 2)
    every = dealt_distances(mean, members)
    exact = (every >= float(measures.layer_distance(mean)) - 1e-12).mean()
    assert statistics.group_permutation_p(mean, members, 8000, seed=0) == pytest.approx(exact, abs=0.02)


def test_group_permutation_finds_layers_that_differ_and_not_others() -> None:
    members = measures.layer_members(6, 4)
    differ = statistics.plant("hub", 0.6, n=10, L=6, H=4, T=6, seed=1, hub=2, heads=range(16, 24))
    alike = statistics.plant("hub", 0.6, n=10, L=6, H=4, T=6, seed=1, hub=2)
    p = statistics.group_permutation_p(np.stack([differ.mean(axis=0), alike.mean(axis=0)]), members, 499)
    assert p[0] == 1 / 500
    assert p[1] > 0.05


def test_group_permutation_holds_its_level_over_leading_axes() -> None:
    rng = np.random.default_rng(5)
    means = rng.dirichlet(np.ones(5), size=(20, 15, 4, 3, 4))[..., :4] * np.tri(4)
    p = statistics.group_permutation_p(means, measures.layer_members(4, 3), 199, seed=0)
    assert p.shape == (20, 15)
    assert 0.02 < (p < 0.05).mean() < 0.09


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_corrected_p_equals_scipy(p: list[float]) -> None:
    np.testing.assert_allclose(statistics.benjamini_hochberg(p), scipy.stats.false_discovery_control(p), rtol=1e-12)


def test_a_member_without_p_still_counts_in_its_family() -> None:
    with_gap = statistics.benjamini_hochberg([0.01, None, 0.02, float("nan")])
    assert np.isnan(with_gap).tolist() == [False, True, False, True]
    np.testing.assert_allclose(with_gap[[0, 2]], [0.04, 0.04])


def test_an_empty_family_has_no_values() -> None:
    assert statistics.benjamini_hochberg([]).shape == (0,)


@pytest.mark.parametrize("labels", [[0, 0, 1], [1, 1, 0, 2], [0, 1, 1, 1, 2, 2], [3, 3, 3]])
def test_few_rearrangements_are_all_there_once_without_the_one_observed(labels: list[int]) -> None:
    found = [tuple(row) for row in statistics.rearranged(np.array(labels), draws=9999)]
    assert len(set(found)) == len(found)
    assert set(found) == set(permutations(labels)) - {tuple(labels)}


def test_more_rearrangements_than_draws_are_drawn_at_random() -> None:
    labels = np.repeat([0, 1, 2], 3)
    assert len(statistics.rearranged(labels, 1679)) == 1679
    assert len({tuple(row) for row in statistics.rearranged(labels, 1679)}) == 1679
    drawn = statistics.rearranged(labels, 1678, seed=4)
    assert drawn.shape == (1678, 9) and len({tuple(row) for row in drawn}) < 1678
    assert (np.sort(drawn, axis=1) == labels).all()
    np.testing.assert_allclose((drawn == 0).mean(axis=0), 1 / 3, atol=0.05)
    np.testing.assert_array_equal(drawn, statistics.rearranged(labels, 1678, seed=4))
    assert not np.array_equal(drawn, statistics.rearranged(labels, 1678, seed=5))


@pytest.mark.parametrize("seed", range(5))
def test_p_of_labels_is_the_share_of_all_permutations_as_far_apart(seed: int) -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 2])
    points = np.random.default_rng(seed).normal(size=(7, 2)) + 0.8 * labels[:, None]
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)

    def difference(groups: np.ndarray) -> float:
        pairs = [(a, b) for a in range(7) for b in range(a)]
        between = [distances[a, b] for a, b in pairs if groups[a] != groups[b]]
        within = [distances[a, b] for a, b in pairs if groups[a] == groups[b]]
        return float(np.mean(between) - np.mean(within))

    reached = [difference(labels[list(order)]) >= difference(labels) - 1e-9 for order in permutations(range(7))]
    assert statistics.label_permutation_p(squareform(distances), labels) == pytest.approx(np.mean(reached))
    assert statistics.label_permutation_p(squareform(distances), labels, draws=200) == pytest.approx(
        np.mean(reached), abs=0.1
    )


def test_a_difference_of_groups_has_the_exact_p_of_scipy() -> None:
    rng = np.random.default_rng(4)
    values, members = rng.normal(size=10), np.arange(10) < 4
    values[members] += 0.8
    exact = scipy.stats.permutation_test(
        (values[members], values[~members]),
        lambda one, other, axis: np.abs(one.mean(axis=axis) - other.mean(axis=axis)),
        n_resamples=np.inf,
        alternative="greater",
        vectorized=True,
    ).pvalue
    assert statistics.group_difference_p(values, members) == pytest.approx(exact)
    assert statistics.group_difference_p(-values, members) == pytest.approx(exact)
    assert statistics.group_difference_p(values, members, draws=200, seed=1) == pytest.approx(exact, abs=0.08)


def test_groups_that_are_alike_differ_by_chance_only() -> None:
    rng = np.random.default_rng(5)
    members = np.arange(60) < 30
    p = [statistics.group_difference_p(rng.normal(size=60), members, 199, seed) for seed in range(100)]
    assert 0.4 < np.mean(p) < 0.6
    assert np.mean(np.array(p) <= 0.05) <= 0.1
    assert statistics.group_difference_p(np.ones(60), members, 199) == 1
