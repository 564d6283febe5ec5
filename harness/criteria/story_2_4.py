"""Story 2.4: the composite ranking of heads, their functional types, and how stable the ranking is."""

import json
import math
import re
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.criteria.causal import head_set_p, set_p
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.critical import CRITICAL, NAMED_SHARE, RANKS, SCORES, TOP, findings_text, findings_title
from harness.criteria.declare import hypothesis
from harness.criteria.effects import EffectTest, heads_study
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import MeanMeasure, Selection
from harness.criteria.rankings import Row, disorder, judged, read_rows, same
from harness.criteria.select import count_of_heads, smallest_of_top
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.criteria.tested import stable_ranking
from harness.measures import (
    FUNCTIONAL_TYPES,
    bounds,
    composite_normalised,
    composite_score,
    functional_type,
    take_scores,
    top_k,
)
from harness.measures.composite import NO_TYPE
from harness.statistics import resample_weights

Array = NDArray[Any]

STABLE = Rule(">", 0.70)

_SAID = r"([\d.]+|nan)"
HEAD_LINE = re.compile(
    rf"^  \d+\. L(\d+)H(\d+): ([\w\- ]+), composite {_SAID} \[{_SAID}, {_SAID}\], flow {_SAID}, hub {_SAID}, skip {_SAID};"
)
NAMED_LINE = re.compile(r"^  L(\d+)H(\d+): composite ([\d.]+), among the first three in ([\d.]+) of the resamples$")


def _types_of_top() -> MeanMeasure:
    """Number of functional types among the top 10 by composite score; having none is no type."""

    def choose(mean: Array) -> Array:
        return top_k(composite_score(mean), TOP)

    def at(mean: Array, heads: Array) -> Array:
        types = take_scores(functional_type(mean), heads)
        return np.stack([(types == kind).any(axis=-1) for kind in range(NO_TYPE)]).sum(axis=0).astype(np.float64)

    return MeanMeasure(
        of_mean=lambda mean: at(mean, choose(mean)),
        bounds=lambda L, H, T: bounds.types(L, H, T, TOP),
        selection=Selection(choose, at),
        answer=lambda sample: _types_in_words(functional_type(sample.mean).ravel()[choose(sample.mean)]),
        ends_attained=True,
    )


def _types_in_words(types: Array) -> str:
    counts = [
        f"{(types == kind).sum()} {FUNCTIONAL_TYPES[kind]}" for kind in range(len(FUNCTIONAL_TYPES)) if kind in types
    ]
    return f"The top {len(types)} heads: {', '.join(counts)}"


def master_ranking(study: ModelStudy) -> Measurement:
    """Write ranked_heads.csv, read it back, recompute it head by head."""
    path = study.files.ranked_heads()
    rows = read_rows(study, path)
    mean = study.sample.mean
    layers, heads = mean.shape[:2]
    wrong = disorder(rows, "composite_score", layers, heads)
    plain = {(layer, head): _plain_scores(mean[layer, head]) for layer in range(layers) for head in range(heads)}
    scaled = {place: tuple(_scaled(plain, place, index) for index in range(3)) for place in plain}
    for row in rows:
        place = int(row["layer"]), int(row["head"])
        flow, hub, skip = plain[place]
        normal = scaled[place]
        expected: dict[str, float | str] = {
            "flow_score": flow,
            "hub_score": hub,
            "skip_score": skip,
            "composite_score": 0.4 * flow + 0.4 * hub + 0.2 * skip,
            "composite_normalised": 0.4 * normal[0] + 0.4 * normal[1] + 0.2 * normal[2],
            "functional_type": _plain_type(normal),
        }
        wrong += [
            f"{column} of L{place[0]}H{place[1]}" for column, value in expected.items() if not same(row[column], value)
        ]
    wrong += _wrong_uncertainty(study, rows)
    return judged(wrong, (path,))


def _plain_scores(head: Array) -> tuple[float, float, float]:
    latents = len(head)
    columns = [sum(head[i, j] for i in range(j, latents)) for j in range(latents)]
    total = sum(columns)
    earlier = sum(head[i, j] for i in range(latents) for j in range(i))
    centre = total / latents
    hub = sum((column - centre) ** 2 for column in columns) / latents
    return (earlier / total if total >= 1e-12 else math.nan), hub, sum(head[-1, :3]) / 3


def _scaled(plain: dict[tuple[int, int], tuple[float, float, float]], place: tuple[int, int], index: int) -> float:
    values = [scores[index] for scores in plain.values() if not math.isnan(scores[index])]
    if math.isnan(plain[place][index]):
        return math.nan
    low, high = min(values), max(values)
    return 0.0 if high - low <= 1e-9 * max(1.0, abs(high)) else (plain[place][index] - low) / (high - low)


def _plain_type(normal: tuple[float, ...]) -> str:
    if any(math.isnan(score) for score in normal) or not any(normal):
        return "None"
    if sum(score > 0.7 for score in normal) >= 2:
        return "Multi-Purpose"
    return FUNCTIONAL_TYPES[max(range(3), key=lambda index: (normal[index], -index))]


def _wrong_uncertainty(study: ModelStudy, rows: list[dict[str, str]]) -> list[str]:
    """Intervals and rank frequencies, recomputed one resample at a time."""
    raw = study.sample.raw.astype(np.float64)
    weights = resample_weights(len(raw), seed=study.options.seed)
    drawn = np.stack([composite_score(np.tensordot(row, raw, axes=1)) for row in weights])
    order = np.argsort(-drawn.reshape(len(drawn), -1), axis=1, kind="stable")
    wrong = []
    for row in rows:
        layer, head = int(row["layer"]), int(row["head"])
        flat = layer * raw.shape[2] + head
        low, high = np.quantile(drawn[:, layer, head], [0.025, 0.975])
        expected = {"composite_ci_low": float(low), "composite_ci_high": float(high)}
        expected |= {f"top{k}_frequency": float((order[:, :k] == flat).any(axis=1).mean()) for k in RANKS}
        # Resampled scores of two heads can tie up to rounding, which a matrix product rounds in its own way.
        wrong += [
            f"{column} of L{layer}H{head}"
            for column, value in expected.items()
            if not math.isclose(float(row[column] or "nan"), value, abs_tol=1e-3 if "top" in column else 1e-9)
            and not math.isnan(value)
        ]
    return wrong


def lists(study: ModelStudy) -> Measurement:
    """The top five per score and the heads on several lists, re-read and held against the saved ranking."""
    path, ranking = study.files.critical_heads(), study.files.ranked_heads()
    content = json.loads(study.absolute(path).read_text(encoding="utf-8"))
    rows = read_rows(study, ranking)
    wrong = []
    fives = {}
    for score in SCORES:
        best = sorted(
            rows, key=lambda row: (-float(row[f"{score}_score"] or "-inf"), int(row["layer"]), int(row["head"]))
        )[:5]
        fives[score] = [[int(row["layer"]), int(row["head"])] for row in best]
        if content["top_5"][score] != fives[score]:
            wrong.append(f"top_5.{score}")
    for names, heads in content["on_several_lists"].items():
        parts = names.split(" and ")
        expected = [place for place in fives[parts[0]] if all(place in fives[name] for name in parts[1:])]
        if sorted(expected) != heads:
            wrong.append(f"on_several_lists.{names}")
    if len(content["on_several_lists"]) != 4:
        wrong.append("on_several_lists")
    for row, said in zip(rows, content["rank_frequencies"], strict=True):
        if any(not same(row[name], float("nan") if said[name] is None else said[name]) for name in said):
            wrong.append(f"rank_frequencies of L{row['layer']}H{row['head']}")
    found = judged(wrong, (path,))
    return Measurement("present and consistent" if found.value == "valid" else found.value, artifacts=found.artifacts)


def findings(study: ModelStudy) -> Measurement:
    """The findings, every number of which is looked up in the saved ranking."""
    path = study.files.critical_heads_findings()
    rows = read_rows(study, study.files.ranked_heads())
    lines = study.absolute(path).read_text(encoding="utf-8").splitlines()
    wrong = []
    described = [match for line in lines if (match := HEAD_LINE.match(line))]
    top = rows[:TOP]
    if [(one[1], one[2]) for one in described] != [(row["layer"], row["head"]) for row in top]:
        wrong.append("the heads described")
    columns = ("composite_score", "composite_ci_low", "composite_ci_high", "flow_score", "hub_score", "skip_score")
    for one, row in zip(described, top, strict=False):
        said = [one[3], *one.groups()[3:]]
        if said != [row["functional_type"], *(f"{float(row[column] or 'nan'):.4f}" for column in columns)]:
            wrong.append(f"the numbers of L{one[1]}H{one[2]}")
    for layer in sorted({row["layer"] for row in top}, key=int):
        count = sum(row["layer"] == layer for row in top)
        if f"  layer {layer}: {count} of the top {len(top)}" not in lines:
            wrong.append(f"layer {layer}")
    for kind in {row["functional_type"] for row in top}:
        count = sum(row["functional_type"] == kind for row in top)
        if f"  {kind}: {count} of the top {len(top)}" not in lines:
            wrong.append(kind)
    composites = np.array([float(row["composite_score"] or 0) for row in rows])
    shares = composites[composites > 0] / composites.sum()
    special = 1 + float((shares * np.log(shares)).sum()) / math.log(len(rows))
    if not any(line.startswith(f"  {special:.4f} on a scale") for line in lines):
        wrong.append("specialisation")
    table = pd.read_csv(study.absolute(study.files.ranked_heads()), keep_default_na=False, na_values=[""])
    hubs = {(int(row["layer"]), int(row["head"])): _hub(study, row) for row in rows}
    rebuilt = findings_text(findings_title(study), table, hubs).splitlines()
    wrong += [f"line {place}" for place, (one, other) in enumerate(zip_longest(lines, rebuilt), 1) if one != other]
    return judged(wrong, (path,))


def _hub(study: ModelStudy, row: Row) -> int:
    """The position that a head reads most."""
    weights = study.sample.mean[int(row["layer"]), int(row["head"])]
    latents = len(weights)
    received = [sum(weights[i, j] for i in range(j, latents)) for j in range(latents)]
    return received.index(max(received))


def named(study: ModelStudy) -> Measurement:
    """How many heads the findings name as most critical, if the ranking says the same of each."""
    path = study.files.critical_heads_findings()
    rows = {(row["layer"], row["head"]): row for row in read_rows(study, study.files.ranked_heads())}
    lines = study.absolute(path).read_text(encoding="utf-8").splitlines()
    found = [match for line in lines if (match := NAMED_LINE.match(line))]
    for one in found:
        row = rows[one[1], one[2]]
        said = (float(row["composite_score"]), float(row["top3_frequency"]))
        if (one[3], one[4]) != tuple(f"{value:.4f}" for value in said) or said[1] < NAMED_SHARE:
            return Measurement(f"L{one[1]}H{one[2]} is named with numbers the ranking does not have", artifacts=(path,))
    expected = {place for place, row in rows.items() if float(row["top3_frequency"]) >= NAMED_SHARE}
    if {(one[1], one[2]) for one in found} != expected or len(found) != len(expected):
        return Measurement("the heads named are not those that the ranking names", artifacts=(path,))
    words = ", ".join(f"L{one[1]}H{one[2]} ({float(one[3]):.3g}, first three in {float(one[4]):.2f})" for one in found)
    return Measurement(len(found), answer=f"Most critical: {words or 'no head'}", artifacts=(path,))


CRITERIA = (
    hypothesis(
        "2.4-critical",
        "Two or three heads are most critical",
        "Heads with composite_score > 0.7, where composite_score = 0.4 flow + 0.4 hub_score + 0.2 skip on the raw scores.",
        Rule("between", (2, 3)),
        count_of_heads(lambda mean: composite_score(mean) > CRITICAL, bounds.heads_above),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.4-critical-normalised",
        "Two or three heads are most critical (normalised)",
        "Heads with composite_normalised > 0.7: the same sum of scores mapped to 0..1 over the model's heads.",
        Rule("between", (2, 3)),
        count_of_heads(lambda mean: composite_normalised(mean) > CRITICAL, bounds.heads_above_normalised),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.4-top10",
        "The top 10 heads are clearly identified",
        "Smallest composite_score of the 10 heads with the largest.",
        Rule(">", 0.6),
        smallest_of_top(composite_score, TOP, bounds.composite),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.4-top10-normalised",
        "The top 10 heads are clearly identified (normalised)",
        "Smallest composite_normalised of the 10 heads with the largest.",
        Rule(">", 0.6),
        smallest_of_top(composite_normalised, TOP, lambda L, H, T: bounds.composite_normalised_of_top(L, H, T, TOP)),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.4-types",
        "Heads specialise",
        "Functional types among the top 10 by composite_score: the largest of the three normalised scores names the type, "
        "two or more above 0.7 make it Multi-Purpose.",
        Rule(">=", 2),
        _types_of_top(),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "2.4-stable",
        "Rankings are stable",
        "Share of the top 10 by composite_score that is the top 10 on a second, disjoint sample of the same size too.",
        STABLE,
        stable_ranking(TOP, STABLE),
        rests_on=RAW_VALIDITY,
        null_should_pass=True,
    ),
    hypothesis(
        "2.4-causal",
        "Critical heads matter causally",
        "The heads that composite_score ranks first on the second sample, ten or a quarter of them all, hand on their mean over "
        "problems at every latent step, on the first sample. p is the share of random sets of as many other heads (200, as many "
        "of every layer where there are 100 such sets) whose ablation costs at least as much accuracy; zero and resample "
        "ablation, every head alone, and how the score goes with its effect stand beside it. A random head set as control is "
        "judged against the other random sets, of which at most one in twenty can pass.",
        Rule("<", 0.05),
        EffectTest(heads_study, head_set_p, shortened=set_p, attainable=lambda trials: (1 / (1 + trials.draws), 1.0)),
        rests_on=RAW_VALIDITY,
        shown=lambda study: study.causal_files.all,
        from_results=False,
    ),
    Criterion(
        "2.4-csv",
        "acceptance",
        "Master ranking",
        "ranked_heads.csv: layer, head, flow_score, hub_score, skip_score, composite_score, functional_type, then "
        "composite_normalised, intervals and rank frequencies; re-read and recomputed.",
        Rule("is", "valid"),
        master_ranking,
    ),
    Criterion(
        "2.4-multi",
        "acceptance",
        "Top 5 per metric and heads on several lists",
        "critical_heads.json: three top-5 lists, their intersections, how often resamples rank each head in the top 3, 5 and "
        "10; re-read and held against ranked_heads.csv.",
        Rule("is", "present and consistent"),
        lists,
        from_results=True,
    ),
    Criterion(
        "2.4-findings",
        "acceptance",
        "Findings in words",
        "critical_heads_findings.txt: top 10 with descriptions, critical layers, specialisation; every number equals the one in "
        "ranked_heads.csv.",
        Rule("is", "valid"),
        findings,
        from_results=True,
    ),
    Criterion(
        "2.4-named",
        "acceptance",
        "Two or three most critical heads are named per model",
        "Heads named in critical_heads_findings.txt: those that at least half of the resamples rank in the top 3, with score "
        "and that share.",
        Rule("in", (2, 3)),
        named,
        from_results=True,
    ),
)
