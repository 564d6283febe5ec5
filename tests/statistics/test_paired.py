"""McNemar's exact test against scipy's binomial test."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.statistics import mcnemar_p


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
