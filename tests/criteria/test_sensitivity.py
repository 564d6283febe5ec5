"""Hypotheses about problems that suffer from a blocked thought: planted patterns, floors, families and controls."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import false_discovery_control, pearsonr, permutation_test, spearmanr

from harness.behaviour import FEATURES
from harness.criteria.blocks import BlockTrials
from harness.criteria.criterion import Measurement
from harness.criteria.declare import Evaluation
from harness.criteria.effects import INTERVENED, evaluate_effect
from harness.criteria.registry import find
from harness.criteria.sensitivity import corrected, feature, first_impact, known_ones, solved_ones
from harness.measures import NotApplicable
from harness.statistics import midranks, pairing_p
from tests.criteria.block_cases import block_trials
from tests.criteria.sensitivity_cases import (
    CASES,
    OPERATIONS,
    N,
    alike,
    growing,
    shrinking,
    solved_alone,
    suffering,
)

pytestmark = pytest.mark.filterwarnings("error")
TESTS = ("B.3-operations", "B.3-multistep")


class Planted:
    """Evidence whose outcomes are made up, by source."""

    def __init__(self, trained: BlockTrials, **others: BlockTrials):
        self.trials = {"trained": trained, **{name.replace("_", "-"): one for name, one in others.items()}}

    def blocks(self, source: str = "trained") -> BlockTrials:
        return self.trials[source]


def measure_of(name: str) -> Any:
    measure = find(name).measure
    assert isinstance(measure, Evaluation)
    return measure.of


def evaluated(name: str, trained: BlockTrials, controls: Any = (), **others: BlockTrials) -> Measurement:
    return evaluate_effect(measure_of(name), find(name).rule, Planted(trained, **others), controls)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CASES)
def test_it_passes_on_its_signal_and_fails_on_its_null(name: str) -> None:
    rule = find(name).rule
    signal, null = (evaluated(name, make()).value for make in CASES[name])
    assert rule.holds(signal), f"{signal} should pass {rule}"
    assert not rule.holds(null), f"{null} should fail {rule}"


@pytest.mark.parametrize("name", CASES)
def test_the_order_of_problems_decides_nothing(name: str) -> None:
    for make in CASES[name]:
        trials = make()
        again = trials.where(np.random.default_rng(1).permutation(len(trials)))
        assert evaluated(name, again).value == pytest.approx(evaluated(name, trials).value, abs=0.06)


@pytest.mark.parametrize("name", CASES)
def test_a_measurement_is_the_same_again(name: str) -> None:
    make = CASES[name][0]
    first, again = (evaluated(name, make(), ("sham", "random")) for _ in range(2))
    # As text, where two that are undefined are alike.
    assert repr(first) == repr(again)


@pytest.mark.parametrize("name", TESTS)
def test_impact_that_shrinks_is_no_evidence_however_clear(name: str) -> None:
    found = evaluated(name, shrinking())
    assert found.value == 1.0
    assert found.q_value is not None and found.q_value < 0.01


@pytest.mark.parametrize("name", TESTS)
def test_impact_that_follows_what_the_baseline_solves_is_told_apart_beside(name: str) -> None:
    own, floor = (evaluated(name, replace_n(make)) for make in (growing, solved_alone))
    key = "rho" if name == "B.3-operations" else "difference"
    assert find(name).rule.holds(floor.value)
    assert abs(floor.beside[f"{key}_where_solved"]) < 0.12  # type: ignore[arg-type]
    assert floor.beside["p_where_solved"] > 0.01  # type: ignore[operator]
    assert floor.beside[f"{key}_where_solved_ci_low"] < 0  # type: ignore[operator]
    assert own.beside[f"{key}_where_solved"] > 0.3  # type: ignore[operator]
    assert own.beside["p_where_solved"] < 0.001  # type: ignore[operator]


def replace_n(make: Any) -> BlockTrials:
    """More problems of the kind."""
    many = [make_with_seed(make, seed) for seed in range(4)]
    arrays = ("right", "gold", "codes", "features", "numbers", "evenly")
    return replace(many[0], **{name: np.concatenate([getattr(one, name) for one in many]) for name in arrays})


def make_with_seed(make: Any, seed: int) -> BlockTrials:
    if make is growing:
        return suffering(lambda operations: 0.15 * (operations - 1), seed=seed)
    return suffering(lambda operations: 0.5, lambda operations: operations / 6, seed=seed)


@pytest.mark.parametrize("name", TESTS)
def test_where_only_the_baseline_differs_and_nothing_is_lost_there_is_no_evidence(name: str) -> None:
    found = evaluated(name, suffering(lambda operations: 0.0, lambda operations: operations / 6))
    assert found.value is None
    assert found.reason is not None and found.reason.startswith("undefined")


@pytest.mark.parametrize("name", TESTS)
def test_where_harder_problems_are_solved_less_often_impact_falls(name: str) -> None:
    found = evaluated(name, suffering(lambda operations: 0.5, lambda operations: 1 - operations / 8))
    assert found.value == 1.0


@pytest.mark.parametrize("make", [growing, alike, shrinking])
def test_rho_is_that_of_scipy_and_its_p_one_of_every_feature_with_every_thought(make: Any) -> None:
    trials = make()
    found = evaluated("B.3-operations", trials)
    operations, impact = feature(trials, "n_operations"), first_impact(trials)
    assert found.beside["rho"] == pytest.approx(spearmanr(operations, impact)[0])
    assert found.beside["pearson_r"] == pytest.approx(pearsonr(operations, impact)[0])
    p = pairing_p(midranks(trials.features), midranks(trials.impact()), 9999, trials.seed)
    assert p.shape == (len(FEATURES), trials.T)
    family = np.where(np.isnan(p), 1.0, p).ravel()
    place = FEATURES.index("n_operations") * trials.T
    assert found.p_value == p.ravel()[place]
    assert found.q_value == pytest.approx(false_discovery_control(family)[place])
    assert found.beside["rho_ci_low"] < found.beside["rho"] < found.beside["rho_ci_high"]  # type: ignore[operator]


def test_a_test_that_is_undefined_counts_in_the_family_with_one() -> None:
    p = np.full((8, 6), np.nan)
    p[1, 0] = 0.001
    q = corrected(p)
    assert q[1, 0] == pytest.approx(0.048)
    assert np.isnan(q).sum() == 47


def test_thoughts_and_features_that_say_nothing_make_q_larger() -> None:
    """The family has 8 features with 6 thoughts, of which all but one can be undefined."""
    found = evaluated("B.3-operations", growing())
    assert found.p_value == 1 / 10_000
    # n_operations and multi_step go with CT0, nothing else does: the larger of two equal p is second of 48.
    assert found.q_value == pytest.approx(48 / 10_000 / 2)


def test_the_difference_is_that_of_the_two_groups_and_p_that_of_scipy() -> None:
    trials = suffering(lambda operations: 0.12 * operations).where(np.arange(24))
    found = evaluated("B.3-multistep", trials)
    several, impact = feature(trials, "multi_step") > 0, first_impact(trials)
    assert found.beside["multi_step"] == impact[several].mean()
    assert found.beside["fewer_steps"] == impact[~several].mean()
    assert found.beside["difference"] == pytest.approx(impact[several].mean() - impact[~several].mean())
    assert (found.beside["problems_multi_step"], found.beside["problems_fewer_steps"]) == (16, 8)
    theirs = permutation_test(
        (impact[several], impact[~several]),
        lambda one, other, axis: np.abs(one.mean(axis=axis) - other.mean(axis=axis)),
        vectorized=True,
        alternative="greater",
        n_resamples=20_000,
        rng=np.random.default_rng(0),
    ).pvalue
    assert found.p_value == pytest.approx(theirs, abs=0.02)


def unknown(trials: BlockTrials, members: np.ndarray) -> BlockTrials:
    features = trials.features.copy()
    features[np.ix_(members, [FEATURES.index(name) for name in ("n_operations", "multi_step")])] = 0
    return replace(trials, features=features)


@pytest.mark.parametrize("name", TESTS)
def test_problems_of_an_unknown_number_of_operations_are_left_out_and_counted(name: str) -> None:
    trials, members = growing(), OPERATIONS == 2
    found = evaluated(name, unknown(trials, members))
    alone = evaluated(name, trials.where(~members))
    assert found.beside.pop("operations_unknown") == 40
    assert alone.beside.pop("operations_unknown") == 0
    assert found == alone
    assert found.n_problems == 200


def test_single_step_problems_are_those_of_exactly_one_operation() -> None:
    trials = suffering(lambda operations: 1.0 if operations == 1 else 0.0, lambda operations: 1.0, n=2 * N)
    found = evaluated("B.3-single", trials)
    assert (found.beside["point"], found.value, found.n_problems) == (1, 1, 80)
    others = suffering(lambda operations: 0.0 if operations == 1 else 1.0, lambda operations: 1.0, n=2 * N)
    assert evaluated("B.3-single", others).beside["point"] == 0


def test_the_upper_end_is_judged_not_the_value() -> None:
    ones = {"n_operations": np.ones(80), "multi_step": np.zeros(80)}
    trials = block_trials(lambda problem, blocked, readers: blocked != 0 or problem > 1, 80, features=ones)
    found = evaluated("B.3-single", trials)
    assert found.interval is not None and found.value == found.interval[1]
    assert found.beside["point"] < 0.05 < found.value  # type: ignore[operator]
    assert not find("B.3-single").rule.holds(found.value)
    assert str(found.answer).startswith(
        "Of 80 problems with one operation blocking CT0 loses 2 and gains 0: 0.025 [-0.0"
    )
    assert measure_of("B.3-single").value(trials) == found.value


def test_answers_that_do_not_change_show_that_hardly_any_does_only_where_there_are_enough() -> None:
    def unchanged(count: int) -> Measurement:
        ones = {"n_operations": np.ones(count), "multi_step": np.zeros(count)}
        return evaluated("B.3-single", block_trials(lambda problem, blocked, readers: True, count, features=ones))

    found = unchanged(73)
    assert found.beside["point"] == 0
    assert found.value == pytest.approx(1.959964**2 / (73 + 1.959964**2))
    assert find("B.3-single").rule.holds(found.value)
    for few in (2, 57, 72):
        with pytest.raises(NotApplicable, match=f"{few} problems of exactly one operation are too few"):
            unchanged(few)


@pytest.mark.parametrize(
    ("name", "kept", "why"),
    [
        ("B.3-single", OPERATIONS > 1, "exactly one operation"),
        ("B.3-multistep", OPERATIONS > 2, "all problems have 3 or more"),
        ("B.3-multistep", OPERATIONS < 3, "no problems have 3 or more"),
    ],
)
def test_a_group_without_problems_is_no_ground(name: str, kept: np.ndarray, why: str) -> None:
    with pytest.raises(NotApplicable, match=why):
        evaluated(name, growing().where(kept))


@pytest.mark.parametrize("name", TESTS)
def test_a_sample_without_any_known_number_of_operations_is_no_ground(name: str) -> None:
    with pytest.raises(NotApplicable, match="known number"):
        evaluated(name, unknown(growing(), np.ones(len(OPERATIONS), dtype=bool)))


@pytest.mark.parametrize("name", CASES)
def test_a_model_whose_only_thought_nothing_reads_is_not_asked(name: str) -> None:
    with pytest.raises(NotApplicable, match="needs 2 thoughts"):
        evaluated(name, block_trials(T=1))


@pytest.mark.parametrize("name", CASES)
def test_controls_look_at_their_own_answers(name: str) -> None:
    signal, null = (make() for make in CASES[name])
    found = evaluated(name, signal, INTERVENED, contentless=null, control_model=signal)
    rule = find(name).rule
    assert set(found.controls) == set(INTERVENED)
    assert not rule.holds(found.controls["contentless"].measured)
    assert rule.holds(found.controls["control-model"].measured)


@pytest.mark.parametrize("name", TESTS)
def test_under_a_sham_nothing_varies_so_nothing_passes(name: str) -> None:
    assert evaluated(name, growing(), ("sham",)).controls["sham"].measured is None


def test_single_step_problems_pass_under_a_sham_and_are_meant_to() -> None:
    under_sham = evaluated("B.3-single", growing(2 * N), ("sham",)).controls["sham"].measured
    assert find("B.3-single").rule.holds(under_sham)
    assert find("B.3-single").null_should_pass


@pytest.mark.parametrize("name", TESTS)
def test_random_thoughts_do_as_well_where_all_are_alike_and_not_where_one_is_meant(name: str) -> None:
    rule = find(name).rule
    everywhere = suffering(lambda operations: 0.15 * (operations - 1), positions=tuple(range(6)))
    shares = []
    for trials in (everywhere, growing()):
        draws = evaluated(name, trials, ("random",)).controls["random"].draws
        assert draws is not None and len(draws) == 200
        shares.append(rule.share(draws))
    assert shares[0] == 1
    assert shares[1] < 0.5


@pytest.mark.parametrize("name", TESTS)
def test_all_draws_at_once_are_the_draws_one_by_one(name: str) -> None:
    trials = suffering(lambda operations: 0.05 * operations, positions=tuple(range(6)))
    measure = measure_of(name)
    at_once = measure.on_draws(trials)[:6]
    # One by one p comes from more pairings.
    for draw, value in enumerate(at_once):
        assert value == pytest.approx(measure.value(trials.drawn(draw)), abs=0.06)


@pytest.mark.parametrize("name", TESTS)
def test_a_lone_thought_can_pass_on_a_draw_of_the_control(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too few pairings no p would survive the correction over its family, and no control could pass."""
    trials = suffering(lambda operations: 0.0 if operations < 3 else 0.9)
    monkeypatch.setattr(BlockTrials, "drawn", lambda self, draw: self)
    assert find(name).rule.holds(measure_of(name).on_draws(trials)[0])


def test_solved_problems_are_those_that_the_baseline_gets_right() -> None:
    trials = solved_alone()
    solved = solved_ones(known_ones(trials))
    assert solved.of("right", "baseline").all()
    assert len(solved) == trials.of("right", "baseline").sum()
    assert set(np.unique(solved.impact())) <= {0, 1}
