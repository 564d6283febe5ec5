"""The ranked lists of heads: tables from mean patterns, and what holds a saved list against plain counting."""

import csv
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.criteria.criterion import Measurement
from harness.measures import (
    LAYER_TYPES,
    flow,
    hub_class,
    hub_position,
    hub_score,
    hub_score_share,
    layer_type,
    max_attention_value,
    skip,
    top_k,
)

if TYPE_CHECKING:
    from harness.criteria.evidence import ModelStudy

Array = NDArray[Any]
Row = dict[str, str]


def by_head(mean: Array, score: str, columns: dict[str, Array]) -> pd.DataFrame:
    """One row per head, by descending ``score``: layer, head, then ``columns``, each [L, H]."""
    layers, heads = mean.shape[:2]
    order = top_k(columns[score], layers * heads)
    places = {"layer": order // heads, "head": order % heads}
    return pd.DataFrame({**places, **{name: values.ravel()[order] for name, values in columns.items()}})


def flow_table(mean: Array) -> pd.DataFrame:
    """heads_ranked_by_flow.csv."""
    types = np.array(LAYER_TYPES)[layer_type(mean.shape[0])]
    return by_head(
        mean,
        "flow_score",
        {"flow_score": flow(mean), "layer_type": np.broadcast_to(types[:, None], mean.shape[:2])},
    )


def hub_table(mean: Array) -> pd.DataFrame:
    """heads_ranked_by_hub.csv."""
    scores = hub_score(mean)
    return by_head(
        mean,
        "hub_score",
        {
            "hub_score": scores,
            "max_attention_position": hub_position(mean),
            "max_attention_value": max_attention_value(mean),
            "hub_score_share": hub_score_share(mean),
            "hub_class": hub_class(scores),
        },
    )


def skip_table(mean: Array) -> pd.DataFrame:
    """heads_ranked_by_skip.csv."""
    scores = skip(mean)
    last = mean.shape[-1] - 1
    weights = {f"attention_{last}to{key}": mean[..., last, key] for key in range(3)}
    return by_head(mean, "skip_score", {"skip_score": scores, **weights})


def ranked_by_flow(study: "ModelStudy") -> Measurement:
    """Write heads_ranked_by_flow.csv, read it back, recompute it."""

    def expected(head: Array, layer: int, layers: int) -> dict[str, float | str]:
        earlier = sum(head[i, j] for i in range(len(head)) for j in range(i))
        total = sum(head[i, j] for i in range(len(head)) for j in range(i + 1))
        kind = "early" if 3 * layer < layers else "mid" if 3 * layer < 2 * layers else "late"
        return {"flow_score": earlier / total if total >= 1e-12 else math.nan, "layer_type": kind}

    return _written(study, "heads_ranked_by_flow.csv", flow_table(study.sample.mean), "flow_score", expected)


def ranked_by_hub(study: "ModelStudy") -> Measurement:
    """Write heads_ranked_by_hub.csv, read it back, recompute it."""

    def expected(head: Array, layer: int, layers: int) -> dict[str, float | str]:
        latents = len(head)
        columns = [sum(head[i, j] for i in range(j, latents)) for j in range(latents)]
        mean = sum(columns) / latents
        score = sum((column - mean) ** 2 for column in columns) / latents
        total = sum(columns)
        shares = [column / total for column in columns] if total >= 1e-12 else [math.nan] * latents
        hub = max(range(latents), key=lambda j: (columns[j], -j))
        return {
            "hub_score": score,
            "max_attention_position": hub,
            "max_attention_value": max(head[i, hub] for i in range(hub, latents)),
            "hub_score_share": sum((share - 1 / latents) ** 2 for share in shares) / latents,
            "hub_class": "hub" if score > 0.2 else "even" if score < 0.1 else "between",
        }

    return _written(study, "heads_ranked_by_hub.csv", hub_table(study.sample.mean), "hub_score", expected)


def ranked_by_skip(study: "ModelStudy") -> Measurement:
    """Write heads_ranked_by_skip.csv, read it back, recompute it."""

    def expected(head: Array, layer: int, layers: int) -> dict[str, float | str]:
        last = len(head) - 1
        weights = {f"attention_{last}to{key}": float(head[last, key]) for key in range(3)}
        return {"skip_score": sum(weights.values()) / 3, **weights}

    return _written(study, "heads_ranked_by_skip.csv", skip_table(study.sample.mean), "skip_score", expected)


def _written(
    study: "ModelStudy",
    name: str,
    table: pd.DataFrame,
    score: str,
    expected: Callable[[Array, int, int], dict[str, float | str]],
) -> Measurement:
    path = study.files.table(name, table)
    rows = read_rows(study, path)
    mean = study.sample.mean
    layers, heads = mean.shape[:2]
    wrong = disorder(rows, score, layers, heads)
    for row in rows:
        layer, head = int(row["layer"]), int(row["head"])
        for column, value in expected(mean[layer, head], layer, layers).items():
            if not same(row.get(column), value):
                wrong.append(f"{column} of L{layer}H{head}")
    return judged(wrong, (path,))


def read_rows(study: "ModelStudy", path: str) -> list[Row]:
    """The rows of a saved list, as text."""
    with study.absolute(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def disorder(rows: Sequence[Row], score: str, layers: int, heads: int) -> list[str]:
    """What is wrong with the heads listed and their order: every head once, the best first, empty scores last."""
    places = [(int(row["layer"]), int(row["head"])) for row in rows]
    if sorted(places) != [(layer, head) for layer in range(layers) for head in range(heads)]:
        return ["the heads listed"]
    values = [(-float(row[score]) if row[score] else math.inf, place) for row, place in zip(rows, places, strict=True)]
    return [] if values == sorted(values) else [f"the order by {score}"]


def same(text: str | None, value: float | str) -> bool:
    """Whether a cell says the value: words exactly, numbers to rounding, NaN as an empty cell."""
    if text is None:
        return False
    if isinstance(value, str):
        return text == value
    if math.isnan(value):
        return text == ""
    return text != "" and math.isclose(float(text), value, rel_tol=1e-9, abs_tol=1e-12)


def judged(wrong: Sequence[str], artifacts: tuple[str, ...]) -> Measurement:
    """``valid``, or the first few things that are not."""
    value = "valid" if not wrong else f"wrong: {', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}"
    return Measurement(value, artifacts=artifacts)
