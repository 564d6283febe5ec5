"""An output folder with what a log is made of, and the result that names its files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from harness.files import write_array, write_json
from harness.results import CriterionResult, PhaseResult, RunResult
from harness.tracking.contents import HEATMAPS, LINES

MODELS = ("tiny-llama", "tiny-gpt2")
PAIR = "tiny-llama_vs_tiny-gpt2"
N, L, H, T = 5, 3, 4, 6


def row(criterion_id: str, scope: str, *artifacts: str, **changes: Any) -> CriterionResult:
    story = criterion_id.split("-", maxsplit=1)[0]
    given = {
        "id": criterion_id,
        "story": story,
        "study": {"1": "phase1", "2": "phase2", "3": "phase3"}[story[0]],
        "kind": "acceptance",
        "model": scope,
        "statement": f"Statement of {criterion_id}",
        "definition": "How it is measured",
        "comparator": ">=",
        "threshold": 0.25,
        "measured": 0.5,
        "verdict": "pass",
        "artifacts": list(artifacts),
    }
    return CriterionResult.model_validate({**given, **changes})


def raw_of(name: str) -> np.ndarray:
    """[n, L, H, T, T], causal."""
    rng = np.random.default_rng(len(name))
    return np.tril(rng.random((N, L, H, T, T))).astype(np.float32)


def ranking(column: str, **more: list[Any]) -> pd.DataFrame:
    """Twelve heads, best first."""
    places = np.arange(L * H)
    return pd.DataFrame({"layer": places // H, "head": places % H, column: 1 / (1 + places), **more})


def comparison() -> dict[str, Any]:
    """The parts of a comparison's file that a log takes."""

    def model(parameters: int) -> dict[str, Any]:
        return {
            "n_parameters": parameters,
            "hub": {"position": 1},
            "strategy": {"flow": 0.5, "hub": 0.25, "skip": 0.125},
            "critical_heads": {"count": 2},
            "specialisation": 0.01,
        }

    tested = {"difference": 0.03, "ci_low": 0.02, "ci_high": 0.04, "cohens_d": 1.25}
    way = {"answer": "no", "confidence": 1.0}
    return {
        "smaller": MODELS[0],
        "larger": MODELS[1],
        "models": {MODELS[0]: model(100), MODELS[1]: model(200)},
        "differences": dict.fromkeys(("flow", "hub", "skip"), tested),
        "answers": {
            "same_hub": {"question": "The same hub?", "answer": "yes", "confidence": 0.75},
            "fewer": {"question": "Fewer?", "by_count": way, "by_share": way, "count_and_share_agree": True},
        },
    }


def write_run(output: Path) -> RunResult:
    """Write all of it; the result of a run of both models."""
    criteria = [row("1.1-count", "run")]
    for name in MODELS:
        results, figures = f"results/{name}", f"figures/{name}"
        write_array(output / results / "attention_patterns_raw.npy", raw_of(name))
        types = ["None", "Forward Flow", *["Hub Aggregator"] * (L * H - 2)]
        tables = {
            "heads_ranked_by_flow": ranking("flow_score", layer_type=["early"] * (L * H)),
            "heads_ranked_by_hub": ranking("hub_score", hub_score_share=[np.nan, *np.ones(L * H - 1)]),
            "heads_ranked_by_skip": ranking("skip_score"),
            "ranked_heads": ranking("composite_score", functional_type=types),
        }
        for file, table in tables.items():
            table.to_csv(output / results / f"{file}.csv", index=False)
        for number, picture in enumerate(HEATMAPS):
            save(output / figures / f"{picture}.png", number + len(name))
        criteria += [
            row("1.2-shape", name, f"{results}/attention_patterns_raw.npy"),
            row("1.4-grid", name, *files(figures, HEATMAPS[0])),
            row("1.4-layers", name, *files(figures, HEATMAPS[1])),
            row("2.1-csv", name, f"{results}/heads_ranked_by_flow.csv"),
            row("2.2-position", name, f"{results}/heads_ranked_by_hub.csv"),
            row("2.3-csv", name, f"{results}/heads_ranked_by_skip.csv"),
            row("2.4-csv", name, f"{results}/ranked_heads.csv"),
            row("2.4-types", name, f"{results}/calibration.json", measured=3, comparator="between", threshold=[2, 3]),
            row("2.4-stable", name, measured=None, verdict="skipped", reason="too few problems"),
        ]
    write_json(output / f"results/{PAIR}_comparison.json", comparison())
    save(output / f"figures/comparison/{LINES}.png", 99)
    criteria += [
        row("2.6-report", PAIR, f"results/{PAIR}_comparison.json", f"results/{PAIR}_calibration.json"),
        row("2.6-figures", PAIR, *files("figures/comparison", LINES), verdict="fail", measured=0.1, ci_low=0.05),
    ]
    return RunResult(run=run_of(), phases=phases(), criteria=criteria)


def run_of() -> dict[str, Any]:
    """The ``run`` object."""
    return {
        "harness": "0.1.0",
        "time": "2026-01-02T03:04:05+00:00",
        "models": [{"name": name, "fingerprint": name[::-1], "n_layers": L, "n_heads": H} for name in MODELS],
        "dataset": {"name": "synthetic", "split": "train", "split_size": 7473, "n": N, "fingerprint": "f" * 64},
        "seed": 42,
        "options": {"controls": "all", "models": list(MODELS), "batch_size": None},
        "declarations": {"1.1-count": "d" * 64},
    }


def phases() -> list[PhaseResult]:
    return [PhaseResult(id="phase1", scope=name, verdict="fail", conditions=[], answers=[]) for name in MODELS]


def files(folder: str, name: str) -> list[str]:
    return [f"{folder}/{name}.png", f"{folder}/{name}.pdf"]


def save(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 6), shade).save(path)
