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


DELEGATED = {
    "across_problem_std": "problem_std",
    "column_share": "column_sums",
    "composite_normalised": "forward_mass",
    "composite_score": "forward_mass",
    "flow": "forward_mass",
    "functional_type": "forward_mass",
    "hub_adjusted": "enrichment",
    "incoming": "column_sums",
    "incoming_total": "column_sums",
    "matches_type": "forward_mass",
    "mean_structure": "structure",
    "normalised_scores": "forward_mass",
    "ratio_uniform": "column_sums",
    "specialisation": "forward_mass",
    "three_scores": "forward_mass",
    "unstable_share": "problem_std",
}
"""Measures that another one refuses for them, being made of it."""

LEAST = {
    "composite_normalised": ("skip", 5),
    "composite_score": ("skip", 5),
    "concentration": ("concentration", 3),
    "enrichment": ("enrichment", 4),
    "flow": ("forward_mass", 2),
    "forward_mass": ("forward_mass", 2),
    "functional_type": ("skip", 5),
    "head_max_cross": ("head_max_cross", 2),
    "hub_adjusted": ("enrichment", 4),
    "hub_enrichment": ("hub_enrichment", 4),
    "hub_position": ("hub_position", 3),
    "hub_score": ("hub_score", 3),
    "hub_score_share": ("hub_score_share", 3),
    "layer_distance": ("layer_distance", 2),
    "matches_type": ("skip", 5),
    "max_attention_value": ("max_attention_value", 3),
    "mean_structure": ("structure", 2),
    "normalised_scores": ("skip", 5),
    "previous_weight": ("previous_weight", 2),
    "row_scores": ("row_scores", 5),
    "sequential_ratio": ("sequential_ratio", 2),
    "sequential_share": ("sequential_share", 2),
    "skip": ("skip", 5),
    "specialisation": ("skip", 5),
    "structure": ("structure", 2),
    "three_scores": ("skip", 5),
}
"""Who speaks up below how many latents; the others take any number of latents, or six."""


def refuses(name: str) -> str:
    return DELEGATED.get(name, name)


def uneven(T: int) -> np.ndarray:
    """Three layers of two heads, every causal weight its own."""
    return np.random.default_rng(T).dirichlet(np.ones(T + 2), size=(*HEADS, T))[..., :T] * np.tri(T)


def call(name: str, raw: np.ndarray, axis: int = 0) -> np.ndarray:
    """The measure of raw attention whose problems lie on `axis`."""
    return of_moments(name, raw.mean(axis=axis), (raw**2).mean(axis=axis))


def of_moments(name: str, mean: np.ndarray, mean_square: np.ndarray) -> np.ndarray:
    measure = getattr(measures, name)
    more = {"mean_square": mean_square, "limit": 0.2}
    return measure(mean, **{key: more[key] for key in more.keys() & inspect.signature(measure).parameters})


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
def test_attention_that_is_not_finite_is_refused_by_name(name: str, bad: float) -> None:
    raw = attention(4)
    raw[2, 1, 0, 5, 0] = bad
    message = f"^{refuses(name)} expects finite attention weights, got NaN or infinity$"
    with pytest.raises(measures.NotFinite, match=message), np.errstate(invalid="ignore"):
        call(name, raw)


@pytest.mark.parametrize("name", SHAPES)
def test_patterns_that_are_not_square_are_refused_by_name(name: str) -> None:
    message = rf"^{refuses(name)} expects square patterns \[..., T, T\], got shape \(3, 2, 6, 5\)$"
    with pytest.raises(ValueError, match=message):
        call(name, attention(4)[..., :-1])


@pytest.mark.parametrize("name", ["problem_std", "across_problem_std", "unstable_share"])
def test_squares_that_are_not_finite_are_refused_by_name(name: str) -> None:
    mean = attention()
    with pytest.raises(measures.NotFinite, match=r"^problem_std expects finite"):
        of_moments(name, mean, np.where(mean > 0, np.nan, mean))


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"block_distance"}))
def test_the_least_number_of_latents_is_enough_and_one_less_is_refused_by_name(name: str) -> None:
    who, least = LEAST.get(name, (refuses(name), 1))
    mean = uneven(least)
    assert not np.isnan(of_moments(name, mean, mean)).any()
    if least > 1:
        mean = uneven(least - 1)
        message = f"{who} needs at least {least} latents, got {least - 1}"
        with pytest.raises(measures.TooFewLatents, match=f"^{message}$"):
            of_moments(name, mean, mean)


@pytest.mark.parametrize("name", sorted({who for who, _ in LEAST.values()}))
def test_a_measure_names_itself_also_where_others_need_less(name: str) -> None:
    mean = uneven(1)
    with pytest.raises(measures.TooFewLatents, match=f"^{name} needs at least {LEAST[name][1]} latents, got 1$"):
        of_moments(name, mean, mean)


@pytest.mark.parametrize("name", SHAPES)
def test_single_precision_is_computed_in_double(name: str) -> None:
    mean = attention(4).mean(axis=0).astype(np.float32)
    square = mean**2
    expected = of_moments(name, mean.astype(np.float64), square.astype(np.float64))
    found = of_moments(name, mean, square)
    assert found.dtype == expected.dtype != np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", SHAPES)
def test_input_is_left_unchanged(name: str) -> None:
    raw = attention(4)
    mean = raw.mean(axis=0)
    before = mean.copy()
    of_moments(name, mean, mean)
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
