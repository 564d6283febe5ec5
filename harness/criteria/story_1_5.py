"""Story 1.5: hub positions, sequential flow, skip connections; yes/no answers with confidence."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import undefined
from harness.criteria.sample import Sample
from harness.criteria.select import largest_position
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.criteria.story_1_4 import AS_SPECIFIED, _as_specified
from harness.criteria.tested import clear_hubs, most_read, not_random
from harness.measures import (
    bounds,
    enrichment,
    hub_adjusted,
    hub_enrichment,
    incoming,
    mean_over_heads,
    previous_weight,
    ratio_uniform,
    sequential_ratio,
    sequential_share,
    skip,
)

Array = NDArray[Any]

SEQUENTIAL = 0.5
SKIPPING = 0.3
HUB_RATIO = 2


def _confidence(
    sample: Sample, measure: Callable[[Array], Array], holds: Callable[[Array], Array]
) -> tuple[float, bool, float]:
    """Value, verdict on it, and share of resamples with the same verdict."""
    value = float(measure(sample.mean[None])[0])
    resampled = sample.resample(measure)
    verdict = bool(holds(np.array(value)))
    return value, verdict, float(np.mean(holds(resampled) == verdict))


def _answered(
    question: str, sample: Sample, measure: Callable[[Array], Array], limit: float, **beside: Any
) -> Measurement:
    value, verdict, confidence = _confidence(sample, measure, lambda values: values > limit)
    if not np.isfinite(value):
        return undefined("no head has attention on latents")
    yes = "yes" if verdict else "no"
    return Measurement(
        confidence,
        confidence=confidence,
        n_problems=len(sample.raw),
        attainable=bounds.confidence(),
        answer=f"{question} {yes} ({value:.3g} against {limit:.3g})",
        beside={"value": value, "limit": limit, "verdict": yes, **beside},
    )


def hub_confidence(study: ModelStudy) -> Measurement:
    """Share of resamples in which the same position receives most attention."""
    sample = study.sample
    received = incoming(sample.mean)
    hub = int(received.argmax())
    if np.isclose(received, received[hub], rtol=1e-9, atol=1e-12).sum() > 1:
        return undefined("several positions receive equally most")
    resampled = sample.resample(incoming)
    confidence = float((resampled.argmax(axis=-1) == hub).mean())
    return Measurement(
        confidence,
        confidence=confidence,
        n_problems=len(sample.raw),
        attainable=bounds.confidence(),
        answer=f"CT{hub} receives most attention ({received[hub]:.3g} of each query's)",
        beside={"position": hub, "incoming": received.tolist()},
    )


def sequential(study: ModelStudy) -> Measurement:
    """Does a latent read mostly its predecessor?"""
    return _answered(
        "Sequential flow?",
        study.sample,
        lambda mean: mean_over_heads(sequential_share(mean)),
        SEQUENTIAL,
        sequential_ratio=float(mean_over_heads(sequential_ratio(study.sample.mean))),
    )


def skips(study: ModelStudy) -> Measurement:
    """Does the last latent read the first three?"""
    return _answered("Skip connections?", study.sample, lambda mean: mean_over_heads(skip(mean)), SKIPPING)


def last_reads_previous(study: ModelStudy) -> Measurement:
    """Does the last latent read its predecessor more than an equal share?"""
    last = study.n_latents - 1
    return _answered(f"Does CT{last} attend to CT{last - 1}?", study.sample, previous_weight, 1 / study.n_latents)


def _adjusted_beside(sample: Sample) -> dict[str, Any]:
    return {
        "enrichment": enrichment(sample.mean).tolist(),
        "hub_enrichment": hub_enrichment(sample.mean).tolist(),
    }


def summary(study: ModelStudy) -> Measurement:
    """The summary file, re-read and held against the measures."""
    path = study.files.summary()
    content = json.loads(study.absolute(path).read_text(encoding="utf-8"))
    mean = study.sample.mean
    received = incoming(mean)
    ranked = sorted(range(len(received)), key=lambda position: (-received[position], position))
    expected_scores = {
        "sequential_score": float(mean_over_heads(sequential_share(mean))),
        "skip_score": float(mean_over_heads(skip(mean))),
    }
    wrong = [name for name, value in expected_scores.items() if not np.isclose(content.get(name, np.nan), value)]
    if [hub["position"] for hub in content["hubs"]] != ranked:
        wrong.append("hubs")
    positions = content["per_position"]
    if not np.allclose([entry["incoming"] for entry in positions], received):
        wrong.append("per_position")
    answered = {
        "last_to_previous": (previous_weight, lambda values: values > 1 / study.n_latents),
        "hub": (lambda mean: ratio_uniform(mean).max(axis=-1), lambda values: values >= HUB_RATIO),
        "skip": (lambda mean: mean_over_heads(skip(mean)), lambda values: values > SKIPPING),
    }
    if set(content["answers"]) != set(answered):
        wrong.append("answers")
    for name, (measure, holds) in answered.items():
        here, verdict, confidence = _confidence(study.sample, measure, holds)
        said = content["answers"].get(name, {})
        numbers = np.array([said.get("value"), said.get("confidence")], dtype=np.float64)
        if said.get("answer") != ("yes" if verdict else "no") or not np.allclose(numbers, [here, confidence]):
            wrong.append(f"answers.{name}")
    return Measurement("present and consistent" if not wrong else f"wrong: {', '.join(wrong)}", artifacts=(path,))


def figure(study: ModelStudy) -> Measurement:
    """The hub figure, with the causality baseline in it."""
    drawn = study.figures.hubs()
    labels = [label.lower() for panel in drawn.facts.panels for label in panel.series]
    wrong = {
        "causality baseline": not any("causal" in label for label in labels),
        "resolution": drawn.png.dpi != 300,
    }
    return _as_specified(wrong, drawn.paths)


CRITERIA = (
    hypothesis(
        "1.5-winner",
        "One or two clear hub positions",
        "Positions 0..T-3 where min(enrichment, hub_enrichment) exceeds 1: one-sided bootstrap p over problems, "
        "Benjamini-Hochberg over the positions, q < 0.05. Draws of the control use 99 resamples "
        "each, more from 7 thoughts on.",
        Rule("in", (1, 2)),
        clear_hubs(),
        rests_on=RAW_VALIDITY,
        family="T-2 positions",
    ),
    hypothesis(
        "1.5-winner-raw",
        "One or two positions receive most attention",
        "Positions whose incoming attention is not significantly below the largest: sign flips over problems, one-sided, "
        "Benjamini-Hochberg over the T-1 comparisons. Draws of the control use 249 sign flips each.",
        Rule("in", (1, 2)),
        most_read(),
        rests_on=RAW_VALIDITY,
        family="T-1 comparisons with the largest",
    ),
    Criterion(
        "1.5-hub-confidence",
        "acceptance",
        "The hub position is identified with confidence",
        "Share of bootstrap resamples in which the same position has the largest incoming attention.",
        Rule(">=", 0.80),
        hub_confidence,
        rests_on=RAW_VALIDITY,
        from_results=True,
    ),
    hypothesis(
        "1.5-ratio",
        "The hub has at least twice the uniform attention",
        "Largest ratio_uniform[j] = T incoming[j], where incoming[j] is the mean over layers, heads and all T queries of the "
        "weight on latent j.",
        Rule(">=", HUB_RATIO),
        largest_position(
            ratio_uniform,
            bounds.ratio_uniform,
            "off-diagonal",
            beside=lambda sample: {"ratio_uniform": ratio_uniform(sample.mean).tolist()},
        ),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "1.5-hub-adjusted",
        "The hub is more than causality gives",
        "Largest over positions 0..T-3 of min(enrichment, hub_enrichment), where 1.0 is what the causal mask alone gives.",
        Rule(">=", 1.25),
        largest_position(hub_adjusted, bounds.hub_adjusted, "off-diagonal", beside=_adjusted_beside),
        rests_on=RAW_VALIDITY,
    ),
    Criterion(
        "1.5-sequential",
        "acceptance",
        "Sequential flow answered with confidence > 80 %",
        "Share of resamples that give the same answer to: mean over heads of sequential_share > 0.5.",
        Rule(">=", 0.80),
        sequential,
        rests_on=RAW_VALIDITY,
        from_results=True,
    ),
    Criterion(
        "1.5-skip",
        "acceptance",
        "Skip connections answered with confidence > 80 %",
        "Share of resamples that give the same answer to: mean over heads of skip > 0.3.",
        Rule(">=", 0.80),
        skips,
        rests_on=RAW_VALIDITY,
        from_results=True,
    ),
    Criterion(
        "1.5-54",
        "acceptance",
        "Does position 5 attend to position 4, with confidence > 80 %",
        "Share of resamples that give the same answer to: mean over heads of P[T-1, T-2] > 1/T.",
        Rule(">=", 0.80),
        last_reads_previous,
        rests_on=RAW_VALIDITY,
        from_results=True,
    ),
    hypothesis(
        "1.5-nonrandom",
        "Patterns are not random",
        "p of the mean structure against 9,999 draws of the shuffled control. It says only that some position is preferred.",
        Rule("<", 0.001),
        not_random(),
        rests_on=RAW_VALIDITY,
    ),
    Criterion(
        "1.5-summary",
        "acceptance",
        "The summary answers the three questions",
        "attention_summary.json: hubs ranked, per-position scores, sequential and skip scores, yes/no with confidence for: "
        "last to previous position, hub, skip; re-read and recomputed.",
        Rule("is", "present and consistent"),
        summary,
        rests_on=RAW_VALIDITY,
    ),
    Criterion(
        "1.5-figure",
        "acceptance",
        "Hub figure",
        "3_hub_analysis: incoming attention per position with the baseline that causality alone gives.",
        Rule("is", AS_SPECIFIED),
        figure,
        from_results=True,
    ),
)
