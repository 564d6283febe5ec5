"""Bootstrap and cross-fitting weights, and what is read from resamples."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import measures, statistics


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 40), draws=st.integers(1, 50), seed=st.integers(0, 99))
def test_resample_weights_are_counts_of_n_problems(n: int, draws: int, seed: int) -> None:
    weights = statistics.resample_weights(n, draws, seed)
    assert weights.shape == (draws, n)
    counts = weights * n
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_resample_weights_depend_on_the_seed_alone() -> None:
    first = statistics.resample_weights(10, 5, seed=3)
    np.testing.assert_array_equal(first, statistics.resample_weights(10, 5, seed=3))
    assert not np.array_equal(first, statistics.resample_weights(10, 5, seed=4))


def test_counts_of_a_problem_follow_the_binomial() -> None:
    counts = np.round(statistics.resample_weights(20, 20_000, seed=1)[:, 7] * 20).astype(int)
    observed = np.bincount(counts, minlength=5)[:5]
    expected = scipy.stats.binom(20, 1 / 20).pmf(np.arange(5)) * 20_000
    assert scipy.stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 0.001


def test_the_interval_of_a_mean_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).gamma(2, size=80)
    means = statistics.weighted_means(values, statistics.resample_weights(80, 20_000, seed=0))
    low, high = statistics.percentile_interval(means)
    expected = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=0.01)


def test_intervals_work_on_every_column_and_widen_with_the_level() -> None:
    values = np.random.default_rng(0).normal(size=(500, 3))
    low, high = statistics.percentile_interval(values, level=0.9)
    np.testing.assert_allclose([low, high], np.percentile(values, [5, 95], axis=0))
    wider = statistics.percentile_interval(values, level=0.99)
    assert np.all(wider[0] < low)
    assert np.all(wider[1] > high)


def test_an_undefined_resample_makes_the_interval_undefined() -> None:
    assert np.isnan(statistics.percentile_interval(np.array([1.0, np.nan, 2.0]))).all()


def test_weighted_means_equal_means_of_the_drawn_problems() -> None:
    rng = np.random.default_rng(0)
    raw = rng.random((6, 2, 3), dtype=np.float32)
    drawn = rng.integers(0, 6, size=(4, 6))
    weights = np.array([np.bincount(row, minlength=6) / 6 for row in drawn])
    means = statistics.weighted_means(raw, weights)
    assert means.dtype == np.float64
    np.testing.assert_allclose(means, [raw[row].astype(float).mean(axis=0) for row in drawn], rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_resampled_measures_do_not_depend_on_the_chunk(chunk: int) -> None:
    raw = statistics.plant("hub", 0.5, n=12, L=2, H=2, T=5, seed=0)
    weights = statistics.resample_weights(12, 23, seed=0)
    values = statistics.resample(measures.enrichment, raw, weights, chunk)
    expected = measures.enrichment(statistics.weighted_means(raw, weights))
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_agreement_is_the_share_of_resamples_with_the_verdict() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4, np.nan])
    assert statistics.agreement(values, lambda v: v > 0.15) == pytest.approx(0.6)
    assert statistics.agreement(values, lambda v: v > 0.15, verdict=False) == pytest.approx(0.4)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 31), seed=st.integers(0, 99))
def test_halves_are_disjoint_and_complete(n: int, seed: int) -> None:
    first, second = statistics.halves(n, splits=9, seed=seed)
    assert first.shape == second.shape == (9, n)
    np.testing.assert_array_equal((first > 0) ^ (second > 0), np.ones((9, n), dtype=bool))
    np.testing.assert_array_equal((first > 0).sum(axis=1), n // 2)
    np.testing.assert_allclose([first.sum(axis=1), second.sum(axis=1)], 1)


def test_every_problem_is_equally_often_in_the_first_half() -> None:
    first, _ = statistics.halves(10, splits=4000, seed=0)
    np.testing.assert_allclose((first > 0).mean(axis=0), 0.5, atol=0.04)
    assert len(np.unique(first > 0, axis=0)) == 252


def test_one_problem_has_no_halves() -> None:
    with pytest.raises(ValueError, match="at least 2 problems, got 1"):
        statistics.halves(1)


def test_public_names_are_sorted() -> None:
    assert statistics.__all__ == sorted(statistics.__all__)
    assert all(callable(getattr(statistics, name)) for name in statistics.__all__)


def test_simultaneous_intervals_hold_for_all_points_at_once() -> None:
    rng = np.random.default_rng(0)
    missed = 0
    for seed in range(200):
        values = rng.normal(size=(60, 5))
        drawn = statistics.resample_weights(60, 400, seed) @ values
        low, high = statistics.simultaneous_interval(values.mean(axis=0), drawn)
        missed += not ((low <= 0) & (high >= 0)).all()
    assert missed / 200 < 0.1


def test_a_single_point_has_the_interval_of_its_largest_deviations() -> None:
    drawn = np.linspace(-1, 1, 2001)[:, None]
    low, high = statistics.simultaneous_interval(np.zeros(1), drawn)
    assert (low[0], high[0]) == pytest.approx((-0.95, 0.95), abs=1e-3)
