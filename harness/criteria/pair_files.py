"""The result file of a comparison: both models in the same numbers, and the questions answered."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.compared import CRITICAL_HEADS, cohens_d, strategy, supported, top_heads
from harness.criteria.critical import SCORES, TOP
from harness.criteria.sample import Sample
from harness.files import write_json
from harness.measures import (
    FUNCTIONAL_TYPES,
    composite_score,
    functional_type,
    hub_adjusted,
    incoming,
    specialisation,
)
from harness.statistics import percentile_interval, resample, resample_weights

if TYPE_CHECKING:
    from harness.criteria.pair_study import PairStudy
    from harness.results import CalibrationFile

Array = NDArray[Any]
SIZES = ("n_parameters", "n_layers", "n_heads", "n_latents")


class PairFiles:
    """Writes the files of a comparison; every method returns a path relative to the output folder."""

    def __init__(self, study: "PairStudy"):
        self._study = study

    def report(self) -> str:
        """<a>_vs_<b>_comparison.json."""
        return self._report

    def calibration(self, content: "CalibrationFile") -> str:
        """<a>_vs_<b>_calibration.json: what each hypothesis' threshold tells apart."""
        return self._json("calibration", content.model_dump(mode="json", by_alias=True))

    @cached_property
    def _report(self) -> str:
        return self._json("comparison", comparison(self._study))

    def _json(self, what: str, content: dict[str, Any]) -> str:
        relative = f"results/{self._study.name}_{what}.json"
        write_json(self._study.absolute(relative), {**content, "provenance": self._study.provenance})
        return relative


def comparison(study: "PairStudy") -> dict[str, Any]:
    """Both models in the same numbers, the paired differences, and the answers with their confidence."""
    pair = study.pair
    first, second = (strategy(sample.raw) for sample in pair.samples)
    differences = first - second
    weights = resample_weights(pair.n_problems, seed=study.options.seed)
    low, high = percentile_interval(weights @ differences)
    effects = cohens_d(differences)
    models = {
        one.name: {**{size: one.about[size] for size in SIZES}, **_described(sample)}
        for one, sample in zip(study.studies, pair.samples, strict=True)
    }
    return {
        "smaller": pair.names[0],
        "larger": pair.names[1],
        "size": "parameters of the language model without embeddings, projection and LoRA",
        "n_problems": pair.n_problems,
        "thoughts_compared": pair.n_latents,
        "models": models,
        "differences": {
            score: {
                "difference": differences[:, index].mean(),
                "ci_low": low[index],
                "ci_high": high[index],
                "cohens_d": effects[index],
            }
            for index, score in enumerate(SCORES)
        },
        "answers": _answers(pair.names, pair.n_heads, [_drawn(sample, weights) for sample in pair.samples], models),
    }


def _described(sample: Sample) -> dict[str, Any]:
    mean = sample.mean
    composites, types = composite_score(mean), functional_type(mean)
    ranked = np.sort(np.nan_to_num(composites).ravel())[::-1]
    received, beyond = incoming(mean), hub_adjusted(mean)
    count = int(CRITICAL_HEADS.value(sample))
    return {
        "hub": {
            "position": int(received.argmax()),
            "incoming": received,
            "position_beyond_causality": int(beyond.argmax()),
            "beyond_causality": beyond,
        },
        "strategy": dict(zip(SCORES, strategy(sample.raw).mean(axis=0), strict=True)),
        "critical_heads": {"count": count, "share": count / composites.size},
        "top_heads": [
            {
                "layer": head // mean.shape[1],
                "head": head % mean.shape[1],
                "composite_score": composites.flat[head],
                "functional_type": FUNCTIONAL_TYPES[types.flat[head]],
            }
            for head in top_heads(mean).tolist()
        ],
        "specialisation": float(specialisation(mean)),
        "distribution": {
            "share of the composite in the top 10": ranked[:TOP].sum() / ranked.sum(),
            "heads that hold half of the composite": int((np.cumsum(ranked) < ranked.sum() / 2).sum()) + 1,
            "heads by functional type": {
                kind: int((types == index).sum()) for index, kind in enumerate(FUNCTIONAL_TYPES)
            },
        },
    }


def _drawn(sample: Sample, weights: Array) -> Array:
    """[resamples, 3]: hub position, specialisation and number of critical heads."""

    def numbers(mean: Array) -> Array:
        return np.stack([incoming(mean).argmax(axis=-1), specialisation(mean), CRITICAL_HEADS.of_mean(mean)], axis=-1)

    return np.asarray(resample(numbers, sample.raw, weights))


def _answers(
    names: tuple[str, str], n_heads: tuple[int, int], drawn: list[Array], models: dict[str, Any]
) -> dict[str, Any]:
    """The four questions, each with the share of resamples, paired by problem, that give the same answer."""
    described = [models[name] for name in names]
    hubs = [one["hub"]["position"] for one in described]
    counts = [one["critical_heads"]["count"] for one in described]
    shares = [one["critical_heads"]["share"] for one in described]
    difference = described[0]["specialisation"] - described[1]["specialisation"]
    (hub_a, special_a, count_a), (hub_b, special_b, count_b) = (one.T for one in drawn)
    low, high = (float(end) for end in percentile_interval(special_a - special_b))
    specialised = _yes(difference > 0, special_a > special_b)
    return {
        "same_hub": {
            "question": "Does the same thought receive most attention in both models?",
            **_yes(hubs[0] == hubs[1], hub_a == hub_b),
            "positions": dict(zip(names, hubs, strict=True)),
        },
        "more_specialised": {
            "question": f"Is {names[0]} more specialised than {names[1]}?",
            **specialised,
            "difference": difference,
        },
        "fewer_critical_heads": {
            "question": f"Has {names[0]} fewer critical heads than {names[1]}?",
            "by_count": {
                **_yes(counts[0] < counts[1], count_a < count_b),
                "values": dict(zip(names, counts, strict=True)),
            },
            "by_share": {
                **_yes(shares[0] < shares[1], count_a / n_heads[0] < count_b / n_heads[1]),
                "values": dict(zip(names, shares, strict=True)),
            },
            "count_and_share_agree": (counts[0] < counts[1]) == (shares[0] < shares[1]),
        },
        "capacity_hypothesis": {
            "question": "Does the smaller model specialise more, whichever problems are drawn?",
            "answer": supported(low, high),
            "confidence": specialised["confidence"],
            "difference": difference,
            "ci_low": low,
            "ci_high": high,
        },
    }


def _yes(holds: bool, resampled: Array) -> dict[str, Any]:
    return {"answer": "yes" if holds else "no", "confidence": float(np.mean(resampled == holds))}
