"""What each measure can reach at all, whatever the model does.

Every function returns `(infimum, supremum)` over attention rows that are positive and leave some weight
outside the latents; a value at the edge may be approached without being reached. Arguments are the
number of layers `L`, heads `H` and latents `T`. Rows are taken to carry enough weight on latents to be
normalised (see `patterns.EMPTY`). All suprema of convex measures are reached in the limit
of rows that put everything on one cell or nothing on any.
"""

from math import comb, floor, sqrt

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
    cells = T * (T + 1) // 2
    return 0.0, max(sqrt(k * (cells - k)) / cells for k in range(T + 1))


def across_problem_std(L: int, H: int, T: int) -> Range:
    """`across_problem_std` over any number of problems.

    A weight in 0..1 with mean `p` varies at most by `sqrt(p (1 - p))`, concave in `p`; a row of `r` cells
    does best with `p = min(1/2, 1/r)` everywhere, which sums to 0.5 for `r = 1` and `sqrt(r - 1)` beyond.
    """
    cells = T * (T + 1) // 2
    return 0.0, (0.5 + sum(sqrt(r - 1) for r in range(2, T + 1))) / cells


def unstable_share(L: int, H: int, T: int, limit: float = 0.2) -> Range:
    """Share of cells whose standard deviation over problems is at least `limit`.

    A cell needs a mean of at least the smaller root of `p (1 - p) = limit^2`, and the means of a row share 1.
    """
    if limit <= 0:
        return 1.0, 1.0
    if limit > 0.5:
        return 0.0, 0.0
    needed = (1 - sqrt(1 - 4 * limit**2)) / 2
    room = floor(1 / needed + 1e-9)
    return 0.0, sum(min(r, room) for r in range(1, T + 1)) / (T * (T + 1) // 2)


def structure(L: int, H: int, T: int) -> Range:
    """`structure` of a head or its mean: row `i` on one cell is `1 - 1/(i+1)` from uniform."""
    return 0.0, sum(i / (i + 1) for i in range(1, T)) / (T - 1)


def structured_heads(L: int, H: int, T: int, limit: float = 0.25) -> Range:
    """Number of heads with `structure` at least `limit`: none or all, unless the limit is beyond reach."""
    return 0.0, float(L * H) if limit <= structure(L, H, T)[1] else 0.0


def block_distance(L: int, H: int, T: int = 6) -> Range:
    """`block_distance`: uniform gives block rows (7/12, 5/12) and (11/30, 11/30, 8/30).

    The farthest a block row can be is all of it in the block with the smallest share, its own latents.
    """
    return 0.0, ((1 - 5 / 12) + (1 - 8 / 30)) / 2


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


def hub_visible(L: int, H: int, T: int, k: int, limit: float = 0.5) -> Range:
    """Number of the top `k` heads with a column share of at least `limit`.

    Column shares sum to 1 over `T` keys and can be equal (every latent reading itself) or all on key 0.
    """
    heads = float(min(k, L * H))
    return heads if limit <= 1 / T else 0.0, heads if limit <= 1 else 0.0


def ratio_uniform(L: int, H: int, T: int) -> Range:
    """Largest `ratio_uniform`: all T queries reading key 0 give T; weight outside the latents gives 0."""
    return 0.0, float(T)


def hub_adjusted(L: int, H: int, T: int) -> Range:
    """Largest `hub_adjusted`: every reader of `j` on `j`, against uniform reading, for the best `j`.

    0 is approached when all is on the predecessor and the little that is left lies on key 0.
    """
    best = 0.0
    for j in range(T - 2):
        near = [i for i in range(2, T) if i > j]
        far = [i for i in range(3, T) if i >= j + 2]
        best = max(
            best,
            min(len(near) / sum(1 / i for i in near), len(far) / sum(1 / (i - 1) for i in far)),
        )
    return 0.0, best


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


def confidence() -> Range:
    """A share of resamples."""
    return 0.0, 1.0


def layer_arrangements(L: int, H: int) -> int:
    """Number of ways to deal the heads over early, middle and late layers that can differ in distance.

    Groups of the same size can swap names without changing the largest distance between them.
    """
    sizes = [sum(3 * layer // L == group for layer in range(L)) * H for group in range(3)]
    ways = comb(sum(sizes), sizes[0]) * comb(sizes[1] + sizes[2], sizes[1])
    swaps = {1: 6, 2: 2, 3: 1}[len(set(sizes))]
    return ways // swaps
