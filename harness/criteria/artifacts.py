"""The result files of one model, each written once, atomically, with its provenance."""

import shutil
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.criteria.critical import findings_title
from harness.criteria.patterns_summary import NAME, Part, packed
from harness.files import replacing, write_array, write_json, write_text
from harness.measures import (
    HEAD_SCORES,
    TooFewLatents,
    causal_cells,
    column_share,
    enrichment,
    head_max,
    hub_adjusted,
    hub_enrichment,
    incoming,
    incoming_total,
    latent_mass,
    mean_over_heads,
    previous_weight,
    ratio_uniform,
    sequential_ratio,
    sequential_share,
    skip,
    top_k,
)
from harness.statistics import percentile_interval, resample, resample_weights

if TYPE_CHECKING:
    import pandas as pd

    from harness.criteria.evidence import ModelStudy
    from harness.extraction.patterns import AttentionPatterns
    from harness.results import CalibrationFile

TOP = 20


class Artifacts:
    """Writes the files of ``results/<model>/``; every method returns a path relative to the output folder."""

    def __init__(self, study: "ModelStudy"):
        self._study = study
        self._folder = f"results/{study.name}"

    def raw(self) -> str:
        """attention_patterns_raw.npy: float32 [n, L, H, T, T]; the summary of the patterns stands beside it."""
        self.patterns_summary()
        return self._raw

    def patterns_summary(self) -> str:
        """patterns_summary.npz: the patterns in half precision, small enough to be kept."""
        return self._patterns_summary

    def patterns_summary_with(self, others: "Mapping[Part, AttentionPatterns]") -> str:
        """The same with other patterns that were looked at, as far as there is room for them."""
        name = f"{self._folder}/{NAME}"
        with replacing(self._study.absolute(name)) as temporary:
            temporary.write_bytes(packed(self._study.patterns, self._study.summarised, others))
        return name

    def averages(self) -> str:
        """attention_patterns_avg.npy: float64 [L, H, T, T], the mean over problems."""
        return self._averages

    def metadata(self) -> str:
        """attention_metadata.json: the model, its sizes, and where each problem's thoughts lie."""
        return self._metadata

    def statistics(self) -> str:
        """attention_stats.json: per position, per head, top heads."""
        return self._statistics

    def summary(self) -> str:
        """attention_summary.json: hubs, scores, three answers with confidence."""
        return self._summary

    def ranked_heads(self) -> str:
        """ranked_heads.csv: the master ranking."""
        return self._ranked_heads

    def critical_heads(self) -> str:
        """critical_heads.json: a top five per score, heads on several lists, rank frequencies."""
        return self._critical_heads

    def critical_heads_findings(self) -> str:
        """critical_heads_findings.txt: the ranking in words."""
        return self._critical_heads_findings

    def calibration(self, content: "CalibrationFile") -> str:
        """calibration.json: what each hypothesis' threshold tells apart."""
        return self._json("calibration.json", content.model_dump(mode="json", by_alias=True))

    def table(self, name: str, table: "pd.DataFrame") -> str:
        """A CSV file; what it rests on is in attention_metadata.json beside it."""
        relative = f"{self._folder}/{name}"
        write_text(self._study.absolute(relative), table.to_csv(index=False, lineterminator="\n"))
        self.metadata()
        return relative

    @cached_property
    def _ranked_heads(self) -> str:
        return self.table("ranked_heads.csv", self._study.ranking.table)

    @cached_property
    def _critical_heads(self) -> str:
        return self._json("critical_heads.json", self._study.ranking.lists())

    @cached_property
    def _critical_heads_findings(self) -> str:
        study = self._study
        relative = f"{self._folder}/critical_heads_findings.txt"
        write_text(study.absolute(relative), study.ranking.findings(findings_title(study)))
        return relative

    @cached_property
    def _raw(self) -> str:
        name = f"{self._folder}/attention_patterns_raw.npy"
        source = getattr(self._study.patterns.raw, "filename", None)
        if source is None:
            write_array(self._study.absolute(name), self._study.patterns.raw)
        else:
            with replacing(self._study.absolute(name)) as temporary:
                shutil.copyfile(source, temporary)
        return name

    @cached_property
    def _patterns_summary(self) -> str:
        return self.patterns_summary_with({})

    @cached_property
    def _averages(self) -> str:
        name = f"{self._folder}/attention_patterns_avg.npy"
        write_array(self._study.absolute(name), self._study.sample.mean)
        return name

    @cached_property
    def _metadata(self) -> str:
        study, patterns = self._study, self._study.patterns
        latents = np.arange(study.n_latents)
        return self._json(
            "attention_metadata.json",
            {
                "model_name": study.name,
                "n_layers": study.n_layers,
                "n_heads": study.n_heads,
                "n_problems": len(study.problems),
                "n_latents": study.n_latents,
                "problem_ids": list(patterns.problem_ids),
                "continuous_thought_positions": (patterns.context_length[:, None] + latents).tolist(),
                "mean_latent_mass": patterns.latent_mass.mean(axis=(0, 1, 2), dtype=np.float64),
                "mean_weight_on_first_token": patterns.first_token.mean(axis=(0, 1, 2), dtype=np.float64),
                "mean_weight_on_bot": patterns.bot.mean(axis=(0, 1, 2), dtype=np.float64),
            },
        )

    @cached_property
    def _statistics(self) -> str:
        raw, mean = self._study.sample.raw, self._study.sample.mean
        rows, columns = causal_cells(raw.shape[-1])
        scores = {name: _where_defined(score, mean) for name, score in HEAD_SCORES.items()}
        shares, mass = column_share(mean), latent_mass(mean)
        largest = head_max(mean)
        ranked = [divmod(int(head), mean.shape[1]) for head in top_k(largest, TOP)]
        variances = [raw[..., i, j].var(axis=0, dtype=np.float64).mean() for i, j in zip(rows, columns, strict=True)]
        return self._json(
            "attention_stats.json",
            {
                "per_position": [_cell(raw, int(i), int(j)) for i, j in zip(rows, columns, strict=True)],
                "variance_over_problems": float(np.mean(variances)),
                "head_max": largest,
                "top_heads": [
                    {"layer": layer, "head": head, "head_max": float(largest[layer, head])} for layer, head in ranked
                ],
                "heads": [
                    {
                        "layer": layer,
                        "head": head,
                        **{name: None if score is None else score[layer, head] for name, score in scores.items()},
                        "column_share": shares[layer, head],
                        "latent_mass": mass[layer, head],
                    }
                    for layer, head in np.ndindex(*mean.shape[:2])
                ],
            },
        )

    @cached_property
    def _summary(self) -> str:
        sample = self._study.sample
        mean, latents = sample.mean, self._study.n_latents
        weights = resample_weights(len(sample.raw), seed=sample.seed)
        received = resample(incoming, sample.raw, weights)
        low, high = percentile_interval(received)
        value = incoming(mean)
        ranked = sorted(range(latents), key=lambda position: (-value[position], position))
        above_null = {
            "enrichment": _where_defined(enrichment, mean),
            "hub_enrichment": _where_defined(hub_enrichment, mean),
        }
        sequential = float(mean_over_heads(sequential_share(mean)))
        skipping = _where_defined(lambda m: mean_over_heads(skip(m)), mean)

        def answer(measure: Callable[[Any], Any], limit: float, compare: Any = np.greater) -> dict[str, Any]:
            here = float(measure(mean))
            yes = bool(compare(here, limit))
            agree = float((compare(resample(measure, sample.raw, weights), limit) == yes).mean())
            return {"answer": "yes" if yes else "no", "value": here, "limit": limit, "confidence": agree}

        hub, adjusted = ranked[0], _where_defined(hub_adjusted, mean)
        answers = {
            "last_to_previous": answer(previous_weight, 1 / latents),
            "hub": {
                **answer(lambda m: ratio_uniform(m).max(axis=-1), 2.0, np.greater_equal),
                "beyond_causality": None if adjusted is None else float(adjusted.max()),
                "position": hub,
                "position_confidence": float((received.argmax(axis=-1) == hub).mean()),
            },
            "skip": answer(lambda m: mean_over_heads(skip(m)), 0.3),
        }
        return self._json(
            "attention_summary.json",
            {
                "hubs": [
                    {
                        "position": position,
                        "incoming": value[position],
                        "ci_low": low[position],
                        "ci_high": high[position],
                    }
                    for position in ranked
                ],
                "per_position": [
                    {
                        "position": position,
                        "incoming": value[position],
                        "incoming_total": incoming_total(mean)[position],
                        "ratio_uniform": ratio_uniform(mean)[position],
                        **{
                            name: None if ratio is None or position >= len(ratio) else ratio[position]
                            for name, ratio in above_null.items()
                        },
                    }
                    for position in range(latents)
                ],
                "sequential_score": sequential,
                "sequential_ratio": float(mean_over_heads(sequential_ratio(mean))),
                "skip_score": skipping,
                "answers": answers,
            },
        )

    def _json(self, name: str, content: dict[str, Any]) -> str:
        relative = f"{self._folder}/{name}"
        write_json(self._study.absolute(relative), {**content, "provenance": self._study.provenance})
        return relative


def _cell(raw: Any, query: int, key: int) -> dict[str, Any]:
    weights = raw[..., query, key].astype(np.float64)
    return {
        "query": query,
        "key": key,
        "mean": weights.mean(),
        "std": weights.std(),
        "min": weights.min(),
        "max": weights.max(),
    }


def _where_defined(measure: Callable[[Any], Any], mean: Any) -> Any:
    """The measure, or None where the model has too few latents for it."""
    try:
        return measure(mean)
    except TooFewLatents:
        return None
