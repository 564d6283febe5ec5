"""What blocking a thought does inside: where attention goes, and how far the states of later positions move."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.sample import RESAMPLES, spread
from harness.interventions.keys import KEY_CLASSES, key_names
from harness.measures.redistribution import gained, in_proportion
from harness.statistics import resample_weights, simultaneous_interval

Array = NDArray[Any]
AT_ONCE = 64
"""Problems whose weights are held in memory."""
FEWEST = 10
"""Problems of either kind below which nothing is said about where they part."""


@dataclass(frozen=True)
class Redistribution:
    """Means over problems, for queries after the blocked thought (later thoughts, then EOT) and all other keys.

    ``removed`` [L, H, Q]; ``gained`` and ``predicted`` [L, H, Q, C]; ``interval`` [2, L, C] and ``beyond`` [2, L, C] are 95 %
    bootstrap intervals of what is gained, and gained beyond the prediction, mean over heads and queries. ``largest_gap`` is
    that of all gains of one query, problem and head from the weight removed there.
    """

    removed: Array
    gained: Array
    predicted: Array
    interval: Array
    beyond: Array
    classes: tuple[str, ...]
    largest_gap: float


def redistribution(weights: Array, condition: int, thought: int, T: int, seed: int) -> Redistribution:
    """From weights [n, K, L, H, P, C], the baseline first, with ``thought`` blocked under ``condition``."""
    key = len(KEY_CLASSES) + thought
    later = slice(thought + 1, T + 1)
    n, gap = len(weights), 0.0
    totals: list[Array] = [np.zeros(()), np.zeros(()), np.zeros(())]
    of_problem, beyond = [], []
    for start in range(0, n, AT_ONCE):
        some = np.asarray(weights[start : start + AT_ONCE], dtype=np.float64)
        before, after = some[:, 0, :, :, later], some[:, condition, :, :, later]
        found, predicted = gained(before, after, key), in_proportion(before, key)
        removed = before[..., key] - after[..., key]
        gap = max(gap, float(np.abs(found.sum(axis=-1) - removed).max()))
        totals = [total + one.sum(axis=0) for total, one in zip(totals, (removed, found, predicted), strict=True)]
        of_problem.append(found.mean(axis=(2, 3)))
        beyond.append((found - predicted).mean(axis=(2, 3)))
    removed, found, predicted = (total / n for total in totals)
    classes = tuple(name for place, name in enumerate(key_names(T)) if place != key)
    return Redistribution(
        removed,
        found,
        predicted,
        np.stack(spread(np.concatenate(of_problem), seed)),
        np.stack(spread(np.concatenate(beyond), seed)),
        classes,
        gap,
    )


@dataclass(frozen=True)
class Parting:
    """How far problems whose answer flips move from the baseline, beside those whose answer stays right, by position.

    Relative distance of what leaves the last layer, [P] each with intervals [2, P]; the ``difference`` has intervals that hold
    at all positions together. ``at`` is the first position where it is above 0, None where there is none. ``counts``: flipped,
    unflipped; where either is below :data:`FEWEST` nothing is said about the difference.
    """

    flipped: Array
    flipped_interval: Array
    unflipped: Array
    unflipped_interval: Array
    difference: Array
    difference_interval: Array
    at: int | None
    counts: tuple[int, int]


def parting(distance: Array, before: Array, after: Array, seed: int) -> Parting:
    """From distances [n, P] and answers right or wrong before and after [n]; problems that were right are compared."""
    flipped, stayed = before & ~after, before & after
    groups = [np.asarray(distance[members], dtype=np.float64) for members in (flipped, stayed)]
    positions = distance.shape[1]
    means = [one.mean(axis=0) if len(one) else np.full(positions, np.nan) for one in groups]
    intervals = [np.stack(spread(one, seed)) for one in groups]
    difference = means[0] - means[1]
    ends, at = np.full((2, positions), np.nan), None
    if min(map(len, groups)) >= FEWEST:
        drawn = [resample_weights(len(one), RESAMPLES, seed + place) @ one for place, one in enumerate(groups)]
        ends = np.stack(simultaneous_interval(difference, drawn[0] - drawn[1]))
        at = next((position for position in range(positions) if ends[0, position] > 0), None)
    return Parting(
        means[0], intervals[0], means[1], intervals[1], difference, ends, at, (len(groups[0]), len(groups[1]))
    )
