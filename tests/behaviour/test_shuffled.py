"""Answers to other problems: nobody keeps their own, and the draws can be repeated."""

import numpy as np

from harness.behaviour import CODES, Classifier, near_answers, random_answers

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


def test_answers_as_near_to_gold_as_the_models_get_the_classes_that_nearness_alone_gives() -> None:
    own = [Classifier(f"{n} and 10?", f"<<{n}+10={n + 10}>>{n + 10} #### {n + 10}") for n in range(31, 61)]
    gold = np.arange(41.0, 71.0)
    shares = near_answers(own, gold, gold + 2, draws=3, seed=0)
    assert shares[:, CODES.index("CALC_ERROR")].tolist() == [1.0] * 3
    far = near_answers(own, gold, gold + 500, draws=3, seed=0)
    assert not far[:, CODES.index("CALC_ERROR")].any()


def test_only_wrong_numbers_exchange_their_differences() -> None:
    own = [Classifier("1 and 10?", "<<1+10=11>>11 #### 11")] * 4
    gold = np.full(4, 11.0)
    numbers = np.array([11.0, np.nan, 13.0, 12.0])
    (shares,) = near_answers(own, gold, numbers, draws=1, seed=0)
    assert shares.sum() == 1.0
    assert shares[CODES.index("CORRECT")] == 0
    assert np.isnan(near_answers(own, gold, np.array([11.0, np.nan, 13.0, 11.0]), draws=1, seed=0)).all()
