"""Tests inside hypotheses, made anew and held against loops over resamples, draws and positions."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from harness.criteria import sample as sample_module
from harness.criteria import tested
from harness.criteria.criterion import Rule
from harness.criteria.hypothesis import TestMeasure
from harness.criteria.sample import Sample
from harness.measures import (
    EmptyGroup,
    bounds,
    composite_score,
    distance,
    functional_type,
    hub_adjusted,
    layer_distance,
    layer_members,
    mean_structure,
    normalise_rows,
    structure,
)
from harness.statistics import (
    benjamini_hochberg,
    group_permutation_p,
    halves,
    label_permutation_p,
    plant,
    resample_weights,
    shuffled,
    shuffled_means,
    sign_flip_p,
)

RAW = np.random.default_rng(1).dirichlet(np.full(7, 0.6), size=(8, 3, 2, 6))[..., :6] * np.tri(6)
HUB = plant("hub", 0.3, n=8, L=3, H=2, T=6, seed=1, hub=1, noise=1.0, latent_mass=0.9)
EMPTY = np.zeros_like(RAW)
SEED = 3


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Fewer draws of the shuffled control."""
    monkeypatch.setattr(sample_module, "DRAWS", 5)
    monkeypatch.setattr(sample_module, "MANY_DRAWS", 60)
    monkeypatch.setattr(tested, "DRAWS", 5)
    monkeypatch.setattr(tested, "MANY_DRAWS", 60)
    return 5


def draws(raw: Any, count: int, off_diagonal: bool = False) -> list[Any]:
    return [shuffled(raw, SEED, draw, off_diagonal) for draw in range(count)]


def planted(measure: TestMeasure) -> Any:
    assert measure.on_plantings is not None
    return measure.on_plantings


def weighted(raw: Any, weights: Any) -> Any:
    return np.tensordot(weights, raw.astype(np.float64), axes=1)


class TestLayersDiffer:
    def test_p_is_that_of_permuting_heads_over_layers(self) -> None:
        found = tested.layers_differ().measure(Sample(RAW, SEED), Rule("<", 0.05))
        mean = RAW.mean(axis=0)
        p = float(group_permutation_p(mean, layer_members(3, 2), 9999, SEED))
        assert (found.value, found.p_value) == (p, p)
        assert found.beside == {"largest distance": pytest.approx(float(layer_distance(mean)))}

    def test_a_layer_without_attention_has_no_p(self) -> None:
        raw = RAW.copy()
        raw[:, 2] = 0
        found = tested.layers_differ().measure(Sample(raw, SEED), Rule("<", 0.05))
        assert (found.value, found.reason) == (None, "undefined: a group of layers has no attention on latents")
        assert np.isnan(tested.layers_differ().value(Sample(raw, SEED)))

    def test_draws_and_plantings_take_fewer_permutations(self, few: int) -> None:
        measure = tested.layers_differ()
        means = np.array([draw.mean(axis=0) for draw in draws(RAW, few)])
        members = layer_members(3, 2)
        np.testing.assert_array_equal(
            measure.on_draws(Sample(RAW, SEED)), [group_permutation_p(mean, members, 249, SEED) for mean in means]
        )
        way = planted(measure)
        np.testing.assert_array_equal(way.keep(Sample(RAW, 0)), RAW.mean(axis=0))
        np.testing.assert_array_equal(
            way.values(means, 8), [group_permutation_p(mean, members, 99, 8) for mean in means]
        )
        assert (way.plantings, way.shortened, measure.shuffle) == (100, "99 permutations each", "rows")

    def test_no_p_is_smaller_than_one_of_the_ways_to_deal_the_heads(self) -> None:
        ways = bounds.layer_arrangements(4, 1)
        assert tested.layers_differ().bounds(4, 1, 6) == (1 / ways, 1)
        assert tested.layers_differ().bounds(6, 4, 6) == (1 / 10_000, 1)


def above_one(raw: Any, resamples: int, seed: int) -> Any:
    values = np.array([hub_adjusted(weighted(raw, one)) for one in resample_weights(len(raw), resamples, seed)])
    return values, np.array([(1 + sum(not value > 1 for value in column)) / (1 + resamples) for column in values.T])


class TestClearHubs:
    @pytest.mark.parametrize("raw", [HUB, RAW], ids=["hub", "none"])
    def test_positions_above_one_in_most_resamples_are_counted(self, raw: Any) -> None:
        found = tested.clear_hubs().measure(Sample(raw, SEED), Rule(">=", 1))
        values, p = above_one(raw, 2000, SEED)
        q = benjamini_hochberg(p)
        clear = [position for position in range(4) if q[position] < 0.05]
        assert found.value == len(clear)
        assert (found.p_value, found.q_value) == (pytest.approx(min(p)), pytest.approx(min(q)))
        low, high = np.quantile(values, [0.025, 0.975], axis=0)
        expected = [hub_adjusted(raw.mean(axis=0, dtype=np.float64)), low, high, p, q]
        names = ["min(enrichment, hub_enrichment)", "interval low", "interval high", "p per position", "q per position"]
        assert list(found.beside) == names
        for name, numbers in zip(names, expected, strict=True):
            assert found.beside[name] == pytest.approx(numbers.tolist(), rel=1e-6), name
        positions = ", ".join(f"CT{position}" for position in clear)
        words = "read more than causality gives"
        assert found.answer == (f"{positions}: {words}" if clear else f"no position is {words}")

    def test_both_answers_occur(self) -> None:
        rule = Rule(">=", 1)
        assert tested.clear_hubs().measure(Sample(HUB, SEED), rule).answer == "CT1: read more than causality gives"
        assert tested.clear_hubs().measure(Sample(RAW, SEED), rule).value == 0

    def test_positions_without_readers_have_no_value(self) -> None:
        found = tested.clear_hubs().measure(Sample(EMPTY, SEED), Rule(">=", 1))
        assert found.reason == "undefined: a position has no reader with attention to earlier latents"

    def test_draws_and_plantings_take_fewer_resamples(self, few: int) -> None:
        measure = tested.clear_hubs()
        for raw in (HUB, RAW[:1]):
            p = [above_one(draw, 99, SEED)[1] for draw in draws(raw, few, True)]
            counts = [(benjamini_hochberg(one) < 0.05).sum() for one in p]
            np.testing.assert_array_equal(measure.on_draws(Sample(raw, SEED)), counts)
        assert len(set(counts)) > 1
        way = planted(measure)
        assert way.keep(Sample(HUB, 5)) == (benjamini_hochberg(above_one(HUB, 99, 5)[1]) < 0.05).sum() == 1
        np.testing.assert_array_equal(way.values(np.array([1, 0, 3]), 0), [1, 0, 3])
        assert (way.plantings, way.shortened, measure.shuffle) == (25, "99 resamples each", "off-diagonal")
        assert measure.bounds is bounds.winners


def test_only_what_exceeds_one_is_above_it() -> None:
    assert tested._above_one(np.array([[1.0, 2.0, np.nan, 0.5]] * 3)).tolist() == [1, 1 / 4, 1, 1]


def received(raw: Any) -> Any:
    return np.array([[one[..., j].sum() / one[..., 0, 0].size / 6 for j in range(6)] for one in np.tril(raw)])


def short_of_the_largest(raw: Any, flips: int, seed: int) -> tuple[int, list[int], Any]:
    got = received(raw)
    largest = int(got.mean(axis=0).argmax())
    others = [position for position in range(6) if position != largest]
    p = [float(sign_flip_p(got[:, largest] - got[:, other], flips, seed, "greater")) for other in others]
    return largest, others, np.array(p)


class TestMostRead:
    @pytest.mark.parametrize(("seed", "strength"), [(0, 0.35), (1, 0.35), (2, 0.35), (0, 0.8)])
    def test_positions_not_below_the_largest_are_counted(self, seed: int, strength: float) -> None:
        raw = plant("hub", strength, n=9, L=1, H=2, T=6, seed=seed, hub=2, noise=2.0)
        found = tested.most_read().measure(Sample(raw, SEED), Rule("in", (1, 2)))
        largest, others, p = short_of_the_largest(raw, 9999, SEED)
        q = benjamini_hochberg(p)
        kept = sorted([largest, *(other for other, one in zip(others, q, strict=True) if one >= 0.05)])
        assert found.value == len(kept)
        names = ", ".join(f"CT{position}" for position in kept)
        assert found.answer == f"{names}: not significantly below the largest"
        assert largest == (2 if strength == 0.8 else 0)
        assert found.beside["compared with"] == largest and found.beside["positions compared"] == others
        assert found.beside["incoming"] == pytest.approx(received(raw).mean(axis=0).tolist(), rel=1e-6)
        assert found.beside["p per comparison"] == pytest.approx(p.tolist(), abs=1e-9)
        assert found.beside["q per comparison"] == pytest.approx(q.tolist(), abs=1e-9)

    @pytest.mark.parametrize("strength", [0.35, 0.5])
    def test_draws_and_plantings_take_fewer_sign_flips(self, few: int, strength: float) -> None:
        raw = plant("hub", strength, n=9, L=1, H=2, T=6, seed=0, hub=2, noise=2.0).astype(np.float64)

        def count(one: Any, seed: int) -> int:
            return 1 + int((benjamini_hochberg(short_of_the_largest(one, 249, seed)[2]) >= 0.05).sum())

        measure = tested.most_read()
        np.testing.assert_array_equal(
            measure.on_draws(Sample(raw, SEED)), [count(one, SEED) for one in draws(raw, few, True)]
        )
        way = planted(measure)
        kept = way.keep(Sample(raw, 0))
        np.testing.assert_allclose(kept, received(raw), rtol=1e-12)
        assert way.values(kept[None], 7).tolist() == [count(raw, 7)]
        assert (way.plantings, way.shortened, measure.shuffle) == (200, "249 sign flips each", "off-diagonal")
        assert measure.bounds is bounds.winners_raw


class TestNotRandom:
    def test_p_counts_the_draws_with_as_much_structure(self, few: int) -> None:
        raw = RAW[:3, :1, :1]
        found = tested.not_random().measure(Sample(raw, SEED), Rule("<", 0.001))
        observed = float(mean_structure(raw.mean(axis=0)))
        null = np.array([float(mean_structure(draw.mean(axis=0))) for draw in draws(raw, 60)])
        p = (1 + (null >= observed).sum()) / 61
        assert 1 / 61 < p < 1
        assert (found.value, found.p_value) == (pytest.approx(p), pytest.approx(p))
        low, middle, high = np.quantile(null, [0.025, 0.5, 0.975])
        assert list(found.beside.values()) == pytest.approx([observed, low, middle, high])
        assert list(found.beside) == [
            "mean structure", "shuffled, 2.5 %", "shuffled, median", "shuffled, 97.5 %"
        ]  # fmt: skip

    def test_draws_that_match_to_rounding_count(self, few: int) -> None:
        raw = np.zeros((1, 1, 1, 2, 2))
        raw[..., 1, 0] = 0.3
        assert tested.not_random().value(Sample(raw, SEED)) == 1

    def test_without_structure_every_draw_matches(self) -> None:
        found = tested.not_random().measure(Sample(np.full((2, 1, 1, 4, 4), 0.25), SEED), Rule("<", 0.001))
        assert (found.value, found.beside["shuffled, median"]) == (1, 0)

    def test_without_attention_there_is_no_p(self) -> None:
        found = tested.not_random().measure(Sample(EMPTY, SEED), Rule("<", 0.001))
        assert found.reason == "undefined: no head has attention on latents"

    def test_draws_are_held_against_all_draws(self, few: int) -> None:
        null = np.array([float(mean_structure(draw.mean(axis=0))) for draw in draws(RAW, 60)])
        found = tested.not_random().on_draws(Sample(RAW, SEED))
        np.testing.assert_allclose(found, [(null >= one - 1e-12).mean() for one in null[:few]])

    def test_plantings_are_held_against_heads_of_all_their_shuffles(self, few: int) -> None:
        measure = tested.not_random()
        way = planted(measure)
        samples = [Sample(RAW[[k, k - 1]], k) for k in range(8)]
        kept = np.array([way.keep(one) for one in samples])
        for sample, (mean, shuffle) in zip(samples, kept, strict=True):
            np.testing.assert_array_equal(mean, sample.mean)
            np.testing.assert_array_equal(shuffle, shuffled_means(sample.raw, 1, sample.seed)[0])
        chosen = np.random.default_rng(4).integers(8, size=(60, 6))
        of_shuffles = structure(kept[:, 1]).reshape(8, 6)
        null = np.array([np.mean([of_shuffles[one, head] for head, one in enumerate(row)]) for row in chosen])
        observed = [float(mean_structure(one.mean)) for one in samples]
        expected = [(1 + (null >= one - 1e-12).sum()) / 61 for one in observed]
        np.testing.assert_allclose(way.values(kept, 4), expected)
        assert 1 / 61 < min(expected) < max(expected)
        assert way.plantings == 50 and "60 times" in (way.shortened or "")
        assert measure.bounds(2, 2, 6) == (1 / 61, 1)


def plain_contrast(mean: Any, groups: Any) -> tuple[float, float]:
    """Mean distance of pairs of heads that ``groups(a, b)`` calls across, and of those it calls inside."""
    rows = normalise_rows(mean).reshape(-1, 6, 6)
    pairs = list(combinations(range(len(rows)), 2))
    across, inside = (
        [float(distance(rows[a], rows[b])) for a, b in pairs if groups(a, b) == kind] for kind in ("across", "inside")
    )
    return float(np.mean(across)), float(np.mean(inside))


def top_to_others(mean: Any, k: int) -> tuple[float, float]:
    scores = composite_score(mean).ravel()
    top = set(sorted(range(len(scores)), key=lambda head: (-scores[head], head))[:k])
    return plain_contrast(mean, lambda a, b: {0: "inside", 1: "across", 2: ""}[(a in top) + (b in top)])


class TestTopHeadsApart:
    def test_p_counts_draws_whose_own_top_is_as_far_away(self, few: int) -> None:
        found = tested.top_heads_apart(2).measure(Sample(RAW, SEED), Rule("<", 0.05))
        across, inside = top_to_others(RAW.mean(axis=0), 2)
        null = [np.subtract(*top_to_others(draw.mean(axis=0), 2)) for draw in draws(RAW, few)]
        p = (1 + sum(value >= across - inside for value in null)) / (1 + few)
        assert (found.value, found.p_value) == (pytest.approx(p), pytest.approx(p))
        expected = {
            "mean distance, top to others": across,
            "mean distance among others": inside,
            "difference": across - inside,
            "difference when shuffled, median": float(np.median(null)),
            "difference when shuffled, 95 %": float(np.quantile(null, 0.95)),
        }
        assert found.beside == pytest.approx(expected)
        np.testing.assert_allclose(
            tested.top_heads_apart(2).on_draws(Sample(RAW, SEED)),
            [np.mean([other >= one - 1e-12 for other in null]) for one in null],
        )

    def test_without_common_rows_there_is_no_p(self) -> None:
        found = tested.top_heads_apart(2).measure(Sample(EMPTY, SEED), Rule("<", 0.05))
        assert found.reason == "undefined: heads have no rows of attention on latents in common"

    def test_plantings_are_held_against_one_shuffle_of_each(self) -> None:
        measure = tested.top_heads_apart(2)
        way = planted(measure)
        kept = np.array([way.keep(Sample(RAW[[k]], k)) for k in range(8)])
        observed, null = ([np.subtract(*top_to_others(one, 2)) for one in kept[:, which]] for which in (0, 1))
        expected = [(1 + sum(other >= one for other in null)) / 9 for one in observed]
        np.testing.assert_allclose(way.values(kept, 0), expected)
        assert len(set(expected)) > 2
        assert way.plantings == 50 and "50 samples" in (way.shortened or "")
        assert (measure.bounds(4, 4, 6), measure.shuffle) == ((1 / 1001, 1), "rows")


def pattern(**weights: float) -> Any:
    cells = np.zeros((6, 6))
    for name, weight in weights.items():
        cells[int(name[1]), int(name[2])] = weight
    return cells


def plain_types(mean: Any, k: int) -> tuple[list[int], list[int]]:
    scores = composite_score(mean).ravel()
    best = sorted(range(len(scores)), key=lambda head: (-scores[head], head))[:k]
    kinds = functional_type(mean).ravel()
    typed = [head for head in best if kinds[head] != 4]
    return typed, [int(kinds[head]) for head in typed]


def between_types(mean: Any, k: int) -> tuple[Any, Any]:
    typed, kinds = plain_types(mean, k)
    rows = normalise_rows(mean).reshape(-1, 6, 6)
    return np.array([float(distance(rows[a], rows[b])) for a, b in combinations(typed, 2)]), np.array(kinds)


class TestTypesApart:
    def test_p_permutes_types_over_the_heads_that_have_one(self) -> None:
        found = tested.types_apart(6).measure(Sample(RAW[:3], SEED), Rule("<", 0.05))
        distances, kinds = between_types(RAW[:3].mean(axis=0), 6)
        p = label_permutation_p(distances, kinds, 9999, SEED)
        assert 0 < p < 1
        assert (found.value, found.p_value) == (pytest.approx(p), pytest.approx(p))
        same = [a == b for a, b in combinations(kinds, 2)]
        across = float(np.mean([d for d, one in zip(distances, same, strict=True) if not one]))
        inside = float(np.mean([d for d, one in zip(distances, same, strict=True) if one]))
        assert found.beside["mean distance between types"] == pytest.approx(across)
        assert found.beside["mean distance within a type"] == pytest.approx(inside)
        assert found.beside["difference"] == pytest.approx(across - inside)
        assert found.beside["types"] == ["4 Hub Aggregator", "1 Skip Connection", "1 Multi-Purpose"]

    def test_draws_and_plantings_take_fewer_permutations(self, few: int) -> None:
        measure = tested.types_apart(5)
        means = [draw.mean(axis=0) for draw in draws(RAW, few)]
        expected = [label_permutation_p(*between_types(mean, 5), 249, SEED) for mean in means]
        np.testing.assert_allclose(measure.on_draws(Sample(RAW, SEED)), expected)
        way = planted(measure)
        expected = [label_permutation_p(*between_types(mean, 5), 99, 2) for mean in means]
        np.testing.assert_allclose(way.values(np.array(means), 2), expected)
        assert np.isnan(way.values(EMPTY, 2)).all()
        np.testing.assert_array_equal(way.keep(Sample(RAW, 0)), RAW.mean(axis=0))
        assert (way.plantings, way.shortened, measure.shuffle) == (50, "99 permutations each", "rows")

    def test_types_of_many_heads_are_permuted_at_random(self, few: int) -> None:
        measure, raw = tested.types_apart(12), np.concatenate([RAW, RAW[::-1, :, ::-1] ** 2, RAW[:, ::-1] ** 3], axis=1)
        p = label_permutation_p(*between_types(raw.mean(axis=0), 12), 9999, SEED)
        assert measure.value(Sample(raw, SEED)) == pytest.approx(p) != 1
        means = [draw.mean(axis=0) for draw in draws(raw, few)]
        expected = [label_permutation_p(*between_types(mean, 12), 249, SEED) for mean in means]
        np.testing.assert_allclose(measure.on_draws(Sample(raw, SEED)), expected)
        expected = [label_permutation_p(*between_types(mean, 12), 99, 2) for mean in means]
        np.testing.assert_allclose(planted(measure).values(np.array(means), 2), expected)

    def test_types_without_common_rows_have_no_p(self) -> None:
        heads = [pattern(a10=0.9), pattern(a20=0.5), pattern(a33=0.7), pattern(a40=0.5)]
        found = tested.types_apart(5).measure(Sample(np.array(heads)[None, None], SEED), Rule("<", 0.05))
        assert found.reason == "undefined: heads have no rows of attention on latents in common"

    def test_no_p_is_smaller_than_one_of_the_ways_to_deal_the_types(self) -> None:
        assert tested.types_apart(5).bounds(1, 4, 6) == (1 / bounds.type_arrangements(4), 1)
        assert tested.types_apart(5).bounds(4, 4, 6) == (1 / bounds.type_arrangements(5), 1)

    def test_no_types_to_compare_are_named(self) -> None:
        with pytest.raises(EmptyGroup, match=r"the types of the 0 heads that have one: none$"):
            tested.types_apart(5).value(Sample(EMPTY, SEED))
        two = np.array([[pattern(a10=0.9, a21=0.9, a54=0.1), pattern(a00=0.9, a11=0.1, a50=0.8)]])
        with pytest.raises(
            EmptyGroup, match=r"^needs two functional types .* the types of the 2 heads that have one: "
        ):
            tested.types_apart(5).value(Sample(two[None], SEED))


def best_of(mean: Any, k: int) -> set[int]:
    scores = composite_score(mean).ravel()
    return set(sorted(range(len(scores)), key=lambda head: (-scores[head], head))[:k])


class TestStableRanking:
    RULE = Rule(">=", 0.5)

    def test_a_failing_overlap_is_as_sure_as_the_resamples_that_fail(self) -> None:
        sure = [
            tested.stable_ranking(2, rule).measure(self.sample(), rule).confidence
            for rule in (Rule(">=", 0.5), Rule("<", 0.5))
        ]
        assert sure[0] == sure[1] and 0.5 < sure[0] < 1  # type: ignore[operator]

    def sample(self, n: int = 8) -> Sample:
        return Sample(RAW[:n], SEED, second=lambda: RAW[:5, :, ::-1])

    def test_overlap_of_both_samples_and_of_their_resamples(self) -> None:
        found = tested.stable_ranking(2, self.RULE).measure(self.sample(), self.RULE)
        first, second = RAW, RAW[:5, :, ::-1]
        value = len(best_of(first.mean(axis=0), 2) & best_of(second.mean(axis=0), 2)) / 2
        assert found.value == value
        weights = zip(resample_weights(8, 2000, SEED), resample_weights(5, 2000, SEED + 1), strict=True)
        again = [len(best_of(weighted(first, a), 2) & best_of(weighted(second, b), 2)) / 2 for a, b in weights]
        low, high = np.quantile(again, [0.025, 0.975])
        assert found.interval == (low, high)
        agreeing = [(one >= 0.5) == (value >= 0.5) for one in again]
        assert found.confidence == pytest.approx(np.mean(agreeing))
        assert found.resampled is not None and np.mean(found.resampled) == pytest.approx(np.mean(again), abs=0.02)
        on, off = halves(8, 100, SEED)
        split = [
            len(best_of(weighted(RAW, a), 2) & best_of(weighted(RAW, b), 2)) / 2 for a, b in zip(on, off, strict=True)
        ]
        assert found.beside == {
            "overlap by chance": 2 / 6,
            "problems of the second sample": 5,
            "overlap of random halves of the first sample, mean of 100": pytest.approx(np.mean(split)),
        }

    def test_more_heads_than_there_are_always_overlap(self) -> None:
        found = tested.stable_ranking(9, self.RULE).measure(self.sample(2), self.RULE)
        assert (found.value, found.beside["overlap by chance"], found.confidence) == (1, 1, 1)
        assert "overlap of random halves of the first sample, mean of 100" in found.beside

    def test_draws_of_both_samples_and_plantings_in_turn(self, few: int) -> None:
        measure = tested.stable_ranking(2, self.RULE)
        ours = [best_of(draw.mean(axis=0), 2) for draw in draws(RAW, few)]
        theirs = [best_of(shuffled(RAW[:5, :, ::-1], SEED + 1, draw).mean(axis=0), 2) for draw in range(few)]
        expected = [len(a & b) / 2 for a, b in zip(ours, theirs, strict=True)]
        assert measure.on_draws(self.sample()).tolist() == expected
        way = planted(measure)
        heads = [best_of(one, 2) for one in RAW]
        expected = [len(heads[k] & heads[k - 1]) / 2 for k in range(8)]
        assert way.values(RAW, 0).tolist() == expected and len(set(expected)) > 1
        assert (way.plantings, way.shortened, measure.second_sample, measure.shuffle) == (200, None, True, "rows")
        assert measure.bounds(2, 3, 6) == bounds.overlap(2, 3, 6, 2)


def test_p_of_what_is_not_defined_is_not_defined_and_draws_that_are_not_never_match() -> None:
    drawn = np.array([0.1, np.nan, 0.3, 0.3, 0.2])
    observed = np.array([0.3, np.nan, 0.05, 0.31])
    np.testing.assert_allclose(tested._p_against(observed, drawn), [3 / 6, np.nan, 5 / 6, 1 / 6])
    np.testing.assert_allclose(tested._p_among_all(drawn), [4 / 5, np.nan, 2 / 5, 2 / 5, 3 / 5])
    close = np.array([0.3, 0.3 + 1e-13, 0.3 - 1e-13])
    np.testing.assert_allclose(tested._p_against(close, np.array([0.3])), 1)
    np.testing.assert_allclose(tested._p_among_all(close), 1)
