"""Importance and correlations within problems, against plain counting."""

import numpy as np
import pytest

from harness.measures.importance import centred, correlation, correlation_parts, importance, paired_drop

RNG = np.random.default_rng(0)


def test_a_thought_matters_where_the_answer_is_lost_without_it() -> None:
    baseline = np.array([True, True, False, False])
    ablated = np.array([[True, False], [False, False], [True, False], [False, True]])
    assert importance(baseline, ablated).tolist() == [[False, True], [True, True], [False, False], [False, False]]
    assert paired_drop(baseline, ablated).tolist() == [[0, 1], [1, 1], [-1, 0], [0, -1]]


def test_correlation_within_problems_is_pearsons_of_centred_values() -> None:
    x = RNG.normal(size=(30, 6)) + RNG.normal(size=(30, 1)) * 10
    y = 0.5 * x + RNG.normal(size=(30, 6)) + RNG.normal(size=(30, 1)) * 10
    own, other = (values - values.mean(axis=1, keepdims=True) for values in (x, y))
    expected = np.corrcoef(own.ravel(), other.ravel())[0, 1]
    assert correlation(correlation_parts(x, y).mean(axis=0)) == pytest.approx(expected)


def test_what_differs_between_problems_only_is_no_correlation() -> None:
    between = RNG.normal(size=(50, 1)) * 100
    x, y = between + RNG.normal(size=(50, 6)), between + RNG.normal(size=(50, 6))
    assert abs(np.corrcoef(x.ravel(), y.ravel())[0, 1]) > 0.99
    assert abs(correlation(correlation_parts(x, y).mean(axis=0))) < 0.2


def test_resampled_problems_come_as_weights() -> None:
    x, y = RNG.normal(size=(2, 20, 5))
    rows = RNG.integers(0, 20, size=20)
    weights = np.bincount(rows, minlength=20) / 20
    drawn = correlation(weights @ correlation_parts(x, y))
    assert drawn == pytest.approx(np.corrcoef(centred(x[rows]).ravel(), centred(y[rows]).ravel())[0, 1])


def test_values_that_never_vary_within_a_problem_have_no_correlation() -> None:
    assert np.isnan(correlation(correlation_parts(np.ones((4, 3)), RNG.normal(size=(4, 3))).mean(axis=0)))
