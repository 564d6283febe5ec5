"""The vocabulary of a user's file: what follows from a measure, and the difference between two models."""

from typing import Any

import numpy as np
import pytest

from harness import own
from harness.criteria.criterion import Criterion
from harness.criteria.registry import criteria
from harness.measures import flow, mean_over_heads
from harness.own import (
    Effect,
    MeanMeasure,
    Pair,
    PairMeasure,
    Rule,
    Sample,
    difference,
    hypothesis,
    plant,
    verdict_on,
    within,
)

SIZE: dict[str, Any] = {"n": 12, "L": 2, "H": 3, "T": 6}
FLOW = MeanMeasure(lambda mean: mean_over_heads(flow(mean)), within(0, 1))


def declared(measure: Any, rule: Rule = Rule(">", 0.8), **more: Any) -> Criterion:  # noqa: B008
    return hypothesis("X.1-it", "Says so", "Means so.", rule, measure, **more)


def effect(where: Any) -> Effect[Any]:
    return Effect(where, lambda trials: trials.of("right")[:, None], lambda means: means[..., 0], (0.0, 1.0))


def test_all_names_are_there_in_order() -> None:
    assert own.__all__ == sorted(own.__all__)
    assert all(hasattr(own, name) for name in own.__all__)


@pytest.mark.parametrize(
    ("measure", "scope", "alike"),
    [
        (FLOW, "model", "2.1-top"),
        (difference(FLOW), "pair", "2.6-differ"),
        (effect(own.importance_study), "model", "I.2-matters"),
        (effect(own.heads_study), "model", "2.4-causal"),
        (effect(own.behaviour_study), "model", "B.1-ct0"),
    ],
)
def test_scope_and_grounds_are_those_of_the_studys_own_hypotheses(measure: Any, scope: str, alike: str) -> None:
    like = next(one for one in criteria() if one.id == alike)
    criterion = declared(measure)
    assert (criterion.scope, criterion.rests_on) == (scope, like.rests_on) == (like.scope, like.rests_on)
    assert declared(measure, rests_on=()).rests_on == ()


def test_a_planted_pattern_gives_a_verdict() -> None:
    assert verdict_on(declared(FLOW), plant("chain", 0.9, **SIZE, seed=0)) == "pass"
    assert verdict_on(declared(FLOW), plant("none", 0, **SIZE, seed=0)) == "fail"


class TestDifference:
    FIRST, SECOND = plant("chain", 0.5, **SIZE, seed=0, noise=1.0), plant("none", 0, **SIZE, seed=1, noise=1.0)

    def measured(self, measure: PairMeasure, *raw: Any) -> Any:
        smaller, larger = (Sample(one, 0) for one in raw)
        return measure.procedure(Pair(("a", "b"), (smaller, larger)), Rule(">", 0.1))

    def test_it_is_the_smaller_models_value_less_the_larger_ones(self) -> None:
        found = self.measured(difference(FLOW), self.FIRST, self.SECOND)
        values = [float(FLOW.of_mean(raw.mean(axis=0, dtype=np.float64))) for raw in (self.FIRST, self.SECOND)]
        assert found.value == pytest.approx(values[0] - values[1], abs=1e-9)
        assert found.beside == {"a": pytest.approx(values[0]), "b": pytest.approx(values[1])}
        assert found.attainable == (-1, 1)

    def test_resamples_take_the_same_problems_of_both(self) -> None:
        """Against a loop over resamples of problems."""
        found = self.measured(difference(FLOW), self.FIRST, self.SECOND)
        rng = np.random.default_rng(9)
        drawn = []
        for _ in range(2000):
            rows = rng.integers(0, 12, 12)
            one, other = (FLOW.of_mean(raw[rows].mean(axis=0, dtype=np.float64)) for raw in (self.FIRST, self.SECOND))
            drawn.append(float(one - other))
        low, high = np.quantile(drawn, [0.025, 0.975])
        assert found.interval == (
            pytest.approx(low, abs=0.1 * (high - low)),
            pytest.approx(high, abs=0.1 * (high - low)),
        )
        same = self.measured(difference(FLOW), self.FIRST, self.FIRST)
        assert (same.value, same.interval) == (0, (0, 0))

    def test_planted_pairs_give_the_differences_of_their_means(self) -> None:
        way = difference(FLOW, into=1).on_plantings
        kept = [np.stack([way.keep(Sample(raw, 0))] * 2) for raw in (self.FIRST, self.SECOND)]
        whole = self.measured(difference(FLOW), self.FIRST, self.SECOND).value
        assert way.values(*kept, 0) == pytest.approx([whole, whole])
        assert way.into == 1

    def test_a_single_problem_gives_no_interval(self) -> None:
        found = self.measured(difference(FLOW), self.FIRST[:1], self.SECOND[:1])
        assert (found.interval, found.confidence) == (None, None) and found.value is not None

    def test_no_attention_is_undefined(self) -> None:
        found = self.measured(difference(FLOW), np.zeros_like(self.FIRST), self.SECOND)
        assert found.value is None and found.reason.startswith("undefined")

    def test_a_pair_can_be_planted(self) -> None:
        criterion = declared(difference(FLOW), Rule(">", 0.1))
        assert verdict_on(criterion, self.FIRST, self.SECOND) == "pass"
        assert verdict_on(criterion, self.SECOND, self.FIRST) == "fail"
