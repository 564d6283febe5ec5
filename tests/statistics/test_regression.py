"""Regression on standardised features: planted coefficients, the covariance by hand, and what is left out."""

import numpy as np
import pytest
from scipy.stats import t

from harness.statistics import regression

pytestmark = pytest.mark.filterwarnings("error")
NAMES = ("a", "b", "c")


def planted(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = np.column_stack([rng.integers(1, 7, n), rng.normal(50, 20, n), rng.random(n) < 0.3]).astype(float)
    features[:, 1] += 8 * features[:, 0]
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    return features, standard @ [0.3, -0.2, 0.0] + rng.normal(0, 0.5, n) * (0.5 + features[:, 2])


def test_planted_coefficients_are_recovered_each_with_the_others_held() -> None:
    features, outcome = planted()
    found = regression(features, outcome, NAMES)
    np.testing.assert_allclose(found.coefficients, [0.3, -0.2, 0.0], atol=0.04)
    assert (found.interval[0] < [0.3, -0.2, 0.0]).all() and (found.interval[1] > [0.3, -0.2, 0.0]).all()
    assert found.p[0] < 1e-6 and found.p[1] < 1e-6 and found.p[2] > 0.01
    assert found.left_out == {} and found.reason is None


def test_intervals_and_p_are_those_of_hc3_written_out() -> None:
    features, outcome = planted(60, 1)
    found = regression(features, outcome, NAMES)
    design = np.column_stack([np.ones(60), (features - features.mean(axis=0)) / features.std(axis=0)])
    inverse = np.linalg.inv(design.T @ design)
    estimates = inverse @ design.T @ outcome
    left = (outcome - design @ estimates) / (1 - np.einsum("ij,jk,ik->i", design, inverse, design))
    spread = np.sqrt(np.diag(inverse @ design.T @ np.diag(left**2) @ design @ inverse))[1:]
    np.testing.assert_allclose(found.coefficients, estimates[1:])
    np.testing.assert_allclose(found.interval, estimates[1:] + t.ppf([[0.025], [0.975]], 56) * spread)
    np.testing.assert_allclose(found.p, 2 * t.sf(np.abs(estimates[1:] / spread), 56))
    assert found.condition_number == pytest.approx(np.linalg.cond(design))
    fitted = design @ estimates
    assert found.r_squared == pytest.approx(np.corrcoef(fitted, outcome)[0, 1] ** 2)


def test_what_does_not_vary_or_follows_from_others_is_left_out_by_name_and_decides_nothing() -> None:
    features, outcome = planted(300)
    wider = np.column_stack([features[:, :2], np.ones(300), features[:, 2], features[:, 0] - 3 * features[:, 2]])
    found = regression(wider, outcome, ("a", "b", "same", "c", "both"))
    assert found.left_out == {"same": "does not vary", "both": "follows exactly from a, c"}
    np.testing.assert_allclose(found.coefficients[[0, 1, 3]], regression(features, outcome, NAMES).coefficients)
    assert np.isnan(found.coefficients[[2, 4]]).all() and np.isnan(found.p[[2, 4]]).all()


def test_an_outcome_that_does_not_vary_or_too_few_problems_give_the_reason_and_no_number() -> None:
    features, outcome = planted(50)
    features[:4, 2] = [0, 1, 0, 0]
    for found, why in (
        (regression(features, np.zeros(50), NAMES), "the outcome does not vary"),
        (regression(features[:4], outcome[:4], NAMES), "4 problems are too few for 3 features"),
    ):
        assert found.reason == why
        assert np.isnan([*found.coefficients, *found.interval.ravel(), *found.p, found.r_squared]).all()


def test_a_feature_of_one_problem_alone_leaves_the_coefficients_without_intervals() -> None:
    features, outcome = planted(50)
    features[:, 2] = np.arange(50) == 7
    found = regression(features, outcome, NAMES)
    assert found.reason is not None and "one problem alone" in found.reason
    assert np.isfinite(found.coefficients).all() and np.isnan(found.interval).all() and np.isnan(found.p).all()
