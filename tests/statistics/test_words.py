"""Masses and enrichment by class of token, against sums written out, planted preferences, and intervals that cover them."""

import numpy as np
import pytest

from harness.measures.words import class_enrichment, class_mass
from harness.statistics.words import question_summary

L, H, T = 2, 3, 4


def planted(n: int, preference: list[float], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Weights [n, L, H, T, C] where a token of class c is read ``preference[c]`` times as much, and counts [n, C]."""
    rng = np.random.default_rng(seed)
    tokens = np.stack([np.ones(n), *rng.integers(2, 9, (3, n)), np.ones(n)], axis=1).astype(np.int32)
    weights = tokens * np.asarray(preference)
    question = rng.uniform(0.4, 0.8, (n, L, H, T, 1))
    return (question * (weights / weights.sum(-1, keepdims=True))[:, None, None, None]).astype(np.float32), tokens


def test_enrichment_equals_its_definition_written_out() -> None:
    rng = np.random.default_rng(1)
    tokens = rng.integers(1, 9, (5, 5))
    by_class = rng.dirichlet(np.ones(6), (5, L, H, T))[..., :5]
    summary = question_summary(by_class, tokens, draws=10)
    for layer in range(L):
        for thought in range(T):
            for kind in range(5):
                mass, even = 0.0, 0.0
                for n in range(5):
                    for head in range(H):
                        mass += by_class[n, layer, head, thought, kind] / H
                        even += by_class[n, layer, head, thought].sum() / H * tokens[n, kind] / tokens[n].sum()
                assert summary.mass[layer, thought, kind] == pytest.approx(mass / 5)
                assert summary.enrichment[layer, thought, kind] == pytest.approx(mass / even)
    assert summary.tokens == pytest.approx(tokens.mean(axis=0))


def test_of_one_problem_it_is_the_share_of_mass_over_the_share_of_tokens() -> None:
    by_class, tokens = planted(1, [1, 5, 2, 1, 1])
    mass = by_class[0].mean(axis=1)
    expected = mass / mass.sum(-1, keepdims=True) / (tokens[0] / tokens[0].sum())
    assert class_enrichment(class_mass(by_class, tokens)[0]) == pytest.approx(expected)


def test_equal_reading_is_enriched_nowhere_and_a_preference_where_it_was_planted() -> None:
    assert question_summary(*planted(60, [1] * 5), draws=50).enrichment == pytest.approx(1, abs=1e-6)
    found = question_summary(*planted(60, [1, 5, 1, 1, 1]), draws=50).enrichment
    ratios = found[..., 1] / found[..., 3]
    assert (ratios > 4).all()
    assert (found[..., [0, 2, 3, 4]] < 1).all()


def test_a_class_without_tokens_has_no_enrichment_and_no_mass() -> None:
    by_class, tokens = planted(20, [1, 2, 1, 1, 1])
    by_class[..., 2], tokens[:, 2] = 0, 0
    summary = question_summary(by_class, tokens, draws=20)
    assert np.isnan(summary.enrichment[..., 2]).all()
    assert np.isnan(summary.enrichment_interval[..., 2]).all()
    assert (summary.mass[..., 2] == 0).all()
    assert np.isfinite(summary.enrichment[..., [0, 1, 3, 4]]).all()


def test_intervals_cover_the_mean_of_all_problems_as_often_as_they_say() -> None:
    by_class, tokens = planted(4000, [1, 3, 2, 1, 1], seed=5)
    truth = question_summary(by_class, tokens, draws=2)
    rng = np.random.default_rng(2)
    covered = []
    for draw in range(150):
        rows = rng.choice(4000, 40, replace=False)
        some = question_summary(by_class[rows], tokens[rows], draws=300, seed=draw)
        covered.append(
            [
                (low[0, 0, 1] <= centre[0, 0, 1]) & (centre[0, 0, 1] <= high[0, 0, 1])
                for (low, high), centre in (
                    (some.mass_interval, truth.mass),
                    (some.enrichment_interval, truth.enrichment),
                )
            ]
        )
    assert (np.mean(covered, axis=0) > 0.87).all()
    assert (np.mean(covered, axis=0) < 1).all()
