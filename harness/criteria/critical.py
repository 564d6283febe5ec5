"""The critical heads of one model: the master ranking with its uncertainty, the lists, and the findings in words.

Every number in the words comes from the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import entropy

from harness.criteria.rankings import by_head
from harness.criteria.sample import Sample
from harness.measures import (
    FUNCTIONAL_TYPES,
    LAYER_TYPES,
    composite_normalised,
    composite_score,
    functional_type,
    hub_position,
    layer_type,
    normalised_scores,
    specialisation,
    three_scores,
    top_k,
)
from harness.statistics import percentile_interval

if TYPE_CHECKING:
    from harness.criteria.evidence import ModelStudy

Array = NDArray[Any]
Head = tuple[int, int]

CRITICAL = 0.7
"""A head whose composite exceeds this is critical (the study's threshold)."""
TOP = 10
NAMED_SHARE = 0.5
"""A head is named when at least this share of resamples ranks it among the first three."""
SCORES = ("flow", "hub", "skip")
RANKS = (3, 5, 10)

DOES = {
    "Forward Flow": "on the model's scale its flow is the largest of its scores",
    "Hub Aggregator": "its queries gather on CT{hub}",
    "Skip Connection": "its last thought reads the first three",
    "Multi-Purpose": "two or more of its scores are near the model's largest",
    "None": "none of its scores stands out",
}


@dataclass(frozen=True)
class HeadRanking:
    """The heads of one model ranked by composite score, on one sample of problems."""

    sample: Sample

    @cached_property
    def table(self) -> pd.DataFrame:
        """ranked_heads.csv: one row per head, by descending composite score."""
        mean = self.sample.mean
        flow, hub, skip = three_scores(mean)
        low, high = percentile_interval(self._composites)
        columns = {
            "flow_score": flow,
            "hub_score": hub,
            "skip_score": skip,
            "composite_score": composite_score(mean),
            "functional_type": np.array(FUNCTIONAL_TYPES)[functional_type(mean)],
            "composite_normalised": composite_normalised(mean),
            "composite_ci_low": low,
            "composite_ci_high": high,
            **{f"top{k}_frequency": self.frequency(k) for k in RANKS},
        }
        return by_head(mean, "composite_score", columns)

    @cached_property
    def _composites(self) -> Array:
        """[resamples, L, H]."""
        return self.sample.resample(composite_score)

    def frequency(self, k: int) -> Array:
        """[L, H]: how often resamples of the problems rank a head among the first k."""
        chosen = top_k(self._composites, k)
        counts = np.bincount(chosen.ravel(), minlength=self._composites[0].size)
        return (counts / len(chosen)).reshape(self._composites.shape[1:])

    @property
    def named(self) -> list[Head]:
        """Heads that at least half of the resamples rank among the first three, in rank order."""
        rows = self.table[self.table.top3_frequency >= NAMED_SHARE]
        return list(zip(rows.layer.tolist(), rows["head"].tolist(), strict=True))

    def best_by(self, score: str, k: int = 5) -> list[Head]:
        """The first k heads by flow, hub or skip score."""
        scores = three_scores(self.sample.mean)[SCORES.index(score)]
        return [divmod(int(head), scores.shape[1]) for head in top_k(scores, k)]

    def lists(self) -> dict[str, Any]:
        """critical_heads.json: a top five per score, heads on several of them, and how sure the ranks are."""
        fives = {score: self.best_by(score) for score in SCORES}
        several = {
            " and ".join(names): sorted(set.intersection(*(set(fives[name]) for name in names)))
            for count in (2, 3)
            for names in combinations(SCORES, count)
        }
        places = ["layer", "head", "composite_score", *(f"top{k}_frequency" for k in RANKS)]
        return {
            "top_5": fives,
            "on_several_lists": several,
            "named": self.named,
            "critical": {
                "composite_score above 0.7": int((self.table.composite_score > CRITICAL).sum()),
                "composite_normalised above 0.7": int((self.table.composite_normalised > CRITICAL).sum()),
            },
            "specialisation": float(specialisation(self.sample.mean)),
            "rank_frequencies": self.table[places].to_dict("records"),
        }

    def on_scale(self, head: Head) -> dict[str, float]:
        """Flow, hub and skip score of a head on the model's scale from 0 to 1, 0 where undefined."""
        scaled = np.nan_to_num(normalised_scores(self.sample.mean)[:, *head])
        return dict(zip(SCORES, scaled.tolist(), strict=True))

    def largest_score(self, head: Head) -> str:
        """The score that is largest on the model's scale, the first of equals."""
        scaled = self.on_scale(head)
        return max(SCORES, key=lambda name: scaled[name])

    def why(self, rank: int) -> list[str]:
        """Why the head of this rank, the first being 0, is critical, relative to the model's other heads.

        Three paragraphs: its type and what decides it, its largest score, its composite score.
        """
        table = self.table
        row = {str(name): value for name, value in table.iloc[rank].items()}
        head = row["layer"], row["head"]
        name = self.largest_score(head)
        scores, own = table[f"{name}_score"], row[f"{name}_score"]
        return [
            f"Functional type of L{head[0]}H{head[1]}: {row['functional_type']}. On the model's scale from 0 to 1 it has "
            "flow {flow:.4f}, hub {hub:.4f} and skip {skip:.4f}.".format(**self.on_scale(head)),
            f"Largest measure: {name} score {own:.4f}, rank {1 + (scores > own).sum()} of {len(table)} heads. The model's "
            f"heads range from {scores.min():.4f} to {scores.max():.4f} with a median of {scores.median():.4f}.",
            f"Composite score {row['composite_score']:.4f} [{row['composite_ci_low']:.4f}, {row['composite_ci_high']:.4f}], "
            f"rank {rank + 1} of {len(table)}; among the first three in {row['top3_frequency']:.4f} of the resamples.",
        ]

    def findings(self, title: str) -> str:
        """critical_heads_findings.txt."""
        hubs = hub_position(self.sample.mean)
        return findings_text(
            title, self.table, {(layer, head): int(hub) for (layer, head), hub in np.ndenumerate(hubs)}
        )


def findings_text(title: str, table: pd.DataFrame, hubs: Mapping[Head, int]) -> str:
    """The ranking in words: every number is one of the table, counts rows of it, or is a head's hub position."""
    rows = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    top = table.head(TOP)
    lines = [title, "", "Most critical"]
    for row in (row for row in rows if row["top3_frequency"] >= NAMED_SHARE):
        lines.append(
            "  L{layer}H{head}: composite {composite_score:.4f}, among the first three in {top3_frequency:.4f} of the "
            "resamples".format(**row)
        )
    lines += ["", f"Top {len(top)} by composite score"]
    for rank, row in enumerate(rows[:TOP], start=1):
        does = DOES[row["functional_type"]].format(hub=hubs[row["layer"], row["head"]])
        lines.append(
            f"  {rank}. "
            + "L{layer}H{head}: {functional_type}, composite {composite_score:.4f} [{composite_ci_low:.4f}, "
            "{composite_ci_high:.4f}], flow {flow_score:.4f}, hub {hub_score:.4f}, skip {skip_score:.4f}; ".format(
                **row
            )
            + does
        )
    lines += ["", "Critical layers"]
    layers = top.layer.value_counts().sort_index()
    lines += [f"  layer {layer}: {count} of the top {len(top)}" for layer, count in layers.items()]
    kinds = np.array(LAYER_TYPES)[layer_type(int(table.layer.max()) + 1)]
    shares = [f"{int((kinds[top.layer] == kind).sum())} {kind}" for kind in LAYER_TYPES]
    lines.append(f"  {', '.join(shares)}")
    lines += ["", "Specialisation"]
    types = top.functional_type.value_counts()
    lines += [f"  {kind}: {types[kind]} of the top {len(top)}" for kind in FUNCTIONAL_TYPES if kind in types]
    composites = table.composite_score.fillna(0.0)
    special = 1 - float(entropy(composites / composites.sum()) / np.log(len(table)))
    lines.append(f"  {special:.4f} on a scale from 0 (all heads equally critical) to 1 (one head is all)")
    return "\n".join(lines) + "\n"


def findings_title(study: "ModelStudy") -> str:
    """What the findings are about."""
    return (
        f"Critical heads of {study.name}: {len(study.problems)} problems of {study.problems.name} "
        f"({study.problems.split}), seed {study.options.seed}"
    )
