"""Attention with a planted pattern of known strength: what a measure must find, and must not find."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from harness.measures.layers import layer_type
from harness.measures.patterns import Array, uniform_rows

Kind = Literal["hub", "chain", "skip", "mixed", "few", "none"]
FEW = 10
"""Heads that follow a pattern where few do; a third of them in models with fewer than thirty."""


def plant(
    kind: Kind,
    strength: float,
    *,
    n: int,
    L: int,
    H: int,
    T: int,
    seed: int | Sequence[int],
    hub: int = 0,
    heads: Sequence[int] | None = None,
    latent_mass: float | NDArray[np.float64] = 0.5,
    noise: float = 0.1,
) -> NDArray[np.float32]:
    """`[n, L, H, T, T]` attention of n problems in which some heads follow a pattern.

    A row is `(1 - strength)` uniform plus `strength` (0..1) of its pattern: *hub*, every later latent reads
    latent `hub`; *chain*, every latent reads its predecessor; *skip*, the last latent reads 0, 1 and 2
    equally; *mixed*, every other head of a layer follows one, a hub in early layers, a chain in middle and a
    skip in late ones; *few*, the same in `FEW` heads spread over all; *none*, uniform. Rows without a part
    in the pattern stay uniform, as do heads whose flat index `layer * H + head` is not in `heads` (None: all take part).

    Each problem's row is drawn from a Dirichlet distribution around that mean with total concentration
    `1 / noise` (0: every problem equals the mean) and scaled to `latent_mass`, one number or `[L * H, T]` (below 1:
    the rest falls outside the latents).
    """
    return Ground(n=n, L=L, H=H, T=T, seed=seed, latent_mass=latent_mass, noise=noise).plant(kind, strength, hub, heads)


class Ground:
    """One draw of the noise for patterns to be planted in, one after the other.

    Rows with the same mean are the same rows in all of them, so that patterns and strengths differ in nothing else,
    and each row is drawn once.
    """

    def __init__(
        self,
        *,
        n: int,
        L: int,
        H: int,
        T: int,
        seed: int | Sequence[int],
        latent_mass: float | NDArray[np.float64] = 0.5,
        noise: float = 0.1,
    ):
        self._shape = n, L, H, T
        self._seed = [seed] if isinstance(seed, int) else [*seed]
        self._latent_mass = np.broadcast_to(latent_mass, (L * H, T))
        self._noise = noise
        self._drawn: dict[bytes, NDArray[np.float32]] = {}

    def plant(
        self, kind: Kind, strength: float, hub: int = 0, heads: Sequence[int] | None = None
    ) -> NDArray[np.float32]:
        """`[n, L, H, T, T]`: see the function :func:`plant`."""
        if kind not in get_args(Kind):
            raise ValueError(f"plant knows {', '.join(get_args(Kind))}, got {kind!r}")
        n, L, H, T = self._shape
        followed = np.full(L * H, "none", dtype="U5")
        taking_part = np.arange(L * H) if heads is None else np.asarray(heads)
        followed[taking_part] = _followed(kind, L, H)[taking_part]
        rows = np.zeros((T, T, L * H, n), dtype=np.float32)
        for one in np.unique(followed):
            members = (followed == one)[:, None]
            means = _means(one, strength, T, hub)
            for i in range(T):
                np.copyto(rows[i, : i + 1], self._row(means[i, : i + 1]), where=members)
        return rows.reshape(T, T, L, H, n).transpose(4, 2, 3, 0, 1)

    def _row(self, mean: Array) -> NDArray[np.float32]:
        """`[cells, L * H, n]`: rows of all heads and problems around `mean [cells]`."""
        key = mean.tobytes()
        if key not in self._drawn:
            mass = self._latent_mass[:, len(mean) - 1, None]
            self._drawn[key] = (mass * self._draw(mean, key)).astype(np.float32)
        return self._drawn[key]

    def _draw(self, mean: Array, key: bytes) -> Array:
        n, L, H, _ = self._shape
        if self._noise == 0 or np.count_nonzero(mean) == 1:
            return np.broadcast_to(mean[:, None, None], (len(mean), L * H, n))
        rng = np.random.default_rng([*self._seed, int.from_bytes(key, "little")])
        # One cell at a time: many draws of one shape parameter come fastest.
        cells = np.empty((len(mean), L * H, n))
        for one, cell in zip(mean, cells, strict=True):
            rng.standard_gamma(one / self._noise, out=cell)
        return np.divide(cells, cells.sum(axis=0), out=cells)


def _followed(kind: Kind, L: int, H: int) -> NDArray[np.str_]:
    """`[L * H]`: what each head follows."""
    heads = np.arange(L * H)
    match kind:
        case "mixed":
            taking_part = heads % H % 2 == 0
        case "few":
            count = max(1, min(FEW, L * H // 3))
            taking_part = np.isin(heads, np.linspace(0, L * H - 1, count).astype(np.int64))
        case _:
            return np.full(L * H, kind)
    by_layer = np.array(["hub", "chain", "skip"])[layer_type(L)]
    return np.where(taking_part, np.repeat(by_layer, H), "none")


def _means(kind: str, strength: float, T: int, hub: int) -> Array:
    """`[T, T]`: the mean rows of a head; those without a part in the pattern are exactly the uniform ones."""
    means = np.tri(T) * uniform_rows(T)
    target = np.eye(T)
    match kind:
        case "hub":
            rows, read = slice(hub + 1, None), target[hub]
        case "chain":
            rows, read = slice(1, None), target[:-1]
        case "skip":
            rows, read = slice(T - 1, None), np.isin(np.arange(T), (0, 1, 2)) / 3
        case _:
            rows, read = slice(0, 0), target[0]
    means[rows] = (1 - strength) * means[rows] + strength * read
    return means
