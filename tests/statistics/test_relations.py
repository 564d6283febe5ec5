"""Correlations across problems, their p and their resamples, against scipy."""

import numpy as np
import pytest
from scipy.stats import pearsonr, permutation_test, spearmanr

from harness.statistics import (
    midranks,
    pairing_p,
    pearson,
    relations,
    resample_weights,
    resampled_pearson,
    resampled_spearman,
    spearman,
)

pytestmark = pytest.mark.filterwarnings("error")


def values(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features [n, 4], with ties, a rare one and an outlier; impacts [n, 3] of which the first goes with the first."""
    rng = np.random.default_rng(seed)
    first = np.column_stack(
        [rng.integers(1, 7, n), rng.random(n) < 0.4, rng.normal(size=n), np.r_[1e6, rng.integers(1, 50, n - 1)]]
    ).astype(float)
    second = rng.choice([-1, 0, 1], p=[0.1, 0.6, 0.3], size=(n, 3))
    second[:, 0] = first[:, 0] + rng.normal(0, 2, n) > 4
    return first, second


@pytest.mark.parametrize("seed", range(3))
def test_correlations_of_every_two_columns_are_those_of_scipy(seed: int) -> None:
    first, second = values(60, seed)
    for row, one in enumerate(first.T):
        for column, other in enumerate(second.T):
            assert pearson(first, second)[row, column] == pytest.approx(pearsonr(one, other)[0])
            assert spearman(first, second)[row, column] == pytest.approx(spearmanr(one, other)[0])


@pytest.mark.parametrize("ranked", [False, True])
def test_p_is_that_of_all_pairings(ranked: bool) -> None:
    first, second = values(7, 2)
    if ranked:
        first, second = midranks(first), midranks(second)
    found = pairing_p(first, second, draws=20_000)
    for row, one in enumerate(first.T):
        for column, other in enumerate(second.T):
            if np.ptp(one) == 0 or np.ptp(other) == 0:
                assert np.isnan(found[row, column])
                continue
            theirs = permutation_test(
                (other,),
                lambda other, one=one: abs(np.corrcoef(one, other)[0, 1]),
                permutation_type="pairings",
                alternative="greater",
                n_resamples=np.inf,
            ).pvalue
            assert found[row, column] == pytest.approx(theirs, abs=0.015)


def test_p_of_a_planted_relation_is_the_least_and_of_unrelated_columns_is_spread_evenly() -> None:
    first, second = values(200)
    assert pairing_p(first, second, draws=499)[0, 0] == 1 / 500
    rng = np.random.default_rng(1)
    p = pairing_p(rng.normal(size=(80, 30)), rng.normal(size=(80, 30)), draws=199).ravel()
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert p.mean() == pytest.approx(0.5, abs=0.05)


def test_p_of_a_column_does_not_depend_on_the_others_or_on_how_much_is_held_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = values(50)
    whole = pairing_p(first, second, draws=300, seed=4)
    assert (pairing_p(first[:, [2]], second[:, [1]], draws=300, seed=4) == whole[2, 1]).all()
    monkeypatch.setattr(relations, "_CHUNK_VALUES", 1)
    np.testing.assert_array_equal(pairing_p(first, second, draws=300, seed=4), whole)
    assert (pairing_p(first, second, draws=300, seed=5) != whole).any()


def test_a_binary_feature_is_tested_like_two_groups() -> None:
    first, second = values(9, 3)
    members, other = first[:, 1] > 0, second[:, 0].astype(float)
    theirs = permutation_test(
        (other[members], other[~members]),
        lambda one, rest: abs(one.mean() - rest.mean()),
        alternative="greater",
        n_resamples=np.inf,
    ).pvalue
    assert pairing_p(first[:, [1]], other[:, None], draws=20_000)[0, 0] == pytest.approx(theirs, abs=0.015)


def test_a_column_that_does_not_vary_has_no_correlation_and_no_p() -> None:
    first, second = values(20)
    first[:, 1], second[:, 2] = 7.3, 0
    for found in (pearson(first, second), spearman(first, second), pairing_p(first, second, draws=99)):
        assert np.isnan(found[1]).all() and np.isnan(found[:, 2]).all()
        assert np.isfinite(found[[0, 2, 3]][:, :2]).all()


def test_resamples_are_those_of_problems_written_out_as_often_as_drawn() -> None:
    first, second = values(40)
    weights = resample_weights(40, 60, 1)
    linear, ranked = resampled_pearson(first, second, weights), resampled_spearman(first, second, weights)
    for draw in range(0, 60, 7):
        again = np.repeat(np.arange(40), np.rint(weights[draw] * 40).astype(int))
        for row in range(4):
            for column in range(3):
                one, other = first[again, row], second[again, column]
                assert linear[draw, row, column] == pytest.approx(pearsonr(one, other)[0], abs=1e-9)
                assert ranked[draw, row, column] == pytest.approx(spearmanr(one, other)[0], abs=1e-9)


def test_a_resample_in_which_a_column_does_not_vary_has_no_correlation() -> None:
    first = np.zeros((30, 1))
    first[0] = 1
    second = np.random.default_rng(0).normal(size=(30, 1))
    weights = resample_weights(30, 100, 0)
    there = weights[:, 0] > 0
    for of in (resampled_pearson, resampled_spearman):
        found = of(first, second, weights)[:, 0, 0]
        np.testing.assert_array_equal(np.isfinite(found), there)
    assert 0 < there.sum() < 100
