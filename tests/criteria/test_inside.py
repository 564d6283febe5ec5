"""Where removed attention goes, and where flipped problems part, on planted arrays."""

import numpy as np
import pytest

from harness.criteria.inside import parting, redistribution
from harness.interventions.keys import KEY_CLASSES, key_names

T = 4
RNG = np.random.default_rng(0)
FIRST = len(KEY_CLASSES)


def weights(beyond: float = 0.0, n: int = 150) -> np.ndarray:
    """[n, 2, L, H, P, C]: random rows, then without thought 0 in proportion; ``beyond`` more goes to the numbers from bot."""
    before = RNG.dirichlet(np.ones(len(key_names(T))), size=(n, 2, 3, T + 1))
    after = before.copy()
    after[..., 1:, FIRST] = 0
    after /= after.sum(axis=-1, keepdims=True)
    moved = beyond * after[..., 1:, KEY_CLASSES.index("bot")]
    after[..., 1:, KEY_CLASSES.index("bot")] -= moved
    after[..., 1:, KEY_CLASSES.index("question numbers")] += moved
    return np.stack([before, after], axis=1).astype(np.float32)


def test_weights_that_grow_in_proportion_are_gained_as_predicted() -> None:
    found = redistribution(weights(), 1, 0, T, seed=1)
    assert found.removed.shape == (2, 3, T)
    assert found.gained.shape == (2, 3, T, len(key_names(T)) - 1)
    assert "CT0" not in found.classes and found.classes[-1] == "EOT"
    np.testing.assert_allclose(found.gained, found.predicted, atol=1e-6)
    np.testing.assert_allclose(found.gained.sum(axis=-1), found.removed, atol=1e-6)
    assert found.largest_gap < 1e-5


def test_a_planted_reaction_is_found_where_it_is() -> None:
    found = redistribution(weights(0.5), 1, 0, T, seed=1)
    low, high = found.beyond
    for layer in range(2):
        assert low[layer, found.classes.index("question numbers")] > 0
        assert high[layer, found.classes.index("bot")] < 0
        assert low[layer, found.classes.index("CT1")] == pytest.approx(0, abs=1e-6)


def test_weight_that_is_lost_on_the_way_is_a_gap() -> None:
    lossy = weights()
    lossy[3, 1, 0, 0, 2] *= 0.9
    assert redistribution(lossy, 1, 0, T, seed=1).largest_gap > 0.05


def flips(shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    distance = np.random.default_rng(2).gamma(4, 0.1, (300, 7))
    distance[:, 0] = 0
    before, after = np.arange(300) % 10 > 0, np.arange(300) % 3 > 0
    distance[before & ~after, 3:] += shift
    return distance, before, after


def test_flipped_problems_part_where_the_distance_was_planted() -> None:
    found = parting(*flips(0.3), seed=0)
    assert found.at == 3
    assert found.counts == (90, 180)
    distance, before, after = flips(0.3)
    np.testing.assert_allclose(found.flipped, distance[before & ~after].mean(axis=0))
    np.testing.assert_allclose(found.unflipped, distance[before & after].mean(axis=0))
    assert (found.flipped_interval[0] <= found.flipped).all() and (found.flipped <= found.flipped_interval[1]).all()


def test_without_a_difference_they_part_nowhere_in_nearly_all_samples() -> None:
    parted = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        before, after = np.ones(120, bool), rng.random(120) < 0.5
        parted += parting(rng.gamma(4, 0.1, (120, 7)), before, after, seed).at is not None
    assert parted <= 4


def test_without_flipped_problems_there_is_nothing_to_part() -> None:
    distance = RNG.random((20, 7))
    found = parting(distance, np.ones(20, bool), np.ones(20, bool), seed=0)
    assert found.at is None
    assert np.isnan(found.difference).all()
