"""Array controls keep what they promise to keep and are uniform in everything else."""

from itertools import permutations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import measures, statistics
from harness.statistics import controls


def attention(n: int = 6, T: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.dirichlet(np.ones(T + 1), size=(n, 2, 3, T))[..., :T] * np.tri(T)).astype(np.float32)


def labelled(T: int, copies: int) -> np.ndarray:
    """Rows whose cells carry their own key number plus 1, so that a permutation can be read back."""
    return np.tile((np.tri(T) * np.arange(1, T + 1)).astype(np.float32), (copies, 1, 1, 1, 1))


@settings(max_examples=20, deadline=None)
@given(T=st.integers(1, 9), seed=st.integers(0, 99), off_diagonal=st.booleans())
def test_shuffling_keeps_the_values_of_every_row(T: int, seed: int, off_diagonal: bool) -> None:
    raw = attention(n=2, T=T, seed=seed)
    before = raw.copy()
    result = statistics.shuffled(raw, seed, 0, off_diagonal)
    np.testing.assert_array_equal(raw, before)
    assert result.dtype == raw.dtype
    assert not np.triu(result, k=1).any()
    np.testing.assert_array_equal(np.sort(result, axis=-1), np.sort(raw, axis=-1))
    if off_diagonal:
        diagonal = np.arange(T)
        np.testing.assert_array_equal(result[..., diagonal, diagonal], raw[..., diagonal, diagonal])


@pytest.mark.parametrize("off_diagonal", [False, True])
def test_every_permutation_is_equally_likely(off_diagonal: bool) -> None:
    copies = 24_000
    result = statistics.shuffled(labelled(5, copies), 0, 0, off_diagonal)
    for i in range(1, 5):
        cells = i if off_diagonal else i + 1
        orders = {order: k for k, order in enumerate(permutations(range(1, cells + 1)))}
        found = [orders[tuple(row)] for row in result[:, 0, 0, i, :cells].astype(int).tolist()]
        observed = np.bincount(found, minlength=len(orders))
        assert scipy.stats.chisquare(observed).pvalue > 0.001 if cells > 1 else observed.tolist() == [copies]


@pytest.mark.parametrize("T", [6, 9])
def test_every_cell_is_equally_likely_to_hold_each_value(T: int) -> None:
    copies = 18_000
    result = statistics.shuffled(labelled(T, copies), 4, 2)
    for i in range(1, T):
        for j in range(i + 1):
            observed = np.bincount(result[:, 0, 0, i, j].astype(int), minlength=i + 2)[1 : i + 2]
            assert scipy.stats.chisquare(observed).pvalue > 1e-5


def test_rows_problems_and_heads_are_shuffled_independently() -> None:
    raw = np.tile(labelled(6, 1), (2000, 2, 2, 1, 1))
    result = statistics.shuffled(raw, 0, 0)
    places = {
        "row 5": result[:, 0, 0, 5, 0],
        "row 4": result[:, 0, 0, 4, 0],
        "next head": result[:, 0, 1, 5, 0],
        "next layer": result[:, 1, 0, 5, 0],
        "next problem": np.roll(result[:, 0, 0, 5, 0], 1),
    }
    first = places.pop("row 5")
    for name, other in places.items():
        table = np.histogram2d(first, other, bins=[np.arange(0.5, 7), np.arange(0.5, other.max() + 1)])[0]
        assert scipy.stats.chi2_contingency(table).pvalue > 0.001, name


def test_a_draw_is_fixed_by_seed_and_number_alone() -> None:
    raw = attention()
    draws = [statistics.shuffled(raw, 9, draw) for draw in range(4)]
    np.testing.assert_array_equal(draws[3], statistics.shuffled(raw, 9, 3))
    assert not np.array_equal(draws[2], draws[3])
    assert not np.array_equal(statistics.shuffled(raw, 8, 3), draws[3])


@pytest.mark.parametrize("off_diagonal", [False, True])
@pytest.mark.parametrize("T", [2, 6, 9])
def test_shuffled_means_are_the_means_of_the_same_draws(T: int, off_diagonal: bool) -> None:
    raw = attention(T=T)
    means = statistics.shuffled_means(raw, 3, seed=1, off_diagonal=off_diagonal, start=5)
    draws = [statistics.shuffled(raw, 1, draw, off_diagonal) for draw in (5, 6, 7)]
    expected = [draw.mean(axis=0, dtype=np.float64) for draw in draws]
    np.testing.assert_allclose(means, expected, rtol=1e-12)


def test_shuffling_removes_a_planted_hub_and_leaves_the_expected_uniform() -> None:
    raw = statistics.plant("hub", 0.8, n=60, L=2, H=4, T=6, seed=0, hub=2)
    means = statistics.shuffled_means(raw, 200, seed=0, off_diagonal=True)
    adjusted = measures.hub_adjusted(means)
    assert measures.hub_adjusted(raw.mean(axis=0)).max() > 2
    assert (adjusted.max(axis=-1) >= 1.25).mean() < 0.05
    np.testing.assert_allclose(measures.enrichment(means).mean(axis=0), 1, atol=0.02)


def test_uniform_spreads_each_rows_own_mass() -> None:
    raw = attention()
    result = statistics.uniform(raw)
    assert result.dtype == raw.dtype
    np.testing.assert_allclose(result.sum(axis=-1), raw.sum(axis=-1), rtol=1e-6)
    for i in range(6):
        share = raw[..., i, :].sum(axis=-1, keepdims=True) / (i + 1)
        np.testing.assert_allclose(result[..., i, : i + 1], np.repeat(share, i + 1, axis=-1), rtol=1e-6)
        assert not result[..., i, i + 1 :].any()


def test_uniform_context_gives_every_key_of_the_context_the_same() -> None:
    lengths = np.array([[10, 11, 12], [20, 21, 22]])
    result = statistics.uniform_context((2, 3, 4, 3, 3), lengths)
    assert result.shape == (2, 3, 4, 3, 3)
    assert result.dtype == np.float32
    for n, i in np.ndindex(2, 3):
        np.testing.assert_allclose(result[n, ..., i, : i + 1], 1 / lengths[n, i], rtol=1e-6)
        assert not result[n, ..., i, i + 1 :].any()


def test_long_rows_use_the_same_contract_without_a_table() -> None:
    assert controls._LONGEST_TABLE < 9
    result = statistics.shuffled(labelled(9, 50), 0, 0)
    assert (result[:, 0, 0, 8] != labelled(9, 1)[0, 0, 0, 8]).any(axis=1).all()
