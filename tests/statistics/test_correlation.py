"""A correlation within problems is tested against position profiles and against what problems share."""

from itertools import permutations

import numpy as np
import scipy.stats

from harness.measures.importance import centred
from harness.statistics import within_problem_p
from harness.statistics.correlation import position_p, problem_p

RNG = np.random.default_rng(0)


def test_orders_of_positions_are_all_tried() -> None:
    x, y = centred(RNG.normal(size=(12, 5))), centred(RNG.normal(size=(12, 5)))
    observed = abs((x * y).sum())
    orders = [list(order) for order in permutations(range(5))]
    expected = np.mean([abs((x * y[:, order]).sum()) >= observed - 1e-9 for order in orders])
    assert position_p(x, y) == expected


def test_many_positions_are_dealt_at_random() -> None:
    profile = np.arange(9.0)
    x, y = (centred(profile + 0.1 * RNG.normal(size=(20, 9))) for _ in range(2))
    assert position_p(x, y, draws=999) == 1 / 1000
    unrelated = centred(RNG.normal(size=(20, 9)))
    assert position_p(x, unrelated, draws=999) > 0.01


def test_pairings_of_problems_agree_with_scipy() -> None:
    x = centred(RNG.normal(size=(30, 4)))
    y = centred(0.15 * x + RNG.normal(size=(30, 4)))
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    expected = scipy.stats.permutation_test(
        (np.arange(30),),
        lambda order: abs((a * b[order]).sum()),
        permutation_type="pairings",
        alternative="greater",
        n_resamples=4_000,
        rng=np.random.default_rng(1),
    ).pvalue
    assert abs(problem_p(x, y, draws=9_999) - expected) < 0.02


def test_profiles_that_all_problems_share_are_no_relation_within_problems() -> None:
    """Attention and importance each have a profile of positions of their own; nothing else connects them."""
    hits = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        profiles = rng.normal(size=(2, 6))
        x, y = (profile + 0.5 * rng.normal(size=(40, 6)) for profile in profiles)
        hits += within_problem_p(x, y, draws=199, seed=seed) < 0.05
    assert hits / 120 <= 0.08


def test_a_shared_profile_alone_is_not_enough_and_a_relation_in_every_problem_is() -> None:
    profile = np.array([3.0, 2, 1, 0, -1, -2])
    x, y = (profile + RNG.normal(size=(60, 6)) for _ in range(2))
    assert within_problem_p(x, y, draws=999) > 0.05
    assert within_problem_p(x, x + RNG.normal(size=x.shape), draws=999) < 0.01


def test_the_same_seed_gives_the_same_p() -> None:
    x, y = RNG.normal(size=(2, 25, 6))
    assert within_problem_p(x, y, draws=499, seed=3) == within_problem_p(x, y, draws=499, seed=3)
