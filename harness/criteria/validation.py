"""What holds of the first sample held against all problems: rankings, verdicts, tests on fresh problems, effect sizes.

With thousands of problems next to every difference is significant, so each test stands beside how large the effect is.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ttest_rel

from harness.criteria.sample import Sample
from harness.measures import (
    causal_cells,
    composite_score,
    enrichment,
    hub_score,
    incoming,
    overlap,
    three_scores,
    top_k,
)
from harness.statistics import benjamini_hochberg, p_value, percentile_interval

Array = NDArray[Any]

TOP = 10
SMALLEST = 1e-200
"""A p below this counts as this: no test has a p of 0."""
PERMUTATIONS = 9999
SIZES = ((0.8, "large"), (0.5, "medium"), (0.2, "small"), (0.0, "negligible"))
"""Cohen's words for a difference in standard deviations (Statistical Power Analysis for the Behavioral Sciences, 1988)."""
STRENGTHS = ((0.5, "large"), (0.3, "medium"), (0.1, "small"), (0.0, "negligible"))
"""The same for a correlation."""


Tested = TypeVar("Tested", "Correlation", "HubComparison", "HeadsComparison")


def in_words(effect: float, sizes: Sequence[tuple[float, str]] = SIZES) -> str:
    """How large an effect is."""
    return next(word for least, word in sizes if abs(effect) >= least) if np.isfinite(effect) else "undefined"


@dataclass(frozen=True)
class Correlation:
    """How alike something is on both sets of problems, over heads; ``p`` by permuting heads."""

    of: str
    r: float
    ci_low: float
    ci_high: float
    p: float
    q: float
    size: str


@dataclass(frozen=True)
class HubComparison:
    """The hub against another position: paired t over fresh problems of enrichment, one-sided, ``d`` in deviations."""

    position: int
    difference: float
    ci_low: float
    ci_high: float
    t: float
    p: float
    q: float
    d: float
    size: str


@dataclass(frozen=True)
class HeadsComparison:
    """Enrichment of one position on the sample, with its interval over problems, against all: paired t over heads, two-sided."""

    position: int
    sample: float
    ci_low: float
    ci_high: float
    full: float
    t: float
    p: float
    q: float
    d: float
    size: str


def correlations(first: Sample, full: Sample) -> list[Correlation]:
    """Of patterns, flow, hub, skip and composite score on both; the interval is what samples as large as the first give.

    Resampling the first sample would add its noise a second time, and so give less than its own r.
    """

    def features(mean: Array) -> dict[str, Array]:
        """By name: [..., heads, numbers of each head]."""
        rows, columns = causal_cells(mean.shape[-1])
        heads = mean.reshape(*mean.shape[:-4], -1, *mean.shape[-2:])
        scores = dict(zip(("flow", "hub", "skip"), np.moveaxis(three_scores(mean), -3, 0), strict=True)) | {
            "composite": composite_score(mean)
        }
        by_head = {name: score.reshape(*score.shape[:-2], -1, 1) for name, score in scores.items()}
        return {"patterns": heads[..., rows, columns], **by_head}

    known, others = features(full.mean), features(full.subsets(len(first.raw)))
    found = []
    for name, value in features(first.mean).items():
        low, high = percentile_interval(together(others[name], known[name]))
        r, p = float(together(value, known[name])), heads_p(value, known[name], first.seed)
        found.append(Correlation(name, r, float(low), float(high), p, p, in_words(r, STRENGTHS)))
    return _corrected(found)


def together(first: Array, second: Array) -> Array:
    """Pearson's r [...] over all numbers [..., heads, k]; NaN where one does not vary."""
    x, y = (one.reshape(*one.shape[:-2], -1) for one in (first, second))
    x, y = (one - one.mean(axis=-1, keepdims=True) for one in (x, y))
    scale = np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1))
    return np.divide((x * y).sum(axis=-1), scale, out=np.full(scale.shape, np.nan), where=scale > 0)


def heads_p(first: Array, second: Array, seed: int, draws: int = PERMUTATIONS) -> float:
    """Two-sided p of Pearson's r of numbers [heads, k], over random pairings of the heads; a head's numbers stay together."""
    x, y = first - first.mean(), second - second.mean()
    # r of a pairing is a sum of entries of one matrix: of each head with the head it is paired with.
    products = x @ y.T / max(np.sqrt((x * x).sum() * (y * y).sum()), 1e-300)
    heads = np.arange(len(x))
    if not np.isfinite(products).all() or not products.any():
        return float("nan")
    orders = np.random.default_rng((seed, 43)).permuted(np.tile(heads, (draws, 1)), axis=1)
    drawn = np.abs(products[heads, orders].sum(axis=1))
    return float(p_value(int((drawn >= abs(np.trace(products)) - 1e-9).sum()), draws))


def hub_comparisons(first: Sample, fresh: Array) -> tuple[int, list[HubComparison]]:
    """The position of largest enrichment on the first sample, against each other one on ``fresh`` enrichment [n, T - 1]."""
    hub = int(enrichment(first.mean).argmax())
    others = [position for position in range(fresh.shape[1]) if position != hub]
    found = []
    for position in others:
        pair = fresh[:, hub], fresh[:, position]
        tested = ttest_rel(*pair, alternative="greater")
        low, high = ttest_rel(*pair).confidence_interval(0.95)
        differences = pair[0] - pair[1]
        spread = differences.std(ddof=1)
        d = float(differences.mean() / spread) if spread > 0 else float("nan")
        t, p = float(tested.statistic), max(float(tested.pvalue), SMALLEST)
        found.append(
            HubComparison(position, float(differences.mean()), float(low), float(high), t, p, p, d, in_words(d))
        )
    return hub, _corrected(found)


def heads_comparisons(first: Sample, full: Sample) -> list[HeadsComparison]:
    """Each position's enrichment, head by head, on the first sample against all problems."""

    def of_heads(mean: Array) -> Array:
        """[heads, T - 1]."""
        return enrichment(mean.reshape(-1, 1, 1, *mean.shape[-2:]))

    one, other = of_heads(first.mean), of_heads(full.mean)
    low, high = percentile_interval(first.resample(enrichment))
    found = []
    for position in range(one.shape[1]):
        pair = one[:, position], other[:, position]
        differences = pair[0] - pair[1]
        spread = differences.std(ddof=1) if len(differences) > 1 else 0.0
        means = float(pair[0].mean()), float(low[position]), float(high[position]), float(pair[1].mean())
        if spread > 0:
            tested, d = ttest_rel(*pair), float(differences.mean() / spread)
            p = max(float(tested.pvalue), SMALLEST)
            found.append(HeadsComparison(position, *means, float(tested.statistic), p, p, d, in_words(d)))
        else:
            nothing = float("nan")
            found.append(HeadsComparison(position, *means, nothing, nothing, nothing, nothing, in_words(nothing)))
    return _corrected(found)


def _corrected(found: list[Tested]) -> list[Tested]:
    """The same with Benjamini-Hochberg's q for their p."""
    q = benjamini_hochberg([one.p for one in found])
    return [replace(one, q=float(corrected)) for one, corrected in zip(found, q, strict=True)]


def hub_errors(first: Sample, full: Sample) -> dict[str, Array]:
    """Bootstrap standard error of each hub score on all problems over that on the sample: of positions, and of heads.

    Scores without any error on the sample are left out.
    """
    measures: dict[str, Callable[[Array], Array]] = {
        "incoming": incoming,
        "enrichment": enrichment,
        "hub_score": lambda mean: hub_score(mean).reshape(*mean.shape[:-4], -1),
    }
    found = {}
    for name, measure in measures.items():
        before, after = (sample.resample(measure).std(axis=0) for sample in (first, full))
        found[name] = after[before > 0] / before[before > 0]
    return found


def interval_widths(first: Sample, full: Sample) -> dict[str, Array]:
    """Width of the 95 % interval on all problems over that on the sample: of positions, and of every head's composite score."""
    measures: dict[str, Callable[[Array], Array]] = {
        "incoming": incoming,
        "enrichment": enrichment,
        "composite_score": lambda mean: composite_score(mean).reshape(*mean.shape[:-4], -1),
    }
    found = {}
    for name, measure in measures.items():
        before, after = (np.subtract(*percentile_interval(sample.resample(measure))[::-1]) for sample in (first, full))
        found[name] = after[before > 0] / before[before > 0]
    return found


def ranking_of(mean: Array, k: int = TOP) -> list[list[int]]:
    """[layer, head] of the first k heads by composite score."""
    return [list(divmod(int(head), mean.shape[-3])) for head in top_k(composite_score(mean), k)]


def shared(first: Array, second: Array, k: int = TOP) -> Array:
    """Share of the first k heads by composite score that two means [..., L, H, T, T] have in common."""
    return np.asarray(overlap(top_k(composite_score(first), k), top_k(composite_score(second), k)))


def rows_of(found: Sequence[Any]) -> list[dict[str, Any]]:
    """For a result file."""
    return [asdict(one) for one in found]
