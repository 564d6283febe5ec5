"""What a log holds of a finished run, made from its result and the files it wrote, and from nothing else."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.documents import phrases
from harness.files import jsonable, read_text
from harness.measures import causal_cells
from harness.results import RunResult, Scalar

TAG = "attention-flow"
LONGEST_TAG = 64
"""Characters that Weights & Biases takes."""
TOP = 10
RANKINGS = {
    "flow": ("2.1-csv", "heads_ranked_by_flow.csv", "flow_score"),
    "hub": ("2.2-position", "heads_ranked_by_hub.csv", "hub_score"),
    "skip": ("2.3-csv", "heads_ranked_by_skip.csv", "skip_score"),
    "composite": ("2.4-csv", "ranked_heads.csv", "composite_score"),
}
"""Of each ranking of heads: the criterion about its file, the file, and the column it is ranked by."""
HEATMAPS = ("1_top_heads_attention", "2_attention_by_layer")
"""Pictures of every model."""
LINES = "7_model_comparison_flow"
"""The picture of a comparison that has lines in it."""
MODEL_CRITERIA = ("1.2-shape", "1.4-grid", "1.4-layers", *(name for name, _, _ in RANKINGS.values()))
PAIR_CRITERIA = ("2.6-report", "2.6-figures")
"""Those that judge the files which a log is made of, by what they are about."""


@dataclass(frozen=True)
class Table:
    """Columns and rows of numbers, words and None."""

    columns: list[str]
    rows: list[list[Scalar]]


@dataclass(frozen=True)
class Contents:
    """All that is logged when a run is judged; names are those it has in the log."""

    config: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    processed: list[dict[str, Scalar]] = field(default_factory=list)
    """For every model, how many problems were run."""
    by_layer: list[dict[str, Scalar]] = field(default_factory=list)
    """A point for every layer of every model; drawn as lines over ``layer``."""
    tables: dict[str, Table] = field(default_factory=dict)
    images: dict[str, Path] = field(default_factory=dict)
    summary: dict[str, Scalar] = field(default_factory=dict)


def contents(result: RunResult, output: Path) -> Contents:
    """What is logged of ``result``, whose files lie in ``output``; what the run did not judge is left out."""
    files = _Files(result, output)
    names = model_names(result.run)
    statistics = {name: layer_statistics(np.load(raw, mmap_mode="r")) for name, raw in files.raw(names)}
    tables = {f"layers/{name}": _layer_table(rows) for name, rows in statistics.items()}
    for name in names:
        tables |= dict(files.rankings(name))
    for pair in pair_names(result):
        tables |= dict(files.comparison(pair))
    tables["phases"] = Table(["phase", "scope", "verdict"], [[one.id, one.scope, one.verdict] for one in result.phases])
    tables["criteria"] = criteria_table(result)
    return Contents(
        config=config_of(result.run),
        tags=tags_of(result.run, list(dict.fromkeys(one.study for one in result.criteria))),
        processed=[_processed(name, result.run) for name in names],
        by_layer=[point for name, rows in statistics.items() for point in _points(name, rows)],
        tables=tables,
        images=dict(files.pictures()),
        summary=_summary(result),
    )


def model_names(run: Mapping[str, Any]) -> list[str]:
    """The models of a run, from the ``run`` object of its result."""
    return [model["name"] for model in run["models"]]


def pair_names(result: RunResult) -> list[str]:
    """The comparisons that a run judged."""
    return list(dict.fromkeys(one.model for one in result.criteria if one.story == "2.6"))


def config_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run by the names that Weights & Biases is searched by, and all else that says where it comes from."""
    known = {key: value for key, value in run.items() if key != "declarations"}
    return dict(
        jsonable(
            {
                **known,
                "model_name": ", ".join(model_names(run)),
                "dataset_name": run["dataset"]["name"],
                "n_problems": run["dataset"]["n"],
            }
        )
    )


def tags_of(run: Mapping[str, Any], studies: Sequence[str]) -> list[str]:
    """What a run can be found by: the dataset, the models, the size of the sample and the phases."""
    dataset = run["dataset"]
    tags = [TAG, dataset["name"], *model_names(run), f"{dataset['n']}-samples", *studies]
    return list(dict.fromkeys(tag[:LONGEST_TAG] for tag in tags))


def layer_statistics(raw: NDArray[Any]) -> list[dict[str, float]]:
    """Mean, standard deviation and variance of the attention of every layer.

    ``raw`` [n, L, H, T, T], weights; each number is over all problems, heads and pairs of thoughts of which one may read
    the other. Read a layer at a time.
    """
    rows, columns = causal_cells(raw.shape[-1])
    found = []
    for layer in range(raw.shape[1]):
        weights = np.asarray(raw[:, layer])[..., rows, columns].astype(np.float64)
        found.append({"mean": float(weights.mean()), "std": float(weights.std()), "variance": float(weights.var())})
    return found


def criteria_table(result: RunResult) -> Table:
    """A row for every criterion, with its verdict."""
    columns = ["criterion", "model", "study", "kind", "statement", "measured", "rule", "ci_low", "ci_high", "verdict"]
    rows: list[list[Scalar]] = [
        [
            one.id,
            one.model,
            one.study,
            one.kind,
            one.statement,
            phrases.scalar(one.measured, one.threshold),
            phrases.rule(one.comparator, one.threshold),
            one.ci_low,
            one.ci_high,
            one.verdict,
            one.reason or "",
        ]
        for one in result.criteria
    ]
    return Table([*columns, "reason"], rows)


class _Files:
    """Finds the files of a run through the criteria that judged them."""

    def __init__(self, result: RunResult, output: Path):
        self._output = output
        self._artifacts = {(one.model, one.id): one.artifacts for one in result.criteria}
        self._all = dict.fromkeys(path for one in result.criteria for path in one.artifacts)

    def raw(self, names: Sequence[str]) -> Iterator[tuple[str, Path]]:
        for name in names:
            if path := self._find(name, "1.2-shape", "attention_patterns_raw.npy"):
                yield name, path

    def rankings(self, name: str) -> Iterator[tuple[str, Table]]:
        for score, (criterion, file, _) in RANKINGS.items():
            if path := self._find(name, criterion, file):
                whole = _read_csv(path)
                yield f"heads/{name}/{score}", Table(whole.columns, whole.rows[:TOP])
                if score == "composite":
                    yield f"critical_heads/{name}", whole

    def comparison(self, pair: str) -> Iterator[tuple[str, Table]]:
        if path := self._find(pair, "2.6-report", "_comparison.json"):
            content = json.loads(read_text(path, "the comparison"))
            yield f"comparison/{pair}", _quantities(content)
            yield f"comparison_answers/{pair}", _answers(content)

    def pictures(self) -> Iterator[tuple[str, Path]]:
        for relative in self._all:
            path = self._output / relative
            if path.suffix == ".png" and path.is_file():
                yield relative.removesuffix(".png"), path

    def _find(self, scope: str, criterion: str, name: str) -> Path | None:
        found = [path for path in self._artifacts.get((scope, criterion), ()) if path.endswith(name)]
        path = self._output / found[0] if found else None
        return path if path is not None and path.is_file() else None


def _read_csv(path: Path) -> Table:
    import pandas as pd

    # "None" is a functional type here.
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    return Table(list(frame.columns), jsonable(frame.astype(object).to_numpy().tolist()))


def _layer_table(rows: Sequence[Mapping[str, float]]) -> Table:
    return Table(["layer", *rows[0]], [[layer, *row.values()] for layer, row in enumerate(rows)])


def _points(name: str, rows: Sequence[Mapping[str, float]]) -> Iterator[dict[str, Scalar]]:
    for layer, row in enumerate(rows):
        yield {"layer": layer, **{f"layers/{name}/{key}": value for key, value in row.items()}}


def _processed(name: str, run: Mapping[str, Any]) -> dict[str, Scalar]:
    n = run["dataset"]["n"]
    return {
        "progress/work": f"{name}: all problems",
        "progress/processed": n,
        "progress/total": n,
        "progress/eta_s": 0.0,
    }


def _quantities(content: Mapping[str, Any]) -> Table:
    pair = [content["smaller"], content["larger"]]
    facts = [content["models"][name] for name in pair]

    def row(
        words: str, of: Callable[[Mapping[str, Any]], Scalar], test: Mapping[str, Scalar] | None = None
    ) -> list[Scalar]:
        tested = test or {}
        return [words, *map(of, facts), *(tested.get(key) for key in tests)]

    tests = ("difference", "ci_low", "ci_high", "cohens_d")
    scores = [
        row(f"{score} score, mean over heads", lambda model, score=score: model["strategy"][score], test)  # type: ignore[misc]
        for score, test in content["differences"].items()
    ]
    rows = [
        *scores,
        row("most attended thought", lambda model: model["hub"]["position"]),
        row("specialisation", lambda model: model["specialisation"]),
        row("critical heads", lambda model: model["critical_heads"]["count"]),
        row("parameters", lambda model: model["n_parameters"]),
    ]
    return Table(["quantity", *pair, *tests], rows)


def _answers(content: Mapping[str, Any]) -> Table:
    rows: list[list[Scalar]] = []
    for one in content["answers"].values():
        ways = {"": one} if "answer" in one else {f" ({key})": way for key, way in one.items() if isinstance(way, dict)}
        rows += [[f"{one['question']}{how}", way["answer"], way["confidence"]] for how, way in ways.items()]
    return Table(["question", "answer", "confidence"], rows)


def _summary(result: RunResult) -> dict[str, Scalar]:
    verdicts = [one.verdict for one in result.criteria]
    counts = {f"verdicts/{verdict}": verdicts.count(verdict) for verdict in ("pass", "fail", "invalid", "skipped")}
    return {**counts, **{f"phases/{one.id}/{one.scope}": one.verdict for one in result.phases}}
