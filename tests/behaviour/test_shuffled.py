"""Answers to other problems: nobody keeps their own, and the draws can be repeated."""

import numpy as np

from harness.behaviour import CODES, Classifier, random_answers

CORRECT, UNEXPLAINED = CODES.index("CORRECT"), CODES.index("UNEXPLAINED")


def problems(golds: list[int]) -> list[Classifier]:
    return [Classifier("How many?", f"#### {gold}") for gold in golds]


def test_no_problem_gets_its_own_answer() -> None:
    golds = [10007, 20011, 30011, 40009, 50021]
    shares = random_answers(problems(golds), list(map(str, golds)), 50, 0)
    assert shares.shape == (50, 10)
    assert (shares[:, CORRECT] == 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares[:, UNEXPLAINED] == 1).all()


def test_every_other_answer_is_as_likely() -> None:
    # Of four problems two have the same answer: each of the two gets it with chance 1/3.
    golds = [10007, 10007, 30011, 40009]
    shares = random_answers(problems(golds), list(map(str, golds)), 4000, 1)
    assert abs(shares[:, CORRECT].mean() - 2 * (1 / 3) / 4) < 0.01


def test_draws_are_decided_by_the_seed() -> None:
    golds = [10007, 10007, 30011, 40009, 50021, 50021]
    texts = list(map(str, golds))
    first, again, other = (random_answers(problems(golds), texts, 20, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_single_problem_has_nobody_to_exchange_with() -> None:
    assert np.isnan(random_answers(problems([3]), ["3"], 2, 0)).all()
