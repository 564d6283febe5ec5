"""What is kept of a measurement is found again exactly when nothing that decides it has changed."""

import json
from pathlib import Path

import pytest

from harness.criteria.criterion import Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.registry import declarations_digest
from harness.criteria.remembered import remembered
from harness.judging import Run
from harness.options import RunOptions


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ModelStudy:
    folder = tmp_path_factory.mktemp("run")
    options = RunOptions(
        models=("tiny-llama",),
        dataset="synthetic",
        n_problems=6,
        controls="none",
        output=folder,
        cache_dir=folder / "cache",
    )
    return Run(options).model_study("tiny-llama")


def test_an_edited_threshold_measures_its_own_criterion_again_and_no_other(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def measure(name: str, rule: Rule) -> None:
        def evaluate(*_: object) -> Measurement:
            measured.append(name)
            return Measurement(1.0)

        monkeypatch.setattr("harness.criteria.evidence.evaluate", evaluate)
        study.evaluate(name, None, rule)  # type: ignore[arg-type]

    for threshold in (0.1, 0.1, 0.2):
        measure("edited", Rule(">", threshold))
        measure("other", Rule(">", 0.5))
    assert measured == ["edited", "other", "edited"]


def test_a_damaged_entry_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    assert remembered(path, lambda: Measurement(1.0)) == remembered(path, lambda: Measurement(2.0)) == Measurement(1.0)
    path.write_text(path.read_text()[:-5])
    assert remembered(path, lambda: Measurement(3.0)) == Measurement(3.0)


def test_every_result_names_the_declarations_it_was_judged_by(study: ModelStudy) -> None:
    path = study.absolute(study.files.critical_heads())
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["provenance"]["declarations_sha256"] == declarations_digest()
