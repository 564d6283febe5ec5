"""Procedures that compare two models on the same problems."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Measurement, Rule
from harness.criteria.critical import CRITICAL, SCORES
from harness.criteria.hypothesis import BLOCK, MeanMeasure, OnPlantings, averaged, order_statistics, undefined
from harness.criteria.paired import Pair, PairMeasure
from harness.criteria.sample import RESAMPLES, Sample
from harness.criteria.select import count_of_heads
from harness.criteria.tested import CONTROL_RESAMPLES, PERMUTATIONS, PLANTED_RESAMPLES, SIGNIFICANT
from harness.measures import (
    bounds,
    composite_score,
    group_means,
    largest_distance,
    mean_over_heads,
    row_scores,
    specialisation,
    take_patterns,
    top_k,
)
from harness.statistics import (
    agreement,
    benjamini_hochberg,
    drawn_p,
    percentile_interval,
    resample,
    resample_weights,
    sign_flip_p,
    weighted_means,
)

Array = NDArray[Any]

TOP = 5
"""Heads of each model whose mean patterns are compared."""

PLANTED_PAIRS = 100
"""Pairs per pattern and strength for tests, whose share of false positives is expected to be small."""

CRITICAL_HEADS = count_of_heads(lambda mean: composite_score(mean) > CRITICAL, bounds.heads_above)
"""Number of heads whose composite score exceeds the study's threshold."""


def strategy(raw: Array) -> Array:
    """[..., L, H, T, T] to [..., 3]: flow, hub and skip score, mean over heads, of rows with mass 1."""
    return mean_over_heads(row_scores(raw))


def cohens_d(differences: Array) -> Array:
    """Paired differences [n, k] to [k]: their mean over their standard deviation; NaN where they do not vary."""
    if len(differences) < 2:
        return np.full(differences.shape[1:], np.nan)
    spread = differences.std(axis=0, ddof=1)
    return np.divide(differences.mean(axis=0), spread, out=np.full(spread.shape, np.nan), where=spread > 0)


def top_heads(mean: Array) -> Array:
    """[..., L, H, T, T] to the flat indices [..., k] of the heads with the largest composite score, best first."""
    return top_k(composite_score(mean), TOP)


def difference(measure: MeanMeasure, into: int = 0) -> PairMeasure:
    """A measure of one model, smaller model minus larger, on the same problems; resamples are paired.

    ``into``: which model patterns are planted in, 0 for the smaller: the one that is expected to have the larger value.
    """

    def value(pair: Pair) -> float:
        smaller, larger = (measure.value(sample) for sample in pair.samples)
        return smaller - larger

    def attainable(pair: Pair) -> tuple[float, float]:
        (low, high), (other_low, other_high) = (measure.bounds(*sample.raw.shape[1:4]) for sample in pair.samples)
        return low - other_high, high - other_low

    def procedure(pair: Pair, rule: Rule) -> Measurement:
        found = value(pair)
        if not np.isfinite(found):
            return undefined()
        each: dict[str, Any] = {
            name: measure.value(sample) for name, sample in zip(pair.names, pair.samples, strict=True)
        }
        measured = Measurement(found, biased=measure.selection is not None, attainable=attainable(pair), beside=each)
        if pair.n_problems < 2:
            return measured
        first, second = (measure.resampled(sample) for sample in pair.samples)
        low, high = percentile_interval(first - second)
        crossed = [one for sample in pair.samples if (one := measure.cross_fitted(sample)) is not None]
        return replace(
            measured,
            interval=(float(low), float(high)),
            cross_fitted=crossed[0] - crossed[1] if crossed else None,
            confidence=agreement(first - second, rule.holds, rule.holds(found)),
            resampled=order_statistics(first - second),
            ends_attained=measure.ends_attained,
        )

    def on_pairs(first: Array, second: Array, seed: int) -> Array:
        return measure.of_mean(first) - measure.of_mean(second)

    way = OnPlantings(averaged(measure.per_problem), on_pairs, plantings=PLANTED_PAIRS, into=into)
    return PairMeasure(procedure, value, way, of_sizes=True)


def strategies_differ() -> PairMeasure:
    """Smallest q, over flow, hub and skip, of the mean paired difference between the models."""

    def tested(pair: Pair, draws: int) -> tuple[Array, Array, Array]:
        first, second = (strategy(sample.raw) for sample in pair.samples)
        differences = first - second
        if not np.isfinite(differences).all():
            return differences, *np.full((2, len(SCORES)), np.nan)
        p = sign_flip_p(differences, draws, pair.samples[0].seed)
        return differences, p, benjamini_hochberg(p)

    def procedure(pair: Pair, rule: Rule) -> Measurement:
        differences, p, q = tested(pair, PERMUTATIONS)
        if not np.isfinite(q).all():
            return undefined("on some problem a model has no attention on latents")
        mean, d = differences.mean(axis=0), cohens_d(differences)
        weights = resample_weights(pair.n_problems, RESAMPLES, pair.samples[0].seed)
        low, high = percentile_interval(weighted_means(differences, weights))
        words = [
            f"{name} {difference:+.3g} (d {effect:+.2f})"
            for name, difference, effect, one in zip(SCORES, mean, d, q, strict=True)
            if one < SIGNIFICANT
        ]
        smaller, larger = (strategy(sample.raw).mean(axis=0).tolist() for sample in pair.samples)
        return Measurement(
            float(q.min()),
            p_value=float(p.min()),
            q_value=float(q.min()),
            attainable=bounds.p_value(PERMUTATIONS, 2 ** (pair.n_problems - 1)),
            answer=f"{' minus '.join(pair.names)}: {', '.join(words) or 'no difference'}",
            beside={
                "measures": list(SCORES),
                f"mean of {pair.names[0]}": smaller,
                f"mean of {pair.names[1]}": larger,
                "difference": mean.tolist(),
                "interval low": low.tolist(),
                "interval high": high.tolist(),
                "Cohen's d": [None if np.isnan(effect) else float(effect) for effect in d],
                "p": p.tolist(),
                "q": q.tolist(),
            },
        )

    def smallest_q(first: Array, second: Array, seed: int) -> Array:
        """Strategies [plantings, n, 3] of both models to q [plantings]."""
        differences = first - second
        p = sign_flip_p(np.moveaxis(differences, 0, 1), CONTROL_RESAMPLES - 1, seed)
        p[~np.isfinite(differences).all(axis=(1, 2))] = np.nan
        return np.array([benjamini_hochberg(one).min() for one in p])

    return PairMeasure(
        procedure,
        lambda pair: float(tested(pair, CONTROL_RESAMPLES - 1)[2].min()),
        OnPlantings(
            lambda sample: strategy(sample.raw),
            smallest_q,
            plantings=PLANTED_PAIRS,
            shortened=f"{CONTROL_RESAMPLES - 1} sign flips each",
        ),
    )


def patterns_distinct() -> PairMeasure:
    """p of the distance between the models' mean top patterns, over all ways to relabel those heads."""

    def distances(*means: Array) -> Array:
        """Mean patterns [..., L, H, T, T] of both models to the distance of every deal [..., deals]."""
        strongest = [take_patterns(mean, top_heads(mean)) for mean in means]
        heads = np.concatenate(strongest, axis=-3)
        k, both = strongest[0].shape[-3], heads.shape[-3]
        # The first deal is the real one: the first heads are the first model's.
        mine = np.array([np.isin(np.arange(both), deal) for deal in combinations(range(both), k)])
        return largest_distance(group_means(heads[..., None, None, :, :, :], np.stack([mine, ~mine], axis=1)))

    def p_value(apart: Array) -> float:
        return drawn_p(float(apart[0]), apart[1:]) if np.isfinite(apart[0]) else np.nan

    def procedure(pair: Pair, rule: Rule) -> Measurement:
        apart = distances(*(sample.mean for sample in pair.samples))
        p = p_value(apart)
        if not np.isfinite(p):
            return undefined("the strongest heads have no attention on latents")
        heads = [
            [list(divmod(int(head), sample.raw.shape[2])) for head in top_heads(sample.mean)] for sample in pair.samples
        ]
        smaller, larger = heads
        return Measurement(
            p,
            p_value=p,
            attainable=bounds.relabelling_p(len(smaller), len(larger)),
            answer=f"The mean patterns of the most critical heads lie {apart[0]:.3g} apart (p {p:.3g})",
            beside={
                "distance": float(apart[0]),
                "median distance when relabelled": float(np.median(apart)),
                f"heads of {pair.names[0]}": smaller,
                f"heads of {pair.names[1]}": larger,
            },
        )

    return PairMeasure(
        procedure,
        lambda pair: p_value(distances(*(sample.mean for sample in pair.samples))),
        OnPlantings(
            averaged(None),
            lambda first, second, seed: np.array([p_value(apart) for apart in distances(first, second)]),
            plantings=PLANTED_PAIRS,
        ),
    )


def more_specialised() -> PairMeasure:
    """Lower end of the interval of the difference in specialisation, smaller model minus larger."""

    def resampled(sample: Sample, resamples: int) -> Array:
        """[resamples]: the same problems for samples of one seed."""
        return resample(specialisation, sample.raw, resample_weights(len(sample.raw), resamples, sample.seed))

    def interval(pair: Pair, resamples: int) -> tuple[float, float]:
        first, second = (resampled(sample, resamples) for sample in pair.samples)
        low, high = percentile_interval(first - second)
        return float(low), float(high)

    def procedure(pair: Pair, rule: Rule) -> Measurement:
        smaller, larger = (float(specialisation(sample.mean)) for sample in pair.samples)
        low, high = interval(pair, RESAMPLES)
        if not np.isfinite([smaller, larger, low, high]).all():
            return undefined("a model has one head only, or none with attention on latents")
        return Measurement(
            low,
            interval=(low, high),
            attainable=bounds.specialisation_difference(),
            answer=f"Is {pair.names[0]} more specialised? {supported(low, high)} ({smaller - larger:+.3g})",
            beside={
                "difference": smaller - larger,
                f"specialisation of {pair.names[0]}": smaller,
                f"specialisation of {pair.names[1]}": larger,
            },
        )

    return PairMeasure(
        procedure,
        lambda pair: interval(pair, CONTROL_RESAMPLES)[0],
        OnPlantings(
            lambda sample: resampled(sample, PLANTED_RESAMPLES),
            lambda first, second, seed: percentile_interval((first - second).T)[0],
            plantings=BLOCK,
            shortened=f"{PLANTED_RESAMPLES} resamples each",
        ),
        of_sizes=True,
    )


def supported(low: float, high: float) -> str:
    """``yes`` when an interval lies above zero, ``no, the reverse`` when below, else ``open``."""
    return "yes" if low > 0 else "no, the reverse" if high < 0 else "open"


def fewer_critical() -> PairMeasure:
    """Number of critical heads, smaller model minus larger."""

    def difference(pair: Pair) -> int:
        smaller, larger = (int(CRITICAL_HEADS.value(sample)) for sample in pair.samples)
        return smaller - larger

    def procedure(pair: Pair, rule: Rule) -> Measurement:
        counts = [int(CRITICAL_HEADS.value(sample)) for sample in pair.samples]
        shares = [count / heads for count, heads in zip(counts, pair.n_heads, strict=True)]
        weights = resample_weights(pair.n_problems, RESAMPLES, pair.samples[0].seed)
        first, second = (resample(CRITICAL_HEADS.of_mean, sample.raw, weights) for sample in pair.samples)
        low, high = percentile_interval(first - second)
        crossed = [one for sample in pair.samples if (one := CRITICAL_HEADS.cross_fitted(sample)) is not None]
        fewer, smaller_share = rule.holds(difference(pair)), shares[0] < shares[1]
        words = ", ".join(
            f"{name} {count} of {heads} ({share:.3g})"
            for name, count, heads, share in zip(pair.names, counts, pair.n_heads, shares, strict=True)
        )
        return Measurement(
            difference(pair),
            interval=(float(low), float(high)),
            biased=True,
            cross_fitted=crossed[0] - crossed[1] if crossed else None,
            confidence=agreement(first - second, rule.holds, fewer),
            resampled=order_statistics(first - second),
            attainable=bounds.fewer_heads(*pair.n_heads),
            answer=f"Critical heads: {words}{'' if fewer == smaller_share else '; count and share disagree'}",
            beside={
                **{f"count of {name}": count for name, count in zip(pair.names, counts, strict=True)},
                **{f"share of {name}": share for name, share in zip(pair.names, shares, strict=True)},
                "count and share agree": fewer == smaller_share,
            },
        )

    return PairMeasure(
        procedure,
        lambda pair: float(difference(pair)),
        OnPlantings(
            averaged(None),
            lambda first, second, seed: CRITICAL_HEADS.of_mean(first) - CRITICAL_HEADS.of_mean(second),
            plantings=BLOCK,
            into=1,
        ),
        of_sizes=True,
    )
