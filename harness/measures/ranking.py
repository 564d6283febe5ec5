"""Ranking heads by a score, and picking the ranked heads' patterns."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, Indices

Scalar = TypeVar("Scalar", bound=np.generic)


def top_k(scores: Array, k: int) -> Indices:
    """`[..., L, H]` to `[..., min(k, L * H)]`: flat head indices `layer * H + head`, best first.

    Equal scores go to the lower layer, then the lower head. NaN ranks last.
    """
    if k < 1:
        raise ValueError(f"top_k expects k >= 1, got {k}")
    flat = scores.reshape(*scores.shape[:-2], -1)
    return np.argsort(-flat, kind="stable")[..., :k]


def take_scores(scores: NDArray[Scalar], heads: Indices) -> NDArray[Scalar]:
    """`[..., L, H]` and `[..., k]` flat head indices to the `[..., k]` scores of those heads."""
    return np.take_along_axis(scores.reshape(*scores.shape[:-2], -1), heads, axis=-1)


def take_patterns(mean: NDArray[Scalar], heads: Indices) -> NDArray[Scalar]:
    """`[..., L, H, T, T]` and `[..., k]` flat head indices to the `[..., k, T, T]` patterns."""
    T = mean.shape[-1]
    flat = mean.reshape(*mean.shape[:-4], -1, T, T)
    return np.take_along_axis(flat, heads[..., None, None], axis=-3)


def overlap(first: Indices, second: Indices) -> Array:
    """`[..., k]` and `[..., k]` flat head indices to `[...]`: the share of heads that are in both."""
    shared = first[..., :, None] == second[..., None, :]
    return shared.sum(axis=(-2, -1)) / first.shape[-1]
