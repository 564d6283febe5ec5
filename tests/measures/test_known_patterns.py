"""Measures on attention whose pattern is known: planted hubs, chains, skips, and none at all."""

import numpy as np
import pytest

from harness import measures
from harness.statistics import plant, uniform_context

SIZE = {"n": 20, "L": 3, "H": 4, "T": 6, "seed": 7}


def mean_of(kind: str, strength: float = 0.9, **options) -> np.ndarray:
    return plant(kind, strength, **{**SIZE, **options}).mean(axis=0, dtype=np.float64)


@pytest.mark.parametrize("hub", range(4))
def test_a_planted_hub_is_found_where_it_was_planted(hub: int) -> None:
    scores = measures.hub_adjusted(mean_of("hub", hub=hub))
    assert scores.argmax() == hub
    assert scores[hub] >= 1.25
    assert np.delete(scores, hub).max() < 1


@pytest.mark.parametrize("hub", range(1, 4))
def test_a_weak_hub_shows_in_the_adjusted_score_while_the_raw_one_names_position_0(hub: int) -> None:
    mean = mean_of("hub", 0.15, hub=hub, noise=0)
    assert measures.incoming(mean).argmax() == 0
    assert measures.hub_adjusted(mean).argmax() == hub


@pytest.mark.parametrize("hub", range(4))
def test_a_single_head_with_a_planted_hub_stands_out(hub: int) -> None:
    mean = mean_of("hub", 1.0, hub=hub, heads=[5], noise=0)
    assert measures.hub_position(mean)[1, 1] == hub
    assert measures.top_k(measures.structure(mean), 1).tolist() == [5]


@pytest.mark.parametrize("hub", range(3))
def test_hub_scores_of_single_heads_follow_a_hub_with_three_readers_or_more(hub: int) -> None:
    mean = mean_of("hub", 1.0, hub=hub, heads=[5], noise=0)
    for score in (measures.hub_score(mean), measures.hub_score_share(mean), measures.concentration(mean)):
        assert measures.top_k(score, 1).tolist() == [5]


def test_a_chain_is_sequential_and_no_hub() -> None:
    mean = mean_of("chain", 1.0)
    np.testing.assert_allclose(measures.sequential_share(mean), 1, rtol=1e-6)
    assert measures.previous_weight(mean) == pytest.approx(1, rel=1e-6)
    strong = measures.hub_adjusted(mean_of("chain", 0.9))
    assert strong.max() < 1.25


def test_a_skip_raises_skip_and_nothing_sequential() -> None:
    planted, plain = mean_of("skip"), mean_of("none")
    assert measures.skip(planted).min() > 1.4 * measures.skip(plain).max()
    assert measures.previous_weight(planted) < 0.5 * measures.previous_weight(plain)
    assert measures.hub_adjusted(planted).max() < 1.25


def test_no_pattern_gives_the_closed_forms_of_uniform_rows() -> None:
    mean = plant("none", 1.0, n=1, L=2, H=2, T=6, seed=0, noise=0, latent_mass=0.8).astype(np.float64)[0]
    np.testing.assert_allclose(measures.enrichment(mean), 1, rtol=1e-6)
    np.testing.assert_allclose(measures.hub_enrichment(mean), 1, rtol=1e-6)
    np.testing.assert_allclose(measures.structure(mean), 0, atol=1e-6)
    np.testing.assert_allclose(measures.flow(mean), np.mean([i / (i + 1) for i in range(6)]), rtol=1e-6)
    np.testing.assert_allclose(measures.flow(mean), 0.5917, atol=1e-4)
    np.testing.assert_allclose(measures.skip(mean), 0.8 / 6, rtol=1e-6)
    np.testing.assert_allclose(measures.latent_mass(mean), 0.8, rtol=1e-6)
    expected = 0.8 * np.array([sum(1 / (i + 1) for i in range(j, 6)) for j in range(6)])
    np.testing.assert_allclose(measures.ratio_uniform(mean), expected, rtol=1e-6)


def test_a_long_context_gives_the_closed_forms_of_equal_cells() -> None:
    lengths = np.full((3, 6), 1000)
    mean = uniform_context((3, 2, 2, 6, 6), lengths).mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(measures.flow(mean), 15 / 21, rtol=1e-6)
    np.testing.assert_allclose(measures.sequential_ratio(mean), 1, rtol=1e-6)
    np.testing.assert_allclose(measures.sequential_share(mean), 5 / 20, rtol=1e-6)
    np.testing.assert_allclose(measures.within_head_std(mean), 0, atol=1e-9)
    np.testing.assert_allclose(measures.enrichment(mean), 1, rtol=1e-6)


def test_geometry_alone_favours_position_0_only_in_the_raw_score() -> None:
    """A column profile flat per reader, once reported as a hub at position 0, is none when adjusted."""
    mean = np.tri(6)[None, None] * 0.035
    assert measures.incoming(mean).argmax() == 0
    np.testing.assert_allclose(measures.hub_adjusted(mean), 1, rtol=1e-12)


@pytest.mark.parametrize("kind", ["hub", "chain", "skip"])
def test_structure_grows_with_the_planted_strength(kind: str) -> None:
    levels = [float(measures.mean_structure(mean_of(kind, s, noise=0))) for s in (0, 0.25, 0.5, 0.75, 1)]
    assert levels[0] == pytest.approx(0, abs=1e-6)
    assert np.all(np.diff(levels) > 0.01)


def test_layers_planted_differently_are_far_apart() -> None:
    late = list(range(8, 12))
    assert measures.layer_distance(mean_of("hub", heads=late)) > 0.4
    assert measures.layer_distance(mean_of("none")) < 0.05
