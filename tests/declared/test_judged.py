"""Criteria of a user's own in a real run: everything that the study's have, and nothing that was remembered wrongly."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.criteria import calibration
from harness.criteria.registry import declaration_digests, declarations_digest
from harness.declared.read import own_criteria
from harness.errors import HarnessError
from harness.judging import Run
from harness.options import RunOptions
from harness.results import CriterionResult, RunResult
from tests.declared.conftest import DECLARED

Write = Callable[..., Path]
Judge = Callable[..., RunResult]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the results."""
    return tmp_path / "reports"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def judge(write: Write, folder: Path, cache: Path) -> Judge:
    """Judge what a file declares after some changes to it, each time in a run of its own."""

    def judge(*changes: tuple[str, str]) -> RunResult:
        own = own_criteria([write("mine/test_first.py", DECLARED, *changes)])
        options = RunOptions(dataset="synthetic", n_problems=6, controls="cheap", output=folder, cache_dir=cache)
        run = Run(options, own=own)
        run.preflight({"own"})
        return run.complete(run.calibrated([run.judge(one, "tiny-llama") for one in own]))

    return judge


def only(result: RunResult) -> CriterionResult:
    (criterion,) = result.criteria
    return criterion


def planted(result: RunResult, folder: Path) -> Any:
    (entry,) = json.loads((folder / only(result).artifacts[-1]).read_text(encoding="utf-8"))["criteria"]
    return entry["planted_values"]["skip"][-1]


def test_it_has_interval_controls_calibration_and_a_count(judge: Judge) -> None:
    result = judge()
    found = only(result)
    assert (found.study, found.verdict) == ("own", "fail")
    assert found.ci_low is not None and found.attainable == (0, 1)
    assert found.controls["uniform"].measured == pytest.approx(1 / 6) and found.controls["shuffled"].pass_rate == 0
    assert found.artifacts == ["results/tiny-llama/calibration.json"]
    (phase,) = result.phases
    assert (phase.id, phase.scope, phase.conditions) == ("own", "tiny-llama", ["X.1-first"])
    assert phase.verdict == "0 of 1 hypotheses pass where no control does"
    assert result.run["own_files"] == {"X.1-first": "mine/test_first.py"}


def test_its_declaration_is_among_those_of_the_run(judge: Judge) -> None:
    about = judge().run
    assert set(about["declarations"]) - set(declaration_digests()) == {"X.1-first"}
    assert about["declarations_sha256"] != declarations_digest()


def test_an_edited_measure_is_measured_and_planted_again(judge: Judge, folder: Path) -> None:
    first = judge()
    before = planted(first, folder)
    second = judge(("last[..., 0]", "last[..., 4]"))
    assert only(second).measured != only(first).measured
    assert planted(second, folder) != before


def test_an_edited_threshold_is_judged_without_planting_again(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    first = judge()

    def never(*_: object) -> None:
        raise AssertionError("planted again")

    monkeypatch.setattr(calibration, "plant_values", never)
    second = judge(("0.25", "0.01"))
    assert only(second).measured == only(first).measured
    assert (only(first).verdict, only(second).verdict) == ("fail", "pass")


def test_what_an_effect_looks_at_is_named(judge: Judge) -> None:
    effect = "Effect(importance_study, lambda trials: trials.of('right')[:, None], lambda m: m[..., 0], (0, 1))"
    result = judge(
        ("import MeanMeasure", "import Effect, importance_study, MeanMeasure"),
        ("MeanMeasure(first_share, within(0, 1))", effect),
    )
    (sample,) = result.run["samples"]
    assert (sample["split"], sample["as_many_of_each_difficulty"]) == ("test", True)


def test_a_measure_of_the_wrong_shape_stops_the_run_before_anything_is_extracted(judge: Judge, folder: Path) -> None:
    with pytest.raises(HarnessError, match="4 layers, 8 heads and 6 thoughts"):
        judge((".mean(axis=(-2, -1))", ""))
    assert not list(folder.iterdir())


def test_a_measure_that_does_not_apply_is_skipped_with_its_reason(judge: Judge) -> None:
    refused = "    raise NotApplicable('needs 9 heads')\n    last ="
    result = judge(("import Mean", "import NotApplicable, Mean"), ("    last =", refused))
    assert (only(result).verdict, only(result).reason) == ("skipped", "needs 9 heads")
