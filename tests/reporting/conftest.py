from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from harness.figures.save import save_figure
from harness.files import write_array, write_json
from harness.results import ControlResult, CriterionResult, PhaseResult, RunResult

HOSTILE = "<script>alert(1)</script>"


def criterion(criterion_id="1.5-ratio", **changes):
    story = criterion_id.split("-")[0]
    given = {
        "id": criterion_id,
        "story": story,
        "study": "phase2" if story.startswith("2") else "phase1",
        "kind": "hypothesis",
        "model": "tiny-llama",
        "statement": f"What {criterion_id} claims",
        "definition": f"How {criterion_id} is computed",
        "measured": 0.5,
        "comparator": ">=",
        "threshold": 0.25,
        "verdict": "pass",
        "controls": {"uniform": ControlResult(measured=0.1, passes=False)},
        "discriminates": True,
        "n_problems": 100,
    }
    return CriterionResult.model_validate({**given, **changes})


def every_kind():
    """One criterion of each verdict and each mark, with hostile text wherever text comes from outside."""
    passing = {"uniform-context": ControlResult(measured=0.4, passes=True)}
    drawn = {"shuffled": ControlResult(measured=0.3, passes=True, pass_rate=0.93)}
    figures = ["figures/tiny-llama/1_top_heads_attention.png", "results/tiny-llama/attention_stats.json"]
    return [
        criterion("1.1-count", model="run", kind="acceptance", comparator="==", measured=100, threshold=100),
        criterion("1.2-sums", kind="validity", comparator="<=", measured=4.77e-7, threshold=0.01, controls={}),
        criterion("1.2-max", statement=HOSTILE, answer=HOSTILE, reason=HOSTILE, artifacts=figures),
        criterion("1.2-max-raw", artifacts=[figures[0], "results/tiny-llama/absent.json"]),
        criterion(
            "1.3-consistent",
            comparator="<",
            measured=0.01,
            null_should_pass=True,
            discriminates=None,
            artifacts=["results/tiny-llama/attention_patterns_avg.npy"],
        ),
        criterion("1.5-ratio", verdict="fail", measured=0.2, ci_low=0.19, ci_high=0.21, confidence=1.0),
        criterion("2.1-top", controls=passing, discriminates=False, biased=True, cross_fitted=0.44),
        criterion("2.1-share", reach="cannot fail", attainable=(0.625, 1.0)),
        criterion("2.3-random", verdict="fail", reach="unattainable", attainable=(0.0, 0.2), measured=0.1),
        criterion("2.4-stable", verdict="skipped", measured=None, controls={}, reason="too few problems left"),
        criterion("2.4-types", comparator="between", threshold=[2, 3], measured=3, controls=drawn),
    ]


def run_of(criteria, **changes):
    phases = [
        PhaseResult(
            id="phase1",
            scope="tiny-llama",
            verdict="fail",
            conditions=["1.2-max", "1.5-ratio"],
            answers=[HOSTILE, "hub: position 0"],
        ),
        PhaseResult(
            id="phase2",
            scope="tiny-llama",
            verdict="pass (does not discriminate: 2.1-top)",
            conditions=["2.1-top"],
            answers=[],
        ),
    ]
    run = {
        "harness": "0.1.0",
        "time": "2026-01-02T03:04:05+00:00",
        "models": [{"name": "tiny-llama", "n_layers": 2, "n_heads": 3, "n_latents": 6, "n_parameters": 1_240_000}],
        "dataset": {"name": "synthetic", "split": "train", "n": 100, "split_size": 7473},
        "seed": 42,
        "controls": "all",
        "options": {"models": ["tiny-llama"], "dataset": "synthetic", "n_problems": 100, "seed": 42},
        "declarations_sha256": "3f1c2ab9" * 8,
        **changes,
    }
    return RunResult(run=run, phases=phases, criteria=criteria)


def fill(output: Path) -> Path:
    """A figure and the head scores that the made-up criteria point to."""
    figure = Figure(figsize=(4, 3))
    figure.subplots().plot([0, 1], [0, 1])
    save_figure(figure, output / "figures/tiny-llama/1_top_heads_attention")
    patterns = np.tril(np.random.default_rng(0).dirichlet(np.ones(6), size=(2, 3, 6)))
    patterns[1, 2, 4, 0] = 0.98766
    folder = output / "results/tiny-llama"
    write_array(folder / "attention_patterns_avg.npy", patterns)
    heads = [
        {
            "layer": layer,
            "head": head,
            "head_max": patterns[layer, head].max(),
            "skip": None,
            "column_share": patterns[layer, head].sum(axis=0) / patterns[layer, head].sum(),
        }
        for layer in range(2)
        for head in range(3)
    ]
    write_json(folder / "attention_stats.json", {"heads": heads})
    rows = [f'{layer},{head},0.5,"</script>{HOSTILE}"' for layer in range(2) for head in range(3)]
    (folder / "ranked_heads.csv").write_text("\n".join(["layer,head,composite_score,functional_type", *rows]))
    return output


@pytest.fixture
def make_criterion():
    return criterion


@pytest.fixture
def make_run():
    return run_of


@pytest.fixture(scope="session")
def every_criterion():
    return every_kind()


@pytest.fixture(scope="session")
def filled_output(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("out put ü"))


@pytest.fixture(scope="session")
def rendered(every_criterion, filled_output):
    from harness.reporting.html import render

    return render(run_of(every_criterion), filled_output)
