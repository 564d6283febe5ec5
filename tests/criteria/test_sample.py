"""A sample's resamples and draws against one resample, or one draw, at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.criteria import sample as module
from harness.criteria.sample import Sample, of_each
from harness.measures import NotApplicable, flow, mean_structure
from harness.statistics import resample_weights, shuffled

RAW = (np.random.default_rng(2).dirichlet(np.ones(7), size=(5, 2, 3, 6))[..., :6] * np.tri(6)).astype(np.float32)


def drawn(draw: int, seed: int, power: int = 1, **how: Any) -> Any:
    return (shuffled(RAW, seed, draw, **how).astype(np.float64) ** power).mean(axis=0)


def test_patterns_are_those_given_with_the_heads_of_a_cell_side_by_side() -> None:
    patterns = Sample(RAW, 0).patterns
    np.testing.assert_array_equal(patterns, RAW)
    assert np.moveaxis(patterns, (1, 2), (3, 4)).flags.c_contiguous


def test_the_mean_is_taken_in_double_precision() -> None:
    mean = Sample(RAW, 0).mean
    assert mean.dtype == np.float64
    np.testing.assert_array_equal(mean, RAW.mean(axis=0, dtype=np.float64))


@pytest.mark.parametrize("kept", [True, False])
def test_the_measure_is_taken_on_every_resample_whether_the_means_are_kept_or_not(
    monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    sample = Sample(RAW, 3)
    monkeypatch.setattr(module, "KEPT_BYTES", 2000 * sample.mean.nbytes - (not kept))
    weights = resample_weights(5, 2000, 3)
    found = sample.resample(flow)
    assert found.shape == (2000, 2, 3)
    for draw in (0, 1, 49, 50, 1999):
        mean = sum(weight * raw.astype(np.float64) for weight, raw in zip(weights[draw], RAW, strict=True))
        np.testing.assert_allclose(found[draw], flow(mean), rtol=1e-6)
    assert ("_resampled" in sample.__dict__) == kept


def test_kept_resamples_cannot_be_changed_by_a_measure() -> None:
    def careless(means: Any) -> Any:
        means += 1
        return flow(means)

    with pytest.raises(ValueError, match="read-only"):
        Sample(RAW, 0).resample(careless)


def test_two_problems_can_be_resampled_and_one_cannot() -> None:
    assert len(np.unique(Sample(RAW[:2], 0).resample(flow)[:, 0, 0].round(6))) == 3
    with pytest.raises(NotApplicable, match=r"^needs at least 2 problems to resample$"):
        Sample(RAW[:1], 0).resample(flow)


@pytest.mark.parametrize("draw_controls", [True, False])
def test_the_second_sample_has_the_next_seed(draw_controls: bool) -> None:
    other = Sample(RAW, 7, draw_controls, second=lambda: 0.5 * RAW).other
    assert (other.seed, other.draw_controls, other.second) == (8, draw_controls, None)
    np.testing.assert_array_equal(other.raw, 0.5 * RAW)


def test_where_there_is_no_second_sample_that_is_the_reason() -> None:
    with pytest.raises(NotApplicable, match=r"^needs a second sample of problems$"):
        _ = Sample(RAW, 0).other


def test_other_patterns_are_a_sample_without_controls_of_its_own() -> None:
    def second() -> Any:
        return RAW

    sample = Sample(RAW, 7, second=second)
    other = sample.with_raw(RAW[:2])
    assert (len(other.raw), other.seed, other.draw_controls, other.second) == (2, 7, False, None)
    assert sample.draw_controls
    assert sample.with_raw(RAW[:2], second).second is second


@pytest.mark.parametrize("off_diagonal", [True, False])
def test_draws_are_those_of_the_seed_and_their_number(monkeypatch: pytest.MonkeyPatch, off_diagonal: bool) -> None:
    monkeypatch.setattr(module, "DRAWS", 6)
    shuffle: Any = "off-diagonal" if off_diagonal else "rows"
    sample = Sample(RAW, 4)
    each = [shuffled(RAW, 4, draw, off_diagonal) for draw in range(6)]
    found = sample.of_draws(shuffle, lambda raw: raw[3, 1, 2, 4, 1])
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [one[3, 1, 2, 4, 1] for one in each])
    for power in (1, 2):
        means = sample.draw_means(shuffle, power)
        expected = [drawn(draw, 4, power, off_diagonal=off_diagonal) for draw in range(6)]
        np.testing.assert_allclose(means, expected, rtol=1e-6)
        assert sample.draw_means(shuffle, power) is means
    np.testing.assert_array_equal(sample.draw_means(shuffle), sample.draw_means(shuffle, 1))


def counted(measure: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], list[int]]:
    calls = []

    def counting(mean: Any) -> Any:
        calls.append(1)
        return measure(mean)

    return counting, calls


def test_a_measure_of_the_draws_is_computed_once_for_all_of_them() -> None:
    sample = Sample(RAW[:2], 4)
    measure, calls = counted(lambda mean: mean[1, 2, 5, 0])
    found = sample.drawn(measure)
    assert sample.drawn(measure) is found
    assert len(calls) == 1000
    np.testing.assert_array_equal(found, sample.draw_means("rows")[:, 1, 2, 5, 0])


def test_the_structure_of_many_draws_is_that_of_each() -> None:
    structures = Sample(RAW, 4).shuffled_structure
    assert structures.shape == (9999,)
    for draw in (0, 249, 250, 999, 9749, 9750, 9998):
        assert structures[draw] == pytest.approx(float(mean_structure(drawn(draw, 4))), rel=1e-6)


def test_means_are_measured_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.criteria.sample.BYTES_AT_ONCE", 50 * 2 * 3 * 36 * 8)
    means = np.random.default_rng(0).random((107, 2, 3, 6, 6))
    sizes = []

    def measure(some: Any) -> Any:
        sizes.append(len(some))
        return some[:, 0, 0, 0, 0]

    np.testing.assert_array_equal(of_each(measure, means), means[:, 0, 0, 0, 0])
    assert sorted(sizes) == [7, 50, 50]
