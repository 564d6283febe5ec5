"""Hypotheses about blocked thoughts: planted patterns, families and controls."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control

from harness.behaviour import CODES, ERROR_CLASSES
from harness.criteria.behaviour import least_q
from harness.criteria.declare import Evaluation
from harness.criteria.effects import evaluate_effect
from harness.criteria.errors import in_class
from harness.criteria.registry import find
from harness.measures import NotApplicable
from harness.statistics import mcnemar_p
from tests.criteria.behaviour_cases import (
    CASES,
    LOGIC,
    REVERSAL,
    SLIP,
    UNEXPLAINED,
    erring,
    gaining,
    losing,
    mixed,
    reading,
    untouched,
)
from tests.criteria.block_cases import block_trials
from tests.criteria.test_sensitivity import Planted


def measure_of(name: str) -> Any:
    measure = find(name).measure
    assert isinstance(measure, Evaluation)
    return measure.of


@pytest.mark.parametrize("name", CASES)
def test_it_passes_on_its_signal_and_fails_on_its_null(name: str) -> None:
    rule = find(name).rule
    signal, null = (measure_of(name).measure(make(), rule) for make in CASES[name])
    assert rule.holds(signal.value), f"{signal.value} should pass {rule}"
    assert not rule.holds(null.value), f"{null.value} should fail {rule}"


@pytest.mark.parametrize("name", CASES)
def test_values_lie_in_the_attainable_range(name: str) -> None:
    for make in CASES[name]:
        attainable = measure_of(name).attainable
        low, high = attainable(make()) if callable(attainable) else attainable
        assert low <= measure_of(name).value(make()) <= high


@pytest.mark.parametrize(
    "name", [name for name in CASES if not find(name).null_should_pass and name != "B.5-aggregation"]
)
def test_no_claim_about_blocking_passes_under_a_sham(name: str) -> None:
    criterion = find(name)
    assert not criterion.rule.holds(measure_of(name).value(CASES[name][0]().sham()))


@pytest.mark.parametrize("name", ["B.1-ct4", "B.2-minimal"])
def test_a_claim_that_nothing_happens_passes_under_a_sham(name: str) -> None:
    assert find(name).rule.holds(measure_of(name).value(CASES[name][1]().sham()))


@pytest.mark.parametrize("name", ["B.1-ct4", "B.2-minimal"])
@pytest.mark.parametrize(("count", "passes"), [(72, False), (73, True)])
def test_few_problems_of_which_none_changes_do_not_show_that_nothing_happens(
    name: str, count: int, passes: bool
) -> None:
    unchanged = measure_of(name).measure(block_trials(n=count), find(name).rule)
    assert unchanged.value == pytest.approx(1.959964**2 / (count + 1.959964**2))
    assert find(name).rule.holds(unchanged.value) == passes


@pytest.mark.parametrize(("solved", "reachable"), [(2, False), (10, False), (11, True), (1200, True)])
def test_blocking_a_thought_cannot_be_shown_to_cost_answers_where_too_few_are_right(
    solved: int, reachable: bool
) -> None:
    lost = block_trials(lambda problem, blocked, readers: problem < solved and blocked is None, max(solved, 20))
    criterion, measure = find("B.1-ct0"), measure_of("B.1-ct0")
    assert measure.value(lost) == pytest.approx(least_q(lost))
    assert criterion.rule.holds(measure.value(lost)) == reachable
    assert (criterion.rule.reach(*measure.attainable(lost)) == "normal") == reachable


@pytest.mark.parametrize("name", ["B.1-ct4", "B.2-minimal"])
@pytest.mark.parametrize(("count", "reach"), [(72, "unattainable"), (73, "normal")])
def test_that_nothing_happens_is_out_of_reach_on_few_problems(name: str, count: int, reach: str) -> None:
    attainable = measure_of(name).attainable(block_trials(n=count))
    assert find(name).rule.reach(*attainable, attained=True) == reach


@pytest.mark.parametrize("name", CASES)
def test_what_a_control_is_judged_by_is_what_is_measured(name: str) -> None:
    for make in CASES[name]:
        trials = make()
        assert measure_of(name).value(trials) == pytest.approx(measure_of(name).measure(trials, find(name).rule).value)


def test_answers_gained_by_blocking_are_no_loss_however_clear() -> None:
    found = measure_of("B.1-ct0").measure(gaining(), find("B.1-ct0").rule)
    assert found.q_value < 0.001
    assert found.value == 1.0


def test_q_of_the_first_thought_is_corrected_over_all_thoughts_blocked_in_turn() -> None:
    trials = losing(0, 2, one_in=20)
    found = measure_of("B.1-ct0").measure(trials, find("B.1-ct0").rule)
    before, p = trials.of("right", "baseline"), []
    for position in range(6):
        after = trials.blocked("right")[:, position]
        lost, gained = int((before & ~after).sum()), int((~before & after).sum())
        p.append(binomtest(lost, lost + gained).pvalue if lost + gained else 1.0)
    assert found.p_value == pytest.approx(p[0])
    assert found.q_value == pytest.approx(false_discovery_control(p)[0])


def test_a_first_thought_that_matters_more_only_through_more_readers_is_not_specific() -> None:
    found = measure_of("B.1-specific").measure(losing(0, readers=("both",)), find("B.1-specific").rule)
    assert found.beside["differences"] == pytest.approx([losing(0).impact()[:, 0].mean(), 0.0])
    assert found.value == 0.0


def test_the_farther_end_of_the_late_thoughts_interval_is_judged_on_either_side() -> None:
    measure, rule = measure_of("B.1-ct4"), find("B.1-ct4").rule
    lost = measure.measure(losing(4, one_in=12), rule)
    assert lost.value == lost.interval[1]
    better = block_trials(lambda problem, blocked, readers: problem % 10 > 1 or blocked == 4, 200)
    gained = measure.measure(better, rule)
    assert gained.value == -gained.interval[0] > 0.05
    assert not rule.holds(gained.value)


def test_with_another_thought_in_its_place_nothing_is_left_of_an_effect_of_the_first_alone() -> None:
    for name in ("B.1-ct0", "B.2-reversal"):
        criterion, planted = find(name), Planted(CASES[name][0]())
        found = evaluate_effect(measure_of(name), criterion.rule, planted, ("random",))  # type: ignore[arg-type]
        draws = found.controls["random"].draws
        assert draws is not None
        assert criterion.rule.share(draws) < 0.05


def test_an_effect_of_every_thought_is_no_effect_of_the_first() -> None:
    criterion, planted = find("B.1-ct0"), Planted(losing(0, 1, 2, 3, 4, 5))
    found = evaluate_effect(measure_of("B.1-ct0"), criterion.rule, planted, ("random",))  # type: ignore[arg-type]
    draws = found.controls["random"].draws
    assert draws is not None
    assert criterion.rule.share(draws) == 1


def test_the_kind_of_error_does_not_change_because_there_are_more_errors() -> None:
    trials = erring(mixed, mixed, 0)
    shift, kind = (measure_of(name).measure(trials, find(name).rule) for name in ("B.2-shift", "B.2-shift-errors"))
    assert shift.value < 0.001
    assert kind.value > 0.5
    assert shift.beside["share_of_errors"][0] == pytest.approx(shift.beside["share_of_errors"][1], abs=0.08)


def test_an_unexplained_answer_is_no_evidence_of_a_calculation_error() -> None:
    trials = erring(lambda problem: LOGIC, lambda problem: UNEXPLAINED, 0)
    assert measure_of("B.2-shift-errors").measure(trials, find("B.2-shift-errors").rule).value > 0.5
    evident = erring(lambda problem: LOGIC, lambda problem: SLIP, 0)
    assert measure_of("B.2-shift-errors").measure(evident, find("B.2-shift-errors").rule).value < 0.05


def test_both_kinds_of_calculation_errors_and_reversals_make_up_the_shift() -> None:
    codes = np.arange(len(CODES))
    both = in_class(codes, "CALC_ERROR or OPERATION_REVERSAL")
    assert set(codes[both]) == {REVERSAL, SLIP, UNEXPLAINED}


def test_without_wrong_answers_the_kind_of_error_is_undefined() -> None:
    found = measure_of("B.2-shift-errors").measure(block_trials(n=40), find("B.2-shift-errors").rule)
    assert found.value is None
    assert found.reason.startswith("undefined")


def test_distance_of_classes_counts_problems_that_change_places_as_none() -> None:
    def exchanged(problem: int) -> int:
        return SLIP if mixed(problem) == LOGIC else LOGIC if mixed(problem) == SLIP else mixed(problem)

    trials = erring(mixed, exchanged, 4)
    found = measure_of("B.2-minimal").measure(trials, find("B.2-minimal").rule)
    after, before = (np.bincount(trials.of("codes", name), minlength=10) for name in ("blocked CT4", "baseline"))
    after[SLIP] += after[UNEXPLAINED]
    before[SLIP] += before[UNEXPLAINED]
    assert found.beside["total_variation"] == pytest.approx(np.abs(after - before)[:9].sum() / 2 / len(trials))


def test_attention_that_only_a_shorter_context_explains_is_told_apart() -> None:
    evenly = np.tile(20 / (50.0 + np.arange(6)), (200, 1))
    trials = block_trials(n=200, numbers=evenly, evenly=evenly)
    found = measure_of("B.5-aggregation").measure(trials, find("B.5-aggregation").rule)
    assert found.value > 0
    assert found.beside["difference_beyond_that"] == pytest.approx(0, abs=1e-12)
    assert found.beside["over_even_reading"] == pytest.approx([1.0] * 6)


def test_another_thought_in_the_place_of_the_first_reads_no_more_numbers() -> None:
    criterion = find("B.5-aggregation")
    found = evaluate_effect(measure_of("B.5-aggregation"), criterion.rule, Planted(reading(0.4, 0.2)), ("random",))  # type: ignore[arg-type]
    draws = found.controls["random"].draws
    assert draws is not None
    assert criterion.rule.share(draws) == 0


@pytest.mark.parametrize("name", ["B.1-specific", "B.1-ct4", "B.2-minimal"])
def test_a_model_without_a_fifth_thought_is_left_out(name: str) -> None:
    with pytest.raises(NotApplicable):
        measure_of(name).measure(block_trials(n=20, T=5), find(name).rule)


def test_nothing_changes_where_nothing_is_blocked() -> None:
    found = measure_of("B.1-ct0").measure(untouched(), find("B.1-ct0").rule)
    assert found.value == 1.0
    assert not any(found.beside["accuracy_drop"])


def test_q_of_a_class_is_corrected_over_every_condition_and_class() -> None:
    trials = erring(mixed, lambda problem: REVERSAL if problem % 3 else LOGIC, 0)
    found = measure_of("B.2-reversal").measure(trials, find("B.2-reversal").rule)
    columns = [column for column, name in enumerate(trials.names) if name not in ("baseline", "sham")]
    p = np.array(
        [
            mcnemar_p(in_class(trials.codes[:, 0], name), in_class(trials.codes[:, columns], name))
            for name in ERROR_CLASSES
        ]
    )
    q = false_discovery_control(p.ravel()).reshape(p.shape)
    place = ERROR_CLASSES.index("OPERATION_REVERSAL"), columns.index(trials.names.index("blocked CT0"))
    assert found.q_value == pytest.approx(q[place])
    assert found.q_value > found.p_value


def test_few_wrong_answers_of_a_good_baseline_are_no_evidence_of_another_kind_of_error() -> None:
    passing = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        kinds = rng.choice([REVERSAL, SLIP, LOGIC], size=(400, 2), p=[0.04, 0.7, 0.26])
        luck = rng.random(400)

        def code(problem: int, blocked: int | None, readers: str, kinds: Any = kinds, luck: Any = luck) -> int:
            lost = 0.3 if blocked == 0 else 0.04
            return int(kinds[problem, int(blocked == 0)]) if luck[problem] < lost else CODES.index("CORRECT")

        trials = block_trials(lambda *where, code=code: code(*where) == CODES.index("CORRECT"), 400, code=code)
        value = measure_of("B.2-shift-errors").measure(trials, find("B.2-shift-errors").rule).value
        passing += value is not None and value < 0.05
    assert passing <= 3


def test_the_upper_end_of_the_distance_of_classes_is_judged() -> None:
    found = measure_of("B.2-minimal").measure(erring(mixed, mixed, 4), find("B.2-minimal").rule)
    assert found.value == found.interval[1] > found.beside["total_variation"]


def test_reading_all_context_alike_is_a_control_of_what_numbers_are_read() -> None:
    evenly = np.tile(20 / (50.0 + np.arange(6)), (200, 1))
    criterion, planted = (
        find("B.5-aggregation"),
        Planted(block_trials(n=200, numbers=evenly + np.eye(6)[0] / 10, evenly=evenly)),
    )
    found = evaluate_effect(measure_of("B.5-aggregation"), criterion.rule, planted, ("uniform-context",))  # type: ignore[arg-type]
    assert criterion.rule.holds(found.controls["uniform-context"].measured)


def test_an_interval_of_answers_lost_reaches_as_far_as_the_bootstrap_and_the_score_interval_do() -> None:
    from harness.criteria.behaviour import drop_interval
    from harness.criteria.sample import spread
    from harness.statistics import paired_drop_interval

    for lost, gained, n in ((30, 20, 60), (0, 0, 40), (1, 0, 300)):
        drop = np.repeat([1, -1, 0], [lost, gained, n - lost - gained])
        low, high = drop_interval(drop, 3)
        ends = [tuple(map(float, spread(drop, 3))), paired_drop_interval(lost, gained, n)]
        assert (low, high) == (min(end[0] for end in ends), max(end[1] for end in ends))
    wide = np.repeat([1, -1], [30, 30])
    assert (
        spread(wide, 3)[1] > paired_drop_interval(30, 30, 60)[1]
        or spread(wide, 3)[0] < paired_drop_interval(30, 30, 60)[0]
    )
