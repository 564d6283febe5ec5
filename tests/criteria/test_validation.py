"""The sample against all problems: each number held against scipy, numpy or a loop over all arrangements."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ttest_1samp, ttest_rel

from harness.criteria.sample import AT_ONCE, Sample
from harness.criteria.validation import (
    SIZES,
    STRENGTHS,
    correlations,
    heads_comparisons,
    heads_p,
    hub_comparisons,
    hub_errors,
    in_words,
    interval_widths,
    ranking_of,
    shared,
    together,
)
from harness.measures import composite_score, enrichment, head_max
from harness.storage.rows import RowFile


def noisy(n: int, seed: int, head_seed: int = 0, shape: tuple[int, int, int] = (3, 4, 6)) -> NDArray[np.float32]:
    """Patterns of n problems around the same heads for the same ``head_seed``."""
    L, H, T = shape
    heads = np.random.default_rng(head_seed).dirichlet(np.ones(T), size=(L, H, T))
    noise = np.random.default_rng(seed).uniform(0.5, 1.5, size=(n, L, H, T, T))
    raw = np.tril(heads * noise)
    return (0.6 * raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)


def in_a_file(raw: NDArray[np.float32], path: Path) -> RowFile:
    np.save(path, raw)
    return RowFile.open(path)


@pytest.mark.parametrize("n", [2, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 7])
def test_patterns_in_a_file_give_what_patterns_in_memory_give(tmp_path: Path, n: int) -> None:
    raw = noisy(n, 1, shape=(1, 2, 5))
    one, other = Sample(raw, 7), Sample(in_a_file(raw, tmp_path / "raw.npy"), 7)
    weights = np.random.default_rng(0).dirichlet(np.ones(n), size=3)
    np.testing.assert_allclose(other.mean, one.mean, rtol=1e-12)
    np.testing.assert_array_equal(other.each(head_max), one.each(head_max))
    np.testing.assert_allclose(other.mean_of(np.square), np.square(raw.astype(np.float64)).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(
        other.weighted(head_max, weights), np.tensordot(weights, head_max(raw).astype(np.float64), 1), rtol=1e-12
    )
    np.testing.assert_allclose(other.resample(composite_score), one.resample(composite_score), rtol=1e-9)
    for measure in (lambda mean: mean.sum(axis=-1), lambda mean: mean):
        np.testing.assert_allclose(other.resample_of(head_max, measure), one.resample_of(head_max, measure), rtol=1e-9)
    np.testing.assert_array_equal(other.draw_means("rows"), one.draw_means("rows"))


def test_a_file_is_read_a_piece_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample(in_a_file(noisy(2 * AT_ONCE + 1, 1, shape=(1, 2, 5)), tmp_path / "raw.npy"), 7)
    read, sizes = RowFile.read, []
    monkeypatch.setattr(RowFile, "read", lambda self, rows: (sizes.append(len(rows)), read(self, rows))[1])
    sample.resample(composite_score)
    sample.resample_of(head_max, lambda mean: mean)
    sample.each(head_max)
    assert sizes
    assert max(sizes) <= AT_ONCE


def test_half_precision_in_a_file_is_single_precision_in_memory(tmp_path: Path) -> None:
    sample = Sample(in_a_file(noisy(5, 1).astype(np.float16), tmp_path / "raw.npy"), 7)
    assert {piece.dtype for _, piece in sample.pieces()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("effect", "word"), [(0.8, "large"), (-0.79, "medium"), (0.2, "small"), (-0.19, "negligible")])
def test_a_difference_is_as_large_as_cohen_says(effect: float, word: str) -> None:
    assert in_words(effect, SIZES) == word


@pytest.mark.parametrize(
    ("r", "word"), [(0.5, "large"), (-0.3, "medium"), (0.1, "small"), (0.0, "negligible"), (np.nan, "undefined")]
)
def test_a_correlation_is_as_large_as_cohen_says(r: float, word: str) -> None:
    assert in_words(r, STRENGTHS) == word


def test_r_is_over_all_numbers_of_all_heads() -> None:
    first, second = np.random.default_rng(0).random((2, 5, 4, 3))
    expected = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(first, second, strict=True)]
    np.testing.assert_allclose(together(first, second), expected)
    assert np.isnan(together(np.ones((2, 3)), second[0][:2]))


@pytest.mark.parametrize("k", [1, 3])
def test_p_counts_the_pairings_of_heads_that_go_together_as_well(k: int) -> None:
    rng = np.random.default_rng(3)
    first = rng.random((5, k))
    second = first + 0.4 * rng.random((5, k))
    r = abs(np.corrcoef(first.ravel(), second.ravel())[0, 1])
    all_pairings = [
        abs(np.corrcoef(first.ravel(), second[list(order)].ravel())[0, 1]) for order in permutations(range(5))
    ]
    exact = np.mean([one >= r - 1e-9 for one in all_pairings])
    assert heads_p(first, second, seed=0) == pytest.approx(exact, abs=0.01)
    assert np.isnan(heads_p(np.ones((5, k)), second, seed=0))


def test_two_samples_of_one_model_go_together_and_of_two_models_do_not() -> None:
    full = Sample(noisy(300, 5), 1)
    alike, apart = Sample(noisy(40, 6), 1), Sample(noisy(40, 6, head_seed=9), 1)
    names = [one.of for one in correlations(alike, full)]
    assert names == ["patterns", "flow", "hub", "skip", "composite"]
    assert max(one.q for one in correlations(alike, full)) < 0.001
    assert all(one.size == "large" for one in correlations(alike, full))
    assert max(one.q for one in correlations(apart, full)) > 0.05
    assert shared(alike.mean, full.mean) > shared(apart.mean, full.mean)


def test_the_interval_of_a_correlation_is_where_samples_as_large_lie() -> None:
    raw, rng = noisy(300, 5), np.random.default_rng(3)
    full = Sample(raw, 1)
    found = [correlations(Sample(raw[rng.choice(300, 40, replace=False)], 1), full) for _ in range(20)]
    inside = [one.ci_low <= one.r <= one.ci_high for rows in found for one in rows]
    assert np.mean(inside) > 0.85


def test_a_hub_is_tested_on_problems_that_did_not_choose_it() -> None:
    rng = np.random.default_rng(0)
    first = Sample(noisy(40, 6), 1)
    hub = int(enrichment(first.mean).argmax())
    fresh = rng.normal(1.0, 0.1, size=(500, 5))
    assert max(one.q for one in hub_comparisons(first, fresh)[1]) > 0.001
    fresh[:, hub] += 0.2
    found, against = hub_comparisons(first, fresh)
    assert found == hub
    assert [one.position for one in against] == [position for position in range(5) if position != hub]
    assert max(one.q for one in against) < 0.001
    for one in against:
        differences = fresh[:, hub] - fresh[:, one.position]
        expected = ttest_1samp(differences, 0.0, alternative="greater")
        assert one.p == pytest.approx(expected.pvalue)
        assert one.d == pytest.approx(expected.statistic / np.sqrt(500))
        assert one.ci_low < differences.mean() < one.ci_high
        assert one.size == "large"


def test_a_position_read_less_is_no_hub_however_significant() -> None:
    first = Sample(noisy(40, 6), 1)
    hub = int(enrichment(first.mean).argmax())
    fresh = np.random.default_rng(0).normal(1.0, 0.1, size=(500, 5))
    fresh[:, hub] -= 0.5
    assert min(one.p for one in hub_comparisons(first, fresh)[1]) > 0.999


def test_positions_are_compared_over_heads_as_scipy_does() -> None:
    first, full = Sample(noisy(40, 6), 1), Sample(noisy(300, 5), 1)
    for one in heads_comparisons(first, full):
        of_heads = [
            [
                float(enrichment(mean[layer : layer + 1, head : head + 1])[one.position])
                for layer in range(3)
                for head in range(4)
            ]
            for mean in (first.mean, full.mean)
        ]
        expected = ttest_rel(*of_heads)
        assert (one.t, one.p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
        assert one.q >= one.p


def test_a_sample_held_against_itself_differs_nowhere() -> None:
    first = Sample(noisy(40, 6), 1)
    assert all(np.isnan(one.p) and one.size == "undefined" for one in heads_comparisons(first, first))


def test_errors_and_intervals_shrink_as_the_root_of_the_number_of_problems() -> None:
    first, full = Sample(noisy(50, 6), 1), Sample(noisy(800, 5), 1)
    for ratios in (hub_errors(first, full), interval_widths(first, full)):
        for name, values in ratios.items():
            assert np.median(values) == pytest.approx(0.25, abs=0.09), name
    assert all(np.all(values == 1) for values in hub_errors(first, first).values())


def test_the_first_heads_are_those_of_largest_composite_score() -> None:
    mean = Sample(noisy(40, 6), 1).mean
    best = ranking_of(mean, 3)
    order = sorted(np.ndindex(3, 4), key=lambda head: -composite_score(mean)[head])
    assert [tuple(head) for head in best] == order[:3]
