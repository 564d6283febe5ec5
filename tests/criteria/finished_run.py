"""A run that judged everything about two models, with the files that its rows name; values are drawn from a seed."""

import csv
import random
from pathlib import Path
from typing import Any

from harness.criteria.criterion import Criterion
from harness.criteria.finished import FinishedRun
from harness.criteria.registry import criteria
from harness.files import write_json
from harness.options import RunOptions
from harness.results import ControlResult, CriterionResult, PhaseResult, RunResult

MODELS = ("small", "large")
PAIR = "small_vs_large"
STUDIES = ("phase1", "phase2", "importance", "steps")
HUBS = {"small": (1, 0.0551), "large": (3, 0.0413)}
HEADS = ((2, 5), (0, 5), (0, 7), (3, 1))
ANSWERS = {
    "1.5-sequential": "Sequential flow? no (0.259 against 0.5)",
    "1.5-skip": "Skip connections? no (0.0444 against 0.3)",
    "2.4-named": "Most critical: L2H5 (0.352), L0H5 (0.32), L0H7 (0.31)",
    "2.6-answers": "Same hub? no (CT1 in small, CT3 in large)",
    "2.6-differ": "small minus large: flow +0.0364 (d +1.33)",
    "I.4-stats": "Accuracy falls without CT0 (0.78, q = 8e-22)",
}


def finished(output: Path, models: tuple[str, ...] = MODELS, page: str = "<p>nothing</p>") -> FinishedRun:
    """Everything about ``models`` was judged, some of it otherwise than as a pass."""
    rng = random.Random(7)
    rows = [
        judged(criterion, scope, rng)
        for criterion in criteria()
        if criterion.study in STUDIES
        for scope in {"run": ("run",), "model": models, "pair": (PAIR,) if len(models) == 2 else ()}[criterion.scope]
    ]
    for row in rows:
        for path in row.artifacts:
            (output / path).parent.mkdir(parents=True, exist_ok=True)
            (output / path).write_text("{}", encoding="utf-8")
    for model in models:
        _write_results(output / "results" / model, model)
    (output / "docs").mkdir(exist_ok=True)
    phases = [PhaseResult(id="phase1", scope=one, verdict="fail", conditions=["1.2-max"], answers=[]) for one in models]
    return FinishedRun(
        RunOptions(output=output),
        RunResult(run=about(models), phases=phases, criteria=rows),
        lambda _: page,
        criteria(),
    )


def judged(criterion: Criterion, scope: str, rng: random.Random) -> CriterionResult:
    value = round(rng.uniform(0.01, 0.99), 9)
    given: dict[str, Any] = {"verdict": rng.choice(["pass", "fail"]), "measured": value}
    if criterion.kind == "hypothesis":
        given |= {"ci_low": value - 0.0123456, "ci_high": value + 0.0234567, "confidence": rng.choice([1.0, 0.871])}
        given |= {"controls": {"uniform": ControlResult(measured=0.5, passes=False)}, "biased": rng.random() < 0.5}
        given["discriminates"] = True if given["verdict"] == "pass" else None
    if criterion.id == "1.5-hub-confidence":
        position, share = HUBS[scope]
        given |= {"answer": f"CT{position} receives most attention ({share} of each query's)", "verdict": "pass"}
    if criterion.id in ANSWERS:
        given |= {"answer": ANSWERS[criterion.id], "verdict": "pass"}
    if criterion.id == "2.4-critical":
        given |= {"measured": 2.0, "verdict": "pass"}
    if criterion.id == "2.4-stable":
        given = {"verdict": "skipped", "reason": "too few problems are left"}
    folder = "comparison" if criterion.scope == "pair" else scope
    number = {"1.4-grid": 1, "1.4-layers": 2, "1.5-figure": 3, "2.5-grid": 4, "2.6-figures": 6}.get(criterion.id)
    if number is not None:
        parts = (number, 7, 8) if number == 6 else (number,)
        given["artifacts"] = [f"figures/{folder}/{one}_drawn.{kind}" for one in parts for kind in ("png", "pdf")]
    elif criterion.kind == "acceptance":
        given["artifacts"] = [f"results/{scope}/{criterion.story}.json"]
    return CriterionResult(
        id=criterion.id,
        story=criterion.story,
        study=criterion.study,
        kind=criterion.kind,
        model=scope,
        statement=criterion.statement,
        definition=criterion.definition,
        comparator=criterion.rule.comparator,
        threshold=criterion.rule.threshold,
        n_problems=100,
        **given,
    )


def about(models: tuple[str, ...]) -> dict[str, Any]:
    shape = {"n_layers": 4, "n_heads": 8, "n_latents": 6, "n_parameters": 793344, "device": "cpu", "dtype": "float32"}
    sample = {"split": "train", "n": 100, "split_size": 7473, "complete": False, "another": False}
    return {
        "harness": "0.1.0",
        "time": "2026-11-22T09:37:04+00:00",
        "models": [{"name": one, "fingerprint": f"{one[0]}0" * 32, "seconds": 0.363248, **shape} for one in models],
        "dataset": {"name": "synthetic", "split": "train", "split_size": 7473, "n": 100, "fingerprint": "ab" * 32},
        "seed": 42,
        "controls": "all",
        "declarations_sha256": "cd" * 32,
        "options": {"models": list(models), "dataset": "synthetic", "n_problems": 100, "seed": 42},
        "packages": {"python": "3.11.7", "torch": "2.13.0"},
        "samples": [{"studies": list(STUDIES), "as_many_of_each_difficulty": False, **sample}],
    }


def _write_results(folder: Path, model: str) -> None:
    position, share = HUBS[model]
    incoming = [{"position": one, "incoming": share if one == position else 0.01} for one in range(6)]
    write_json(folder / "attention_summary.json", {"per_position": incoming})
    with (folder / "ranked_heads.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("layer", "head"), *HEADS])
