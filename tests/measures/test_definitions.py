"""Each measure against a plain loop over its definition."""

import math
import statistics
from typing import Any

import numpy as np
import pytest

from harness import measures

L, H = 2, 3


def draw_problems(T: int, n: int = 5, seed: int = 0) -> np.ndarray:
    """Random attention with weight outside the latents, one nearly silent row and one silent head."""
    rng = np.random.default_rng(seed + T)
    raw = rng.dirichlet(np.full(T + 1, 0.7), size=(n, L, H, T))[..., :T] * np.tri(T)
    raw[:, 0, 1, T - 1] = 0
    raw[:, 1, 0, min(1, T - 1)] = 1e-14
    raw[:, 1, 2] = 0
    return raw


def mean_or_nan(values: list[float]) -> float:
    kept = [v for v in values if not math.isnan(v)]
    return sum(kept) / len(kept) if kept else math.nan


def quotient(a: float, b: float) -> float:
    return a / b if b >= 1e-12 else math.nan


def per_head(mean, function):
    return np.array([[function(mean[layer][head]) for head in range(H)] for layer in range(L)])


def row_shares(block, i: int, keys: int) -> list[float] | None:
    mass = sum(block[i][j] for j in range(keys))
    return [block[i][j] / mass for j in range(keys)] if mass >= 1e-12 else None


def row_distance(a: list[float], b: list[float]) -> float:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / 2


def pattern_distance(a, b, T: int) -> float:
    values = []
    for i in range(1, T):
        p, q = row_shares(a, i, i + 1), row_shares(b, i, i + 1)
        if p and q:
            values.append(row_distance(p, q))
    return mean_or_nan(values)


def cells(block, first_row: int = 0) -> list[float]:
    return [block[i][j] for i in range(first_row, len(block)) for j in range(i + 1)]


def columns(block) -> list[float]:
    T = len(block)
    return [sum(block[i][j] for i in range(j, T)) for j in range(T)]


def previous(block) -> float:
    return sum(block[i][i - 1] for i in range(1, len(block)))


def uniform_block(T: int) -> list[list[float]]:
    return [[1.0 if j <= i else 0.0 for j in range(T)] for i in range(T)]


def reading(mean, T: int, gap: int) -> list[float]:
    """Enrichment with keys at least `gap` latents back, a head compared on the rows it has."""
    result = []
    for j in range(T - gap):
        heads = []
        for layer in range(L):
            for head in range(H):
                read = expected = 0.0
                for i in range(max(gap + 1, j + gap), T):
                    shares = row_shares(mean[layer][head], i, i - gap + 1)
                    if shares:
                        read += shares[j]
                        expected += 1 / (i - gap + 1)
                heads.append(quotient(read, expected))
        result.append(mean_or_nan(heads))
    return result


def blocked(block, T: int = 6) -> list[list[float]]:
    rows = [row_shares(block, i, i + 1) for i in range(T)]
    result = []
    for a in range(3):
        pair = rows[2 * a], rows[2 * a + 1]
        if any(row is None for row in pair):
            result.append(None)
            continue
        padded = [row + [0.0] * (T - len(row)) for row in pair]
        result.append([sum(row[2 * b] + row[2 * b + 1] for row in padded) / 2 for b in range(3)])
    return result


def block_distance(block) -> float:
    mine, flat = blocked(block), blocked(uniform_block(6))
    return mean_or_nan([row_distance(mine[a], flat[a]) for a in (1, 2) if mine[a]])


PER_HEAD = {
    "structure": (2, lambda b: pattern_distance(b, uniform_block(len(b)), len(b))),
    "head_max": (1, lambda b: max(cells(b))),
    "head_max_cross": (2, lambda b: max(b[i][j] for i in range(len(b)) for j in range(i))),
    "within_head_std": (1, lambda b: statistics.pstdev(cells(b))),
    "column_sums": (1, columns),
    "column_share": (1, lambda b: [quotient(c, sum(cells(b))) for c in columns(b)]),
    "latent_mass": (1, lambda b: [sum(b[i][: i + 1]) for i in range(len(b))]),
    "sequential_share": (2, lambda b: quotient(previous(b), sum(cells(b, 1)))),
    "sequential_ratio": (
        2,
        lambda b: quotient(previous(b) / (len(b) - 1), statistics.fmean(cells(b, 1))),
    ),
    "skip": (5, lambda b: statistics.fmean(b[-1][:3])),
    "forward_mass": (2, lambda b: sum(b[i][j] for i in range(len(b)) for j in range(i))),
    "flow": (
        2,
        lambda b: quotient(sum(b[i][j] for i in range(len(b)) for j in range(i)), sum(cells(b))),
    ),
    "hub_score": (3, lambda b: statistics.pvariance(columns(b))),
    "hub_position": (3, lambda b: max(range(len(b)), key=lambda j: columns(b)[j])),
    "max_attention_value": (
        3,
        lambda b: max(row[max(range(len(b)), key=lambda j: columns(b)[j])] for row in b),
    ),
    "concentration": (3, lambda b: quotient(max(columns(b)), sum(cells(b)))),
    "hub_score_share": (
        3,
        lambda b: statistics.pvariance([c / sum(cells(b)) for c in columns(b)]) if sum(cells(b)) >= 1e-12 else math.nan,
    ),
}


@pytest.mark.parametrize("T", [1, 2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("name", PER_HEAD)
def test_head_measure_equals_its_definition(name: str, T: int) -> None:
    least, oracle = PER_HEAD[name]
    mean = draw_problems(T).mean(axis=0)
    measure = getattr(measures, name)
    if least > T:
        with pytest.raises(measures.TooFewLatents, match=rf"{least} latents, got {T}"):
            measure(mean)
        return
    np.testing.assert_allclose(measure(mean), per_head(mean.tolist(), oracle), rtol=1e-12, atol=1e-15)


def test_block_distance_equals_its_definition() -> None:
    mean = draw_problems(6).mean(axis=0)
    np.testing.assert_allclose(measures.block_distance(mean), per_head(mean.tolist(), block_distance), rtol=1e-12)


@pytest.mark.parametrize("T", [5, 7])
def test_block_distance_is_for_six_latents(T: int) -> None:
    with pytest.raises(measures.NotApplicable, match=f"6 latents, got {T}"):
        measures.block_distance(draw_problems(T).mean(axis=0))


@pytest.mark.parametrize("T", [4, 5, 6, 8])
def test_enrichment_equals_its_definition(T: int) -> None:
    mean = draw_problems(T).mean(axis=0)
    plain, far = reading(mean.tolist(), T, 1), reading(mean.tolist(), T, 2)
    np.testing.assert_allclose(measures.enrichment(mean), plain, rtol=1e-12)
    np.testing.assert_allclose(measures.hub_enrichment(mean), far, rtol=1e-12)
    np.testing.assert_allclose(
        measures.hub_adjusted(mean), [min(a, b) for a, b in zip(plain, far, strict=False)], rtol=1e-12
    )


@pytest.mark.parametrize("T", [4, 5, 6, 8])
def test_enrichment_of_full_rows_is_the_mean_share_over_the_causal_expectation(T: int) -> None:
    """The formula as usually written: heads averaged first, one common denominator."""
    mean = np.random.default_rng(T).dirichlet(np.ones(T + 1), size=(L, H, T))[..., :T] * np.tri(T)
    for j in range(T - 1):
        rows = [i for i in range(2, T) if i > j]
        given = [sum(mean[a, b, i, j] / mean[a, b, i, :i].sum() for i in rows) for a, b in np.ndindex(L, H)]
        expected = np.mean(given) / sum(1 / i for i in rows)
        assert measures.enrichment(mean)[j] == pytest.approx(expected, rel=1e-12)
    for j in range(T - 2):
        rows = [i for i in range(3, T) if i >= j + 2]
        given = [sum(mean[a, b, i, j] / mean[a, b, i, : i - 1].sum() for i in rows) for a, b in np.ndindex(L, H)]
        expected = np.mean(given) / sum(1 / (i - 1) for i in rows)
        assert measures.hub_enrichment(mean)[j] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("measure", [measures.enrichment, measures.hub_enrichment, measures.hub_adjusted])
def test_enrichment_needs_four_latents(measure) -> None:
    with pytest.raises(measures.TooFewLatents, match="4 latents, got 3"):
        measure(draw_problems(3).mean(axis=0))


@pytest.mark.parametrize("T", [1, 2, 6])
def test_incoming_equals_its_definition(T: int) -> None:
    mean = draw_problems(T).mean(axis=0)
    blocks = [mean[a, b].tolist() for a, b in np.ndindex(L, H)]
    expected = [sum(columns(block)[j] for block in blocks) / (L * H * T) for j in range(T)]
    np.testing.assert_allclose(measures.incoming(mean), expected, rtol=1e-12)
    np.testing.assert_allclose(measures.ratio_uniform(mean), np.multiply(expected, T), rtol=1e-12)
    np.testing.assert_allclose(measures.incoming_total(mean), np.multiply(expected, T), rtol=1e-12)


@pytest.mark.parametrize("T", [2, 6])
def test_previous_weight_equals_its_definition(T: int) -> None:
    mean = draw_problems(T).mean(axis=0)
    shares = [row_shares(mean[a, b].tolist(), T - 1, T) for a, b in np.ndindex(L, H)]
    expected = mean_or_nan([row[T - 2] if row else math.nan for row in shares])
    assert measures.previous_weight(mean) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("T", [1, 3, 6])
def test_spread_over_problems_equals_its_definition(T: int) -> None:
    raw = draw_problems(T, n=7)
    spread = [
        statistics.pstdev(raw[:, a, b, i, j].tolist())
        for a, b in np.ndindex(L, H)
        for i in range(T)
        for j in range(i + 1)
    ]
    moments = raw.mean(axis=0), (raw**2).mean(axis=0)
    assert measures.across_problem_std(*moments) == pytest.approx(statistics.fmean(spread), abs=1e-8)
    for limit in (0.1, 0.2, 0.3):
        expected = sum(s >= limit for s in spread) / len(spread)
        assert measures.unstable_share(*moments, limit) == pytest.approx(expected)


def test_constant_attention_has_no_spread_whatever_the_rounding() -> None:
    raw = np.repeat(draw_problems(6, n=1), 9, axis=0)
    assert measures.across_problem_std(raw.mean(axis=0), (raw**2).mean(axis=0)) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("T", [2, 6])
def test_mean_pairwise_distance_equals_its_definition(T: int) -> None:
    mean = draw_problems(T).mean(axis=0).reshape(L * H, T, T)
    blocks = mean.tolist()
    pairs = [pattern_distance(blocks[a], blocks[b], T) for a in range(len(blocks)) for b in range(a + 1, L * H)]
    assert measures.mean_pairwise_distance(mean) == pytest.approx(mean_or_nan(pairs), rel=1e-12)


def test_pairwise_distance_of_two_patterns_is_their_distance() -> None:
    two = draw_problems(6).mean(axis=0)[0, :2]
    expected = pattern_distance(*two.tolist(), 6)
    assert measures.mean_pairwise_distance(two) == pytest.approx(expected, rel=1e-12)


def test_pairwise_distances_with_missing_rows_are_those_of_each_set_of_patterns() -> None:
    sets = np.random.default_rng(0).random((3, 4, 5, 5))
    sets[1, 0, 2], sets[1, 1, 3], sets[2, 3, 1:] = 0, 0, 0
    found = measures.mean_pairwise_distance(sets)
    assert found.tolist() == [float(measures.mean_pairwise_distance(one)) for one in sets]
    pairs = [pattern_distance(sets[1, a].tolist(), sets[1, b].tolist(), 5) for a in range(4) for b in range(a + 1, 4)]
    assert found[1] == pytest.approx(mean_or_nan(pairs), rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 6, 6), (6, 6)])
def test_pairwise_distance_of_one_pattern_is_an_empty_comparison(shape: tuple[int, ...]) -> None:
    message = rf"^mean_pairwise_distance needs at least 2 patterns, got shape \({', '.join(map(str, shape))}\)$"
    with pytest.raises(measures.EmptyGroup, match=message):
        measures.mean_pairwise_distance(np.broadcast_to(np.tri(6), shape))


@pytest.mark.parametrize("measure", [measures.mean_pairwise_distance, measures.pairwise_distances])
def test_distances_of_pairs_name_themselves_in_what_they_refuse(measure: Any) -> None:
    name = measure.__name__
    with pytest.raises(measures.TooFewLatents, match=f"^{name} needs at least 2 latents, got 1$"):
        measure(np.ones((3, 1, 1)))
    with pytest.raises(measures.NotFinite, match=f"^{name} expects finite attention"):
        measure(np.full((3, 2, 2), np.nan))
    assert np.isfinite(measure(np.ones((3, 2, 2)))).all()


def test_layer_distance_equals_its_definition() -> None:
    layers, heads, T = 5, 2, 4
    rng = np.random.default_rng(3)
    mean = rng.dirichlet(np.ones(T + 1), size=(layers, heads, T))[..., :T] * np.tri(T)
    mean[0, 0, 2] = 0
    groups = []
    for group in range(3):
        members = [
            mean[layer, head].tolist()
            for layer in range(layers)
            for head in range(heads)
            if math.floor(3 * layer / layers) == group
        ]
        rows = []
        for i in range(T):
            shares = [s for s in (row_shares(block, i, i + 1) for block in members) if s]
            rows.append([sum(s[j] for s in shares) / len(shares) for j in range(i + 1)] + [0.0] * (T - 1 - i))
        groups.append(rows)
    expected = max(pattern_distance(groups[a], groups[b], T) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert measures.layer_distance(mean) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("layers", "expected"), [(3, [0, 1, 2]), (4, [0, 0, 1, 2]), (12, [0] * 4 + [1] * 4 + [2] * 4)])
def test_layer_types_are_thirds(layers: int, expected: list[int]) -> None:
    assert measures.layer_type(layers).tolist() == expected


def test_two_layers_have_no_late_group() -> None:
    with pytest.raises(measures.EmptyGroup, match="at least 3 layers, got 2"):
        measures.layer_members(2, 8)


def test_top_k_breaks_ties_by_layer_then_head_and_ranks_nan_last() -> None:
    scores = np.array([[0.5, np.nan, 0.9], [0.9, 0.5, 0.1]])
    assert measures.top_k(scores, 6).tolist() == [2, 3, 0, 4, 5, 1]
    assert measures.top_k(scores, 2).tolist() == [2, 3]
    assert measures.top_k(scores, 99).shape == (6,)


def test_top_k_agrees_with_python_sorting() -> None:
    scores = np.random.default_rng(0).integers(0, 5, size=(4, 3, 6)).astype(float)
    for draw, found in zip(scores, measures.top_k(scores, 7), strict=True):
        flat = draw.ravel().tolist()
        assert found.tolist() == sorted(range(18), key=lambda head: (-flat[head], head))[:7]


def test_top_k_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="k >= 1, got 0"):
        measures.top_k(np.zeros((2, 2)), 0)


def test_taking_heads_picks_layer_and_head() -> None:
    mean = np.arange(2 * 3 * 4 * 2 * 2, dtype=float).reshape(2, 3, 4, 2, 2)
    heads = np.array([[0, 11], [5, 2]])
    patterns = measures.take_patterns(mean, heads)
    assert patterns.shape == (2, 2, 2, 2)
    np.testing.assert_array_equal(patterns[0, 1], mean[0, 2, 3])
    np.testing.assert_array_equal(patterns[1, 0], mean[1, 1, 1])
    np.testing.assert_array_equal(measures.take_scores(mean[..., 0, 0], heads), patterns[..., 0, 0])


def test_hub_classes_at_their_limits() -> None:
    scores = np.array([0.2001, 0.2, 0.15, 0.1, 0.0999])
    assert measures.hub_class(scores).tolist() == ["hub", "between", "between", "between", "even"]


def test_scores_that_are_not_defined_have_no_hub_class() -> None:
    with pytest.raises(ValueError, match=r"^hub_class expects scores, got NaN$"):
        measures.hub_class(np.array([0.3, np.nan]))


def test_hub_position_prefers_the_lower_of_equals() -> None:
    mean = np.zeros((1, 1, 3, 3))
    mean[0, 0, 1, 1] = mean[0, 0, 2, 2] = 0.5
    assert measures.hub_position(mean).tolist() == [[1]]


def test_normalised_rows_sum_to_one_over_the_causal_cells() -> None:
    mean = np.random.default_rng(0).random((4, 4))
    mean[2, :3] = 0
    result = measures.normalise_rows(mean)
    for i in (0, 1, 3):
        np.testing.assert_allclose(result[i, : i + 1], mean[i, : i + 1] / sum(mean[i, : i + 1]), rtol=1e-12)
        assert not result[i, i + 1 :].any()
    assert np.isnan(result[2]).all()


def test_the_causal_mask_is_true_where_the_key_is_not_after_the_query() -> None:
    mask = measures.causal_mask(4)
    assert mask.dtype == np.bool_
    assert mask.tolist() == [[key <= query for key in range(4)] for query in range(4)]


@pytest.mark.parametrize(("mass", "present"), [(1e-12, True), (0.99e-12, False)])
def test_a_row_is_empty_below_its_least_mass_and_not_at_it(mass: float, present: bool) -> None:
    mean = np.zeros((1, 1, 4, 4))
    mean[..., 3, 0] = mass
    assert np.isfinite(measures.normalise_rows(mean)[0, 0, 3, 0]) == present
    assert np.isfinite(measures.flow(mean)[0, 0]) == present
    assert np.isfinite(measures.enrichment(mean)[0]) == present
    assert np.isfinite(measures.hub_enrichment(mean)[0]) == present


def test_distance_needs_a_row_to_choose_in() -> None:
    with pytest.raises(measures.TooFewLatents, match=r"^distance needs at least 2 latents, got 1$"):
        measures.distance(np.ones((2, 3, 1, 1)), np.ones((2, 3, 1, 1)))


def test_the_mean_over_heads_leaves_out_those_without_a_score() -> None:
    scores = np.array([[[0.1, np.nan], [0.3, 0.8]], [[np.nan, np.nan], [np.nan, np.nan]]])
    np.testing.assert_allclose(measures.mean_over_heads(scores), [0.4, np.nan])


def test_a_cell_is_unstable_from_the_limit_on() -> None:
    raw = np.zeros((2, 1, 1, 2, 2))
    raw[1, ..., 0, 0] = 0.5
    moments = raw.mean(axis=0), (raw**2).mean(axis=0)
    assert measures.unstable_share(*moments, 0.25) == pytest.approx(1 / 3)
    assert measures.unstable_share(*moments, 0.2501) == 0


def test_weight_above_the_diagonal_is_never_counted() -> None:
    clean = draw_problems(6).mean(axis=0)
    dirty = clean + np.triu(np.ones((6, 6)), k=1)
    for name in [*PER_HEAD, "enrichment", "hub_enrichment", "incoming", "previous_weight", "block_distance"]:
        measure = getattr(measures, name)
        np.testing.assert_array_equal(measure(dirty), measure(clean), err_msg=name)
