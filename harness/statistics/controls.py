"""Array controls: attention with the same mass on latents but without any preference among them.

`raw` is `[n, L, H, T, T]` (problems, layers, heads, queries, keys). *Uniform* spreads each row's own
mass equally, *uniform context* gives every key of the context the same weight, and *shuffled* permutes
the causal cells of each row, independently for every problem, layer and head.
"""

from collections.abc import Iterator
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, causal_mask

_LONGEST_TABLE = 7


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
    T = raw.shape[-1]
    rng = np.random.default_rng((seed, draw))
    result = raw.copy()
    for i, cells in _shuffled_rows(T, off_diagonal):
        row = np.ascontiguousarray(raw[..., i, :cells]).reshape(-1, cells)
        result[..., i, :cells] = _permuted(row, rng).reshape(*raw.shape[:-2], cells)
    return result


def shuffles(
    raw: NDArray[Any], draws: int, seed: int, off_diagonal: bool = False, start: int = 0
) -> Iterator[NDArray[Any]]:
    """The draws `start .. start + draws - 1` of `shuffled`, one at a time."""
    for draw in range(start, start + draws):
        yield shuffled(raw, seed, draw, off_diagonal)


def shuffled_means(raw: NDArray[Any], draws: int, seed: int, off_diagonal: bool = False, start: int = 0) -> Array:
    """`[draws, L, H, T, T]`: the mean over problems of the same draws as `shuffles`, in less time."""
    T = raw.shape[-1]
    rows = [
        (i, cells, np.ascontiguousarray(raw[..., i, :cells]).reshape(-1, cells))
        for i, cells in _shuffled_rows(T, off_diagonal)
    ]
    means = np.repeat(raw.mean(axis=0, dtype=np.float64)[None], draws, axis=0)
    for k in range(draws):
        rng = np.random.default_rng((seed, start + k))
        for i, cells, row in rows:
            permuted = _permuted(row, rng).reshape(*raw.shape[:-2], cells)
            means[k, ..., i, :cells] = permuted.mean(axis=0, dtype=np.float64)
    return means


def _shuffled_rows(T: int, off_diagonal: bool) -> list[tuple[int, int]]:
    """Each row with at least two cells to permute, and how many."""
    return [(i, i + 1 - off_diagonal) for i in range(1 + off_diagonal, T)]


def _permuted(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    cells = values.shape[1]
    if cells > _LONGEST_TABLE:
        return rng.permuted(values, axis=1)
    table = _orders(cells)
    chosen = rng.integers(0, len(table), size=len(values), dtype=np.uint16)
    source = table.take(chosen, axis=0)
    source += np.arange(0, values.size, cells)[:, None]
    # Every index is in range; "clip" only spares numpy the check, a third of the time here.
    return values.take(source, mode="clip")


@cache
def _orders(cells: int) -> NDArray[np.intp]:
    table = np.array(list(permutations(range(cells))), dtype=np.intp)
    table.setflags(write=False)
    return table
