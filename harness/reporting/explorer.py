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

    Returns ``{layers, heads, thoughts, scores: [label, ...], records: [{layer, head, rank, type, pattern, ...}]}`` with
    patterns to four decimals, row i of which has keys 0 to i, and in each record's ``scores`` the values to four digits,
    in the order of the labels. None where the folder has no `attention_stats.json` with heads, or no
    `attention_patterns_avg.npy` of the same shape.
    """
    stats, patterns = results / "attention_stats.json", results / "attention_patterns_avg.npy"
    if not (stats.is_file() and patterns.is_file()):
        return None
    heads = json.loads(stats.read_text(encoding="utf-8")).get("heads")
    mean = np.load(patterns).astype(np.float64)
    if not heads or mean.ndim != 4 or mean.shape[0] * mean.shape[1] != len(heads):
        return None
    ranked = _ranked(results / "ranked_heads.csv")
    rows = [{**ranked.get((int(head["layer"]), int(head["head"])), {}), **head} for head in heads]
    keys = [key for key in LABELS if any(_score(row, key) is not None for row in rows)]
    strongest = sorted(range(len(rows)), key=lambda place: -(_score(rows[place], "head_max") or 0.0))
    return {
        "layers": mean.shape[0],
        "heads": mean.shape[1],
        "thoughts": mean.shape[-1],
        "scores": [LABELS[key] for key in keys],
        "records": jsonable([_record(row, keys, mean, strongest.index(place) + 1) for place, row in enumerate(rows)]),
    }


def _record(row: dict[str, Any], keys: list[str], mean: np.ndarray, rank: int) -> dict[str, Any]:
    layer, head = int(row["layer"]), int(row["head"])
    shares = row.get("column_share")
    return {
        "layer": layer,
        "head": head,
        "rank": rank,
        "type": row.get("functional_type"),
        "pattern": [np.round(weights[: query + 1], 4) for query, weights in enumerate(mean[layer, head])],
        "columns": None if shares is None else np.round(shares, 4),
        "scores": [_score(row, key) for key in keys],
    }


def _score(row: dict[str, Any], key: str) -> float | None:
    value = row.get(key)
    return None if value in (None, "") else float(f"{float(value):.4g}")


def _ranked(path: Path) -> dict[tuple[int, int], dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(int(row["layer"]), int(row["head"])): row for row in csv.DictReader(file)}
