"""Promises every measure keeps, over all public measures."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import measures

L, H, T = 3, 2, 6
HEADS = (L, H)
SHAPES = {
    "across_problem_std": (),
    "block_distance": HEADS,
    "column_share": (*HEADS, T),
    "column_sums": (*HEADS, T),
    "composite_normalised": HEADS,
    "composite_score": HEADS,
    "concentration": HEADS,
    "enrichment": (T - 1,),
    "flow": HEADS,
    "forward_mass": HEADS,
    "functional_type": HEADS,
    "head_max": HEADS,
    "head_max_cross": HEADS,
    "hub_adjusted": (T - 2,),
    "hub_enrichment": (T - 2,),
    "hub_position": HEADS,
    "hub_score": HEADS,
    "hub_score_share": HEADS,
    "incoming": (T,),
    "incoming_total": (T,),
    "latent_mass": (*HEADS, T),
    "layer_distance": (),
    "matches_type": HEADS,
    "max_attention_value": HEADS,
    "mean_structure": (),
    "normalise_rows": (*HEADS, T, T),
    "normalised_scores": (3, *HEADS),
    "previous_weight": (),
    "problem_std": (*HEADS, T * (T + 1) // 2),
    "ratio_uniform": (T,),
    "row_scores": (3, *HEADS),
    "sequential_ratio": HEADS,
    "sequential_share": HEADS,
    "skip": HEADS,
    "specialisation": (),
    "structure": HEADS,
    "three_scores": (3, *HEADS),
    "unstable_share": (),
    "within_head_std": HEADS,
}
SCALE_FREE = {
    "block_distance", "column_share", "composite_normalised", "concentration", "enrichment", "flow",
    "functional_type", "hub_adjusted", "hub_enrichment", "hub_position", "hub_score_share", "layer_distance",
    "matches_type", "mean_structure", "normalise_rows", "normalised_scores", "previous_weight", "row_scores",
    "sequential_ratio", "sequential_share", "structure",
}  # fmt: skip
HELPERS = {
    "between_groups", "causal_cells", "causal_mask", "distance", "from_others", "group_means", "hub_class",
    "largest_distance", "layer_members", "layer_type", "mean_over_heads", "mean_pairwise_distance", "min_max", "overlap",
    "pairwise_distances", "take_patterns", "take_scores", "top_k", "total_variation", "uniform_rows", "upper_decile",
}  # fmt: skip


def call(name: str, raw: np.ndarray, axis: int = 0) -> np.ndarray:
    """The measure of raw attention whose problems lie on `axis`."""
    measure = getattr(measures, name)
    moments = [raw.mean(axis=axis)]
    if "mean_square" in inspect.signature(measure).parameters:
        moments.append((raw**2).mean(axis=axis))
    return measure(*moments)


def attention(*leading: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(T + 2), size=(*leading, *HEADS, T))[..., :T] * np.tri(T)


def test_every_public_measure_is_covered_here() -> None:
    functions = {name for name in measures.__all__ if inspect.isfunction(getattr(measures, name))}
    assert functions == SHAPES.keys() | HELPERS


def test_public_names_are_sorted_and_exist() -> None:
    constants_first = sorted(measures.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert measures.__all__ == constants_first
    assert all(hasattr(measures, name) for name in measures.__all__)


@pytest.mark.parametrize("name", SHAPES)
def test_shape_without_leading_axes(name: str) -> None:
    assert np.shape(call(name, attention(4))) == SHAPES[name]


@pytest.mark.parametrize("name", SHAPES)
def test_leading_axes_equal_slice_by_slice(name: str) -> None:
    raw = attention(2, 3, 4)
    raw[1, 2, :, 0, 1, 3] = 0
    together = call(name, raw, axis=2)
    assert together.shape == (2, 3, *SHAPES[name])
    for a, b in np.ndindex(2, 3):
        np.testing.assert_allclose(together[a, b], call(name, raw[a, b]), rtol=1e-12, atol=1e-8)


@pytest.mark.parametrize("name", SHAPES)
def test_order_of_problems_does_not_matter(name: str) -> None:
    raw = attention(7)
    shuffled = raw[np.random.default_rng(1).permutation(7)]
    np.testing.assert_allclose(call(name, shuffled), call(name, raw), rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("name", SHAPES)
def test_order_of_heads_within_a_layer_does_not_matter(name: str) -> None:
    raw = attention(4)
    flipped = call(name, raw[:, :, ::-1])
    expected = call(name, raw)
    if SHAPES[name][:2] == HEADS:
        expected = expected[:, ::-1]
    if SHAPES[name][1:] == HEADS:
        expected = expected[:, :, ::-1]
    np.testing.assert_allclose(flipped, expected, rtol=1e-10)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_attention_that_is_not_finite_is_refused(name: str, bad: float) -> None:
    raw = attention(4)
    raw[2, 1, 0, 5, 0] = bad
    with pytest.raises(ValueError, match="expects finite attention weights"), np.errstate(invalid="ignore"):
        call(name, raw)


@pytest.mark.parametrize("name", SHAPES)
def test_patterns_that_are_not_square_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="square patterns"):
        call(name, attention(4)[..., :-1])


@pytest.mark.parametrize("name", SHAPES)
def test_input_is_left_unchanged(name: str) -> None:
    raw = attention(4)
    mean = raw.mean(axis=0)
    before = mean.copy()
    measure = getattr(measures, name)
    measure(mean, mean) if "mean_square" in inspect.signature(measure).parameters else measure(mean)
    np.testing.assert_array_equal(mean, before)


@pytest.mark.parametrize("name", sorted(SCALE_FREE))
@settings(max_examples=10, deadline=None)
@given(scale=st.floats(0.01, 1.0))
def test_relative_measures_do_not_depend_on_the_mass_on_latents(name: str, scale: float) -> None:
    raw = attention(3)
    np.testing.assert_allclose(call(name, raw * scale), call(name, raw), rtol=1e-9)


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - SCALE_FREE - {"unstable_share", "specialisation"}))
def test_absolute_measures_do_depend_on_it(name: str) -> None:
    raw = attention(3)
    assert np.all(call(name, raw * 0.5) < call(name, raw) + 1e-15)
    assert np.any(call(name, raw * 0.5) < call(name, raw))


@pytest.mark.parametrize(
    "name", sorted(SCALE_FREE - {"hub_position", "functional_type", "matches_type", "normalised_scores"})
)
def test_heads_without_attention_are_null_not_zero(name: str) -> None:
    raw = np.zeros((2, *HEADS, T, T))
    with np.errstate(all="raise"):
        values = np.asarray(call(name, raw))
    assert np.isnan(values).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), sparse=st.floats(0.02, 5))
def test_relative_measures_stay_in_their_natural_range(seed: int, sparse: float) -> None:
    rng = np.random.default_rng(seed)
    mean = rng.dirichlet(np.full(T + 1, sparse), size=(*HEADS, T))[..., :T] * np.tri(T)
    for name in ("structure", "block_distance", "flow", "sequential_share", "column_share", "concentration"):
        values = call(name, mean[None])
        values = values[~np.isnan(values)]
        assert np.all((values >= 0) & (values <= 1 + 1e-12)), name
    weights = np.array([sum(1 / i for i in range(max(2, j + 1), T)) for j in range(T - 1)])
    head_by_head = np.array([measures.enrichment(mean[a : a + 1, b : b + 1]) for a, b in np.ndindex(HEADS)])
    if not np.isnan(head_by_head).any() and (np.tril(mean, -1).sum(-1)[..., 2:] > 1e-9).all():
        np.testing.assert_allclose(measures.enrichment(mean) @ weights, T - 2, rtol=1e-9)
