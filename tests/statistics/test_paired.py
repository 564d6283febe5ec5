"""McNemar's exact test against scipy's binomial test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.statistics import mcnemar_p, paired_drop_interval


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_it_is_the_binomial_test_of_the_answers_that_changed(answers: list[tuple[bool, bool]]) -> None:
    before, after = np.array(answers).T
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    expected = binomtest(lost, lost + gained, 0.5).pvalue if lost + gained else 1.0
    assert abs(float(mcnemar_p(before, after)) - expected) < 1e-12


def test_every_condition_is_tested_alone() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random(50) < 0.8, rng.random((50, 3, 2)) < 0.5
    found = mcnemar_p(before, after)
    assert found.shape == (3, 2)
    assert found[2, 1] == mcnemar_p(before, after[:, 2, 1])


def test_no_changed_answer_is_no_evidence() -> None:
    assert mcnemar_p(np.array([True, False]), np.array([True, False])) == 1.0


def test_it_holds_its_level_where_nothing_happens() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random((200, 400)) < 0.7, rng.random((200, 400)) < 0.7
    p = np.array([mcnemar_p(before[:, k], after[:, k]) for k in range(400)])
    assert (p < 0.05).mean() <= 0.06


def constrained(lost: int, gained: int, n: int, drop: float) -> float:
    """Share gained of the likeliest trinomial with this drop, found by trying."""
    shares = np.linspace(max(0.0, -drop), (1 - drop) / 2, 400_001)[1:-1]
    likelihood = np.zeros_like(shares)
    for count, share in ((lost, shares + drop), (gained, shares), (n - lost - gained, 1 - 2 * shares - drop)):
        if count:
            likelihood += count * np.log(np.maximum(share, 1e-300))
    return float(shares[likelihood.argmax()])


@pytest.mark.parametrize(("lost", "gained", "n"), [(0, 0, 13), (1, 0, 73), (5, 2, 40), (2, 9, 30), (30, 0, 31)])
def test_at_the_ends_of_the_interval_what_was_seen_is_1_96_standard_errors_away(lost: int, gained: int, n: int) -> None:
    for end in paired_drop_interval(lost, gained, n):
        share = constrained(lost, gained, n, end)
        error = np.sqrt((2 * share + end - end**2) / n)
        assert abs((lost - gained) / n - end) / error == pytest.approx(1.96, abs=2e-3)


def test_where_nothing_changed_the_interval_says_how_few_were_asked() -> None:
    z = 1.959964
    for n in (5, 73, 1000):
        assert paired_drop_interval(0, 0, n) == pytest.approx((-(z**2) / (n + z**2), z**2 / (n + z**2)))


def test_all_lost_is_the_most_there_is_and_gains_mirror_losses() -> None:
    assert paired_drop_interval(7, 0, 7)[1] == 1.0
    low, high = paired_drop_interval(8, 3, 50)
    assert paired_drop_interval(3, 8, 50) == (-high, -low)


def test_the_interval_covers_the_truth_where_few_answers_change() -> None:
    rng = np.random.default_rng(2)
    n, lost, gained = 60, 0.04, 0.01
    counts = rng.multinomial(n, [lost, gained, 1 - lost - gained], size=1500)
    ends = {tuple(row): paired_drop_interval(int(row[0]), int(row[1]), n) for row in np.unique(counts, axis=0)}
    covered = [ends[tuple(row)][0] <= lost - gained <= ends[tuple(row)][1] for row in counts]
    assert 0.93 <= np.mean(covered) <= 0.99


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_the_interval_holds_what_was_seen_and_lies_within_all_lost_and_all_gained(
    lost: int, gained: int, same: int
) -> None:
    n = max(1, lost + gained + same)
    low, high = paired_drop_interval(lost, gained, n)
    assert -1 <= low <= (lost - gained) / n <= high <= 1
    assert high - low > 0.01
