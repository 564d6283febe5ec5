"""A run without models: its verdicts are read from ``verdicts.json`` beside the conftest, so tests can choose them."""

import json
import os
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.errors import HarnessError
from harness.options import RunOptions
from harness.results import ControlResult, CriterionResult, PhaseResult, RunResult
from harness.storage.progress import Progress


def declared(name: str, kind: str, comparator: str, threshold: Any, scope: str = "model") -> Criterion:
    return Criterion(
        name,
        kind,  # type: ignore[arg-type]
        f"Statement of {name}",
        f"Definition of {name}",
        Rule(comparator, threshold),  # type: ignore[arg-type]
        lambda evidence: Measurement(None),
        scope=scope,  # type: ignore[arg-type]
    )


THRESHOLD = float(os.environ.get("FAKE_THRESHOLD", "0.1"))
CRITERIA = (
    declared("1.1-count", "acceptance", "==", 100, scope="run"),
    declared("1.1-unique", "validity", "==", 0, scope="run"),
    declared("1.2-sums", "validity", "<=", 0.01),
    declared("1.2-max", "hypothesis", ">=", THRESHOLD),
    declared("1.2-spread", "hypothesis", ">", 0.15),
    declared("1.5-ratio", "hypothesis", ">=", 2),
    declared("2.6-differ", "hypothesis", "<", 0.05, scope="pair"),
    declared("4.1-clean", "validity", "==", 0, scope="run"),
)


class FakeRun:
    """Keeps the promises of ``harness.judging.Run``, from a file."""

    def __init__(self, options: RunOptions, progress: Progress) -> None:
        self.options = options
        self.progress = progress
        self.script: dict[str, Any] = json.loads(Path("verdicts.json").read_text("utf-8"))
        self._results: dict[tuple[str, str], CriterionResult] = {}
        self._note("created")

    def preflight(self, studies: Collection[str] = ()) -> None:
        self._note("preflight")
        if "preflight" in self.script:
            raise HarnessError(self.script["preflight"])

    def close(self) -> None:
        self._note("closed")

    def scopes(self, criterion: Criterion) -> list[str]:
        models = self.options.models
        pairs = [f"{one}_vs_{other}" for one, other in combinations(models, 2)]
        return {"run": ["run"], "model": list(models), "pair": pairs}[criterion.scope]

    def judge(self, criterion: Criterion, scope: str) -> CriterionResult:
        known = (criterion.id, scope)
        if known not in self._results:
            self._results[known] = self._judge(criterion, scope)
        return self._results[known]

    def _judge(self, criterion: Criterion, scope: str) -> CriterionResult:
        self._note(f"judged {scope}-{criterion.id}")
        said = {"verdict": "pass", "measured": 0.5, **self.script.get(f"{scope}-{criterion.id}", {})}
        if "slow" in said:
            with self.progress("extracting", 100) as advance:
                time.sleep(said.pop("slow"))
                print("noise of a library")
                advance(100)
        if "error" in said:
            raise HarnessError(said["error"])
        if "bug" in said:
            raise ZeroDivisionError(said["bug"])
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
            **{"controls": {"uniform": ControlResult(measured=0.02, passes=False)}, "discriminates": True, **said},
        )

    def provenance(self) -> dict[str, Any]:
        about = {"n_layers": 4, "n_heads": 4, "n_latents": 6, "device": "cpu", "dtype": "float32"}
        return {
            "harness": "0.1.0",
            "models": [{"name": name, **about} for name in self.options.models],
            "dataset": {
                "name": "synthetic",
                "split": "train",
                "split_size": 7473,
                "n": self.options.n_problems,
                "fingerprint": self.script.get("fingerprint", "f" * 64),
            },
            "seed": self.options.seed,
            "controls": self.options.controls,
            "control_model": None,
            "options": {"dataset": "synthetic", "dtype": "float32", "ablate_at": [], "quick": False},
            "sweep_problems": self.options.sweep_problems,
            "declarations_sha256": "d" * 64,
            "declarations": {criterion.id: criterion.digest() for criterion in CRITERIA},
            "time": datetime.now(UTC).isoformat(),
        }

    def calibrated(self, results: list[CriterionResult]) -> list[CriterionResult]:
        if "calibration" in self.script:
            raise HarnessError(self.script["calibration"])
        return [one.model_copy(update={"artifacts": ["results/calibration.json"]}) for one in results]

    def complete(self, results: Sequence[CriterionResult]) -> RunResult:
        phase = PhaseResult(
            id="phase1", scope=self.options.models[0], verdict="pass", conditions=["1.2-max"], answers=["yes"]
        )
        return RunResult(run=self.provenance(), phases=[phase], criteria=list(results))

    def _note(self, what: str) -> None:
        with Path("calls.log").open("a", encoding="utf-8") as log:
            log.write(f"{what}\n")


def pytest_harness_criteria() -> Sequence[Criterion]:
    return CRITERIA


@pytest.hookimpl
def pytest_harness_run(options: RunOptions, progress: Progress) -> FakeRun:
    return FakeRun(options, progress)
