"""What was read back of a log, and what a log lacks of its run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from harness.files import file_digest, jsonable
from harness.results import RunResult
from harness.tracking.contents import HEATMAPS, LINES, RANKINGS, TAG, Contents, Table, model_names, pair_names

FIRST_HEADS = 10
"""How many heads of each ranking a log is asked for, or all of a model that has fewer."""
PROGRESS = ("progress/processed", "progress/total", "progress/eta_s")


@dataclass(frozen=True)
class Logged:
    """A log as it was read back from its file."""

    config: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    """Numbers and words by name, in the order logged; tables and images are not among them."""
    tables: dict[str, Table] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each image's file."""
    summary: dict[str, Any] = field(default_factory=dict)
    finished: bool = False
    """Whether the log came to its end."""
    damage: str | None = None
    """Why the rest of the file could not be read."""


def missing(logged: Logged, expected: Contents, result: RunResult) -> list[str]:
    """What a log lacks of its run, or has otherwise than the run's files say; empty for a complete one.

    ``expected`` is made of the files as they are now. What must be there whatever they say is listed apart.
    """
    return [*_damage(logged), *_required(logged, result), *_different(logged, expected)]


def _damage(logged: Logged) -> Iterator[str]:
    if logged.damage:
        yield f"readable to its end ({logged.damage})"
    elif not logged.finished:
        yield "an end"


def _required(logged: Logged, result: RunResult) -> Iterator[str]:
    names, pairs = model_names(result.run), pair_names(result)
    dataset = result.run["dataset"]
    for key, value in (
        ("model_name", ", ".join(names)),
        ("n_problems", dataset["n"]),
        ("seed", result.run["seed"]),
    ):
        if logged.config.get(key) != value:
            yield f"{key} in the config"
    studies = dict.fromkeys(one.study for one in result.criteria)
    for tag in (TAG, dataset["name"], *names, f"{dataset['n']}-samples", *studies):
        if tag not in logged.tags:
            yield f"the tag {tag}"
    for model in result.run["models"]:
        yield from _of_model(logged, model["name"], dataset["n"], model["n_layers"] * model["n_heads"])
    for pair in pairs:
        if not logged.tables.get(f"comparison/{pair}", _NOTHING).rows:
            yield f"the comparison {pair}"
        if _line_plot(result, pair) not in logged.images:
            yield f"line plots of {pair}"
    rows = {(row[0], row[1], row[9]) for row in logged.tables.get("criteria", _NOTHING).rows}
    lacking = [one.id for one in result.criteria if (one.id, one.model, one.verdict) not in rows]
    if lacking:
        yield f"verdicts on {', '.join(lacking[:3])}{' and others' if len(lacking) > 3 else ''}"


def _line_plot(result: RunResult, pair: str) -> str | None:
    """The name of a comparison's line plot, after the file that the pair's own row lists."""
    drawn = (path for one in result.criteria if (one.id, one.model) == ("2.6-figures", pair) for path in one.artifacts)
    return next((path.removesuffix(".png") for path in drawn if path.endswith(f"{LINES}.png")), None)


def _of_model(logged: Logged, name: str, n: int, heads: int) -> Iterator[str]:
    done = [row for row in logged.history if str(row.get("progress/work", "")).startswith(f"{name}: ")]
    if not any(row["progress/processed"] == n and all(key in row for key in PROGRESS) for row in done):
        yield f"problems processed and ETA of {name}"
    table = logged.tables.get(f"layers/{name}", _NOTHING)
    if not table.rows or table.columns != ["layer", "mean", "std", "variance"]:
        yield f"statistics by layer of {name}"
    points = [row for row in logged.history if f"layers/{name}/mean" in row]
    if [row.get("layer") for row in points] != [row[0] for row in table.rows]:
        yield f"lines over the layers of {name}"
    for score, (_, _, column) in RANKINGS.items():
        ranking = logged.tables.get(f"heads/{name}/{score}", _NOTHING)
        if not _are_first_heads(ranking, column, min(FIRST_HEADS, heads)):
            yield f"top heads of {name} by {score}"
    if "functional_type" not in logged.tables.get(f"critical_heads/{name}", _NOTHING).columns:
        yield f"critical heads of {name}"
    for picture in HEATMAPS:
        if f"figures/{name}/{picture}" not in logged.images:
            yield f"{picture} of {name}"


def _are_first_heads(ranking: Table, column: str, count: int) -> bool:
    """Whether it has ``count`` different heads, the highest score first; those without a score come last."""
    if not {"layer", "head", column} <= set(ranking.columns):
        return False
    layer, head, score = (ranking.columns.index(one) for one in ("layer", "head", column))
    scores = [one if isinstance(one := row[score], int | float) else -inf for row in ranking.rows]
    different = {(row[layer], row[head]) for row in ranking.rows}
    return len(ranking.rows) == len(different) == count and scores == sorted(scores, reverse=True)


def _different(logged: Logged, expected: Contents) -> Iterator[str]:
    yield from _unequal("config", logged.config, expected.config)
    yield from _unequal("summary", logged.summary, expected.summary)
    yield from _unequal("table", logged.tables, expected.tables)
    yield from _unequal("image", logged.images, {key: file_digest(path) for key, path in expected.images.items()})
    for what, rows in (("progress", expected.processed), ("statistics", expected.by_layer)):
        if not _contained(rows, logged.history):
            yield f"{what} as it was computed"


def _unequal(what: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    for key, value in expected.items():
        if found.get(key) != value:
            yield f"{what} {key} as the run's files have it"


def _contained(rows: Sequence[Mapping[str, Any]], history: Sequence[Mapping[str, Any]]) -> bool:
    return all(any(jsonable(dict(row)).items() <= one.items() for one in history) for row in rows)


_NOTHING = Table([], [])
