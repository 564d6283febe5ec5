"""Measures of selected heads and positions against plain Python, one head after another."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from harness.criteria.hypothesis import SPLITS, MeanMeasure
from harness.criteria.sample import Sample
from harness.criteria.select import (
    count_of_heads,
    count_of_top,
    largest_position,
    mean_of_top,
    of_top_heads,
    share_of_heads,
    share_of_top,
    share_of_total,
    smallest_of_top,
    top_over_rest,
)
from harness.measures import (
    EmptyGroup,
    distance,
    flow,
    forward_mass,
    head_max,
    hub_adjusted,
    mean_pairwise_distance,
    normalise_rows,
    skip,
)
from harness.statistics import halves

Mean = Any
Head = tuple[int, ...]
RAW = np.random.default_rng(4).dirichlet(np.full(8, 0.3), size=(9, 2, 3, 6))[..., :6] * np.tri(6)
HEADS = list(np.ndindex(2, 3))


def reach(L: int, H: int, T: int) -> tuple[float, float]:
    return float(L), float(H * T)


def ranked(score: Callable[[Mean], Any], mean: Mean) -> list[Head]:
    values = score(mean)
    return sorted(HEADS, key=lambda head: (-values[head], head))


def average(values: list[float]) -> float:
    return sum(values) / len(values)


def flows(mean: Mean) -> Any:
    return flow(mean) > 0.65


def by_top(score: Any, k: int, of: Any, summed: Any) -> Callable[[Mean, Mean], float]:
    return lambda on, at: float(summed([float(of(at)[head]) for head in ranked(score, on)[:k]]))


def by_all(summed: Any) -> Callable[[Mean, Mean], float]:
    return lambda on, at: float(summed([float(flows(on)[head] and flows(at)[head]) for head in HEADS]))


def over_rest(on: Mean, at: Mean) -> float:
    order, values = ranked(flow, on), flow(at)
    return average([values[head] for head in order[:2]]) / average([values[head] for head in order[2:]])


def of_total(on: Mean, at: Mean) -> float:
    values = forward_mass(at)
    return sum(values[head] for head in ranked(forward_mass, on)[:2]) / sum(values[head] for head in HEADS)


def at_position(on: Mean, at: Mean) -> float:
    values = hub_adjusted(on).tolist()
    return float(hub_adjusted(at)[values.index(max(values))])


def apart(score: Any) -> Callable[[Mean, Mean], float]:
    def oracle(on: Mean, at: Mean) -> float:
        rows = normalise_rows(at)
        return average([float(distance(rows[a], rows[b])) for a, b in combinations(ranked(score, on)[:3], 2)])

    return oracle


# Made anew by every test, so that each test sees the making too.
CASES: dict[str, tuple[Callable[[], MeanMeasure], Callable[[Mean, Mean], float]]] = {
    "smallest of top": (lambda: smallest_of_top(flow, 4, reach), lambda on, at: flow(at)[ranked(flow, on)[3]]),
    "smallest of the only": (lambda: smallest_of_top(flow, 1, reach), lambda on, at: flow(at)[ranked(flow, on)[0]]),
    "smallest of all": (lambda: smallest_of_top(flow, 99, reach), lambda on, at: flow(at)[ranked(flow, on)[-1]]),
    "share of heads": (lambda: share_of_heads(flows, reach), by_all(average)),
    "count of heads": (lambda: count_of_heads(flows, reach), by_all(sum)),
    "share of top": (lambda: share_of_top(flows, 4, reach), by_top(head_max, 4, flows, average)),
    "share of top by skip": (lambda: share_of_top(flows, 2, reach, score=skip), by_top(skip, 2, flows, average)),
    "share of top of all": (lambda: share_of_top(flows, 99, reach), by_top(head_max, 6, flows, average)),
    "count of top": (lambda: count_of_top(flows, 4, reach), by_top(head_max, 4, flows, sum)),
    "count of top by skip": (lambda: count_of_top(flows, 2, reach, score=skip), by_top(skip, 2, flows, sum)),
    "mean of top": (lambda: mean_of_top(flow, 4, reach), by_top(flow, 4, flow, average)),
    "mean of top of another": (lambda: mean_of_top(flow, 4, reach, of=skip), by_top(flow, 4, skip, average)),
    "top over rest": (lambda: top_over_rest(flow, 2, reach), over_rest),
    "share of total": (lambda: share_of_total(forward_mass, 2, reach), of_total),
    "largest position": (lambda: largest_position(hub_adjusted, reach, "rows"), at_position),
    "of top heads": (lambda: of_top_heads(mean_pairwise_distance, 3, reach), apart(head_max)),
    "of top heads by skip": (lambda: of_top_heads(mean_pairwise_distance, 3, reach, score=skip), apart(skip)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_value_is_that_of_the_heads_chosen_one_by_one(name: str) -> None:
    make, oracle = CASES[name]
    mean = RAW.mean(axis=0)
    assert make().value(Sample(RAW, 0)) == pytest.approx(oracle(mean, mean), rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_cross_fitted_value_chooses_on_one_half_and_measures_on_the_other(name: str) -> None:
    make, oracle = CASES[name]
    splits = zip(*halves(len(RAW), SPLITS, 5), strict=True)
    on_control = [oracle(*(np.tensordot(weights, RAW, axes=1) for weights in both)) for both in splits]
    assert make().cross_fitted(Sample(RAW, 5)) == pytest.approx(average(on_control), rel=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_many_means_are_measured_one_by_one(name: str) -> None:
    make, oracle = CASES[name]
    found = make().of_mean(RAW.reshape(3, 3, *RAW.shape[1:]))
    assert found.shape == (3, 3)
    np.testing.assert_allclose(found.ravel(), [oracle(one, one) for one in RAW], rtol=1e-12)


def beside(sample: Sample) -> dict[str, Any]:
    return {"seed": sample.seed}


SHUFFLED: dict[str, Callable[..., MeanMeasure]] = {
    "smallest of top": lambda *shuffle: smallest_of_top(flow, 4, reach, *shuffle),
    "share of heads": lambda *shuffle: share_of_heads(flows, reach, *shuffle),
    "count of heads": lambda *shuffle: count_of_heads(flows, reach, *shuffle),
    "share of top": lambda *shuffle: share_of_top(flows, 4, reach, *shuffle),
    "count of top": lambda *shuffle: count_of_top(flows, 4, reach, *shuffle),
    "mean of top": lambda *shuffle: mean_of_top(flow, 4, reach, *shuffle),
    "top over rest": lambda *shuffle: top_over_rest(flow, 2, reach, *shuffle),
    "share of total": lambda *shuffle: share_of_total(forward_mass, 2, reach, *shuffle),
    "of top heads": lambda *shuffle: of_top_heads(mean_pairwise_distance, 3, reach, *shuffle),
}


@pytest.mark.parametrize("name", SHUFFLED)
def test_rows_are_shuffled_unless_the_diagonal_is_to_stay(name: str) -> None:
    assert SHUFFLED[name]().shuffle == "rows"
    kept = SHUFFLED[name]("off-diagonal")
    assert (kept.shuffle, kept.bounds) == ("off-diagonal", reach)


@pytest.mark.parametrize(
    "make",
    [
        lambda: share_of_heads(flows, reach, beside=beside),
        lambda: count_of_heads(flows, reach, beside=beside),
        lambda: share_of_total(forward_mass, 2, reach, beside=beside),
        lambda: largest_position(hub_adjusted, reach, "off-diagonal", beside),
    ],
)
def test_what_is_shown_beside_is_passed_on(make: Callable[[], MeanMeasure]) -> None:
    assert (make().beside, make().bounds) == (beside, reach)
    assert largest_position(hub_adjusted, reach, "off-diagonal").shuffle == "off-diagonal"


def test_heads_that_are_all_among_the_top_leave_no_rest() -> None:
    with pytest.raises(EmptyGroup, match=r"^all 6 heads are among the top 6; there is no rest to compare with$"):
        top_over_rest(flow, 6, reach).value(Sample(RAW, 0))
    assert top_over_rest(flow, 5, reach).value(Sample(RAW, 0)) > 1


def test_a_rest_without_a_score_is_exceeded_without_limit() -> None:
    mean = np.broadcast_to(0.5 * np.eye(6), (1, 2, 3, 6, 6)).copy()
    mean[0, 1, 2, 3, 1] = 0.5
    with np.errstate(all="raise"):
        assert top_over_rest(flow, 1, reach).value(Sample(mean, 0)) == np.inf


def test_heads_without_a_score_are_left_out_of_means() -> None:
    raw = RAW.copy()
    raw[:, 0, 1] = raw[:, 1, 0] = 0
    scores = [float(flow(raw.mean(axis=0))[head]) for head in HEADS if head not in ((0, 1), (1, 0))]
    assert mean_of_top(flow, 5, reach).value(Sample(raw, 0)) == pytest.approx(average(scores))
    best, *others = sorted(scores, reverse=True)
    assert top_over_rest(flow, 1, reach).value(Sample(raw, 0)) == pytest.approx(best / average(others))
