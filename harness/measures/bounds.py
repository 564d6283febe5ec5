"""What each measure can reach at all, whatever the model does.

Every function returns `(infimum, supremum)` over attention rows that are positive and leave some weight
outside the latents; a value at the edge may be approached without being reached. Arguments are the
number of layers `L`, heads `H` and latents `T`. Rows are taken to carry enough weight on latents to be
normalised (see `patterns.EMPTY`). All suprema of convex measures are reached in the limit
of rows that put everything on one cell or nothing on any.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import comb, factorial, floor, inf, sqrt

from harness.measures.layers import layer_members

Range = tuple[float, float]


def share_of_heads(L: int, H: int, T: int, limit: float) -> Range:
    """Share of heads with `head_max` (or another free weight) above `limit`: a weight is in (0, 1)."""
    return (1.0 if limit <= 0 else 0.0, 0.0 if limit >= 1 else 1.0)


def head_max(L: int, H: int, T: int) -> Range:
    """Any `head_max`, also the smallest of a top k: one weight, between 0 and 1."""
    return 0.0, 1.0


def within_head_std(L: int, H: int, T: int) -> Range:
    """Mean `within_head_std`: `k` of `m` causal cells at 1 give `sqrt(p (1 - p))`, `p = k / m`.

    At most one cell of a row can be near 1, hence `k <= T`; heads are free of each other.
    """
    cells = comb(T + 1, 2)
    return 0.0, max(sqrt(k * (cells - k)) / cells for k in range(T + 1))


def across_problem_std(L: int, H: int, T: int) -> Range:
    """`across_problem_std` over any number of problems.

    A weight in 0..1 with mean `p` varies at most by `sqrt(p (1 - p))`, concave in `p`; a row of `r` cells
    does best with `p = min(1/2, 1/r)` everywhere, which sums to 0.5 for `r = 1` and `sqrt(r - 1)` beyond.
    """
    cells = comb(T + 1, 2)
    return 0.0, (0.5 + sum(sqrt(r - 1) for r in range(2, T + 1))) / cells


def unstable_share(L: int, H: int, T: int, limit: float) -> Range:
    """Share of cells whose standard deviation over problems is at least `limit`.

    A cell needs a mean of at least the smaller root of `p (1 - p) = limit^2`, and the means of a row share 1.
    """
    if limit <= 0:
        return 1.0, 1.0
    if limit > 0.5:
        return 0.0, 0.0
    needed = (1 - sqrt(1 - 4 * limit**2)) / 2
    room = floor(1 / needed + 1e-9)
    return 0.0, sum(min(r, room) for r in range(T + 1)) / comb(T + 1, 2)


def structure(L: int, H: int, T: int) -> Range:
    """`structure` of a head or its mean: row `i` on one cell is `1 - 1/(i+1)` from uniform."""
    return 0.0, sum(i / (i + 1) for i in range(T)) / (T - 1)


def structured_heads(L: int, H: int, T: int, limit: float) -> Range:
    """Number of heads with `structure` at least `limit`: none or all, unless the limit is beyond reach."""
    return 0.0, float(L * H) if limit <= structure(L, H, T)[1] else 0.0


def mean_pairwise_distance(L: int, H: int, T: int, k: int) -> Range:
    """Mean pairwise distance of the first `min(k, L H)` patterns.

    Distance is convex, so rows sit on single cells; pairs on the same cell are fewest when the patterns
    spread evenly over the `i + 1` cells of row `i`.
    """
    k = min(k, L * H)
    rows = []
    for cells in range(2, T + 1):
        each, extra = divmod(k, cells)
        same = extra * comb(each + 1, 2) + (cells - extra) * comb(each, 2)
        rows.append(1 - same / comb(k, 2))
    return 0.0, sum(rows) / len(rows)


def hub_visible(L: int, H: int, T: int, k: int, limit: float) -> Range:
    """Number of the top `k` heads with a column share of at least `limit`.

    Column shares sum to 1 over `T` keys and can be equal (every latent reading itself) or all on key 0.
    """
    heads = float(min(k, L * H))
    return heads if limit <= 1 / T else 0.0, heads if limit <= 1 else 0.0


def ratio_uniform(L: int, H: int, T: int) -> Range:
    """Largest `ratio_uniform`: all T queries reading key 0 give T; weight outside the latents gives 0."""
    return 0.0, float(T)


def hub_adjusted(L: int, H: int, T: int) -> Range:
    """Largest `hub_adjusted`: key T-3 has one reader beyond its neighbour, the last, who reads it `T - 2` times as
    much as uniformly.

    Other keys have readers with fewer keys to choose from, hence less. 0 is approached when all is on the
    predecessor and the little that is left lies on key 0.
    """
    return 0.0, T - 2.0


def flow(L: int, H: int, T: int) -> Range:
    """`flow` of a head: all on itself gives 0, all on earlier latents approaches 1 as row 0 empties."""
    return 0.0, 1.0


def top_over_rest(L: int, H: int, T: int) -> Range:
    """Mean of the heads ranked first over the mean of the others: at least 1, without limit."""
    return 1.0, inf


def flow_over_random(L: int, H: int, T: int, k: int) -> Range:
    """Mean flow of the top `k` heads over the mean flow of all heads with their rows read uniformly.

    A head doubles its uniform flow at most, reading only key 0 from latent 1; the other heads bring the mean down
    to nothing when only latent 0 attends to latents.
    """
    return 0.0, 2.0 * L * H / min(k, L * H)


def share_of_total(L: int, H: int, T: int, k: int) -> Range:
    """Share of a positive score's total held by the `k` heads that have most of it."""
    heads = L * H
    return min(k, heads) / heads, 1.0


def hub_score(L: int, H: int, T: int) -> Range:
    """`hub_score`: the variance of column sums is largest when every row is on key 0, `T^2 / T - 1`."""
    return 0.0, T - 1.0


def concentration(L: int, H: int, T: int) -> Range:
    """`concentration`: the largest of T shares that sum to 1."""
    return 1 / T, 1.0


def skip_over_equal(L: int, H: int, T: int) -> Range:
    """Mean `skip` of any heads over `1 / T`."""
    return 0.0, T / 3


def skipping_heads(L: int, H: int, T: int, limit: float) -> Range:
    """Number of heads with `skip` above `limit`."""
    return 0.0, float(L * H) if limit < 1 / 3 else 0.0


def share_in_layers(L: int, H: int, T: int, k: int, first: float) -> Range:
    """Share of any top `k` heads that lie in layers `l >= first * L`."""
    inside = sum(layer >= first * L for layer in range(L)) * H
    k = min(k, L * H)
    return max(0, k - (L * H - inside)) / k, min(k, inside) / k


def composite(L: int, H: int, T: int) -> Range:
    """`composite_score` of a head: all rows on key 0 are best for hub and skip and almost so for flow."""
    return 0.0, 0.4 * (T - 1) / T + 0.4 * (T - 1) + 0.2 / 3


def heads_above(L: int, H: int, T: int) -> Range:
    """Number of heads whose `composite_score` exceeds a limit within its range."""
    return 0.0, float(L * H)


def heads_above_normalised(L: int, H: int, T: int) -> Range:
    """Number of heads with `composite_normalised` above 0.6: the one with the least flow never is."""
    return 0.0, float(L * H - 1)


def composite_normalised_of_top(L: int, H: int, T: int, k: int) -> Range:
    """Smallest `composite_normalised` of the top `k`: with all heads among them, the one of least flow has 0.6.

    Of two heads the one that leads in flow, or in the hub score, has no more than that; a lone head has 0.
    """
    return 0.0, 1.0 if k < L * H else min(0.6, 0.4 * (L * H - 1))


def types(L: int, H: int, T: int, k: int) -> Range:
    """Number of functional types among `k` heads, of four."""
    return 0.0, float(min(k, L * H, 4))


def matching_types(L: int, H: int, T: int, k: int) -> Range:
    """Share of `k` heads whose type's own score is above the 90th percentile of all heads.

    A tenth of the heads, rounded up, is above it in each of three scores, and no head of one type needs two of
    them. None is above where all heads score alike.
    """
    above = -(-(L * H - 1) // 10)
    k = min(k, L * H)
    return 0.0, min(k, 3 * above) / k


def overlap(L: int, H: int, T: int, k: int) -> Range:
    """Share of heads in two sets of `k`: sets larger than half of all heads must meet."""
    k = min(k, L * H)
    return max(0, 2 * k - L * H) / k, 1.0


def winners(L: int, H: int, T: int) -> Range:
    """Number of positions with `hub_adjusted` above 1: `hub_enrichment` averages to 1 over all T-2."""
    return 0.0, float(T - 3)


def winners_raw(L: int, H: int, T: int) -> Range:
    """Number of positions not significantly below the largest: it is one itself, and all can be equal."""
    return 1.0, float(T)


def p_value(draws: int, distinct: int | None = None) -> Range:
    """A permutation p, `(1 + hits) / (1 + draws)`; no smaller than one in `distinct` arrangements."""
    smallest = 1 / (1 + draws)
    return (smallest if distinct is None else max(smallest, 1 / distinct)), 1.0


def relabelling_p(first: int, second: int) -> Range:
    """p over all ways to deal `first + second` heads into two such groups; equal groups can swap names."""
    return (2 if first == second else 1) / comb(first + second, first), 1.0


def specialisation_difference() -> Range:
    """Difference of two specialisations, each between 0 and 1."""
    return -1.0, 1.0


def fewer_heads(first: int, second: int) -> Range:
    """Number of heads of the one kind among `first` minus the same among `second`."""
    return -float(second), float(first)


def confidence() -> Range:
    """A share of resamples."""
    return 0.0, 1.0


def layer_arrangements(L: int, H: int) -> int:
    """Number of ways to deal the heads over early, middle and late layers that can differ in distance."""
    return _deals(layer_members(L, H).sum(axis=-1).tolist())


def type_arrangements(k: int) -> int:
    """Largest number of ways to deal the four functional types over `k` heads that can differ in distance.

    Over all sizes that two types at least may have; 1 where there are no two heads.
    """
    sizes = [
        sizes for types in (2, 3, 4) for sizes in combinations_with_replacement(range(1, k), types) if sum(sizes) == k
    ]
    return max(map(_deals, sizes), default=1)


def _deals(sizes: Sequence[int]) -> int:
    """Ways to deal `sum(sizes)` heads to groups of these sizes; groups of one size can swap names unnoticed."""
    ways = factorial(sum(sizes))
    for size in sizes:
        ways //= factorial(size)
    for size in set(sizes):
        ways //= factorial(sizes.count(size))
    return ways
