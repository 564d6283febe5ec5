"""Random sets of heads to hold a chosen set against."""

from collections.abc import Sequence
from itertools import combinations, product
from math import comb, prod

import numpy as np

from harness.measures.patterns import EmptyGroup

Head = tuple[int, int]
MOST_SETS = 200
LEAST_SETS = 100


def random_head_sets(chosen: Sequence[Head], L: int, H: int, seed: int) -> list[tuple[Head, ...]]:
    """Distinct sets of as many heads as are chosen, none of them chosen: 200, or all there are, ascending within a set.

    Each has as many heads of every layer as the chosen set where at least 100 such sets exist, else any. Raises `EmptyGroup`
    where fewer than 100 sets exist at all (spec: criteria, 2.4-causal).
    """
    others = [[(layer, head) for head in range(H) if (layer, head) not in chosen] for layer in range(L)]
    counts = [sum(its_layer == layer for its_layer, _ in chosen) for layer in range(L)]
    pools = [(others[layer], counts[layer]) for layer in range(L) if counts[layer]]
    if prod(comb(len(pool), count) for pool, count in pools) < LEAST_SETS:
        pools = [([head for of_layer in others for head in of_layer], len(chosen))]
    total = prod(comb(len(pool), count) for pool, count in pools)
    if total < LEAST_SETS:
        raise EmptyGroup(
            f"{L * H} heads hold {total} sets of {len(chosen)} beside the chosen ones; needs at least {LEAST_SETS}"
        )
    if total <= MOST_SETS:
        return [_joined(parts) for parts in product(*(combinations(pool, count) for pool, count in pools))]
    rng, found = np.random.default_rng((seed, 3)), dict[tuple[Head, ...], None]()
    while len(found) < MOST_SETS:
        drawn = [[pool[place] for place in rng.choice(len(pool), count, replace=False)] for pool, count in pools]
        found[_joined(drawn)] = None
    return list(found)


def _joined(parts: Sequence[Sequence[Head]]) -> tuple[Head, ...]:
    return tuple(sorted(head for part in parts for head in part))
