"""How a measure is evaluated: its interval, confidence, controls and reach, each against its definition."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.criteria import sample as sample_module
from harness.criteria.criterion import ControlValue, Measurement, NotMeasured, Rule
from harness.criteria.hypothesis import MeanMeasure, Selection, TestMeasure, evaluate, order_statistics, undefined
from harness.criteria.paired import Pair, PairMeasure, aligned, evaluate_pair, halvings
from harness.criteria.sample import Sample
from harness.measures import NotApplicable, flow
from harness.statistics import halves, resample_weights, shuffled
from tests.criteria.planted_cases import chain, nothing

RAW = np.random.default_rng(3).dirichlet(np.full(7, 0.5), size=(6, 2, 3, 5))[..., :5] * np.tri(5)
SEED = 4
RULE = Rule(">", 0.6)
NAMES = ("small", "large")


def reach(L: int, H: int, T: int) -> tuple[float, float]:
    return float(L), float(100 * H + T)


def first_flow(mean: Any) -> Any:
    return flow(mean)[..., 0, 1]


def squares(raw: Any) -> Any:
    """[n, 2, L, H, T, T]"""
    return np.stack([raw, raw**2], axis=1)


def spread(both: Any) -> Any:
    return np.sqrt(both[..., 1, 0, 1, 4, 2] - both[..., 0, 0, 1, 4, 2] ** 2)


def mean_of(raw: Any, weights: Any) -> Any:
    return np.tensordot(weights, raw, axes=1)


PLAIN = MeanMeasure(first_flow, reach)
OF_SQUARES = MeanMeasure(spread, reach, per_problem=squares)
SELECTING = replace(
    PLAIN,
    selection=Selection(
        lambda mean: flow(mean)[..., 0, :].argmax(axis=-1, keepdims=True),
        lambda mean, head: np.take_along_axis(flow(mean)[..., 0, :], head, axis=-1)[..., 0],
    ),
)


@pytest.mark.parametrize("measure", [PLAIN, OF_SQUARES], ids=["patterns", "squares"])
def test_value_interval_and_confidence_are_those_of_resampled_problems(measure: MeanMeasure) -> None:
    found = measure.measure(Sample(RAW, SEED), RULE)
    features = RAW if measure is PLAIN else squares(RAW)
    value = float(measure.of_mean(features.mean(axis=0)))
    again = np.array([measure.of_mean(mean_of(features, one)) for one in resample_weights(6, 2000, SEED)])
    low, high = np.quantile(again, [0.025, 0.975])
    assert found.value == measure.value(Sample(RAW, 9)) == pytest.approx(value)
    assert found.interval == pytest.approx((low, high))
    assert found.confidence == pytest.approx(np.mean((again > 0.6) == (value > 0.6)))
    assert found.resampled == pytest.approx(order_statistics(again))
    assert (found.biased, found.cross_fitted, found.answer, found.beside) == (False, None, None, {})


def test_a_failing_verdict_is_as_sure_as_the_resamples_that_fail() -> None:
    sure = [PLAIN.measure(Sample(RAW, SEED), Rule(comparator, 0.6)).confidence for comparator in (">", "<=")]
    assert sure[0] == sure[1] and 0.5 < sure[0] < 1  # type: ignore[operator]


def test_an_evaluation_judges_resamples_by_the_rule() -> None:
    found = evaluate(PLAIN, RULE, Sample(RAW, SEED, draw_controls=False), {})
    assert found == replace(PLAIN.measure(Sample(RAW, SEED), RULE), n_problems=6, attainable=(2, 305))


def test_what_selects_is_biased_and_measured_again_on_the_other_half() -> None:
    found = SELECTING.measure(Sample(RAW, SEED), RULE)
    on, off = halves(6, 100, SEED)
    crossed = []
    for first, second in zip(on, off, strict=True):
        chosen = int(flow(mean_of(RAW, first))[0].argmax())
        crossed.append(float(flow(mean_of(RAW, second))[0, chosen]))
    assert found.biased
    assert found.cross_fitted == pytest.approx(np.mean(crossed))
    two, one = (SELECTING.measure(Sample(RAW[:n], SEED), RULE) for n in (2, 1))
    assert two.cross_fitted is not None and two.interval is not None and two.confidence is not None
    assert (one.cross_fitted, one.interval, one.confidence, one.resampled) == (None, None, None, None)
    assert one.value == pytest.approx(float(first_flow(RAW[0]))) and one.biased


def test_answer_and_what_stands_beside_are_those_of_the_sample() -> None:
    measure = replace(PLAIN, answer=lambda sample: f"seed {sample.seed}", beside=lambda sample: {"n": len(sample.raw)})
    found = measure.measure(Sample(RAW, SEED), RULE)
    assert (found.answer, found.beside) == ("seed 4", {"n": 6})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_undefined(value: float) -> None:
    found = MeanMeasure(lambda mean: np.full(len(mean), value), reach).measure(Sample(RAW, SEED), RULE)
    assert found == Measurement(None, reason="undefined: the measure has no finite value here")
    assert undefined("why").reason == "undefined: why"


@pytest.mark.parametrize("measure", [PLAIN, OF_SQUARES], ids=["patterns", "squares"])
@pytest.mark.parametrize("shuffle", ["rows", "off-diagonal"])
def test_every_draw_of_the_shuffled_control_is_measured(
    monkeypatch: pytest.MonkeyPatch, measure: MeanMeasure, shuffle: Any
) -> None:
    monkeypatch.setattr(sample_module, "DRAWS", 4)
    draws = [shuffled(RAW, SEED, draw, shuffle == "off-diagonal") for draw in range(4)]
    features = draws if measure is PLAIN else [squares(draw) for draw in draws]
    expected = [float(measure.of_mean(one.mean(axis=0))) for one in features]
    found = replace(measure, shuffle=shuffle).on_draws(Sample(RAW, SEED))
    np.testing.assert_allclose(found, expected)
    shorter = replace(
        measure, shuffled=lambda sample: np.stack([one.mean(axis=0) for one in features[: sample.seed - 2]])
    )
    np.testing.assert_allclose(shorter.on_draws(Sample(RAW, SEED)), expected[:2])


def test_many_plantings_are_measured_from_their_means() -> None:
    for measure, features in ((PLAIN, RAW), (OF_SQUARES, squares(RAW))):
        way = measure.on_plantings
        np.testing.assert_allclose(way.keep(Sample(RAW, 0)), features.mean(axis=0))
        np.testing.assert_array_equal(way.values(features, 5), measure.of_mean(features))
        assert (way.plantings, way.shortened, way.into) == (200, None, 0)
    assert PLAIN.on_plantings.keep is replace(PLAIN, of_mean=spread).on_plantings.keep


def drawing(*draws: float, shuffle: Any = "rows") -> TestMeasure:
    def procedure(sample: Sample) -> Measurement:
        if len(sample.raw) == 1:
            raise NotApplicable("needs two")
        return Measurement(float(sample.raw.sum()) or None, q_value=0.5, biased=True)

    return TestMeasure(procedure, lambda sample: np.array(draws) + 0 * sample.seed, reach, shuffle=shuffle)


def test_an_evaluation_adds_controls_reach_and_number_of_problems() -> None:
    sample = Sample(np.ones((6, 2, 3, 5, 5)), 0, draw_controls=False)
    others = {
        "half": sample.with_raw(0.5 * sample.raw),
        "single": sample.with_raw(sample.raw[:1]),
        "empty": sample.with_raw(0 * sample.raw),
    }
    found = evaluate(drawing(), RULE, sample, others)
    assert found == Measurement(
        900,
        q_value=0.5,
        biased=True,
        n_problems=6,
        attainable=(2, 305),
        controls={"half": ControlValue(450), "single": ControlValue(None), "empty": ControlValue(None)},
    )


@pytest.mark.parametrize(
    ("draws", "middle"), [((1.0, 5.0, 2.0), 2), ((np.nan, 4.0, 1.0, np.inf), 2.5), ((np.nan, np.nan), None)]
)
@pytest.mark.parametrize(("shuffle", "name"), [("rows", "shuffled"), ("off-diagonal", "shuffled-off-diagonal")])
def test_a_drawn_control_has_the_middle_of_its_defined_draws_and_all_of_them(
    draws: tuple[float, ...], middle: float | None, shuffle: str, name: str
) -> None:
    found = evaluate(drawing(*draws, shuffle=shuffle), RULE, Sample(RAW, 0), {})
    assert set(found.controls) == {name}
    assert found.controls[name].measured == middle
    assert found.controls[name].draws == pytest.approx(draws, nan_ok=True)


def test_a_procedure_without_a_value_gives_nan() -> None:
    assert np.isnan(drawing().value(Sample(0 * RAW, 0)))
    assert drawing().value(Sample(RAW, 0)) == pytest.approx(RAW.sum())
    assert drawing().measure(Sample(RAW, 0), RULE).q_value == 0.5


def paired(value: Any) -> PairMeasure:
    unused: Any = None
    return PairMeasure(lambda pair, rule: Measurement(rule.threshold, q_value=pair.n_problems / 100), value, unused)


def pair_of(n: int) -> Pair:
    first, second = RAW[:n], 3 + RAW[:n, :, :1]
    return Pair(("small", "large"), (Sample(first, SEED), Sample(second, SEED)))


def test_a_pair_is_held_against_the_middle_of_each_models_halves() -> None:
    seen: list[Pair] = []

    def value(pair: Pair) -> float:
        seen.append(pair)
        return float(pair.samples[0].raw[:, 0, 0, 0, 0].sum())

    found = evaluate_pair(paired(value), RULE, pair_of(6), controls=True)
    assert (found.value, found.q_value, found.n_problems) == (0.6, 0.06, 6)
    assert [pair.names for pair in seen] == [("small", "small")] * 25 + [("large", "large")] * 25
    for name, pairs in (("small", seen[:25]), ("large", seen[25:])):
        sums = sorted(float(pair.samples[0].raw[:, 0, 0, 0, 0].sum()) for pair in pairs)
        assert found.controls[f"halves of {name}"] == ControlValue(sums[12])
    assert not any(sample.draw_controls for pair in seen for sample in pair.samples)


@pytest.mark.parametrize(("n", "controls"), [(6, False), (1, True)])
def test_without_controls_or_with_one_problem_a_pair_has_no_halves(n: int, controls: bool) -> None:
    assert evaluate_pair(paired(lambda pair: 1.0), RULE, pair_of(n), controls).controls == {}
    assert set(evaluate_pair(paired(lambda pair: 1.0), RULE, pair_of(2), True).controls) == {
        "halves of small", "halves of large",
    }  # fmt: skip


def test_halves_that_cannot_be_measured_are_controls_without_a_value() -> None:
    def refuse(pair: Pair) -> float:
        raise NotApplicable("too few")

    for value in (refuse, lambda pair: np.nan, lambda pair: np.inf):
        found = evaluate_pair(paired(value), RULE, pair_of(4), controls=True)
        assert found.controls["halves of large"] == ControlValue(None)


def test_problems_are_paired_by_id_not_by_place() -> None:
    first, second = chain(), nothing(noise=0.5)
    ids = list(range(24))
    order = np.random.default_rng(3).permutation(24)
    straight = aligned(NAMES, (first, second), (ids, ids), 0)
    mixed = aligned(NAMES, (first, second[order]), (ids, [ids[k] for k in order]), 0)
    np.testing.assert_array_equal(mixed.samples[1].raw, straight.samples[1].raw)
    some = aligned(NAMES, (first, second[:5]), (ids, ids[:5]), 0)
    assert some.n_problems == 5
    with pytest.raises(NotMeasured, match="small and large have no problem in common"):
        aligned(NAMES, (first, second), (ids, [k + 100 for k in ids]), 0)


def test_halvings_split_a_model_into_disjoint_halves_each_time_differently() -> None:
    raw = nothing(n=7)
    raw[:, 0, 0, 0, 0] = np.arange(7)
    seen = [
        tuple(tuple(one.raw[:, 0, 0, 0, 0]) for one in half.samples)
        for half in halvings(aligned(NAMES, (raw, raw), [range(7)] * 2, 0), 0)
    ]
    assert all(len({*first, *second}) == 6 and len(first) == len(second) == 3 for first, second in seen)
    assert len(set(seen)) == len(seen) == 25
    assert len({problem for first, second in seen for problem in (*first, *second)}) == 7
    assert seen == [
        tuple(tuple(one.raw[:, 0, 0, 0, 0]) for one in half.samples)
        for half in halvings(aligned(NAMES, (raw, raw), [range(7)] * 2, 0), 0)
    ]
