"""The data behind the report's head explorer: every head's mean pattern, scores and type."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from harness.files import jsonable

LABELS = {
    "head_max": "head_max, largest weight",
    "head_max_cross": "head_max_cross, on another thought",
    "structure": "structure",
    "flow": "flow",
    "forward_mass": "forward_mass",
    "within_head_std": "within_head_std",
    "sequential_share": "sequential_share",
    "skip": "skip",
    "hub_score": "hub_score",
    "composite_score": "composite_score",
}


def explorer_data(results: Path) -> dict[str, Any] | None:
    """What the page needs to draw a model's heads, read from its results folder.

    Returns ``{layers, heads, thoughts, scores: [{key, label}], records: [{layer, head, type, pattern, ...}]}``
    with patterns to four decimals, row i of which has keys 0 to i, and scores to four digits; None where the folder has
    no `attention_stats.json` with heads, or no `attention_patterns_avg.npy` of the same shape.
    """
    stats, patterns = results / "attention_stats.json", results / "attention_patterns_avg.npy"
    if not (stats.is_file() and patterns.is_file()):
        return None
    heads = json.loads(stats.read_text(encoding="utf-8")).get("heads")
    mean = np.load(patterns).astype(np.float64)
    if not heads or mean.ndim != 4 or mean.shape[0] * mean.shape[1] != len(heads):
        return None
    ranked = _ranked(results / "ranked_heads.csv")
    records = [_record(head, mean, ranked) for head in heads]
    keys = [key for key in LABELS if any(record.get(key) is not None for record in records)]
    for rank, index in enumerate(_by_head_max(records), start=1):
        records[index]["rank"] = rank
    return {
        "layers": mean.shape[0],
        "heads": mean.shape[1],
        "thoughts": mean.shape[-1],
        "scores": [{"key": key, "label": LABELS[key]} for key in keys],
        "records": jsonable(records),
    }


def _record(head: dict[str, Any], mean: np.ndarray, ranked: dict[tuple[int, int], dict[str, str]]) -> dict[str, Any]:
    layer, index = int(head["layer"]), int(head["head"])
    row = ranked.get((layer, index), {})
    record: dict[str, Any] = {
        "layer": layer,
        "head": index,
        "type": row.get("functional_type"),
        "pattern": [np.round(row[: query + 1], 4) for query, row in enumerate(mean[layer, index])],
        "columns": None if (shares := head.get("column_share")) is None else np.round(shares, 4),
    }
    for key in LABELS:
        value = head.get(key, row.get(key))
        record[key] = None if value in (None, "") else float(f"{float(value):.4g}")
    return record


def _by_head_max(records: list[dict[str, Any]]) -> list[int]:
    return sorted(range(len(records)), key=lambda i: -(records[i]["head_max"] or 0.0))


def _ranked(path: Path) -> dict[tuple[int, int], dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(int(row["layer"]), int(row["head"])): row for row in csv.DictReader(file)}
