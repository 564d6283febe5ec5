"""Planted attention has the pattern, mass and noise asked for."""

import numpy as np
import pytest

from harness import statistics

SIZE = {"L": 2, "H": 3, "T": 6}


def test_rows_are_positive_and_leave_weight_outside_the_latents() -> None:
    raw = statistics.plant("hub", 0.5, n=30, **SIZE, seed=0, latent_mass=0.7)
    assert raw.shape == (30, 2, 3, 6, 6)
    assert raw.dtype == np.float32
    np.testing.assert_allclose(raw.sum(axis=-1), 0.7, rtol=1e-5)
    assert not np.triu(raw, k=1).any()
    assert (raw >= 0).all()


def test_a_hub_row_is_the_stated_mixture() -> None:
    row = statistics.plant("hub", 0.6, n=1, **SIZE, seed=0, hub=1, noise=0, latent_mass=1)[0, 0, 0, 3]
    np.testing.assert_allclose(row, [0.1, 0.7, 0.1, 0.1, 0, 0], rtol=1e-6)


def test_the_hub_itself_and_earlier_rows_stay_uniform() -> None:
    raw = statistics.plant("hub", 1.0, n=1, **SIZE, seed=0, hub=2, noise=0, latent_mass=1)[0, 0, 0]
    for i in range(3):
        np.testing.assert_allclose(raw[i, : i + 1], 1 / (i + 1), rtol=1e-6)


def test_a_chain_row_is_the_stated_mixture() -> None:
    row = statistics.plant("chain", 0.6, n=1, **SIZE, seed=0, noise=0, latent_mass=1)[0, 0, 0, 3]
    np.testing.assert_allclose(row, [0.1, 0.1, 0.7, 0.1, 0, 0], rtol=1e-6)


def test_a_skip_touches_the_last_row_only() -> None:
    raw = statistics.plant("skip", 1.0, n=1, **SIZE, seed=0, noise=0, latent_mass=0.9)[0, 0, 0]
    np.testing.assert_allclose(raw[5], [0.3, 0.3, 0.3, 0, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(raw[4], [0.18] * 5 + [0], rtol=1e-6)


def test_only_the_named_heads_take_part() -> None:
    raw = statistics.plant("hub", 1.0, n=1, **SIZE, seed=0, hub=0, heads=[4], noise=0)
    plain = statistics.plant("none", 1.0, n=1, **SIZE, seed=0, noise=0)
    differs = (raw != plain).any(axis=(0, 3, 4))
    assert differs.tolist() == [[False, False, False], [False, True, False]]


def test_noise_has_the_variance_of_its_dirichlet() -> None:
    raw = statistics.plant("none", 0, n=20_000, L=1, H=1, T=4, seed=0, noise=0.25, latent_mass=1)
    expected = 0.25 * 0.75 / (4 + 1)
    np.testing.assert_allclose(raw[:, 0, 0, 3].var(axis=0), expected, rtol=0.05)
    np.testing.assert_allclose(raw.mean(axis=0)[0, 0, 3], 0.25, rtol=0.02)


def test_the_seed_fixes_the_noise() -> None:
    first, again, other = (statistics.plant("hub", 0.5, n=3, **SIZE, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_unknown_pattern_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="got 'spiral'"):
        statistics.plant("spiral", 0.5, n=1, **SIZE, seed=0)


def test_a_mixture_plants_another_pattern_in_every_third_of_the_layers_and_in_every_other_head() -> None:
    size = {"n": 1, "L": 3, "H": 4, "T": 6, "seed": 0, "noise": 0, "hub": 1}
    mixed = statistics.plant("mixed", 0.7, **size)
    for layer, kind in enumerate(("hub", "chain", "skip")):
        alone = statistics.plant(kind, 0.7, **size)
        none = statistics.plant("none", 0.7, **size)
        np.testing.assert_array_equal(mixed[:, layer, 0::2], alone[:, layer, 0::2])
        np.testing.assert_array_equal(mixed[:, layer, 1::2], none[:, layer, 1::2])
        assert not np.array_equal(alone[:, layer], none[:, layer])


def test_patterns_in_one_ground_differ_only_in_the_rows_they_change() -> None:
    ground = statistics.Ground(n=5, **SIZE, seed=3)
    none, skip = ground.plant("none", 0), ground.plant("skip", 0.5)
    np.testing.assert_array_equal(none[..., :5, :], skip[..., :5, :])
    assert (none[..., 5, :] != skip[..., 5, :]).all()
    mixed = ground.plant("mixed", 0.5)
    np.testing.assert_array_equal(mixed[:, 0, 0], ground.plant("hub", 0.5)[:, 0, 0])
    np.testing.assert_array_equal(mixed[:, 1, 2], ground.plant("chain", 0.5)[:, 1, 2])


def test_a_pattern_in_a_ground_is_the_pattern_planted_alone() -> None:
    ground = statistics.Ground(n=5, **SIZE, seed=(3, 1), noise=0.2)
    ground.plant("chain", 0.5)
    alone = statistics.plant("hub", 0.25, n=5, **SIZE, seed=(3, 1), hub=1, heads=[0, 4], noise=0.2)
    np.testing.assert_array_equal(ground.plant("hub", 0.25, 1, [0, 4]), alone)


def test_rows_of_different_means_are_drawn_apart() -> None:
    ground = statistics.Ground(n=4000, L=1, H=2, T=4, seed=0, noise=0.1)
    hub, chain = (ground.plant(kind, 0.5)[:, 0, 0, 3, 1] for kind in ("hub", "chain"))
    assert abs(np.corrcoef(hub, chain)[0, 1]) < 0.05


def test_few_heads_follow_what_their_layer_follows_in_the_mixture() -> None:
    size = {"n": 4, "L": 6, "H": 8, "T": 6, "seed": 3}
    few, mixed, none = (statistics.plant(kind, 0.7, **size) for kind in ("few", "mixed", "none"))
    follows = [(few[:, layer, head] != none[:, layer, head]).any() for layer in range(6) for head in range(8)]
    assert sum(follows) == 10
    for flat in np.flatnonzero(follows):
        layer, head = divmod(int(flat), 8)
        alone = statistics.plant(("hub", "chain", "skip")[layer // 2], 0.7, **size)
        np.testing.assert_array_equal(few[:, layer, head], alone[:, layer, head])
    assert (mixed != few).any()


def test_a_third_of_few_heads_are_few() -> None:
    few, none = (statistics.plant(kind, 1, n=1, L=2, H=4, T=6, seed=0) for kind in ("few", "none"))
    assert (few != none).any(axis=(0, 3, 4)).sum() == 2


def test_every_head_and_row_has_the_mass_it_is_given() -> None:
    masses = np.random.default_rng(0).uniform(0, 1, size=(6, 5))
    raw = statistics.plant("chain", 0.5, n=3, L=2, H=3, T=5, seed=0, latent_mass=masses)
    np.testing.assert_allclose(raw.sum(axis=-1), np.broadcast_to(masses.reshape(2, 3, 5), (3, 2, 3, 5)), rtol=1e-5)
