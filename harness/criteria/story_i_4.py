"""Story I.4: does attention from the answer say which thoughts matter?"""

import json
import math
from typing import Any

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.evidence import ModelStudy
from harness.criteria.importance import (
    CONTROL_DRAWS,
    attention_predicts,
    early_predicts_nothing,
    middle_less_late,
)
from harness.criteria.importance_files import FIGURES
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.criteria.story_i_2 import INTERVENTION_VALIDITY

GROUNDS = (*RAW_VALIDITY, *INTERVENTION_VALIDITY)


def figures(study: ModelStudy) -> Measurement:
    """The four figures in both formats, at 300 DPI."""
    from harness.figures.inspect import png_facts

    paths = tuple(path for both in study.importance_files.figures for path in both)
    wanted = {f"{name}.{suffix}" for name in FIGURES for suffix in ("png", "pdf")}
    there = {path.rsplit("/", 1)[1] for path in paths if study.absolute(path).stat().st_size > 0}
    sharp = all(png_facts(study.absolute(path)).dpi == 300 for path in paths if path.endswith(".png"))
    good = wanted == there and sharp
    return Measurement(
        f"{len(there)} files" if good else f"{len(there & wanted)} of {len(wanted)} files", artifacts=paths
    )


def statistics(study: ModelStudy) -> Measurement:
    """The summary, recomputed by plain counting from the two other files."""
    files = study.importance_files
    paths = files.summary, files.ablations, files.attention
    summary, ablations, attention = (json.loads(study.absolute(path).read_text(encoding="utf-8")) for path in paths)
    T, ids = ablations["n_latents"], ablations["problem_ids"]
    right = {(row["problem_id"], row["ablated_position"]): row["correct"] for row in ablations["results"]}
    difficulty = {row["problem_id"]: row["difficulty"] for row in ablations["results"]}
    drop = {one: [right[one, None] - right[one, j] for j in range(T)] for one in ids}
    wrong = [
        f"importance of {j}"
        for j in range(T)
        if not _same(
            summary["per_token"][j]["importance"], _mean([right[one, None] and not right[one, j] for one in ids])
        )
        or not _same(summary["per_token"][j]["accuracy_drop"], _mean([drop[one][j] for one in ids]))
    ]
    rows = {
        layer: [attention["all_layers"][place][layer] for place in range(len(ids))]
        for layer in range(len(summary["overall_correlation"]))
    }
    wrong += [
        f"correlation at layer {layer}"
        for layer, weights in rows.items()
        if not _same(summary["overall_correlation"][layer]["r"], _centred_r(weights, [drop[one] for one in ids]))
    ]
    middle = attention["probe_layers"]["middle"]
    for name, level in summary["by_difficulty"].items():
        least = int(name.rstrip("+"))
        places = [
            place
            for place, one in enumerate(ids)
            if difficulty[one] == least or (name.endswith("+") and difficulty[one] > least)
        ]
        r = _centred_r([rows[middle][place] for place in places], [drop[ids[place]] for place in places])
        if level["n"] != len(places) or not _same(level["correlation"]["r"], r):
            wrong.append(f"difficulty {name}")
    largest = max(summary["per_token"], key=lambda one: (one["importance"], -one["position"]))
    if summary["rq1"]["position"] != largest["position"] or not _same(
        summary["rq1"]["importance"], largest["importance"]
    ):
        wrong.append("rq1")
    if summary["rq2"]["r"] != summary["overall_correlation"][middle]["r"]:
        wrong.append("rq2")
    return Measurement(
        "present and consistent" if not wrong else f"differs in {', '.join(wrong)}",
        answer=f"{summary['rq1']['answer']} {summary['rq2']['answer']}",
        artifacts=paths,
    )


def _mean(values: list[Any]) -> float:
    return math.fsum(values) / len(values)


def _centred_r(first: list[list[float]], second: list[list[float]]) -> float:
    x = [value - _mean(row) for row in first for value in row]
    y = [value - _mean(row) for row in second for value in row]
    spread = math.fsum(a * a for a in x) * math.fsum(b * b for b in y)
    return math.fsum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(spread) if spread > 1e-18 else math.nan


def _same(saved: float | None, computed: float) -> bool:
    return math.isnan(computed) if saved is None else math.isclose(saved, computed, abs_tol=1e-6)


CRITERIA = (
    hypothesis(
        "I.4-mid",
        "Middle-layer attention predicts importance",
        "Attention from the answer position to each thought at the middle layer against the accuracy lost without it, both "
        "centred within each problem: Pearson's r. p is the larger of two: over the T! orders of positions common to all "
        "problems, and over problems changing places once position means are removed; two-sided, and 1 where r is not positive. "
        "The interval asks about problems only, p about positions too, of which there are few. "
        f"Draws of the random control use {CONTROL_DRAWS} permutations.",
        Rule("<", 0.05),
        attention_predicts(),
        rests_on=GROUNDS,
        shown=lambda study: study.importance_files.figure(2),
    ),
    hypothesis(
        "I.4-early",
        "Early layers do not predict importance",
        "Size of the same correlation at the early layer.",
        Rule("<", 0.1),
        early_predicts_nothing(),
        rests_on=GROUNDS,
        null_should_pass=True,
        shown=lambda study: study.importance_files.figure(3),
    ),
    hypothesis(
        "I.4-late",
        "Late layers predict importance less than the middle",
        "The correlation at the middle layer less that at the late one; lower end of the 95 % bootstrap interval over problems.",
        Rule(">", 0),
        middle_less_late(),
        rests_on=GROUNDS,
        shown=lambda study: study.importance_files.figure(3),
    ),
    Criterion(
        "I.4-figures",
        "acceptance",
        "Four figures in two formats",
        "1_importance_by_position, 2_importance_heatmap, 3_attention_vs_importance and 4_correlation_by_position, png at 300 DPI "
        "and pdf.",
        Rule("is", "8 files"),
        figures,
    ),
    Criterion(
        "I.4-stats",
        "acceptance",
        "Summary statistics",
        "summary_statistics.json: correlation at every layer, per token and by difficulty, both questions answered with numbers; "
        "recomputed from token_ablation_results and attention_weights.",
        Rule("is", "present and consistent"),
        statistics,
        from_results=True,
    ),
)
