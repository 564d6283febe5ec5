"""Procedures whose result is a test: p-values, and counts of positions that a test tells apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Measurement, Rule
from harness.criteria.hypothesis import BLOCK, SPLITS, OnPlantings, TestMeasure, averaged, order_statistics, undefined
from harness.criteria.sample import DRAWS, MANY_DRAWS, Sample
from harness.measures import (
    FUNCTIONAL_TYPES,
    Contrast,
    EmptyGroup,
    between_groups,
    bounds,
    composite_score,
    from_others,
    functional_type,
    hub_adjusted,
    incoming,
    layer_distance,
    layer_members,
    mean_structure,
    overlap,
    pairwise_distances,
    structure,
    take_patterns,
    take_scores,
    top_k,
)
from harness.measures.composite import NO_TYPE
from harness.measures.patterns import mean_of_defined
from harness.statistics import (
    agreement,
    benjamini_hochberg,
    drawn_p,
    group_permutation_p,
    halves,
    label_permutation_p,
    mean_patterns,
    p_value,
    percentile_interval,
    resample_weights,
    shuffled_means,
    sign_flip_p,
)

Array = NDArray[Any]

SIGNIFICANT = 0.05
PERMUTATIONS = 9999
CONTROL_RESAMPLES = 250
"""Resamples and permutations inside each draw of a control, where only pass or fail is counted."""
PLANTED_RESAMPLES = 99
"""The same inside each sample with a planted pattern, of which there are many more, and where resamples are slow."""


def layers_differ() -> TestMeasure:
    """p of the largest distance between the mean patterns of early, middle and late layers."""

    def p(mean: Array, draws: int, seed: int) -> Array:
        return np.asarray(group_permutation_p(mean, layer_members(*mean.shape[-4:-2]), draws, seed))

    def procedure(sample: Sample) -> Measurement:
        apart = float(layer_distance(sample.mean))
        if not np.isfinite(apart):
            return undefined("a group of layers has no attention on latents")
        value = float(p(sample.mean, PERMUTATIONS, sample.seed))
        return Measurement(value, p_value=value, beside={"largest distance": apart})

    return TestMeasure(
        procedure,
        lambda sample: p(sample.draw_means("rows"), CONTROL_RESAMPLES - 1, sample.seed),
        lambda L, H, T: bounds.p_value(PERMUTATIONS, bounds.layer_arrangements(L, H)),
        on_plantings=OnPlantings(
            averaged(None),
            lambda means, seed: p(means, PLANTED_RESAMPLES, seed),
            plantings=100,
            shortened=f"{PLANTED_RESAMPLES} permutations each",
        ),
    )


def clear_hubs() -> TestMeasure:
    """Positions read more than causality gives, by a one-sided bootstrap corrected over positions."""

    def procedure(sample: Sample) -> Measurement:
        values = hub_adjusted(sample.mean)
        if not np.isfinite(values).all():
            return undefined("a position has no reader with attention to earlier latents")
        resampled = sample.resample(hub_adjusted)
        p = _above_one(resampled)
        q = benjamini_hochberg(p)
        low, high = percentile_interval(resampled)
        return Measurement(
            int((q < SIGNIFICANT).sum()),
            p_value=float(p.min()),
            q_value=float(q.min()),
            answer=_positions(np.flatnonzero(q < SIGNIFICANT), "read more than causality gives"),
            beside={
                "min(enrichment, hub_enrichment)": values.tolist(),
                "interval low": low.tolist(),
                "interval high": high.tolist(),
                "p per position": p.tolist(),
                "q per position": q.tolist(),
            },
        )

    def on_each_draw(sample: Sample) -> Array:
        return sample.of_draws("off-diagonal", lambda draw: count(sample.with_raw(draw)))

    def count(sample: Sample) -> Array:
        # As many as a single position among T - 2 needs to be found: its q cannot be smaller than 0.04.
        enough = max(PLANTED_RESAMPLES, 25 * (sample.raw.shape[-1] - 2) - 1)
        weights = resample_weights(len(sample.raw), enough, sample.seed).astype(np.float32)
        p = _above_one(hub_adjusted(mean_patterns(sample.raw, weights)))
        return np.asarray((benjamini_hochberg(p) < SIGNIFICANT).sum())

    return TestMeasure(
        procedure,
        on_each_draw,
        bounds.winners,
        ends_attained=True,
        shuffle="off-diagonal",
        on_plantings=OnPlantings(
            count,
            lambda counts, seed: counts.astype(np.float64),
            plantings=25,
            shortened=f"{PLANTED_RESAMPLES} resamples each",
        ),
    )


def _above_one(resampled: Array) -> Array:
    """One-sided bootstrap p of resampled values [draws, *] against 1."""
    return np.asarray(p_value((~(resampled > 1)).sum(axis=0), len(resampled)))


def most_read() -> TestMeasure:
    """Positions whose incoming attention is not significantly below the largest."""

    def received_in(sample: Sample) -> Array:
        """[n, T]. The mean over heads first: incoming is linear, and this is a fifth of the work."""
        return sample.each(lambda raw: incoming(raw.mean(axis=(1, 2), dtype=np.float64, keepdims=True)))

    def tested(received: Array, draws: int, seed: int) -> tuple[Array, int, Array, Array]:
        largest = int(received.mean(axis=0).argmax())
        others = np.delete(np.arange(received.shape[1]), largest)
        p = sign_flip_p(received[:, [largest]] - received[:, others], draws, seed, "greater")
        return received.mean(axis=0), largest, p, benjamini_hochberg(p)

    def procedure(sample: Sample) -> Measurement:
        received, largest, p, q = tested(received_in(sample), PERMUTATIONS, sample.seed)
        others = np.delete(np.arange(len(received)), largest)
        kept = np.sort([largest, *others[q >= SIGNIFICANT]])
        return Measurement(
            len(kept),
            answer=_positions(kept, "not significantly below the largest"),
            beside={
                "incoming": received.tolist(),
                "compared with": largest,
                "positions compared": others.tolist(),
                "p per comparison": p.tolist(),
                "q per comparison": q.tolist(),
            },
        )

    def on_each_draw(sample: Sample) -> Array:
        received = sample.of_draws("off-diagonal", lambda draw: received_in(sample.with_raw(draw)))
        return counts(received, sample.seed)

    def counts(received: Array, seed: int) -> Array:
        """Received attention [samples, n, T] to the number of positions [samples]."""
        largest = received.mean(axis=1).argmax(axis=-1)
        positions = np.arange(received.shape[-1])
        others = np.stack([np.delete(positions, one) for one in largest])
        reached = np.take_along_axis(received, largest[:, None, None], axis=-1)
        short = reached - np.take_along_axis(received, others[:, None], axis=-1)
        p = sign_flip_p(np.moveaxis(short, 0, 1), CONTROL_RESAMPLES - 1, seed, "greater")
        return np.array([1 + (benjamini_hochberg(one) >= SIGNIFICANT).sum() for one in p], dtype=np.float64)

    return TestMeasure(
        procedure,
        on_each_draw,
        bounds.winners_raw,
        ends_attained=True,
        shuffle="off-diagonal",
        on_plantings=OnPlantings(
            received_in,
            counts,
            shortened=f"{CONTROL_RESAMPLES - 1} sign flips each",
        ),
    )


def not_random() -> TestMeasure:
    """p of the mean structure against the shuffled control."""

    def procedure(sample: Sample) -> Measurement:
        observed = float(mean_structure(sample.mean))
        if not np.isfinite(observed):
            return undefined("no head has attention on latents")
        # A pattern without any structure is matched by every draw; there is nothing to draw.
        drawn = sample.shuffled_structure if observed > 0 else np.zeros(MANY_DRAWS)
        value = float(p_value(int((drawn >= observed - 1e-12).sum()), len(drawn)))
        low, high = percentile_interval(drawn)
        return Measurement(
            value,
            p_value=value,
            beside={
                "mean structure": observed,
                "shuffled, 2.5 %": float(low),
                "shuffled, median": float(np.median(drawn)),
                "shuffled, 97.5 %": float(high),
            },
        )

    def p_values(means: Array, seed: int) -> Array:
        """The null puts heads of all samples' shuffles together, each head of a draw from any of the samples."""
        structures = structure(means).reshape(len(means), 2, -1)
        heads = np.arange(structures.shape[-1])
        chosen = np.random.default_rng(seed).integers(len(means), size=(MANY_DRAWS, len(heads)))
        return _p_against(mean_of_defined(structures[:, 0]), mean_of_defined(structures[:, 1][chosen, heads]))

    return TestMeasure(
        procedure,
        lambda sample: _p_among_all(sample.shuffled_structure)[:DRAWS],
        lambda L, H, T: bounds.p_value(MANY_DRAWS),
        on_plantings=OnPlantings(
            _with_a_shuffle,
            p_values,
            plantings=BLOCK,
            shortened=f"against shuffled heads of all {BLOCK} samples of a pattern and strength, recombined "
            f"{MANY_DRAWS:,} times",
        ),
    )


def top_heads_apart(k: int) -> TestMeasure:
    """p of how much farther the top k heads by composite score lie from the other heads than those from each other.

    The null scores and chooses its own top k on every draw of the shuffled control.
    """

    def contrast(mean: Array) -> Contrast:
        heads = mean.reshape(-1, *mean.shape[-2:])
        chosen = np.zeros(len(heads), dtype=np.bool_)
        chosen[top_k(composite_score(mean), k)] = True
        return from_others(pairwise_distances(heads), chosen)

    def difference(mean: Array) -> Array:
        return contrast(mean).difference

    def procedure(sample: Sample) -> Measurement:
        observed = contrast(sample.mean)
        if not np.isfinite(observed.difference):
            return undefined("heads have no rows of attention on latents in common")
        drawn = sample.drawn(difference)
        value = drawn_p(float(observed.difference), drawn)
        return Measurement(
            value,
            p_value=value,
            beside={
                "mean distance, top to others": float(observed.across),
                "mean distance among others": float(observed.inside),
                "difference": float(observed.difference),
                "difference when shuffled, median": float(np.median(drawn)),
                "difference when shuffled, 95 %": float(np.quantile(drawn, 0.95)),
            },
        )

    def p_values(means: Array, seed: int) -> Array:
        """The null is one shuffle of every sample."""
        observed, shuffled = np.array([[difference(one) for one in both] for both in means]).T
        return _p_against(observed, shuffled)

    return TestMeasure(
        procedure,
        lambda sample: _p_among_all(sample.drawn(difference)),
        lambda L, H, T: bounds.p_value(DRAWS),
        on_plantings=OnPlantings(
            _with_a_shuffle,
            p_values,
            plantings=BLOCK,
            shortened=f"against one shuffle of each of the {BLOCK} samples of a pattern and strength",
        ),
    )


def types_apart(k: int) -> TestMeasure:
    """p of how much farther heads of different functional types lie apart than heads of one, over the top k.

    Types are permuted over the heads. A head of no type is left out.
    """

    def typed(mean: Array) -> tuple[Array, Array]:
        best = top_k(composite_score(mean), k)
        types = take_scores(functional_type(mean), best)
        best, types = best[types != NO_TYPE], types[types != NO_TYPE]
        found, counts = np.unique(types, return_counts=True)
        if len(found) < 2 or counts.max() < 2:
            names = ", ".join(FUNCTIONAL_TYPES[kind] for kind in found) or "none"
            raise EmptyGroup(
                f"needs two functional types among the top heads and two heads of one of them; the types of the "
                f"{len(types)} heads that have one: {names}"
            )
        return pairwise_distances(take_patterns(mean, best)), types

    def procedure(sample: Sample) -> Measurement:
        distances, types = typed(sample.mean)
        observed = between_groups(distances, types)
        if not np.isfinite(observed.difference):
            return undefined("heads have no rows of attention on latents in common")
        value = label_permutation_p(distances, types, PERMUTATIONS, sample.seed)
        kinds, counts = np.unique(types, return_counts=True)
        return Measurement(
            value,
            p_value=value,
            beside={
                "mean distance between types": float(observed.across),
                "mean distance within a type": float(observed.inside),
                "difference": float(observed.difference),
                "types": [f"{count} {FUNCTIONAL_TYPES[kind]}" for kind, count in zip(kinds, counts, strict=True)],
            },
        )

    def p_of_draw(mean: Array, draws: int, seed: int) -> float:
        try:
            return label_permutation_p(*typed(mean), draws, seed)
        except EmptyGroup:
            return float("nan")

    return TestMeasure(
        procedure,
        lambda sample: np.array(
            [p_of_draw(mean, CONTROL_RESAMPLES - 1, sample.seed) for mean in sample.draw_means("rows")]
        ),
        lambda L, H, T: bounds.p_value(PERMUTATIONS, bounds.type_arrangements(min(k, L * H))),
        on_plantings=OnPlantings(
            averaged(None),
            lambda means, seed: np.array([p_of_draw(mean, PLANTED_RESAMPLES, seed) for mean in means]),
            plantings=BLOCK,
            shortened=f"{PLANTED_RESAMPLES} permutations each",
        ),
    )


def stable_ranking(k: int, rule: Rule) -> TestMeasure:
    """Share of the top k heads by composite score that are the top k on a second, disjoint sample too."""

    def best(mean: Array) -> Array:
        return top_k(composite_score(mean), k)

    def procedure(sample: Sample) -> Measurement:
        first, second = best(sample.mean), best(sample.other.mean)
        again = overlap(sample.resample(best), sample.other.resample(best))
        low, high = percentile_interval(again)
        layers, heads = sample.mean.shape[:2]
        one, two = (
            best(sample.weighted(lambda raw: raw, half)) for half in halves(len(sample.raw), SPLITS, sample.seed)
        )
        value = float(overlap(first, second))
        return Measurement(
            value,
            interval=(float(low), float(high)),
            confidence=agreement(again, rule.holds, rule.holds(value)),
            resampled=order_statistics(again),
            beside={
                "overlap by chance": min(k, layers * heads) / (layers * heads),
                "problems of the second sample": len(sample.other.raw),
                "overlap of random halves of the first sample, mean of 100": float(overlap(one, two).mean()),
            },
        )

    def on_each_draw(sample: Sample) -> Array:
        return np.asarray(overlap(best(sample.draw_means("rows")), best(sample.other.draw_means("rows"))))

    def with_the_next(means: Array, seed: int) -> Array:
        """Samples of one pattern are independent: each is the second sample of the one before."""
        heads = best(means)
        return overlap(heads, np.roll(heads, 1, axis=0))

    return TestMeasure(
        procedure,
        on_each_draw,
        lambda L, H, T: bounds.overlap(L, H, T, k),
        ends_attained=True,
        second_sample=True,
        on_plantings=OnPlantings(averaged(None), with_the_next),
    )


def _with_a_shuffle(sample: Sample) -> Array:
    """[2, L, H, T, T]: mean patterns of the sample and of one shuffle of it."""
    return np.concatenate([sample.mean[None], shuffled_means(sample.raw, 1, sample.seed)])


def _p_against(observed: Array, drawn: Array) -> Array:
    """The p of every observed value against the drawn ones; NaN for one that is not defined."""
    ranked = np.sort(drawn[np.isfinite(drawn)])
    at_least = len(ranked) - np.searchsorted(ranked, observed - 1e-12, side="left")
    return np.where(np.isfinite(observed), p_value(at_least, len(drawn)), np.nan)


def _p_among_all(drawn: Array) -> Array:
    """The p of every drawn value against all of them; NaN for one that is not defined.

    Each counts itself once, as an observed value does in the numerator's 1.
    """
    ranked = np.sort(drawn[np.isfinite(drawn)])
    at_least = len(ranked) - np.searchsorted(ranked, drawn - 1e-12, side="left")
    return np.where(np.isfinite(drawn), at_least / len(drawn), np.nan)


def _positions(positions: Array, what: str) -> str:
    if len(positions) == 0:
        return f"no position is {what}"
    names = ", ".join(f"CT{position}" for position in positions)
    return f"{names}: {what}"
