"""Story 2.1: forward flow of every head, and whether a few heads carry it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Criterion, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.hypothesis import MeanMeasure, Selection
from harness.criteria.rankings import ranked_by_flow
from harness.criteria.sample import Sample
from harness.criteria.select import share_of_total, smallest_of_top, top_over_rest
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.measures import bounds, flow, forward_mass, mean_over_heads, take_scores, top_k
from harness.measures.patterns import mean_of_defined, ratio
from harness.statistics import uniform

Array = NDArray[Any]
TOP = 10


def _flow_over_random() -> MeanMeasure:
    """Mean flow of the top heads over the mean flow of all heads under the shuffled control.

    Shuffling keeps the mass of a row, and flow is linear in the cells given the masses, so its mean over all
    shuffles is the flow of rows read uniformly: exact, without draws.
    """

    def at(mean: Array, heads: Array) -> Array:
        return ratio(mean_of_defined(take_scores(flow(mean), heads)), mean_over_heads(flow(uniform(mean))))

    def choose(mean: Array) -> Array:
        return top_k(flow(mean), TOP)

    return MeanMeasure(
        of_mean=lambda mean: at(mean, choose(mean)),
        bounds=lambda L, H, T: bounds.flow_over_random(L, H, T, TOP),
        selection=Selection(choose, at),
        beside=lambda sample: {"mean flow when rows are shuffled": float(mean_over_heads(flow(uniform(sample.mean))))},
    )


def _share_of_top_flow(sample: Sample) -> dict[str, Any]:
    mass = forward_mass(sample.mean)
    top = take_scores(mass, top_k(flow(sample.mean), TOP))
    return {"share of the top 10 by flow": float(np.sum(top) / mass.sum())}


CRITERIA = (
    hypothesis(
        "2.1-top",
        "Top heads move information forward",
        "Smallest flow among the 10 heads with the largest; flow is the share of a head's attention to latents that goes to "
        "earlier ones. Uniform reading alone gives 0.59 to 0.71 with six latents.",
        Rule(">", 0.6),
        smallest_of_top(flow, TOP, bounds.flow),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.1-gap",
        "Clear gap between top heads and the rest",
        "Mean flow of the 10 heads with the largest over the mean flow of all others.",
        Rule(">=", 2),
        top_over_rest(flow, TOP, bounds.top_over_rest),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.1-gap-random",
        "Top heads flow twice as much as random",
        "Mean flow of the top 10 over the mean flow of all heads under the shuffled control; the mean over all shuffles is "
        "that of rows read uniformly, exactly.",
        Rule(">=", 2),
        _flow_over_random(),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.1-share",
        "Top 10 heads carry the forward flow",
        "Share of all forward_mass held by the 10 heads with the most of it; the share of the top 10 by flow beside it.",
        Rule(">", 0.40),
        share_of_total(
            forward_mass, TOP, lambda L, H, T: bounds.share_of_total(L, H, T, TOP), beside=_share_of_top_flow
        ),
        rests_on=RAW_VALIDITY,
    ),
    Criterion(
        "2.1-csv",
        "acceptance",
        "Every head is ranked by flow",
        "heads_ranked_by_flow.csv: layer, head, flow_score, layer_type; one row per head, descending; re-read and recomputed.",
        Rule("is", "valid"),
        ranked_by_flow,
        from_results=True,
    ),
)
