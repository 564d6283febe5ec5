import numpy as np
import pytest

from harness.statistics.parts import parts_summary


def test_means_and_intervals_are_those_of_each_part_alone() -> None:
    rng = np.random.default_rng(0)
    shares, norms = rng.normal(0.2, 0.1, (40, 6, 5)), rng.uniform(1, 9, (40, 6, 5))
    summary = parts_summary(shares, norms, draws=500, seed=3)
    assert summary.share == pytest.approx(shares.mean(axis=0))
    assert summary.norm == pytest.approx(norms.mean(axis=0))
    for interval, values in ((summary.share_interval, shares), (summary.norm_interval, norms)):
        assert interval.shape == (2, 6, 5)
        assert (interval[0] < values.mean(axis=0)).all()
        assert (values.mean(axis=0) < interval[1]).all()
        error = values.std(axis=0, ddof=1) / np.sqrt(40)
        assert (interval[1] - interval[0]) / error == pytest.approx(2 * 1.96, rel=0.25)


def test_shares_that_sum_to_one_do_so_in_the_mean() -> None:
    shares = np.random.default_rng(1).dirichlet(np.ones(5), (30, 6))
    assert parts_summary(shares, shares, draws=10).share.sum(-1) == pytest.approx(1)
