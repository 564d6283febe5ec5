"""Every hypothesis about patterns passes on its planted signal and fails on its null, and says how sure it is."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import Evaluation
from harness.criteria.hypothesis import MeanMeasure, TestMeasure, evaluate
from harness.criteria.registry import criteria, find
from harness.criteria.sample import Sample
from harness.measures import NotApplicable, TooFewLatents
from harness.statistics import uniform
from tests.criteria.planted_cases import CASES, hub, nothing, plant

HYPOTHESES = [
    criterion
    for criterion in criteria()
    if isinstance(criterion.measure, Evaluation) and isinstance(criterion.measure.of, MeanMeasure | TestMeasure)
]


@dataclass
class OnlySample:
    """A study that has a sample and nothing else."""

    raw: Any
    seed: int = 0
    draw_controls: bool = False
    controls: bool = False

    def evaluate(self, criterion_id: str, measure: MeanMeasure | TestMeasure, rule: Rule) -> Measurement:
        sample = Sample(self.raw, self.seed, self.draw_controls)
        if isinstance(measure, TestMeasure) and measure.second_sample:
            half = len(self.raw) // 2
            sample = replace(sample, raw=self.raw[:half], second=lambda: self.raw[half:])
        others = {"uniform": sample.with_raw(uniform(sample.raw), sample.second)} if self.controls else {}
        return evaluate(measure, rule, sample, others)


def measured(criterion: Criterion, raw: Any, **settings: Any) -> Measurement:
    return criterion.measure(OnlySample(raw, **settings))


def test_every_hypothesis_has_a_planted_case() -> None:
    assert {criterion.id for criterion in HYPOTHESES} == set(CASES)


@pytest.mark.parametrize("criterion", HYPOTHESES, ids=lambda criterion: criterion.id)
def test_it_passes_on_its_signal_and_fails_on_its_null(criterion: Criterion) -> None:
    signal, null = (measured(criterion, make()) for make in CASES[criterion.id])
    assert criterion.rule.holds(signal.value), f"{signal.value} should pass {criterion.rule}"
    assert not criterion.rule.holds(null.value), f"{null.value} should fail {criterion.rule}"


@pytest.mark.parametrize("criterion", HYPOTHESES, ids=lambda criterion: criterion.id)
def test_the_order_of_problems_decides_nothing(criterion: Criterion) -> None:
    raw = CASES[criterion.id][0]()
    again = raw[np.random.default_rng(1).permutation(len(raw))]
    assert criterion.rule.holds(measured(criterion, again).value) == criterion.rule.holds(
        measured(criterion, raw).value
    )


@pytest.mark.parametrize("criterion", HYPOTHESES, ids=lambda criterion: criterion.id)
def test_values_and_intervals_lie_in_the_attainable_range(criterion: Criterion) -> None:
    for make in CASES[criterion.id]:
        found = measured(criterion, make())
        assert found.attainable is not None
        low, high = found.attainable
        for value in (found.value, *(found.interval or ())):
            assert low - 1e-9 <= value <= high + 1e-9


@pytest.mark.parametrize("criterion", HYPOTHESES, ids=lambda criterion: criterion.id)
def test_weights_that_are_not_numbers_are_never_judged(criterion: Criterion) -> None:
    raw = CASES[criterion.id][0]().copy()
    raw[0, 0, 0, 3, 1] = np.nan
    try:
        value = measured(criterion, raw).value
    except ValueError:
        return
    assert not criterion.rule.holds(value)


@pytest.mark.parametrize("criterion", HYPOTHESES, ids=lambda criterion: criterion.id)
def test_attention_without_latent_mass_passes_nothing_it_should_not(criterion: Criterion) -> None:
    try:
        found = measured(criterion, np.zeros((6, 3, 8, 6, 6)))
    except ValueError:
        return
    assert not criterion.rule.holds(found.value) or criterion.null_should_pass or criterion.id == "1.5-winner-raw"


MEANS = [
    criterion
    for criterion in HYPOTHESES
    if criterion.rule.comparator in (">", ">=", "<=") and "nonrandom" not in criterion.id
]


@pytest.mark.parametrize("criterion", MEANS, ids=lambda criterion: criterion.id)
def test_a_point_measure_has_interval_and_confidence_and_a_selected_one_a_cross_fitted_value(
    criterion: Criterion,
) -> None:
    found = measured(criterion, CASES[criterion.id][0]())
    assert found.interval is not None and found.interval[0] <= found.interval[1]
    assert found.confidence is not None and 0.5 <= found.confidence <= 1
    assert found.biased == (found.cross_fitted is not None)


def test_the_interval_is_the_percentile_bootstrap_of_scipy() -> None:
    from scipy.stats import bootstrap

    from harness.measures import mean_over_heads, within_head_std

    raw = hub(noise=0.3)

    def statistic(rows: Any) -> float:
        return float(mean_over_heads(within_head_std(raw[rows].mean(axis=0, dtype=np.float64))))

    theirs = bootstrap(
        (np.arange(len(raw)),),
        statistic,
        n_resamples=2000,
        method="percentile",
        vectorized=False,
        rng=np.random.default_rng(3),
    ).confidence_interval
    ours = measured(find("1.2-spread"), raw).interval
    assert ours is not None
    width = theirs.high - theirs.low
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.15 * width)


def test_cross_fitting_removes_the_optimism_of_choosing_the_best() -> None:
    raw = nothing(noise=1.0, latent_mass=0.9)
    found = measured(find("1.3-top3"), raw)
    assert found.cross_fitted is not None
    assert found.cross_fitted < found.value  # type: ignore[operator]


def test_drawn_controls_store_every_draw_and_fail_where_the_signal_is_real() -> None:
    found = measured(find("1.3-structured"), hub(), draw_controls=True, controls=True)
    assert len(found.controls["shuffled"].draws or ()) == 1000
    assert not any(find("1.3-structured").rule.holds(draw) for draw in found.controls["shuffled"].draws or ())
    assert found.controls["uniform"].measured == 0


def test_a_hub_measure_keeps_the_diagonal_in_its_shuffles() -> None:
    found = measured(find("1.5-ratio"), hub(), draw_controls=True)
    assert set(found.controls) == {"shuffled-off-diagonal"}


SHORTER = [
    one for one in HYPOTHESES if isinstance(one.measure, Evaluation) and getattr(one.measure.of, "shuffled", None)
]


@pytest.mark.parametrize("criterion", SHORTER, ids=lambda criterion: criterion.id)
def test_a_shorter_way_to_the_draws_gives_the_values_of_the_draws(criterion: Criterion) -> None:
    assert isinstance(criterion.measure, Evaluation) and isinstance(criterion.measure.of, MeanMeasure)
    measure, sample = criterion.measure.of, Sample(plant("hub", 0.6, n=7, L=2, H=3, T=6, seed=0, noise=0.5), 3)
    one_by_one = replace(measure, shuffled=None).on_draws(sample)
    assert len(one_by_one) == 1000
    np.testing.assert_allclose(measure.on_draws(sample), one_by_one, rtol=1e-6)


def test_moments_of_draws_take_the_shorter_way() -> None:
    assert {one.id for one in SHORTER} == {"1.2-max-raw", "1.3-consistent", "1.3-consistent-cells"}


def test_the_same_seed_gives_the_same_measurement() -> None:
    first, second = (measured(find("1.5-ratio"), hub(), draw_controls=True, seed=5) for _ in range(2))
    assert first == second


def test_too_few_thoughts_are_a_reason_not_a_number() -> None:
    short = plant("none", 0, n=4, L=3, H=2, T=3, seed=0)
    with pytest.raises(TooFewLatents, match="4 latents"):
        measured(find("1.5-hub-adjusted"), short)


def test_p_of_structure_against_shuffles_is_uniform_under_the_null() -> None:
    """With nothing planted the p-values of many samples spread evenly (checked coarsely)."""
    from harness.measures import mean_structure
    from harness.statistics import shuffled_means

    p = []
    for seed in range(40):
        raw = plant("none", 0, n=10, L=1, H=4, T=6, seed=seed, noise=0.5)
        null = mean_structure(shuffled_means(raw, 99, seed))
        observed = float(mean_structure(raw.mean(axis=0, dtype=np.float64)))
        p.append((1 + int((null >= observed).sum())) / 100)
    assert 0.3 < np.mean(p) < 0.7


def test_no_measure_reads_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    measured(find("1.2-max"), hub())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "criterion", [one for one in MEANS if one.id != "2.4-stable"], ids=lambda criterion: criterion.id
)
def test_a_single_problem_gives_no_interval_and_no_confidence(criterion: Criterion) -> None:
    found = measured(criterion, CASES[criterion.id][0]()[:1])
    assert (found.interval, found.confidence) == (None, None)


def test_what_only_resamples_can_tell_is_not_told_of_a_single_problem() -> None:
    with pytest.raises(NotApplicable, match="at least 2 problems"):
        Sample(hub()[:1], 0).resample(lambda mean: mean)
