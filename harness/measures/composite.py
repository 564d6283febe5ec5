"""How critical a head is, and what for: the study's composite of flow, hub and skip scores, and functional types."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from harness.measures.flow import flow, skip
from harness.measures.hubs import hub_score
from harness.measures.patterns import Array, Indices, checked, normalise_rows, ratio

COMPOSITE_WEIGHTS = (0.4, 0.4, 0.2)
"""Weights of flow, hub and skip score."""

FUNCTIONAL_TYPES = ("Forward Flow", "Hub Aggregator", "Skip Connection", "Multi-Purpose", "None")
MULTI_PURPOSE, NO_TYPE = 3, 4
"""Indices into `FUNCTIONAL_TYPES`; the first three are in the order of the scores."""

HIGH_SCORE = 0.7
"""A normalised score above this is one of the head's purposes."""


def three_scores(mean: NDArray[Any]) -> Array:
    """`[..., 3, L, H]`: flow, hub and skip score of every head; needs at least 5 latents."""
    return np.stack([flow(mean), hub_score(mean), skip(mean)], axis=-3)


def row_scores(mean: NDArray[Any]) -> Array:
    """`[..., 3, L, H]`: the three scores when every row has mass 1 on the latents.

    What is left is where a head looks, not how much it looks at latents at all, so models with questions or
    sinks of different pull compare. Empty rows are left out; a score whose rows are all empty is NaN.
    """
    rows = normalise_rows(checked(mean, "row_scores", at_least=5))
    empty = np.isnan(rows[..., 0])
    flows, hubs, skips = np.moveaxis(three_scores(np.where(empty[..., None], 0.0, rows)), -3, 0)
    nothing = empty.all(axis=-1)
    return np.stack([flows, np.where(nothing, np.nan, hubs), np.where(empty[..., -1], np.nan, skips)], axis=-3)


def min_max(scores: Array) -> Array:
    """`[..., L, H]` scores mapped to 0..1 over the heads; all 0 where they do not differ, NaN heads stay NaN."""
    defined = ~np.isnan(scores)
    axes = (-2, -1)
    low = np.min(scores, axis=axes, where=defined, initial=np.inf, keepdims=True)
    high = np.max(scores, axis=axes, where=defined, initial=-np.inf, keepdims=True)
    differ = high - low > 1e-9 * np.maximum(1.0, np.abs(high))
    return np.divide(scores - low, high - low, out=scores - scores, where=differ)


def normalised_scores(mean: NDArray[Any]) -> Array:
    """`[..., 3, L, H]`: `three_scores`, each mapped to 0..1 over the heads."""
    return min_max(three_scores(mean))


def composite_score(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: `0.4 flow + 0.4 hub_score + 0.2 skip` on the raw scores; NaN for a head without flow."""
    return _weighted(three_scores(mean))


def composite_normalised(mean: NDArray[Any]) -> Array:
    """`[..., L, H]`: the same sum of the scores mapped to 0..1 over the heads."""
    return _weighted(normalised_scores(mean))


def _weighted(scores: Array) -> Array:
    by_flow, by_hub, by_skip = COMPOSITE_WEIGHTS
    flows, hubs, skips = np.moveaxis(scores, -3, 0)
    return by_flow * flows + by_hub * hubs + by_skip * skips


def functional_type(mean: NDArray[Any]) -> Indices:
    """`[..., L, H]`: index into `FUNCTIONAL_TYPES`.

    The largest of the three normalised scores, the first of equals; "Multi-Purpose" when two or more exceed
    0.7; "None" when all are 0 or the head has no attention on latents.
    """
    normalised = normalised_scores(mean)
    types = normalised.argmax(axis=-3)
    types = np.where((normalised > HIGH_SCORE).sum(axis=-3) >= 2, MULTI_PURPOSE, types)
    empty = (normalised == 0).all(axis=-3) | np.isnan(normalised).any(axis=-3)
    return np.where(empty, NO_TYPE, types)


def upper_decile(scores: Array) -> Array:
    """`[..., L, H]` to `[...]`: the 90th percentile over the heads, linear between ranks; NaN heads are left out."""
    ranked = np.sort(scores.reshape(*scores.shape[:-2], -1))
    last = np.maximum((~np.isnan(ranked)).sum(axis=-1, keepdims=True) - 1, 0)
    place = 9 * last / 10
    below = np.floor(place).astype(np.int64)
    low = np.take_along_axis(ranked, below, axis=-1)
    high = np.take_along_axis(ranked, np.minimum(below + 1, last), axis=-1)
    return (low + (place - below) * (high - low))[..., 0]


def matches_type(mean: NDArray[Any]) -> NDArray[np.bool_]:
    """`[..., L, H]`: whether the score that names a head's type is above the model's 90th percentile of that score.

    "Multi-Purpose" takes two of the three scores above theirs; "None" never matches.
    """
    scores = three_scores(mean)
    above = scores > upper_decile(scores)[..., None, None]
    types = functional_type(mean)
    own = np.take_along_axis(above, np.minimum(types, MULTI_PURPOSE - 1)[..., None, :, :], axis=-3)[..., 0, :, :]
    return np.where(types == MULTI_PURPOSE, above.sum(axis=-3) >= 2, own & (types != NO_TYPE))


def specialisation(mean: NDArray[Any]) -> Array:
    """`[...]`: 1 minus the entropy of the composite's shares over heads, relative to equal shares.

    0: every head is as critical as any other; 1: one head is all. NaN with a single head.
    """
    scores = np.nan_to_num(composite_score(mean))
    flat = scores.reshape(*scores.shape[:-2], -1)
    shares = ratio(flat, flat.sum(axis=-1, keepdims=True))
    entropy = entr(shares).sum(axis=-1)
    heads = flat.shape[-1]
    return 1 - entropy / np.log(heads) if heads > 1 else np.full(entropy.shape, np.nan)
