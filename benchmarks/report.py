"""How quickly a large report opens: ``python -m benchmarks.report`` (needs a Chromium, as the browser tests do).

The report is made up: two models of 16 layers x 32 heads, 400 criteria of all kinds and verdicts, half of them with planted
patterns and curves over thresholds, 60 figures. Reported are its size, the seconds it takes to render, and, medians over
rounds in headless Chromium from a file: first paint, the page being ready, and the time from a choice in a filter to the
table that shows it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from harness.figures.save import save_figure
from harness.files import write_array, write_json, write_text
from harness.reporting.html import render
from harness.results import PhaseResult, RunResult

MODELS = ("large-gpt2", "large-llama")
LAYERS, HEADS, THOUGHTS = 16, 32, 6
STUDIES = {"phase1": "1.2", "phase2": "2.4", "importance": "I.2", "steps": "S.1", "behaviour": "B.1"}
STRENGTHS = [0.1, 0.25, 0.5, 0.75, 1.0]
PATTERNS = ("hub", "chain", "skip", "mixed", "few")
CONTROLS = ("uniform", "uniform-context", "untrained", "contentless", "shuffled")

CONFTEST = """
from pathlib import Path

def pytest_html_report_title(report):
    report.title = "Success criteria"

def pytest_html_results_summary(prefix):
    prefix.append(Path(__file__).with_name("fragment.html").read_text(encoding="utf-8"))
"""
CHECKS = """
import pytest

@pytest.mark.parametrize("place", range({count}))
def test_criterion(place):
    assert place % 2, "measured 0.2, the rule is >= 0.25"
"""


def large_run(output: Path, rows: int = 400, figures: int = 60) -> RunResult:
    """A made-up run of ``rows`` criteria on two models, with the files under ``output`` that its report reads."""
    generator = np.random.default_rng(0)
    per_model = rows // len(MODELS)
    criteria = [row for model in MODELS for row in _rows(model, per_model, figures // len(MODELS), generator)]
    for model in MODELS:
        _write_files(
            output, model, [row for row in criteria if row["model"] == model], figures // len(MODELS), generator
        )
    phases = [
        PhaseResult(id=study, scope=model, verdict="fail", conditions=[f"{story}-0", f"{story}-1"], answers=["no"])
        for model in MODELS
        for study, story in STUDIES.items()
    ]
    shapes: list[dict[str, Any]] = [
        {"name": model, "n_layers": LAYERS, "n_heads": HEADS, "n_latents": THOUGHTS} for model in MODELS
    ]
    dataset = {"name": "synthetic", "split": "train", "n": 100, "split_size": 7473}
    run = {"models": shapes, "dataset": dataset, "seed": 42, "controls": "all", "options": {"models": list(MODELS)}}
    return RunResult.model_validate({"run": run, "phases": phases, "criteria": criteria})


def page(folder: Path, result: RunResult) -> Path:
    """index.html of a pytest-html run of as many tests as there are criteria, with the report on top."""
    write_text(folder / "fragment.html", render(result, folder))
    write_text(folder / "conftest.py", CONFTEST)
    write_text(folder / "test_checks.py", CHECKS.format(count=len(result.criteria)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "-c", os.devnull]
    done = subprocess.run(
        [*command, "--html=index.html", "--self-contained-html", "test_checks.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 1:
        raise RuntimeError(done.stdout + done.stderr)
    return folder / "index.html"


def _rows(model: str, count: int, figures: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    studies = list(STUDIES.items())
    found = []
    for place in range(count):
        study, story = studies[place * len(studies) // count]
        hypothesis = place % 4 != 0
        measured, verdict = float(generator.uniform()), ("pass", "fail", "skipped")[place % 7 % 3]
        artifacts = [f"results/{model}/calibration.json"] if hypothesis else []
        if place < 2:
            artifacts += [f"results/{model}/attention_stats.json", f"results/{model}/attention_patterns_avg.npy"]
        controls = {name: {"measured": float(generator.uniform()), "passes": bool(place % 3)} for name in CONTROLS}
        found.append(
            {
                "id": f"{story}-{place}",
                "story": story,
                "study": study,
                "kind": "hypothesis" if hypothesis else ("validity", "acceptance")[place % 8 // 4],
                "model": model,
                "statement": f"What criterion {place} of {study} claims about the heads of a model, in a sentence",
                "definition": "Share of heads of which the mean pattern has a cell above the threshold. " * 3,
                "measured": measured,
                "comparator": ">=",
                "threshold": 0.25,
                "verdict": verdict,
                "ci_low": measured - 0.05,
                "ci_high": measured + 0.05,
                "confidence": 0.9 + 0.1 * (place % 2),
                "biased": place % 5 == 0,
                "attainable": [0.0, 1.0],
                "n_problems": 100,
                "controls": controls if hypothesis else {},
                "discriminates": bool(place % 3 == 0) if hypothesis and verdict == "pass" else None,
                "answer": f"The answer to question {place}: CT{place % 6} receives most attention",
                "beside": {f"quantity {one}": float(generator.uniform()) for one in range(4)},
                "artifacts": [f"figures/{model}/{place % figures}.png", *artifacts],
            }
        )
    return found


def _write_files(
    output: Path, model: str, rows: Sequence[dict[str, Any]], figures: int, generator: np.random.Generator
) -> None:
    for number in range(figures):
        figure = Figure(figsize=(8, 5))
        for axes in figure.subplots(2, 4).ravel():
            axes.imshow(generator.uniform(size=(6, 6)))
        save_figure(figure, output / f"figures/{model}/{number}")
    folder = output / "results" / model
    write_array(
        folder / "attention_patterns_avg.npy", np.tril(generator.uniform(size=(LAYERS, HEADS, THOUGHTS, THOUGHTS)))
    )
    scores = ("head_max", "structure", "flow", "forward_mass", "skip", "hub_score", "composite_score")
    heads = [
        {"layer": layer, "head": head, "column_share": generator.dirichlet(np.ones(THOUGHTS))}
        | {score: float(generator.uniform()) for score in scores}
        for layer in range(LAYERS)
        for head in range(HEADS)
    ]
    write_json(folder / "attention_stats.json", {"heads": heads})
    write_json(
        folder / "calibration.json",
        {
            "model": model,
            "models": [model],
            "strengths": STRENGTHS,
            "criteria": [_calibrated(row, generator) for row in rows if row["kind"] == "hypothesis"],
        },
    )


def _calibrated(row: dict[str, Any], generator: np.random.Generator) -> dict[str, Any]:
    thresholds = sorted([0.25, *generator.uniform(size=40).tolist()])
    shares = np.clip(3 * (row["measured"] - np.array(thresholds)) + 0.5, 0, 1).tolist()
    kept = ("id", "comparator", "threshold", "verdict", "measured", "ci_low", "ci_high", "confidence", "attainable")
    return {name: row[name] for name in kept} | {
        "plantings": 200,
        "power": {kind: sorted(generator.uniform(size=5).tolist()) for kind in PATTERNS},
        "false_positive_rate": 0.02,
        "planted_values": {
            "none": [[0.1, 0.12, 0.14]],
            **{
                kind: [[value, value, value] for value in sorted(generator.uniform(size=5).tolist())]
                for kind in PATTERNS
            },
        },
        "sensitivity": {
            "thresholds": thresholds,
            "passes": [True] * len(thresholds),
            "share_of_resamples": shares,
            "false_positive_rate": np.clip(2 * (0.3 - np.array(thresholds)), 0, 1).tolist(),
        },
    }


def opened(index: Path, rounds: int, chromium: str) -> dict[str, float]:
    """Medians in milliseconds: first paint, the page ready, and a filter's effect painted."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {"first paint": [], "ready": [], "filter": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            tab.goto(index.as_uri())
            tab.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            paint, ready = tab.evaluate(
                "[performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                " performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd]"
            )
            filtered = tab.evaluate(
                """() => new Promise((done) => {
                  const choice = document.querySelector("[data-ch-filter=verdict]");
                  const started = performance.now();
                  choice.value = "fail";
                  choice.dispatchEvent(new Event("input", { bubbles: true }));
                  requestAnimationFrame(() => setTimeout(() => done(performance.now() - started)));
                })"""
            )
            for name, value in zip(found, (paint, ready, filtered), strict=True):
                found[name].append(value)
            tab.close()
        browser.close()
    return {name: median(values) for name, values in found.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    chromium = os.environ.get("HARNESS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = large_run(folder, options.rows)
        render(result, folder)
        started = time.perf_counter()
        render(result, folder)
        seconds = time.perf_counter() - started
        index = page(folder, result)
        print(f"| rows | {len(result.criteria)} |\n|---|---|")
        print(f"| size | {index.stat().st_size / 1e6:.2f} MB |\n| rendering | {seconds:.2f} s |")
        if chromium is None:
            print("no Chromium found: install chromium, or name one with HARNESS_CHROMIUM")
            return
        for what, milliseconds in opened(index, options.rounds, chromium).items():
            print(f"| {what} | {milliseconds:.0f} ms |")


if __name__ == "__main__":
    main()
