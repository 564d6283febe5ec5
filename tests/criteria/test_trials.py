"""Outcomes of interventions and the controls that are made of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import permutation_test, spearmanr

from harness.criteria.causal import head_set_p, relation_p, score_effect_relation, set_p
from harness.criteria.declare import Evaluation
from harness.criteria.registry import find
from harness.criteria.trials import HeadTrials, Trials
from harness.measures.importance import paired_drop
from harness.statistics import least_p
from tests.criteria.importance_cases import CASES, head_trials, trials

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", CASES)
def test_every_claim_about_ablated_thoughts_and_heads_passes_on_its_signal_and_fails_on_its_null(name: str) -> None:
    criterion = find(name)
    assert isinstance(criterion.measure, Evaluation)
    signal, null = (criterion.measure.of.measure(make(), criterion.rule) for make in CASES[name])
    assert criterion.rule.holds(signal.value), f"{signal.value} should pass {criterion.rule}"
    assert not criterion.rule.holds(null.value), f"{null.value} should fail {criterion.rule}"


@pytest.mark.parametrize("name", [name for name in CASES if name != "I.2-baseline"])
def test_no_claim_about_an_intervention_passes_under_a_sham(name: str) -> None:
    criterion = find(name)
    assert isinstance(criterion.measure, Evaluation)
    value = criterion.measure.of.value(CASES[name][0]().sham())
    assert not criterion.rule.holds(value)


def test_a_thought_whose_ablation_gains_more_answers_than_it_loses_does_not_matter() -> None:
    own = trials(accuracy=0.4, loss=(0.0, 0.0, 0.2, 0.0, 0.0, 0.0))
    column = own.sets.index(1 << 2)
    right = own.right.copy()
    right[~own.right[:, 0], column] = True
    gaining = replace(own, right=right)
    criterion = find("I.2-matters")
    assert isinstance(criterion.measure, Evaluation)
    found = criterion.measure.of.measure(gaining, criterion.rule)
    assert found.q_value is not None and found.q_value < 0.01
    assert found.value == 1.0


def test_the_chosen_position_is_tested_on_the_other_half_too() -> None:
    criterion = find("I.2-matters")
    assert isinstance(criterion.measure, Evaluation)
    told, nothing = (criterion.measure.of.measure(make(), criterion.rule).cross_fitted for make in CASES["I.2-matters"])
    assert told < 0.01
    assert nothing > 0.3


def test_a_correlation_without_a_value_in_some_resamples_is_undefined_with_its_reason() -> None:
    own = trials(n=12, loss=(0.0,) * 6)
    right = own.right.copy()
    right[0] = True
    right[0, own.sets.index(1)] = False
    criterion = find("I.4-late")
    assert isinstance(criterion.measure, Evaluation)
    found = criterion.measure.of.measure(replace(own, right=right), criterion.rule)
    assert found.value is None
    assert found.reason is not None and "undefined" in found.reason


def test_three_thoughts_can_never_show_that_attention_predicts() -> None:
    assert [least_p(T) for T in (2, 3, 4)] == [1 / 2, 1 / 6, 1 / 24]
    assert least_p(12) == 1 / 10_000


def test_few_heads_with_a_weak_relation_are_no_evidence_for_it() -> None:
    own = head_trials(loss=0.3)
    assert relation_p(own) < 0.01
    shuffled = replace(own, composite=np.random.default_rng(4).permutation(own.composite))
    assert relation_p(shuffled) > 0.05
    effects = paired_drop(own.baseline, own.single).mean(axis=0)
    expected = permutation_test(
        (effects,),
        lambda order: abs(spearmanr(shuffled.composite, order).statistic),
        permutation_type="pairings",
        alternative="greater",
        n_resamples=1999,
        rng=np.random.default_rng(0),
    ).pvalue
    assert relation_p(shuffled) == pytest.approx(expected, abs=0.04)


def test_attention_that_goes_against_importance_predicts_nothing() -> None:
    criterion = find("I.4-mid")
    assert isinstance(criterion.measure, Evaluation)
    against = trials(loss=(0.3,) * 6, follows=-1.0)
    found = criterion.measure.of.measure(against, criterion.rule)
    assert found.p_value == pytest.approx(1e-3, abs=2e-3)
    assert found.value == 1.0


def test_the_last_thought_is_held_against_the_best_of_the_others_in_every_resample() -> None:
    criterion = find("I.2-last")
    assert isinstance(criterion.measure, Evaluation)
    own = trials(loss=(0.1, 0, 0, 0, 0, 0.5))
    found = criterion.measure.of.measure(own, criterion.rule)
    drop = paired_drop(own.of("right"), own.singles("right")).mean(axis=0)
    assert found.beside["point"] == pytest.approx(drop[-1] - drop[:-1].max())
    assert found.interval is not None and found.value == found.interval[0]
    assert found.biased and found.cross_fitted is not None


def counting(n: int = 40, T: int = 4) -> Trials:
    """Every subset tried; the log-probability of a cell is the number of its subset."""
    sets = tuple(range(1 << T))
    gold = np.tile(np.array(sets, dtype=float), (n, 1))
    right = gold % 2 == 0
    return Trials(T, sets, right, gold, right[:, 0], gold[:, 0], np.full(n, 3), seed=1)


def test_a_random_thought_stands_in_for_each_and_sizes_stay() -> None:
    own = counting()
    moved = own.drawn(0)
    assert (moved.of("gold") == 0).all()
    for place in range(4):
        taken = moved.of("gold", place)
        assert set(taken) == {1.0, 2.0, 4.0, 8.0}
    for row in range(len(own)):
        singles = moved.singles("gold")[row]
        assert sorted(singles) == [1, 2, 4, 8]
        assert moved.of("gold", 0, 2)[row] == singles[0] + singles[2]
        assert moved.of("gold", 0, 1, 3)[row] == singles[0] + singles[1] + singles[3]
    assert not np.array_equal(own.drawn(1).gold, moved.gold)
    np.testing.assert_array_equal(own.drawn(0).gold, moved.gold)


def test_random_thoughts_fall_on_every_place_alike() -> None:
    own = counting(n=4000)
    share = [(own.drawn(3).of("gold", 2) == 1 << place).mean() for place in range(4)]
    np.testing.assert_allclose(share, 0.25, atol=0.03)


def test_a_sham_costs_nothing() -> None:
    sham = counting().sham()
    assert not paired_drop(sham.of("right"), sham.singles("right")).any()
    assert (sham.subsets("gold") == 0).all()


def test_a_sham_that_is_not_the_baseline_shows() -> None:
    own = counting()
    broken = Trials(4, own.sets, own.right, own.gold, ~own.sham_right, own.sham_gold, own.difficulty, 1)
    assert paired_drop(broken.sham().of("right"), broken.sham().singles("right")).all()


def test_problems_can_be_left_out() -> None:
    own = trials(n=40)
    some = own.where(own.difficulty >= 4)
    assert len(some) == (own.difficulty >= 4).sum()
    np.testing.assert_array_equal(some.of("right", 1), own.of("right", 1)[own.difficulty >= 4])
    assert some.attention is not None and len(some.attention) == len(some)


def test_heads_that_matter_are_told_from_random_ones() -> None:
    found = head_set_p(head_trials(loss=0.6))
    assert found.value == pytest.approx(1 / 201)
    assert found.beside["accuracy_lost_mean"] == pytest.approx(0.6, abs=0.1)
    assert found.beside["accuracy_lost_random_mean"] == pytest.approx(0.0, abs=0.1)


def test_heads_that_cost_as_much_as_others_are_not() -> None:
    assert head_set_p(head_trials(loss=0.0)).value > 0.2


def test_random_sets_pass_as_rarely_as_the_rule_allows() -> None:
    own = head_trials(loss=0.6)
    values = [set_p(own.drawn(draw)) for draw in range(own.draws)]
    assert np.mean(np.array(values) < 0.05) <= 0.05
    assert values[5] == head_set_p(own.drawn(5)).value


def test_a_drawn_set_is_judged_against_all_others() -> None:
    own = head_trials(loss=0.6)
    drawn = own.drawn(7)
    np.testing.assert_array_equal(drawn.sets["mean"][:, 0], own.sets["mean"][:, 8])
    assert drawn.draws == own.draws - 1
    assert not (drawn.sets["mean"][:, 1:] == own.sets["mean"][:, :1]).all(axis=0).any()


def test_score_and_effect_are_correlated_by_rank() -> None:
    own = head_trials(loss=0.3)
    relation, (low, high) = score_effect_relation(own)
    expected = spearmanr(own.composite, paired_drop(own.baseline, own.single).mean(axis=0)).statistic
    assert relation == pytest.approx(expected)
    assert low <= relation <= high


def test_heads_without_any_effect_have_no_relation_to_their_score() -> None:
    own = head_trials(loss=0.0)
    flat = HeadTrials(
        own.baseline,
        own.sham_right,
        own.sets,
        own.baseline[:, None] & np.ones((1, 32), bool),
        own.composite,
        own.chosen,
        0,
    )
    assert np.isnan(score_effect_relation(flat)[0])
