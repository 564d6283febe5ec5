"""How impact goes with what problems are like: correlations, means by type, high-impact problems, regression."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import FEATURES
from harness.criteria.blocks import BlockTrials
from harness.criteria.importance import DRAWS
from harness.criteria.sample import RESAMPLES
from harness.criteria.sensitivity import corrected, difference_of_means, feature, known_ones, mean_or_nan, solved_ones
from harness.interventions.designs import HIDDEN
from harness.statistics import (
    midranks,
    pairing_p,
    pearson,
    percentile_interval,
    regression,
    resample_weights,
    resampled_pearson,
    resampled_spearman,
)

Array = NDArray[Any]
HIGH = 0.5
"""Impact above which a problem counts as one of high impact."""
MOST_OPERATIONS = 5
"""Problems of as many operations and more are one type."""


def studied(T: int) -> list[int]:
    """The thoughts that the study blocks, as far as a later thought can read them."""
    return [position for position in HIDDEN if position < T - 1]


def named(position: int) -> str:
    """``CT4``."""
    return f"CT{position}"


def types(trials: BlockTrials) -> list[tuple[str, str, Array]]:
    """Types of problems: what they are told apart by, name, mask [n]."""
    operations, several = feature(trials, "n_operations"), feature(trials, "multi_step") > 0
    found = [("operations", str(count), operations == count) for count in range(1, MOST_OPERATIONS)]
    found += [
        ("operations", f"{MOST_OPERATIONS}+", operations >= MOST_OPERATIONS),
        ("several operations", "3 or more", several),
        ("several operations", "fewer", ~several),
    ]
    for what in ("division", "multiplication", "fractions"):
        there = feature(trials, f"has_{what}") > 0
        found += [(what, "with", there), (what, "without", ~there)]
    return found


def summarised(trials: BlockTrials) -> dict[str, dict[str, Any]]:
    """Everything about all problems of a known number of operations, and about those of them that the baseline solves."""
    few = known_ones(trials)
    return {"all": _of_group(few), "baseline_right": _of_group(solved_ones(few))}


def _of_group(trials: BlockTrials) -> dict[str, Any]:
    counted = {"n_problems": len(trials)}
    if len(trials) < 2:
        return {**counted, "relations": [], "types": [], "high_impact": {}, "regression": {}}
    return {
        **counted,
        "relations": relations(trials),
        "types": by_type(trials),
        "high_impact": high_impact(trials),
        "regression": regressions(trials),
    }


def relations(trials: BlockTrials) -> list[dict[str, Any]]:
    """Correlation of every feature with the impact of every blocked thought; q over all of one kind of correlation."""
    one, other = trials.features, trials.impact()
    weights = resample_weights(len(trials), RESAMPLES, trials.seed)
    kinds = {
        "pearson": (one, other, resampled_pearson(one, other, weights)),
        "spearman": (midranks(one), midranks(other), resampled_spearman(one, other, weights)),
    }
    tables = {}
    for kind, (x, y, drawn) in kinds.items():
        p = pairing_p(x, y, DRAWS, trials.seed)
        tables[kind] = (pearson(x, y), *percentile_interval(drawn), p, corrected(p))
    return [
        {
            "feature": name,
            "condition": named(position),
            **{
                kind: _labelled(("r", "ci_low", "ci_high", "p", "q"), (table[row, position] for table in found))
                for kind, found in tables.items()
            },
        }
        for row, name in enumerate(FEATURES)
        for position in range(trials.T)
    ]


def by_type(trials: BlockTrials) -> list[dict[str, Any]]:
    """Mean impact of every blocked thought on each type of problem, with its interval.

    All problems are resampled together; a type that some resample has no problem of has no interval.
    """
    impact, weights = trials.impact(), resample_weights(len(trials), RESAMPLES, trials.seed)
    found = []
    for by, name, members in types(trials):
        with np.errstate(invalid="ignore"):
            drawn = (weights @ (impact * members[:, None])) / (weights @ members)[:, None]
        low, high = percentile_interval(drawn)
        mean = impact[members].mean(axis=0) if members.any() else np.full(trials.T, np.nan)
        ends = zip(range(trials.T), mean, low, high, strict=True)
        found.append(
            {
                "by": by,
                "name": name,
                "n_problems": int(members.sum()),
                "impact": [
                    {"condition": named(one), **_labelled(("mean", "ci_low", "ci_high"), values)}
                    for one, *values in ends
                ],
            }
        )
    return found


def high_impact(trials: BlockTrials) -> dict[str, dict[str, Any]]:
    """By studied thought: means of every feature over problems of high impact and over the rest.

    p by permuting which problems are those of high impact; q over features and studied thoughts.
    """
    positions = studied(trials.T)
    high = trials.impact()[:, positions] > HIGH
    p = pairing_p(trials.features, high, DRAWS, trials.seed)
    q = corrected(p)
    found = {}
    for column, position in enumerate(positions):
        members = high[:, column]
        rows = []
        for row, name in enumerate(FEATURES):
            values = trials.features[:, row]
            rows.append(
                {
                    "feature": name,
                    "high": mean_or_nan(values[members]),
                    "rest": mean_or_nan(values[~members]),
                    **_labelled(
                        ("difference", "ci_low", "ci_high", "p", "q"),
                        (*difference_of_means(values, members, trials.seed), p[row, column], q[row, column]),
                    ),
                }
            )
        found[named(position)] = {
            "n_high": int(members.sum()),
            "n_rest": int((~members).sum()),
            "features": rows,
        }
    return found


def regressions(trials: BlockTrials) -> dict[str, dict[str, Any]]:
    """By studied thought: its impact on all features together; q over coefficients and studied thoughts."""
    impact, positions = trials.impact(), studied(trials.T)
    fits = {position: regression(trials.features, impact[:, position], FEATURES) for position in positions}
    found = {}
    for position, fit in fits.items():
        rows = [row for row, name in enumerate(FEATURES) if name not in fit.left_out]
        q = corrected(np.stack([one.p[rows] for one in fits.values()]))[positions.index(position)]
        found[named(position)] = {
            "n_problems": len(trials),
            "r_squared": fit.r_squared,
            "condition_number": fit.condition_number,
            "left_out": fit.left_out,
            "reason": fit.reason,
            "coefficients": [
                {
                    "feature": FEATURES[row],
                    **_labelled(
                        ("value", "ci_low", "ci_high", "p", "q"),
                        (fit.coefficients[row], *fit.interval[:, row], fit.p[row], q[place]),
                    ),
                }
                for place, row in enumerate(rows)
            ],
        }
    return found


def _labelled(names: tuple[str, ...], values: Iterable[Any]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
