"""Distances between heads and between groups of them, against loops over pairs."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import squareform

from harness.measures import (
    EmptyGroup,
    between_groups,
    distance,
    from_others,
    mean_pairwise_distance,
    normalise_rows,
    pairwise_distances,
)


def patterns(k: int, T: int = 6, seed: int = 0) -> np.ndarray:
    return np.tril(np.random.default_rng(seed).dirichlet(np.full(T + 1, 0.5), size=(k, T))[..., :T])


@pytest.mark.parametrize("T", [2, 6, 9])
def test_every_pair_has_the_distance_that_two_patterns_have(T: int) -> None:
    heads = patterns(7, T)
    heads[3, 1] = 0
    found = squareform(pairwise_distances(heads))
    for a in range(7):
        for b in range(7):
            expected = distance(normalise_rows(heads[a]), normalise_rows(heads[b])) if a != b else 0
            np.testing.assert_allclose(found[a, b], expected, rtol=1e-12, atol=1e-15)


def test_heads_without_a_common_row_have_no_distance() -> None:
    heads = patterns(3, 3)
    heads[0, 1], heads[1, 2] = 0, 0
    np.testing.assert_array_equal(np.isnan(pairwise_distances(heads)), [True, False, False])


def test_leading_axes_are_treated_one_by_one() -> None:
    heads = patterns(10).reshape(2, 5, 6, 6)
    heads[0, 1, 3], heads[1, 2, 5] = 0, 0
    found = pairwise_distances(heads)
    for one, other in zip(heads, found, strict=True):
        np.testing.assert_array_equal(pairwise_distances(one), other)


def test_the_mean_of_all_pairs_is_the_mean_pairwise_distance() -> None:
    heads = patterns(9)
    found = pairwise_distances(heads).mean()
    assert found == pytest.approx(float(mean_pairwise_distance(heads)))


def test_chosen_heads_are_compared_with_the_others_and_those_among_themselves() -> None:
    distances = pairwise_distances(patterns(8))
    chosen = np.isin(np.arange(8), (1, 4, 6))
    found = from_others(distances, chosen)
    others = [0, 2, 3, 5, 7]
    square = squareform(distances)
    across = np.mean([square[a, b] for a in (1, 4, 6) for b in others])
    inside = np.mean([square[a, b] for a, b in combinations(others, 2)])
    assert (found.across, found.inside) == pytest.approx((across, inside))
    assert found.difference == pytest.approx(across - inside)


@pytest.mark.parametrize("left", [0, 1])
def test_fewer_than_two_other_heads_are_no_group(left: int) -> None:
    chosen = np.arange(5) >= left
    with pytest.raises(EmptyGroup, match=rf"beside the {5 - left} compared, of 5"):
        from_others(pairwise_distances(patterns(5)), chosen)


def test_two_other_heads_are_a_group_of_one_pair() -> None:
    distances = pairwise_distances(patterns(5))
    found = from_others(distances, np.array([True, False, True, False, True]))
    assert found.inside == squareform(distances)[1, 3]


def test_of_several_choices_the_one_that_leaves_too_few_is_refused() -> None:
    chosen = np.array([[True, False, False, False, False], [True, True, True, True, False]])
    with pytest.raises(EmptyGroup, match=r"^needs two heads beside the 4 compared, of 5$"):
        from_others(np.stack([pairwise_distances(patterns(5))] * 2), chosen)


def test_groups_are_compared_pair_by_pair() -> None:
    distances = pairwise_distances(patterns(7))
    groups = np.array([2, 0, 2, 1, 0, 2, 1])
    pairs = list(combinations(range(7), 2))
    square = squareform(distances)
    between = np.mean([square[a, b] for a, b in pairs if groups[a] != groups[b]])
    within = np.mean([square[a, b] for a, b in pairs if groups[a] == groups[b]])
    found = between_groups(distances, groups)
    assert (found.across, found.inside) == pytest.approx((between, within))
    many = between_groups(distances, np.stack([groups, groups[::-1]]))
    assert many.difference[0] == pytest.approx(float(found.difference))
    assert many.difference[1] == pytest.approx(float(between_groups(distances, groups[::-1]).difference))


def test_pairs_without_a_distance_are_left_out_and_groups_without_pairs_are_null() -> None:
    heads = patterns(4, 3)
    heads[0, 1], heads[1, 2] = 0, 0
    distances = pairwise_distances(heads)
    found = between_groups(distances, np.array([0, 0, 1, 1]))
    assert found.inside == pytest.approx(distances[-1])
    assert np.isnan(between_groups(distances, np.arange(4)).inside)
    assert np.isnan(between_groups(distances, np.zeros(4)).across)
