"""For every hypothesis about patterns: attention it must pass on, and attention it must fail on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.statistics import plant

Raw = NDArray[Any]
SIZE: dict[str, Any] = {"n": 24, "L": 3, "H": 8, "T": 6, "seed": 7}
STRONG: dict[str, Any] = {"latent_mass": 0.97, "noise": 0.02}


def nothing(**more: Any) -> Raw:
    return plant("none", 0, **{**SIZE, **more})


def hub(position: int = 1, **more: Any) -> Raw:
    return plant("hub", 0.95, hub=position, **{**SIZE, **STRONG, **more})


def chain(**more: Any) -> Raw:
    return plant("chain", 0.95, **{**SIZE, **STRONG, **more})


def erratic() -> Raw:
    """Every row of every problem on one random cell: nothing is consistent."""
    rng = np.random.default_rng(0)
    raw = np.zeros((24, 3, 8, 6, 6))
    for i in range(6):
        cells = rng.integers(0, i + 1, size=raw.shape[:3])
        np.put_along_axis(raw[..., i, :], cells[..., None], 0.97, axis=-1)
    return raw


def different_heads() -> Raw:
    """Hubs at different positions, chains and nothing, in turn over heads."""
    kinds = [hub(0), hub(1), hub(2), chain()]
    raw = nothing(**STRONG)
    for head in range(8):
        raw[:, :, head] = kinds[head % 4][:, :, head]
    return raw


def different_layers() -> Raw:
    """A hub in the first layer, a chain in the second, nothing in the third."""
    raw = nothing(**STRONG)
    raw[:, 0], raw[:, 1] = hub(0)[:, 0], chain()[:, 1]
    return raw


def one_hub_among_many() -> Raw:
    """A hub at 1 that is read and nothing else."""
    return hub(1, latent_mass=0.9)


def early_self_readers() -> Raw:
    """All attention on position 0: twice and more what uniform reading gives."""
    return hub(0)


def equal_columns() -> Raw:
    """Every latent reads itself: all positions receive alike."""
    noise = np.random.default_rng(1).uniform(0.45, 0.55, size=(24, 3, 8, 6))
    return np.eye(6) * noise[..., None]


def skips(layers: range | None = None, **more: Any) -> Raw:
    """The last latent reads 0, 1 and 2, in every head or in those of some layers."""
    heads = None if layers is None else [layer * 8 + head for layer in layers for head in range(8)]
    return plant("skip", 0.95, heads=heads, **{**SIZE, **STRONG, **more})


def ten_forward() -> Raw:
    """Ten heads are chains, the others read themselves and little else."""
    raw = np.broadcast_to(0.9 * np.eye(6) + 0.01 * np.tri(6), (24, 3, 8, 6, 6)).copy()
    raw.reshape(24, 24, 6, 6)[:, :10] = chain().reshape(24, 24, 6, 6)[:, :10]
    return raw


def hubs_in(count: int) -> Raw:
    """That many heads are hubs, the others read themselves and little else."""
    raw = np.broadcast_to(0.9 * np.eye(6) + 0.01 * np.tri(6), (24, 3, 8, 6, 6)).copy()
    raw.reshape(24, 24, 6, 6)[:, :count] = hub(1).reshape(24, 24, 6, 6)[:, :count]
    return raw


def ten_at_the_first_step() -> Raw:
    """In ten heads only latent 1 attends to latents, to latent 0; in the others only latent 0, to itself."""
    raw = np.zeros((24, 24, 6, 6))
    raw[:, :10, 1, 0], raw[:, 10:, 0, 0] = 0.9, 0.9
    raw[:, :10, 0, 0] = 0.01
    return raw.reshape(24, 3, 8, 6, 6)


def ten_attend_to_latents() -> Raw:
    """Ten of 32 heads have almost all of the attention to latents."""
    raw = nothing(L=4, latent_mass=0.02)
    raw.reshape(24, 32, 6, 6)[:, :10] *= 45
    return raw


def one_purpose_each() -> Raw:
    """Of 32 heads four read their predecessor, four gather on 3, four skip from the last latent, 20 read themselves."""
    alone = np.eye(6)
    flowing, gathering, skipping = np.eye(6, k=-1), alone.copy(), alone.copy()
    gathering[3:] = alone[3]
    skipping[5] = [1 / 3, 1 / 3, 1 / 3, 0, 0, 0]
    heads = np.stack([flowing] * 4 + [gathering] * 4 + [skipping] * 4 + [alone] * 20)
    mass = np.random.default_rng(2).uniform(0.93, 0.97, size=(24, 32, 6))
    return (mass[..., None] * heads).reshape(24, 4, 8, 6, 6)


def same_look_other_mass() -> Raw:
    """Every row is spread equally; heads differ only in which rows carry weight, and so in flow, hub and skip."""
    even = np.tri(6) / np.arange(1, 7)[:, None]
    rows = [[0.9] * 6, [0.01, *[0.3] * 5], [0.9, *[0.05] * 5], [0.9, *[0.05] * 5]]
    heads = np.array(rows)[:, :, None] * even
    return np.broadcast_to(np.tile(heads, (6, 1, 1)).reshape(3, 8, 6, 6), (24, 3, 8, 6, 6)).copy()


CASES: dict[str, tuple[Callable[[], Raw], Callable[[], Raw]]] = {
    "1.2-max": (hub, lambda: nothing(latent_mass=0.3)),
    "1.2-max-raw": (hub, lambda: nothing(latent_mass=0.3, noise=0)),
    "1.2-spread": (hub, lambda: nothing(latent_mass=0.3)),
    "1.3-consistent": (nothing, erratic),
    "1.3-consistent-cells": (nothing, erratic),
    "1.3-structured": (hub, nothing),
    "1.3-top": (hub, lambda: nothing(latent_mass=0.3)),
    "1.3-top3": (hub, lambda: nothing(latent_mass=0.3)),
    "1.4-squint": (chain, nothing),
    "1.4-different": (different_heads, lambda: nothing(noise=0)),
    "1.4-bright": (hub, lambda: nothing(latent_mass=0.3)),
    "1.4-hub-visible": (hub, chain),
    "1.4-layers-differ": (different_layers, lambda: nothing(noise=0)),
    "1.5-winner": (one_hub_among_many, lambda: nothing(noise=0)),
    "1.5-winner-raw": (one_hub_among_many, equal_columns),
    "1.5-ratio": (early_self_readers, nothing),
    "1.5-hub-adjusted": (one_hub_among_many, chain),
    "1.5-nonrandom": (hub, nothing),
    "2.1-top": (chain, lambda: nothing(noise=0)),
    "2.1-gap": (ten_forward, nothing),
    "2.1-gap-random": (ten_at_the_first_step, nothing),
    "2.1-share": (ten_attend_to_latents, lambda: nothing(L=4)),
    "2.2-top": (hub, nothing),
    "2.2-concentration": (lambda: hub(0), nothing),
    "2.3-exists": (skips, nothing),
    "2.3-random": (lambda: skips(T=8), nothing),
    "2.4-critical": (lambda: hubs_in(2), nothing),
    "2.4-critical-normalised": (lambda: hubs_in(3), lambda: nothing(noise=0)),
    "2.4-top10": (hub, nothing),
    "2.4-top10-normalised": (lambda: hubs_in(10), lambda: nothing(noise=0)),
    "2.4-types": (different_heads, lambda: nothing(noise=0)),
    "2.4-stable": (lambda: hubs_in(10), nothing),
    "2.5-distinct": (one_purpose_each, lambda: nothing(noise=0)),
    "2.5-specialised": (one_purpose_each, same_look_other_mass),
    "2.5-types": (one_purpose_each, nothing),
    "2.3-late": (lambda: skips(range(2, 3)), lambda: skips(range(1))),
}
"""Criterion id: (attention on which it passes, attention on which it fails)."""


def of_two(first: Callable[[], Raw], second: Callable[[], Raw]) -> Callable[[], tuple[Raw, Raw]]:
    return lambda: (first(), second())


def deeper_hubs() -> Raw:
    """The hubs of a model with other numbers of layers, heads and thoughts."""
    return hub(1, L=2, H=6, T=8)


PAIR_CASES: dict[str, tuple[Callable[[], tuple[Raw, Raw]], Callable[[], tuple[Raw, Raw]]]] = {
    "2.6-differ": (of_two(chain, deeper_hubs), of_two(nothing, lambda: nothing(seed=8))),
    "2.6-visible": (of_two(chain, deeper_hubs), of_two(hub, lambda: hub(seed=8))),
    "2.6-capacity": (of_two(lambda: hubs_in(2), nothing), of_two(nothing, lambda: hubs_in(2))),
    "2.6-fewer": (of_two(lambda: hubs_in(1), deeper_hubs), of_two(lambda: hubs_in(2), lambda: hubs_in(1))),
}
"""Criterion id: (attention of a smaller and a larger model on which it passes, the same on which it fails)."""
