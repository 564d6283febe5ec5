"""Attention with a planted pattern of known strength: what a measure must find, and must not find."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array, uniform_rows

Kind = Literal["hub", "chain", "skip", "none"]


def plant(
    kind: Kind,
    strength: float,
    *,
    n: int,
    L: int,
    H: int,
    T: int,
    seed: int,
    hub: int = 0,
    heads: Sequence[int] | None = None,
    latent_mass: float = 0.5,
    noise: float = 0.1,
) -> NDArray[np.float32]:
    """`[n, L, H, T, T]` attention of n problems in which some heads follow a pattern.

    A row is `(1 - strength)` uniform plus `strength` (0..1) of its pattern: *hub*, every later latent reads
    latent `hub`; *chain*, every latent reads its predecessor; *skip*, the last latent reads 0, 1 and 2
    equally; *none*, uniform. Rows without a part in the pattern stay uniform, as do heads whose flat index
    `layer * H + head` is not in `heads` (None: all take part).

    Each problem's row is drawn from a Dirichlet distribution around that mean with total concentration
    `1 / noise` (0: every problem equals the mean) and scaled to `latent_mass` (below 1: the rest falls
    outside the latents).
    """
    uniform = np.tri(T) * uniform_rows(T)
    pattern = (1 - strength) * uniform + strength * _target(kind, T, hub, uniform)
    planted = np.full(L * H, heads is None)
    if heads is not None:
        planted[list(heads)] = True
    means = np.where(planted[:, None, None], pattern, uniform).reshape(L, H, T, T)
    rows = np.broadcast_to(means, (n, L, H, T, T))
    if noise > 0:
        drawn = np.random.default_rng(seed).standard_gamma(rows / noise)
        rows = drawn / drawn.sum(axis=-1, keepdims=True)
    return (latent_mass * rows).astype(np.float32)


def _target(kind: Kind, T: int, hub: int, uniform: Array) -> Array:
    target = uniform.copy()
    match kind:
        case "hub":
            target[hub + 1 :] = np.eye(T)[hub]
        case "chain":
            target[1:] = np.eye(T)[:-1]
        case "skip":
            target[-1] = np.isin(np.arange(T), (0, 1, 2)) / 3
        case "none":
            pass
        case _:
            raise ValueError(f"plant knows hub, chain, skip and none, got {kind!r}")
    return target
