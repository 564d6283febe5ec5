"""Attainable ranges: an adversary may come close to both ends and never pass them."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from harness import measures
from harness.measures import bounds
from harness.statistics import uniform

POPULATION = 24


Objective = Callable[[np.ndarray], np.ndarray]


def draw_rows(rng: np.random.Generator, count: int, cells: int) -> np.ndarray:
    """Positive rows over the causal cells and the rest of the context: near one cell, even, or anywhere."""
    size = (count, cells + 1)
    anywhere = rng.dirichlet(np.full(cells + 1, 0.5), size=count)
    single = np.eye(cells + 1)[rng.integers(0, cells + 1, size=count)]
    rest = np.eye(cells + 1)[rng.integers(0, cells + 1, size=count)]
    kind = rng.random((count, 1))
    row = np.where(kind < 0.6, single, np.where(kind < 0.8, np.full(size, 1 / (cells + 1)), anywhere))
    return ((1 - 1e-6) * row + 9e-7 * rest + 1e-7 * anywhere)[:, :cells]


def climb(objective: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...], steps: int, seed: int = 0) -> float:
    """Largest value random row replacements find for `objective([population, n, L, H, T, T])`."""
    rng = np.random.default_rng(seed)
    n, L, H, T = shape
    raw = np.zeros((POPULATION, n, L, H, T, T))
    for i in range(T):
        raw[..., i, : i + 1] = draw_rows(rng, POPULATION * n * L * H, i + 1).reshape(POPULATION, n, L, H, i + 1)
    best = objective(raw)
    for _ in range(steps):
        proposal = raw.copy()
        i = rng.integers(0, T)
        proposal[
            np.arange(POPULATION),
            rng.integers(0, n, POPULATION),
            rng.integers(0, L, POPULATION),
            rng.integers(0, H, POPULATION),
            i,
            : i + 1,
        ] = draw_rows(rng, POPULATION, i + 1)
        value = objective(proposal)
        better = value >= best
        raw[better], best[better] = proposal[better], value[better]
    return float(best.max())


def of_mean(measure: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda raw: measure(raw.mean(axis=1))


def over_heads(measure: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return of_mean(lambda mean: measures.mean_over_heads(measure(mean)))


def pairwise(mean: np.ndarray) -> np.ndarray:
    return measures.mean_pairwise_distance(mean.reshape(len(mean), -1, *mean.shape[-2:]))


def spread(raw: np.ndarray) -> np.ndarray:
    return measures.across_problem_std(raw.mean(axis=1), (raw**2).mean(axis=1))


def unstable(raw: np.ndarray) -> np.ndarray:
    return measures.unstable_share(raw.mean(axis=1), (raw**2).mean(axis=1), 0.48)


def count(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).sum(axis=1).astype(float)


# n is a multiple of 2..T where the supremum needs equal shares of problems.
CASES: dict[str, tuple[Objective, Callable[[], bounds.Range], tuple[int, ...], float]] = {
    "head_max": (over_heads(measures.head_max), lambda: bounds.head_max(1, 1, 4), (1, 1, 1, 4), 0.02),
    "within_head_std": (
        over_heads(measures.within_head_std),
        lambda: bounds.within_head_std(1, 1, 6),
        (1, 1, 1, 6),
        0.02,
    ),
    "within_head_std of two heads": (
        over_heads(measures.within_head_std),
        lambda: bounds.within_head_std(1, 2, 4),
        (1, 1, 2, 4),
        0.02,
    ),
    "structure": (over_heads(measures.structure), lambda: bounds.structure(1, 1, 6), (1, 1, 1, 6), 0.02),
    "structured_heads": (
        of_mean(lambda mean: count(measures.structure(mean) >= 0.25)),
        lambda: bounds.structured_heads(1, 3, 6, 0.25),
        (1, 1, 3, 6),
        0,
    ),
    "structured_heads beyond reach": (
        of_mean(lambda mean: count(measures.structure(mean) >= 0.6)),
        lambda: bounds.structured_heads(1, 3, 3, 0.6),
        (1, 1, 3, 3),
        0,
    ),
    "mean_pairwise_distance": (
        of_mean(pairwise),
        lambda: bounds.mean_pairwise_distance(1, 5, 4, 20),
        (1, 1, 5, 4),
        0.02,
    ),
    "ratio_uniform": (
        of_mean(lambda mean: measures.ratio_uniform(mean).max(axis=-1)),
        lambda: bounds.ratio_uniform(1, 2, 6),
        (1, 1, 2, 6),
        0.02,
    ),
    "hub_adjusted": (
        of_mean(lambda mean: measures.hub_adjusted(mean).max(axis=-1)),
        lambda: bounds.hub_adjusted(1, 1, 6),
        (1, 1, 1, 6),
        0.02,
    ),
    "hub_adjusted for 4": (
        of_mean(lambda mean: measures.hub_adjusted(mean).max(axis=-1)),
        lambda: bounds.hub_adjusted(1, 2, 4),
        (1, 1, 2, 4),
        0.02,
    ),
    "hub_adjusted for 5": (
        of_mean(lambda mean: measures.hub_adjusted(mean).max(axis=-1)),
        lambda: bounds.hub_adjusted(1, 1, 5),
        (1, 1, 1, 5),
        0.02,
    ),
    "winners": (
        of_mean(lambda mean: count(measures.hub_adjusted(mean) > 1 + 1e-9)),
        lambda: bounds.winners(1, 2, 6),
        (1, 1, 2, 6),
        0,
    ),
    "hub_visible": (
        of_mean(lambda mean: count(measures.column_share(mean).max(axis=-1) >= 0.5)),
        lambda: bounds.hub_visible(1, 3, 5, 20, 0.5),
        (1, 1, 3, 5),
        0,
    ),
    "hub_visible in two latents": (
        of_mean(lambda mean: count(measures.column_share(mean).max(axis=-1) >= 0.5)),
        lambda: bounds.hub_visible(1, 3, 2, 2, 0.5),
        (1, 1, 2, 2),
        0,
    ),
    "share_of_heads": (
        of_mean(lambda mean: count(measures.head_max(mean) > 0.4) / 3),
        lambda: bounds.share_of_heads(1, 3, 4, 0.4),
        (1, 1, 3, 4),
        0,
    ),
    "matching_types": (
        of_mean(lambda mean: count(measures.matches_type(mean)) / 4),
        lambda: bounds.matching_types(1, 4, 5, 12),
        (1, 1, 4, 5),
        0,
    ),
    "flow": (over_heads(measures.flow), lambda: bounds.flow(1, 2, 3), (1, 1, 2, 3), 0.02),
    "hub_score": (over_heads(measures.hub_score), lambda: bounds.hub_score(1, 1, 5), (1, 1, 1, 5), 0.02),
    "concentration": (over_heads(measures.concentration), lambda: bounds.concentration(1, 1, 4), (1, 1, 1, 4), 0.02),
    "skip_over_equal": (
        over_heads(lambda mean: 5 * measures.skip(mean)),
        lambda: bounds.skip_over_equal(1, 2, 5),
        (1, 1, 2, 5),
        0.02,
    ),
    "composite": (over_heads(measures.composite_score), lambda: bounds.composite(1, 1, 5), (1, 1, 1, 5), 0.02),
    "across_problem_std": (spread, lambda: bounds.across_problem_std(1, 1, 3), (6, 1, 1, 3), 0.03),
    "unstable_share": (unstable, lambda: bounds.unstable_share(1, 1, 3, 0.48), (5, 1, 1, 3), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_an_adversary_reaches_both_ends_and_passes_neither(name: str) -> None:
    objective, bound, shape, tolerance = CASES[name]
    low, high = bound()
    steps = 150 * shape[0] if shape[0] > 1 else 500
    reached_high = climb(objective, shape, steps)
    reached_low = -climb(lambda raw: -objective(raw), shape, steps)
    assert low - 1e-7 <= reached_low <= low + max(tolerance, 1e-9) * max(1.0, high)
    assert high - max(tolerance, 1e-9) * max(1.0, high) <= reached_high <= high + 1e-7


def test_every_vertex_of_one_head_stays_inside() -> None:
    """All ways to put each of six rows on one cell or on none (5,040 heads)."""
    choices = [[*np.eye(6)[: i + 1], np.zeros(6)] for i in range(6)]
    heads = np.array(list(product(*choices)))[:, None, None]
    for name, bound in (
        ("within_head_std", bounds.within_head_std(1, 1, 6)),
        ("structure", bounds.structure(1, 1, 6)),
    ):
        kept = heads if name == "within_head_std" else heads[(heads.sum(-1) > 0).all(axis=(1, 2, 3))]
        assert getattr(measures, name)(kept).max() == pytest.approx(bound[1], rel=1e-12), name
    assert measures.ratio_uniform(heads).max() == bounds.ratio_uniform(1, 1, 6)[1]
    hubs = measures.hub_adjusted(heads)
    assert np.nanmax(hubs) == pytest.approx(bounds.hub_adjusted(1, 1, 6)[1], rel=1e-12)


def test_equal_shares_of_problems_reach_the_spread_bound() -> None:
    T, n = 6, 60
    raw = np.zeros((n, 1, 1, T, T))
    raw[: n // 2, ..., 0, 0] = 1
    for i in range(1, T):
        for problem in range(n):
            raw[problem, ..., i, problem % (i + 1)] = 1
    spread = measures.across_problem_std(raw.mean(axis=0), (raw**2).mean(axis=0))
    assert spread == pytest.approx(bounds.across_problem_std(1, 1, T)[1], rel=1e-12)


def test_values_for_six_latents() -> None:
    assert bounds.hub_adjusted(16, 32, 6)[1] == pytest.approx(4.0)
    assert bounds.within_head_std(16, 32, 6)[1] == pytest.approx(math.sqrt(6 / 21 * 15 / 21))
    assert bounds.structure(16, 32, 6)[1] == pytest.approx((1 / 2 + 2 / 3 + 3 / 4 + 4 / 5 + 5 / 6) / 5)
    assert bounds.winners(16, 32, 6) == (0, 3)
    assert bounds.winners_raw(16, 32, 6) == (1, 6)
    assert bounds.unstable_share(16, 32, 6, 0.2) == (0, 1)


def test_smallest_p_is_limited_by_draws_and_by_arrangements() -> None:
    assert bounds.p_value(999) == (1 / 1000, 1)
    assert bounds.p_value(9999, distinct=10) == (1 / 10, 1)


@pytest.mark.parametrize(("first", "second"), [(5, 5), (5, 3), (1, 1), (1, 2)])
def test_the_smallest_p_of_a_relabelling_by_enumeration(first: int, second: int) -> None:
    """The deal that sets the two groups apart best, and its mirror where both are of one size."""
    groups = range(first + second)
    best = {frozenset(groups[:first]), frozenset(groups[first:])}
    deals = [frozenset(deal) for deal in combinations(groups, first)]
    assert bounds.relabelling_p(first, second) == (sum(deal in best for deal in deals) / len(deals), 1)


@pytest.mark.parametrize(("L", "H"), [(3, 1), (3, 2), (4, 2), (5, 1), (6, 1)])
def test_layer_arrangements_by_enumeration(L: int, H: int) -> None:
    """Deal heads to three groups of the real sizes, forgetting the names of groups of equal size."""
    sizes = [int((measures.layer_type(L) == group).sum()) * H for group in range(3)]
    deals = set()
    for labels in product(range(3), repeat=L * H):
        if [labels.count(group) for group in range(3)] == sizes:
            groups = [frozenset(k for k, label in enumerate(labels) if label == g) for g in range(3)]
            deals.add(frozenset(groups))
    assert bounds.layer_arrangements(L, H) == len(deals)


@pytest.mark.parametrize("k", range(1, 8))
def test_type_arrangements_by_enumeration(k: int) -> None:
    """Deal four types over k heads, sort the deals by the sizes of the groups, forget the names."""
    deals: dict[tuple[int, ...], set[frozenset[frozenset[int]]]] = {}
    for labels in product(range(4), repeat=k):
        groups = frozenset(frozenset(np.flatnonzero(np.equal(labels, kind)).tolist()) for kind in set(labels))
        if 1 < len(groups) < k:
            deals.setdefault(tuple(sorted(map(len, groups))), set()).add(groups)
    assert bounds.type_arrangements(k) == max((len(found) for found in deals.values()), default=1)


def types_of_their_own(L: int, H: int) -> np.ndarray:
    """As many heads of each single type as can be above the 90th percentile, the others of none."""
    each = -(-(L * H - 1) // 10)
    flowing, gathering, skipping = np.zeros((6, 6)), 0.9 * np.eye(6), 0.9 * np.eye(6)
    flowing[range(1, 6), range(5)] = 0.9
    gathering[4, 4], gathering[5, 5], gathering[4:, 3] = 0, 0, 0.9
    skipping[5] = [0.3, 0.3, 0.3, 0, 0, 0]
    heads = np.tile(0.9 * np.eye(6), (L * H, 1, 1))
    for start, pattern in zip((0, each, 2 * each), (flowing, gathering, skipping), strict=True):
        heads[start : start + each] = pattern
    return heads.reshape(L, H, 6, 6)


@pytest.mark.parametrize(("L", "H"), [(1, 3), (1, 11), (1, 12), (2, 8), (3, 8), (4, 8), (12, 12)])
def test_types_of_their_own_reach_the_share_that_can_match(L: int, H: int) -> None:
    mean = types_of_their_own(L, H)
    top = measures.top_k(measures.composite_score(mean), 12)
    share = measures.take_scores(measures.matches_type(mean), top).mean()
    assert share == pytest.approx(bounds.matching_types(L, H, 6, 12)[1])


def test_no_head_can_exceed_the_decile_of_a_lone_head() -> None:
    assert bounds.matching_types(1, 1, 6, 12) == (0.0, 0.0)


@pytest.mark.parametrize(("limit", "expected"), [(0.0, (1.0, 1.0)), (0.4, (0.0, 1.0)), (1.0, (0.0, 0.0))])
def test_share_of_heads_above_a_limit(limit: float, expected: tuple[float, float]) -> None:
    assert bounds.share_of_heads(2, 2, 6, limit) == expected


@pytest.mark.parametrize(("limit", "expected"), [(0.0, (1.0, 1.0)), (0.51, (0.0, 0.0))])
def test_unstable_share_at_extreme_limits(limit: float, expected: tuple[float, float]) -> None:
    assert bounds.unstable_share(2, 2, 6, limit) == expected


@pytest.mark.parametrize(
    ("limit", "latents"), [(Fraction(3, 10), 12), (Fraction(2, 5), 8), (Fraction(1, 2), 6), (Fraction(1, 5), 26)]
)
def test_equal_shares_of_problems_make_as_many_cells_unstable_as_can_be(limit: Fraction, latents: int) -> None:
    """A row's cells share its problems; `p (1 - p)` of the largest number of equal shares that reaches the limit."""
    room = max(cells for cells in range(2, 100) if Fraction(cells - 1, cells**2) >= limit**2)
    assert room < latents
    raw = np.zeros((2 * room, 1, 1, latents, latents))
    for i, problem in product(range(latents), range(2 * room)):
        cell = problem % max(2, min(i + 1, room))
        raw[problem, ..., i, cell] = cell <= i
    share = measures.unstable_share(raw.mean(axis=0), (raw**2).mean(axis=0), float(limit) - 1e-9)
    assert bounds.unstable_share(1, 1, latents, float(limit)) == (0, pytest.approx(float(share), rel=1e-12))


@pytest.mark.parametrize(
    ("L", "H", "T", "k"), [(1, 2, 2, 2), (1, 3, 3, 3), (2, 2, 4, 3), (2, 2, 4, 4), (2, 2, 3, 9), (5, 1, 3, 5)]
)
def test_the_farthest_patterns_by_trying_every_cell_for_every_row(L: int, H: int, T: int, k: int) -> None:
    heads = min(k, L * H)
    pairs = list(combinations(range(heads), 2))
    rows = [
        max(sum(cell[a] != cell[b] for a, b in pairs) for cell in product(range(cells), repeat=heads)) / len(pairs)
        for cells in range(2, T + 1)
    ]
    assert bounds.mean_pairwise_distance(L, H, T, k) == (0, pytest.approx(sum(rows) / (T - 1), rel=1e-12))


@pytest.mark.parametrize("k", [1, 2, 4, 7, 8, 20])
@pytest.mark.parametrize("first", [0.0, 0.5, 0.75, 1.0])
def test_the_share_of_heads_in_layers_by_trying_every_choice(k: int, first: float) -> None:
    late = [layer >= first * 4 for layer in range(4) for _ in range(2)]
    shares = [sum(chosen) / len(chosen) for chosen in combinations(late, min(k, 8))]
    assert bounds.share_in_layers(4, 2, 6, k, first) == (min(shares), max(shares))


@pytest.mark.parametrize("k", range(1, 8))
def test_the_overlap_of_two_choices_by_trying_every_choice(k: int) -> None:
    chosen = [np.array(heads) for heads in combinations(range(6), min(k, 6))]
    shares = [float(measures.overlap(chosen[0], other)) for other in chosen]
    assert bounds.overlap(2, 3, 6, k) == (min(shares), max(shares))


@pytest.mark.parametrize("k", [1, 2, 6, 9])
def test_the_share_of_a_total_is_least_for_equal_scores_and_most_for_a_single_one(k: int) -> None:
    shares = []
    for scores in (np.ones((2, 3)), np.eye(2, 3) * [1, 0, 0]):
        shares.append(measures.take_scores(scores, measures.top_k(scores, k)).sum() / scores.sum())
    assert bounds.share_of_total(2, 3, 6, k) == tuple(shares)


@pytest.mark.parametrize("k", [1, 2, 6, 9])
def test_flow_exceeds_uniform_reading_most_where_only_the_top_heads_attend_to_latents(k: int) -> None:
    mean = np.zeros((6, 6, 6))
    mean[:, 0, 0] = 0.5
    mean[:k, :2, 0] = [1e-9, 0.5]
    low, high = bounds.flow_over_random(2, 3, 6, k)

    def over_random(mean: np.ndarray) -> float:
        flow = measures.flow(mean)
        top = measures.take_scores(flow, measures.top_k(flow, k))
        return float(top.mean() / measures.flow(uniform(mean[None])[0]).mean())

    assert over_random(mean.reshape(2, 3, 6, 6)) == pytest.approx(high, rel=1e-6)
    assert over_random(np.broadcast_to(np.eye(6), (2, 3, 6, 6))) == low


def to_the_first(first: float = 1.0, last: float = 1.0) -> np.ndarray:
    """A head whose latents all read latent 0: the most hub score and skip a head can have."""
    pattern = np.zeros((6, 6))
    pattern[:, 0] = [first, 1, 1, 1, 1, last]
    return pattern


def test_every_head_but_the_one_of_least_flow_can_be_above_a_normalised_limit() -> None:
    mean = np.array([np.eye(6), *[to_the_first()] * 5]).reshape(2, 3, 6, 6)
    normalised = measures.composite_normalised(mean)
    assert bounds.heads_above_normalised(2, 3, 6) == (0, (normalised > 0.6).sum())
    assert bounds.heads_above(2, 3, 6) == (0, (measures.composite_score(np.array([[to_the_first()] * 6])) > 0.6).sum())
    for k in (1, 5):
        smallest = measures.take_scores(normalised, measures.top_k(normalised, k)).min()
        assert bounds.composite_normalised_of_top(2, 3, 6, k) == (0, smallest)


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_of_all_heads_the_smallest_normalised_composite_is_highest_where_each_leads_in_something(heads: int) -> None:
    reader = np.zeros((6, 6))
    reader[5, 0] = 1
    mean = np.array([[to_the_first(), reader, to_the_first(first=0, last=0.99)][:heads]])
    found = measures.composite_normalised(mean).min()
    for k in (heads, 9):
        assert bounds.composite_normalised_of_top(1, heads, 6, k) == (0, pytest.approx(found))


@pytest.mark.parametrize("heads", [2, 3, 4, 5])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 9])
def test_heads_can_be_of_four_types(heads: int, k: int) -> None:
    forward_and_skip = types_of_their_own(1, 3)[0, 0]
    forward_and_skip[5] = [0.3, 0.3, 0.3, 0, 0, 0]
    mean = np.concatenate([types_of_their_own(1, 3)[0], [forward_and_skip, 0.9 * np.eye(6)]])[None, :heads]
    kinds = [measures.FUNCTIONAL_TYPES[kind] for kind in measures.functional_type(mean)[0, :k]]
    assert bounds.types(1, heads, 6, k) == (0, len({*kinds} - {"None"}))


@pytest.mark.parametrize(("limit", "heads"), [(0.0, 6), (0.33, 6), (1 / 3, 0), (0.4, 0)])
def test_a_head_skips_with_less_than_a_third(limit: float, heads: int) -> None:
    assert bounds.skipping_heads(2, 3, 6, limit) == (0, heads)


@pytest.mark.parametrize(("limit", "low", "high"), [(0.2, 5, 5), (0.2001, 0, 5), (1.0, 0, 5), (1.001, 0, 0)])
@pytest.mark.parametrize("k", [5, 6])
def test_hubs_are_visible_at_the_smallest_and_the_largest_share_of_a_column(
    limit: float, low: int, high: int, k: int
) -> None:
    assert bounds.hub_visible(1, 5, 5, k, limit) == (low, high)
    least, most = (measures.column_share(head[:5, :5]).max() for head in (np.eye(6), to_the_first()))
    assert (5 * bool(least >= limit), 5 * bool(most >= limit)) == (low, high)


def test_as_many_heads_as_there_are_have_the_most_structure() -> None:
    most = float(measures.structure(to_the_first()))
    assert bounds.structured_heads(2, 3, 6, most - 1e-12) == (0, 6)
    assert bounds.structured_heads(2, 3, 6, bounds.structure(2, 3, 6)[1]) == (0, 6)
    assert bounds.structured_heads(2, 3, 6, most + 1e-12) == (0, 0)


def test_arrangements_of_many_heads_are_counted_exactly() -> None:
    early, mid, late = np.bincount(measures.layer_type(16)).tolist()
    ways = math.comb(512, 32 * early) * math.comb(512 - 32 * early, 32 * mid)
    assert (early, mid, late) == (6, 5, 5)
    assert bounds.layer_arrangements(16, 32) == ways // 2


def test_a_lone_ratio_or_share_or_difference_has_its_natural_range() -> None:
    assert bounds.top_over_rest(2, 3, 6) == (1, math.inf)
    assert bounds.confidence() == (0, 1)
    assert bounds.specialisation_difference() == (-1, 1)
    assert bounds.fewer_heads(3, 5) == (-5, 3)
