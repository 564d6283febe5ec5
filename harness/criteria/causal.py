"""Do the heads that a score ranks first matter more than others when they are ablated?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from harness.criteria.criterion import Measurement
from harness.criteria.sample import RESAMPLES
from harness.criteria.trials import HeadTrials
from harness.measures.importance import paired_drop
from harness.statistics import drawn_p, percentile_interval, resample_weights

Array = NDArray[Any]


def set_p(trials: HeadTrials) -> float:
    """p over random head sets of the accuracy lost without the chosen heads, with the study's own fill."""
    lost = paired_drop(trials.baseline, next(iter(trials.sets.values()))).mean(axis=0)
    return drawn_p(float(lost[0]), lost[1:])


def head_set_p(trials: HeadTrials) -> Measurement:
    """:func:`set_p` with all that stands beside it."""
    losses = {fill: paired_drop(trials.baseline, right) for fill, right in trials.sets.items()}
    lost = {fill: drop.mean(axis=0) for fill, drop in losses.items()}
    p = {fill: drawn_p(float(drop[0]), drop[1:]) for fill, drop in lost.items()}
    first, found = next(iter(trials.sets)), set_p(trials)
    beside: dict[str, Any] = {"baseline_accuracy": float(trials.baseline.mean()), "matched_by_layer": trials.layered}
    for fill, drop in lost.items():
        beside |= {
            f"accuracy_lost_{fill}": float(drop[0]),
            f"accuracy_lost_random_{fill}": float(np.median(drop[1:])),
            f"p_{fill}": p[fill],
        }
    relation, ends = score_effect_relation(trials)
    p_relation = relation_p(trials)
    low, high = percentile_interval(_resampled(losses[first][:, :1], trials.seed)[:, 0])
    beside |= {
        "accuracy_lost_ci_low": float(low),
        "accuracy_lost_ci_high": float(high),
        "rank_correlation_of_score_and_effect": relation,
        "rank_correlation_p_over_heads": p_relation,
        "rank_correlation_ci_low": ends[0],
        "rank_correlation_ci_high": ends[1],
    }
    return Measurement(
        found,
        p_value=found,
        answer=_in_words(trials, lost, p, relation, p_relation),
        beside=beside,
        n_problems=len(trials),
    )


def score_effect_relation(trials: HeadTrials) -> tuple[float, tuple[float, float]]:
    """Spearman's rank correlation of score and accuracy lost over heads, and its interval over resampled problems.

    NaN where no head, or every head alike, costs anything, and for the interval of a single problem.
    """
    scored = np.isfinite(trials.composite)
    score, effects = trials.composite[scored], paired_drop(trials.baseline, trials.single)[:, scored]
    found = _rank_correlation(score, effects.mean(axis=0)[None])[0]
    if len(effects) < 2:
        return float(found), (float("nan"), float("nan"))
    drawn = _rank_correlation(score, _resampled(effects, trials.seed))
    low, high = percentile_interval(drawn[np.isfinite(drawn)]) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return float(found), (float(low), float(high))


def relation_p(trials: HeadTrials, draws: int = 9999) -> float:
    """Two-sided p of the rank correlation of score and effect over orders of the heads; NaN where that is."""
    scored = np.isfinite(trials.composite)
    score, effect = trials.composite[scored], paired_drop(trials.baseline, trials.single).mean(axis=0)[scored]
    found = _rank_correlation(score, effect[None])[0]
    if not np.isfinite(found):
        return float("nan")
    orders = np.random.default_rng((trials.seed, 6)).permuted(np.tile(effect, (draws, 1)), axis=1)
    return drawn_p(abs(float(found)), np.abs(_rank_correlation(score, orders)))


def _rank_correlation(score: Array, effects: Array) -> Array:
    """[draws] of a score [heads] and effects [draws, heads]."""
    ranks = rankdata(effects, axis=1)
    own = rankdata(score)
    own = own - own.mean()
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    spread = np.sqrt((own**2).sum() * (ranks**2).sum(axis=1))
    return np.divide(ranks @ own, spread, out=np.full(len(ranks), np.nan), where=spread > 1e-12)


def _resampled(values: Array, seed: int) -> Array:
    return resample_weights(len(values), RESAMPLES, seed) @ values


def _in_words(
    trials: HeadTrials, lost: dict[str, Array], p: dict[str, float], relation: float, p_relation: float
) -> str:
    by_fill = "; ".join(
        f"{fill} {drop[0]:.3g} against {np.median(drop[1:]):.3g}, p = {p[fill]:.3g}" for fill, drop in lost.items()
    )
    matched = "as many of every layer" if trials.layered else "of any layers"
    said = f"rank correlation {relation:.2g}, p = {p_relation:.2g} over heads" if np.isfinite(relation) else "undefined"
    return (
        f"Accuracy lost without the top {len(trials.chosen)} heads, against as many random ones {matched} (median): {by_fill}. "
        f"Score and effect of single heads: {said}"
    )
