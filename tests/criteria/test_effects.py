"""Every hypothesis about ablated thoughts passes on its planted outcome and fails on its null; its tests are those of scipy."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

from harness.criteria.criterion import Criterion, Measurement, NotMeasured
from harness.criteria.declare import Evaluation
from harness.criteria.effects import INTERVENED, UNTOUCHED, Effect, EffectTest, evaluate_effect
from harness.criteria.registry import criteria, find
from harness.criteria.steps import half_drop, without_half
from harness.criteria.trials import Trials
from harness.measures import NotApplicable
from tests.criteria.behaviour_cases import CASES as BEHAVIOUR_CASES
from tests.criteria.effect_cases import (
    CASES,
    DIFFICULTY,
    EARLY,
    Planted,
    answered,
    gaining,
    hard,
    needing,
    one_each,
    untouched,
)
from tests.criteria.importance_cases import CASES as IMPORTANCE_CASES
from tests.criteria.sensitivity_cases import CASES as SENSITIVITY_CASES

EFFECTS = {
    one.id: one
    for one in criteria()
    if isinstance(one.measure, Evaluation) and isinstance(one.measure.of, Effect | EffectTest)
}


def measure_of(name: str) -> Any:
    measure = EFFECTS[name].measure
    assert isinstance(measure, Evaluation)
    return measure.of


def evaluated(criterion: Criterion, trained: Trials, controls: Any = (), **others: Trials) -> Measurement:
    return evaluate_effect(measure_of(criterion.id), criterion.rule, Planted(trained, **others), controls)


def value(name: str, trials: Trials) -> Any:
    return evaluated(find(name), trials).value


def test_every_hypothesis_has_a_planted_case() -> None:
    assert set(EFFECTS) == {*CASES, *IMPORTANCE_CASES, *SENSITIVITY_CASES, *BEHAVIOUR_CASES}


@pytest.mark.parametrize("name", CASES)
def test_it_passes_on_its_signal_and_fails_on_its_null(name: str) -> None:
    rule = find(name).rule
    signal, null = (value(name, make()) for make in CASES[name])
    assert rule.holds(signal), f"{signal} should pass {rule}"
    assert not rule.holds(null), f"{null} should fail {rule}"


@pytest.mark.parametrize("name", CASES)
def test_the_order_of_problems_decides_nothing(name: str) -> None:
    trials = CASES[name][0]()
    again = trials.where(np.random.default_rng(1).permutation(len(trials)))
    assert find(name).rule.holds(value(name, again))


@pytest.mark.parametrize("name", CASES)
def test_values_and_intervals_lie_in_the_attainable_range(name: str) -> None:
    for make in CASES[name]:
        found = evaluated(find(name), make())
        assert found.attainable is not None and found.n_problems
        low, high = found.attainable
        for one in (found.value, *(found.interval or ())):
            assert low - 1e-9 <= one <= high + 1e-9  # type: ignore[operator]


def test_the_attainable_end_of_early_less_late_is_met_where_only_sets_of_positive_weight_are_right() -> None:
    from harness.measures.subsets import early_less_late, shapley

    weights = early_less_late(shapley(np.eye(64)))
    best = answered(lambda problem, gone: weights[sum(1 << one for one in gone)] > 0)
    found = evaluated(find("S.1-early-late"), best)
    assert found.attainable == pytest.approx((-0.7333333, 0.7333333))
    assert found.beside["point"] == pytest.approx(found.attainable[1])  # type: ignore[index]


@pytest.mark.parametrize("name", ["S.1-complex", "S.1-complex-nested", "S.1-early-late", "S.1-simple"])
def test_a_sample_without_problems_of_its_difficulty_is_no_ground(name: str) -> None:
    trials = CASES[name][0]()
    others = trials.difficulty < 4 if name != "S.1-simple" else trials.difficulty >= 4
    with pytest.raises(NotApplicable, match="in the sample"):
        value(name, trials.where(others))


def test_difficulty_needs_problems_of_both_kinds_and_leaves_unknown_ones_out() -> None:
    trials = needing(1, when=hard)
    for kept in (trials.difficulty < 4, trials.difficulty >= 4):
        with pytest.raises(NotApplicable, match="in the sample"):
            value("S.1-difficulty", trials.where(kept))
    unknown = replace(trials, difficulty=np.where(trials.difficulty == 2, 0, trials.difficulty))
    assert evaluated(find("S.1-difficulty"), unknown).n_problems == 60


def test_problems_of_unknown_difficulty_are_not_simple() -> None:
    trials = needing(1, when=lambda problem: DIFFICULTY[problem] == 2)
    assert value("S.1-simple", trials) == pytest.approx(0.5, abs=0.05)
    unknown = replace(trials, difficulty=np.where(trials.difficulty == 2, 0, trials.difficulty))
    assert value("S.1-simple", unknown) == 1


def some(n: int = 24, seed: int = 0) -> Trials:
    """Noisy outcomes: early thoughts matter a little, more so on complex problems."""
    rng = np.random.default_rng(seed)
    chance = rng.random((n, 64))
    return answered(
        lambda problem, gone: (
            chance[problem, sum(1 << one for one in gone)]
            < 0.9 - 0.12 * len(gone & set(EARLY)) * (2 if hard(problem) else 1)
        ),
        n,
        seed,
    )


@pytest.mark.parametrize("seed", range(4))
def test_p_over_signs_is_that_of_scipy(seed: int) -> None:
    trials = some(24, seed)
    drop = half_drop(trials.where(trials.difficulty >= 4))
    theirs = permutation_test(
        (drop,), lambda one, axis: one.mean(axis=axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
    ).pvalue
    expected = theirs if drop.mean() > 0 else 1.0
    found = evaluated(find("S.1-complex"), trials)
    assert found.beside["two_sided_p"] == pytest.approx(theirs, abs=0.02)
    assert found.value == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_p_over_difficulties_is_that_of_scipy(seed: int) -> None:
    trials = some(12, seed)
    drop, complex_ones = half_drop(trials), trials.difficulty >= 4
    theirs = permutation_test(
        (drop[complex_ones], drop[~complex_ones]),
        lambda one, other, axis: np.abs(one.mean(axis=axis) - other.mean(axis=axis)),
        n_resamples=np.inf,
        alternative="greater",
        vectorized=True,
    ).pvalue
    assert value("S.1-difficulty", trials) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_p_of_the_early_half_is_the_binomial_test_of_changed_answers(seed: int) -> None:
    trials = some(40, seed)
    few = trials.where(trials.difficulty >= 4)
    before, after = few.of("right"), without_half(few)
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    assert lost > gained
    assert value("S.1-complex-nested", trials) == pytest.approx(binomtest(lost, lost + gained).pvalue)


def test_an_effect_in_the_other_direction_is_no_evidence() -> None:
    for name in ("S.1-complex", "S.1-complex-nested"):
        found = evaluated(find(name), gaining(), controls=("random",))
        assert found.value == 1.0
        assert found.beside["two_sided_p"] < 0.001  # type: ignore[operator]
        assert all(draw == 1.0 for draw in found.controls["random"].draws or ())


def test_nothing_passes_under_a_sham() -> None:
    for name in ("S.1-complex", "S.1-complex-nested", "S.1-early-late", "S.1-difficulty"):
        for make in (*CASES[name], some):
            control = evaluated(find(name), make(), ("sham",)).controls["sham"]
            assert control.measured in (0, 1)
            assert not find(name).rule.holds(control.measured)


def rate(name: str, trials: Trials) -> float:
    draws = evaluated(find(name), trials, ("random",)).controls["random"].draws
    assert draws is not None and len(draws) == 200
    return find(name).rule.share(draws)


def test_where_positions_are_alike_random_ones_do_as_well_as_early_ones() -> None:
    assert find("S.1-complex").rule.holds(value("S.1-complex", one_each()))
    assert rate("S.1-complex", one_each()) == 1
    assert rate("S.1-complex-nested", one_each()) == 1


def test_early_against_late_is_not_met_by_random_positions_where_it_is_by_early_ones() -> None:
    trials = needing(0)
    assert find("S.1-early-late").rule.holds(value("S.1-early-late", trials))
    assert rate("S.1-early-late", trials) <= 0.1
    assert rate("S.1-early-late", one_each()) <= 0.1


def test_difficulty_is_found_by_random_positions_where_some_thought_is_needed_by_complex_problems_only() -> None:
    assert rate("S.1-difficulty", needing(0, 1, 2, 3, 4, 5, when=hard)) == 1
    assert rate("S.1-difficulty", needing(1)) < 0.2


@pytest.mark.parametrize("name", CASES)
def test_controls_look_at_their_own_answers(name: str) -> None:
    measure = measure_of(name)
    expected = UNTOUCHED if name == "S.1-baseline" else INTERVENED
    assert measure.controls == expected
    signal, null = (make() for make in CASES[name])
    found = evaluated(find(name), signal, INTERVENED, contentless=null, control_model=signal)
    assert set(found.controls) == set(expected)
    rule = find(name).rule
    assert not rule.holds(found.controls["contentless"].measured)
    assert rule.holds(found.controls["control-model"].measured)


def test_the_validation_sample_stands_beside() -> None:
    for name, (signal, null) in CASES.items():
        found = evaluated(find(name), signal(), validation=null())
        alone = evaluated(find(name), null())
        assert found.beside["on_the_validation_sample"] == alone.value
        assert found.beside["problems_of_the_validation_sample"] == alone.n_problems


def test_without_a_validation_sample_nothing_stands_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_few(self: Planted, source: str = "trained") -> Trials:
        raise NotMeasured("too few problems")

    monkeypatch.setattr(Planted, "validation", too_few)
    found = evaluated(find("S.1-early-late"), needing(0))
    assert found.beside["point"] == pytest.approx(0.3)
    assert "on_the_validation_sample" not in found.beside


def test_accuracy_of_simple_problems_that_never_were_right_is_undefined() -> None:
    found = evaluated(find("S.1-simple"), untouched(0.0))
    assert found.value is None
    assert found.reason is not None and found.reason.startswith("undefined")


def test_the_shorter_way_of_controls_gives_the_same_value_up_to_its_draws() -> None:
    trials = some(40, 1)
    for name in ("S.1-complex", "S.1-complex-nested", "S.1-difficulty"):
        measure = measure_of(name)
        assert measure.value(trials) == pytest.approx(measure.measure(trials, find(name).rule).value, abs=0.05)


def test_the_early_half_is_the_first_positions_and_the_late_half_the_rest() -> None:
    trials = needing(2)
    assert half_drop(trials).mean() == pytest.approx(0.95 / 3)
    assert half_drop(trials, late=True).mean() == 0
    assert without_half(trials).mean() == 0
    assert without_half(trials, late=True).mean() == 0.95
