"""Array controls: attention with the same mass on latents but without any preference among them.

`raw` is `[n, L, H, T, T]` (problems, layers, heads, queries, keys). *Uniform* spreads each row's own
mass equally, *uniform context* gives every key of the context the same weight, and *shuffled* permutes
the causal cells of each row, independently for every problem, layer and head.
"""

from collections.abc import Sequence
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, causal_mask
from harness.statistics.parallel import side_by_side

_LONGEST_TABLE = 7
_COLUMNS_AT_ONCE = 50_000
"""Rows of one query, over problems, heads and draws, that are permuted at once."""


def uniform(raw: NDArray[Any]) -> NDArray[Any]:
    """Each row's mass spread equally over its causal cells, in the shape and type of `raw`."""
    T = raw.shape[-1]
    mask = causal_mask(T)
    mass = np.sum(raw, axis=-1, keepdims=True, where=mask)
    spread = mask / np.arange(1, T + 1)[:, None]
    return np.multiply(mass, spread.astype(raw.dtype))


def uniform_context(shape: tuple[int, ...], context_lengths: NDArray[Any]) -> NDArray[np.float32]:
    """`[n, L, H, T, T]` of weights `1 / context_lengths[n, i]` on every causal cell.

    `context_lengths[n, i]` counts all keys latent query `i` of problem `n` may read: question tokens,
    the begin token and the latents up to and including itself.
    """
    weights = causal_mask(shape[-1]) / np.asarray(context_lengths, dtype=np.float64)[:, :, None]
    return np.broadcast_to(weights[:, None, None].astype(np.float32), shape).copy()


def shuffled(raw: NDArray[Any], seed: int, draw: int, off_diagonal: bool = False) -> NDArray[Any]:
    """One draw of the shuffled control; `(seed, draw)` fixes it, whatever was drawn before.

    Every permutation of a row's causal cells is equally likely. With `off_diagonal` attention to itself
    stays in place and only `j < i` is permuted.
    """
    rng = _generator(seed, draw)
    result = raw.copy(order="K")
    for i, cells in _shuffled_rows(raw.shape[-1], off_diagonal):
        permuted = _permuted(_cells(raw, i, cells), [rng]).reshape(cells, *raw.shape[:-2])
        result[..., i, :cells] = np.moveaxis(permuted, 0, -1)
    return result


def shuffled_means(raw: NDArray[Any], draws: int, seed: int, off_diagonal: bool = False, start: int = 0) -> Array:
    """`[draws, L, H, T, T]`: the means over problems of the draws `start .. start + draws - 1` of `shuffled`."""
    T = raw.shape[-1]
    rows = [(i, cells, _cells(raw, i, cells)) for i, cells in _shuffled_rows(T, off_diagonal)]
    # The heads of one cell side by side in memory, which is how measures go through them.
    means = np.empty((draws, T, T, *raw.shape[1:-2]))
    means[:] = np.moveaxis(raw.mean(axis=0, dtype=np.float64), (-2, -1), (0, 1))

    def draw(some: range) -> None:
        rngs = [_generator(seed, start + number) for number in some]
        for i, cells, row in rows:
            permuted = _permuted(row, rngs).reshape(cells, len(some), *raw.shape[:-2])
            means[some.start : some.stop, i, :cells] = permuted.mean(axis=2, dtype=np.float64).swapaxes(0, 1)

    together = max(1, _COLUMNS_AT_ONCE // max(1, raw[..., 0, 0].size))
    side_by_side(draw, [range(first, min(first + together, draws)) for first in range(0, draws, together)])
    return np.moveaxis(means, (1, 2), (-2, -1))


def _generator(seed: int, draw: int) -> np.random.Generator:
    # Trailing zeros of a seed change nothing: without the 1, draw 0 would be the stream of the bare seed.
    return np.random.default_rng((seed, draw, 1))


def _shuffled_rows(T: int, off_diagonal: bool) -> list[tuple[int, int]]:
    """Each row with at least two cells to permute, and how many."""
    return [(i, i + 1 - off_diagonal) for i in range(1 + off_diagonal, T)]


def _cells(raw: NDArray[Any], row: int, cells: int) -> NDArray[Any]:
    """`[cells, m]`: the first cells of one row, of all m problems and heads."""
    return np.moveaxis(raw[..., row, :cells], -1, 0).reshape(cells, -1)


def _permuted(values: NDArray[Any], rngs: Sequence[np.random.Generator]) -> NDArray[Any]:
    """`[cells, m]` values to `[cells, draws, m]`, each column in an order of its own, a generator for every draw."""
    cells, columns = values.shape
    if cells > _LONGEST_TABLE:
        return np.stack([rng.permuted(values, axis=0) for rng in rngs], axis=1)
    orders = _orders(cells)
    chosen = np.stack([rng.integers(0, orders.shape[1], size=columns, dtype=np.uint16) for rng in rngs]).astype(np.intp)
    result, column = np.empty((cells, *chosen.shape), values.dtype), np.arange(columns)
    for cell, starts in enumerate(orders * columns):
        source = starts.take(chosen, mode="clip")
        source += column
        # Every index is in range; "clip" only spares numpy the check, a third of the time here.
        values.take(source, mode="clip", out=result[cell])
    return result


@cache
def _orders(cells: int) -> NDArray[np.intp]:
    """`[cells, cells!]`: every order of the cells, a column each."""
    table = np.array(list(permutations(range(cells))), dtype=np.intp).T.copy()
    table.setflags(write=False)
    return table
