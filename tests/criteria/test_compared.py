"""Procedures on two models, made anew and held against loops over problems, deals and resamples."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from harness.criteria import compared
from harness.criteria.criterion import Rule
from harness.criteria.hypothesis import order_statistics
from harness.criteria.paired import Pair
from harness.criteria.sample import Sample
from harness.measures import composite_score, distance, flow, hub_score, normalise_rows, skip, specialisation
from harness.statistics import benjamini_hochberg, halves, resample_weights, sign_flip_p

RNG = np.random.default_rng(6)
FIRST = RNG.dirichlet(np.full(7, 0.5), size=(7, 2, 2, 6))[..., :6] * np.tri(6)
SECOND = RNG.dirichlet(np.full(7, 0.5), size=(7, 3, 2, 6))[..., :6] * np.tri(6)
HUBS = 0.05 * SECOND
HUBS[:, :2, 0, :, 1] += 0.9 * (np.arange(6) > 0)
EMPTY = np.zeros_like(FIRST)
SEED = 3


def pair_of(first: Any = FIRST, second: Any = SECOND) -> Pair:
    return Pair(("small", "large"), (Sample(first, SEED), Sample(second, SEED)))


def smallest_q(differences: Any, seed: int) -> float:
    return float(min(benjamini_hochberg(sign_flip_p(differences, 249, seed))))


def plain_strategy(raw: Any) -> Any:
    """[n, 3]"""
    rows = [normalise_rows(problem) for problem in raw]
    return np.array([[float(np.mean(score(one))) for score in (flow, hub_score, skip)] for one in rows])


def mean_of(raw: Any, weights: Any) -> Any:
    return np.tensordot(weights, raw, axes=1)


@pytest.mark.parametrize("n", [2, 3, 9])
def test_an_effect_is_the_t_statistic_over_the_root_of_n(n: int) -> None:
    given = RNG.normal(0.3, 1, size=(n, 3))
    given[:, 1] = 0.25
    with np.errstate(all="raise"):
        found = compared.cohens_d(given)
    expected = ttest_1samp(given[:, [0, 2]], 0).statistic / np.sqrt(n)
    np.testing.assert_allclose(found[[0, 2]], expected)
    assert np.isnan(found[1])


def test_one_difference_has_no_effect_size() -> None:
    np.testing.assert_array_equal(compared.cohens_d(np.ones((1, 3))), np.full(3, np.nan))


class TestStrategiesDiffer:
    def test_every_number_is_that_of_the_paired_differences(self) -> None:
        found = compared.strategies_differ().procedure(pair_of(), Rule("<", 0.05))
        first, second = plain_strategy(FIRST), plain_strategy(SECOND)
        differences = first - second
        p = sign_flip_p(differences, 9999, SEED)
        q = benjamini_hochberg(p)
        resampled = np.array([mean_of(differences, one) for one in resample_weights(7, 2000, SEED)])
        low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
        effects = differences.mean(axis=0) / differences.std(axis=0, ddof=1)
        assert (found.value, found.p_value, found.q_value) == pytest.approx((min(q), min(p), min(q)))
        assert found.attainable == (1 / 64, 1)
        assert found.beside["measures"] == ["flow", "hub", "skip"]
        expected = {
            "mean of small": first.mean(axis=0), "mean of large": second.mean(axis=0),
            "difference": differences.mean(axis=0), "interval low": low, "interval high": high,
            "Cohen's d": effects, "p": p, "q": q,
        }  # fmt: skip
        assert set(found.beside) == {"measures", *expected}
        for name, numbers in expected.items():
            assert found.beside[name] == pytest.approx(numbers.tolist()), name
        assert found.answer == "small minus large: no difference"

    def test_the_answer_names_the_significant_differences(self) -> None:
        found = compared.strategies_differ().procedure(pair_of(FIRST, HUBS), Rule("<", 0.05))
        differences = plain_strategy(FIRST) - plain_strategy(HUBS)
        q = benjamini_hochberg(sign_flip_p(differences, 9999, SEED))
        effects = differences.mean(axis=0) / differences.std(axis=0, ddof=1)
        words = [
            f"{name} {difference:+.3g} (d {effect:+.2f})"
            for name, difference, effect, one in zip(
                ("flow", "hub", "skip"), differences.mean(axis=0), effects, q, strict=True
            )
            if one < 0.05
        ]
        assert 0 < len(words) < 3
        assert found.answer == f"small minus large: {', '.join(words)}"

    def test_the_same_models_have_no_effect_size(self) -> None:
        found = compared.strategies_differ().procedure(pair_of(FIRST, FIRST), Rule("<", 0.05))
        assert (found.value, found.beside["Cohen's d"]) == (1, [None] * 3)

    def test_a_problem_without_attention_leaves_no_value(self) -> None:
        lost = FIRST.copy()
        lost[3] = 0
        found = compared.strategies_differ().procedure(pair_of(lost), Rule("<", 0.05))
        assert found.reason == "undefined: on some problem a model has no attention on latents"
        assert np.isnan(compared.strategies_differ().on_control(pair_of(lost)))

    def test_halves_and_plantings_take_fewer_sign_flips(self) -> None:
        measure = compared.strategies_differ()
        differences = plain_strategy(FIRST) - plain_strategy(SECOND)
        assert smallest_q(differences, 8) != smallest_q(differences, 9)
        assert measure.on_control(pair_of()) == pytest.approx(smallest_q(differences, SEED))
        way = measure.on_plantings
        kept = [way.keep(Sample(raw, 0)) for raw in (FIRST, SECOND)]
        np.testing.assert_allclose(kept[0], plain_strategy(FIRST))
        lost = kept[0].copy()
        lost[2, 1] = np.nan
        for seed in (9, 10, 11):
            found = way.values(np.stack([kept[0], lost]), np.stack([kept[1]] * 2), seed)
            np.testing.assert_allclose(found, [smallest_q(differences, seed), np.nan])
        assert (way.plantings, way.shortened, way.into) == (100, "249 sign flips each", 0)


def deals(first: Any, second: Any) -> tuple[list[float], list[list[list[int]]]]:
    """The distance between the models' mean top patterns for every way to deal these heads, the real one first."""
    heads, places = [], []
    for mean in (first, second):
        scores = composite_score(mean)
        order = sorted(np.ndindex(*scores.shape), key=lambda head: (-scores[head], head))[:5]
        heads += [normalise_rows(mean[head]) for head in order]
        places.append([list(head) for head in order])

    def apart(mine: tuple[int, ...]) -> float:
        groups = [[one for k, one in enumerate(heads) if (k in mine) == inside] for inside in (True, False)]
        return float(distance(*(np.mean(group, axis=0) for group in groups)))

    return [apart(deal) for deal in combinations(range(len(heads)), len(places[0]))], places


class TestPatternsDistinct:
    @pytest.mark.parametrize(("first", "second"), [(FIRST, SECOND), (SECOND, FIRST), (SECOND, HUBS)])
    def test_p_counts_every_way_to_deal_the_heads(self, first: Any, second: Any) -> None:
        measure = compared.patterns_distinct()
        found = measure.procedure(pair_of(first, second), Rule("<", 0.05))
        apart, (mine, theirs) = deals(first.mean(axis=0), second.mean(axis=0))
        p = float(np.mean([one >= apart[0] - 1e-12 for one in apart]))
        assert (found.value, found.p_value) == pytest.approx((p, p))
        assert measure.on_control(pair_of(first, second)) == pytest.approx(p)
        assert found.attainable == ((2 if len(mine) == len(theirs) else 1) / len(apart), 1)
        assert found.beside == {
            "distance": pytest.approx(apart[0]),
            "median distance when relabelled": pytest.approx(np.median(apart)),
            "heads of small": mine,
            "heads of large": theirs,
        }
        words = "The mean patterns of the most critical heads lie"
        assert found.answer == f"{words} {apart[0]:.3g} apart (p {p:.3g})"

    def test_without_attention_there_is_no_p(self) -> None:
        found = compared.patterns_distinct().procedure(pair_of(EMPTY), Rule("<", 0.05))
        assert found.reason == "undefined: the strongest heads have no attention on latents"

    def test_plantings_are_pairs_in_turn(self) -> None:
        way = compared.patterns_distinct().on_plantings
        expected = []
        for first, second in zip(FIRST[:3], SECOND[:3], strict=True):
            apart, _ = deals(first, second)
            expected.append(np.mean([one >= apart[0] - 1e-12 for one in apart]))
        np.testing.assert_allclose(way.values(FIRST[:3], SECOND[:3], 0), expected)
        np.testing.assert_array_equal(way.keep(Sample(FIRST, 0)), FIRST.mean(axis=0))
        assert (way.plantings, way.shortened, way.into) == (100, None, 0)


def differences(first: Any, second: Any, resamples: int, measure: Any) -> Any:
    weights = resample_weights(7, resamples, SEED)
    return np.array([float(measure(mean_of(first, one)) - measure(mean_of(second, one))) for one in weights])


class TestMoreSpecialised:
    def test_the_lower_end_of_the_paired_interval_decides(self) -> None:
        found = compared.more_specialised().procedure(pair_of(), Rule(">", 0))
        low, high = np.quantile(differences(FIRST, SECOND, 2000, specialisation), [0.025, 0.975])
        smaller, larger = (float(specialisation(raw.mean(axis=0))) for raw in (FIRST, SECOND))
        assert found.value == pytest.approx(low)
        assert found.interval == pytest.approx((low, high))
        assert found.attainable == (-1, 1)
        assert found.beside == pytest.approx({
            "difference": smaller - larger, "specialisation of small": smaller, "specialisation of large": larger,
        })  # fmt: skip
        verdict = compared.supported(low, high)
        assert found.answer == f"Is small more specialised? {verdict} ({smaller - larger:+.3g})"
        low, _ = np.quantile(differences(FIRST, SECOND, 250, specialisation), [0.025, 0.975])
        assert compared.more_specialised().on_control(pair_of()) == pytest.approx(low)

    def test_plantings_take_fewer_resamples(self) -> None:
        way = compared.more_specialised().on_plantings
        kept = [way.keep(Sample(raw, SEED)) for raw in (FIRST, SECOND)]
        assert kept[0].shape == (99,)
        low = np.quantile(differences(FIRST, SECOND, 99, specialisation), 0.025)
        np.testing.assert_allclose(way.values(kept[0][None], kept[1][None], 0), [low])
        assert (way.plantings, way.shortened, way.into) == (50, "99 resamples each", 0)

    @pytest.mark.parametrize("first", [EMPTY, FIRST[:, :1, :1]], ids=["empty", "one head"])
    def test_without_attention_or_with_one_head_there_is_no_value(self, first: Any) -> None:
        found = compared.more_specialised().procedure(pair_of(first), Rule(">", 0))
        assert found.reason == "undefined: a model has one head only, or none with attention on latents"

    @pytest.mark.parametrize(
        ("low", "high", "words"),
        [(0.1, 0.2, "yes"), (0.0, 0.2, "open"), (-0.2, 0.0, "open"), (-0.2, -0.1, "no, the reverse")],
    )
    def test_an_interval_supports_what_it_lies_beyond_zero_for(self, low: float, high: float, words: str) -> None:
        assert compared.supported(low, high) == words


def critical(mean: Any) -> int:
    return int(sum(one > 0.7 for one in composite_score(mean).ravel()))


class TestFewerCritical:
    RULE = Rule("<", 0)

    def test_counts_of_both_models_on_all_problems_resamples_and_halves(self) -> None:
        measure = compared.fewer_critical()
        found = measure.procedure(pair_of(FIRST, HUBS), self.RULE)
        counts = [critical(raw.mean(axis=0)) for raw in (FIRST, HUBS)]
        assert counts[0] < counts[1]
        resampled = differences(FIRST, HUBS, 2000, critical)
        low, high = np.quantile(resampled, [0.025, 0.975])
        assert found.value == counts[0] - counts[1] == measure.on_control(pair_of(FIRST, HUBS))
        assert (found.interval, found.biased) == ((low, high), True)
        assert found.confidence == pytest.approx(np.mean(resampled < 0))
        assert found.resampled == order_statistics(resampled)
        on, off = halves(7, 100, SEED)
        crossed = []
        for raw in (FIRST, HUBS):
            both = [
                [composite_score(mean_of(raw, half)) > 0.7 for half in split] for split in zip(on, off, strict=True)
            ]
            crossed.append(float(np.mean([(one & other).sum() for one, other in both])))
        assert found.cross_fitted == pytest.approx(crossed[0] - crossed[1])
        assert found.attainable == (-6, 4)
        shares = counts[0] / 4, counts[1] / 6
        assert found.beside == {
            "count of small": counts[0], "count of large": counts[1],
            "share of small": shares[0], "share of large": shares[1], "count and share agree": True,
        }  # fmt: skip
        words = f"small {counts[0]} of 4 ({shares[0]:.3g}), large {counts[1]} of 6 ({shares[1]:.3g})"
        assert found.answer == f"Critical heads: {words}"

    @pytest.mark.parametrize("rule", [Rule("<", 0), Rule(">", 0), Rule(">=", 0)], ids=str)
    def test_resampled_counts_are_those_of_the_same_problems(self, rule: Rule) -> None:
        second = HUBS * np.linspace(0.2, 0.9, 7)[:, None, None, None, None]
        resampled = differences(FIRST, second, 2000, critical)
        assert 0.1 < np.mean(resampled == resampled[0]) < 0.9
        found = compared.fewer_critical().procedure(pair_of(FIRST, second), rule)
        assert found.resampled == order_statistics(resampled)
        assert found.interval == tuple(np.quantile(resampled, [0.025, 0.975]))
        passing = [rule.holds(one) == rule.holds(found.value) for one in resampled]
        assert found.confidence == pytest.approx(np.mean(passing))

    def test_equal_shares_do_not_agree_with_a_smaller_count(self) -> None:
        few, many = HUBS[:, :1, :2], HUBS[:, [0, 2, 1]]
        assert (critical(few.mean(axis=0)), critical(many.mean(axis=0))) == (1, 2)
        found = compared.fewer_critical().procedure(pair_of(few, HUBS[:, [0, 1]]), self.RULE)
        assert (found.value, found.beside["count and share agree"]) == (-1, False)
        assert (found.answer or "").endswith("; count and share disagree")

    def test_a_single_problem_is_not_cross_fitted(self) -> None:
        found = compared.fewer_critical().procedure(pair_of(FIRST[:1], HUBS[:1]), self.RULE)
        assert found.cross_fitted is None

    def test_plantings_are_counted_in_both_with_the_pattern_in_the_larger(self) -> None:
        way = compared.fewer_critical().on_plantings
        expected = [critical(one) - critical(other) for one, other in zip(FIRST, HUBS, strict=True)]
        assert way.values(FIRST, HUBS, 0).tolist() == expected
        np.testing.assert_array_equal(way.keep(Sample(HUBS, 0)), HUBS.mean(axis=0))
        assert (way.plantings, way.shortened, way.into) == (50, None, 1)
