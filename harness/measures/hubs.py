"""Hubs: positions that are read more than others, and more than the causal mask alone explains.

Under a causal mask an early position has more readers than a late one, so the plain incoming attention
favours position 0 in any model. `enrichment` divides it by what uniform causal reading would give.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import (
    EMPTY,
    Array,
    Indices,
    checked,
    column_share,
    column_sums,
    mean_of_defined,
    ratio,
)

HUB_ABOVE = 0.2
EVEN_BELOW = 0.1


def incoming(mean: NDArray[Any]) -> Array:
    """`[..., T]`: mean over heads and all T queries of the weight on each key."""
    return incoming_total(mean) / mean.shape[-1]


def incoming_total(mean: NDArray[Any]) -> Array:
    """`[..., T]`: mean over heads of the column sums, `T * incoming`."""
    return column_sums(mean).mean(axis=(-3, -2))


def ratio_uniform(mean: NDArray[Any]) -> Array:
    """`[..., T]`: incoming attention relative to `1 / T`."""
    return incoming_total(mean)


def enrichment(mean: NDArray[Any]) -> Array:
    """`[..., T-1]`: attention to each earlier latent relative to uniform reading of the earlier latents.

    Rows 2..T-1 are normalised over `j < i`; for each key the mean over heads of what its readers give is
    divided by what they would give reading uniformly (`1 / i` each). 1.0 is what causality alone gives.
    A head is compared on the rows it has (see `patterns`). Needs at least 4 latents.
    """
    return _relative_reading(checked(mean, "enrichment", at_least=4), exclude=1)


def hub_enrichment(mean: NDArray[Any]) -> Array:
    """`[..., T-2]`: `enrichment` without the immediate predecessor, so that a chain is not a hub.

    Rows 3..T-1 are normalised over `j <= i - 2`, uniform reading being `1 / (i - 1)` each.
    """
    return _relative_reading(checked(mean, "hub_enrichment", at_least=4), exclude=2)


def hub_adjusted(mean: NDArray[Any]) -> Array:
    """`[..., T-2]`: for positions 0..T-3 the smaller of `enrichment` and `hub_enrichment`."""
    return np.minimum(enrichment(mean)[..., :-1], hub_enrichment(mean))


def _relative_reading(patterns: Array, exclude: int) -> Array:
    T = patterns.shape[-1]
    rows = range(exclude + 1, T)
    present, scale = {}, {}
    for i in rows:
        mass = patterns[..., i, : i + 1 - exclude].sum(axis=-1)
        present[i] = mass >= EMPTY
        scale[i] = 1 / np.where(present[i], mass, np.inf)
    of_keys = []
    for key in range(T - exclude):
        readers = [i for i in rows if key <= i - exclude]
        read = sum((patterns[..., i, key] * scale[i] for i in readers), np.zeros(()))
        expected = sum((present[i] / (i + 1 - exclude) for i in readers), np.zeros(()))
        of_keys.append(mean_of_defined(ratio(read, expected), axis=(-2, -1)))
    return np.stack(of_keys, axis=-1)


def hub_score(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: population variance over keys of the column sums."""
    return column_sums(checked(mean, "hub_score", at_least=3)).var(axis=-1)


def hub_position(mean: NDArray[Any]) -> Indices:
    """`[..., L, H]`: the key with the largest column sum, the lower one of equals."""
    return column_sums(checked(mean, "hub_position", at_least=3)).argmax(axis=-1)


def max_attention_value(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: the largest weight in the column of `hub_position`."""
    patterns = checked(mean, "max_attention_value", at_least=3)
    largest = np.tril(patterns).max(axis=-2)
    return np.take_along_axis(largest, hub_position(patterns)[..., None], axis=-1)[..., 0]


def concentration(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: the share of a head's attention to latents that falls on its hub position."""
    return column_share(checked(mean, "concentration", at_least=3)).max(axis=-1)


def hub_score_share(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: population variance over keys of the column shares."""
    return column_share(checked(mean, "hub_score_share", at_least=3)).var(axis=-1)


def hub_class(scores: NDArray[Any]) -> NDArray[np.str_]:
    """Name each hub score: "hub" above 0.2, "even" below 0.1, else "between"; scores must not be NaN."""
    if np.isnan(scores).any():
        raise ValueError("hub_class expects scores, got NaN")
    names: NDArray[np.str_] = np.select([scores > HUB_ABOVE, scores < EVEN_BELOW], ["hub", "even"], "between")
    return names
