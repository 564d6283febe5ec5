"""Verdicts: pass, fail, invalid, skipped, vacuous; and a broken extraction is never read as a finding."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.criteria import registry
from harness.criteria.criterion import ControlValue, Criterion, Measurement, NotMeasured, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.registry import find
from harness.errors import HarnessError
from harness.extraction.cached import CachedExtraction
from harness.extraction.patterns import AttentionPatterns, Looks
from harness.judging import Run, dataset_of
from harness.measures import TooFewLatents
from harness.models.registry import locate_files
from harness.options import RunOptions
from harness.results import CalibrationFile, CriterionResult
from tests.criteria.test_rules import result

GOLDEN = Path(__file__).parents[1] / "golden"
GROUND = Criterion("1.2-ground", "validity", "s", "d.", Rule("<=", 1), Measurement)


def claim(measure: Any, **more: Any) -> Criterion:
    return Criterion("1.2-claim", "hypothesis", "s", "d.", Rule(">", 0.5), measure, **more)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(Run, "model_study", lambda self, name: 0.0)
    return Run(RunOptions(), own=(GROUND,))


def controlled(value: float, **controls: ControlValue) -> Measurement:
    return Measurement(value, controls=controls)


@pytest.mark.parametrize(
    ("measured", "verdict", "discriminates"),
    [
        (controlled(0.9, uniform=ControlValue(0.1)), "pass", True),
        (controlled(0.9, uniform=ControlValue(0.6)), "pass", False),
        (controlled(0.4, uniform=ControlValue(0.6)), "fail", None),
        (controlled(0.9), "pass", None),
        (controlled(0.9, shuffled=ControlValue(0.1, (0.1,) * 95 + (0.6,) * 5)), "pass", True),
        (controlled(0.9, shuffled=ControlValue(0.1, (0.1,) * 94 + (0.6,) * 6)), "pass", False),
        (controlled(0.9, short=ControlValue(None)), "pass", True),
        (Measurement(None, reason="undefined: constant"), "fail", None),
    ],
)
def test_a_pass_discriminates_when_no_control_passes(
    run: Run, measured: Measurement, verdict: str, discriminates: bool | None
) -> None:
    result = run.judge(claim(lambda study: measured), "m")
    assert (result.verdict, result.discriminates) == (verdict, discriminates)
    assert result.vacuous == (discriminates is False)


def test_where_the_null_should_pass_nothing_is_said_about_discrimination(run: Run) -> None:
    result = run.judge(claim(lambda study: controlled(0.9, uniform=ControlValue(0.9)), null_should_pass=True), "m")
    assert (result.verdict, result.discriminates) == ("pass", None)


def test_a_claim_on_broken_ground_is_invalid_and_says_which(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    resting = claim(lambda study: Measurement(0.9), rests_on=("1.2-ground",))
    assert run.judge(resting, "sound").verdict == "pass"
    monkeypatch.setattr(Run, "model_study", lambda self, name: 7.0)
    result = run.judge(resting, "broken")
    assert (result.verdict, result.measured) == ("invalid", 0.9)
    assert "1.2-ground" in (result.reason or "")


@pytest.mark.parametrize("error", [TooFewLatents("skip needs at least 5 latents, got 3"), NotMeasured("no test split")])
def test_what_cannot_be_measured_is_skipped_with_its_reason(run: Run, error: Exception) -> None:
    def measure(study: Any) -> Measurement:
        raise error

    result = run.judge(claim(measure), "m")
    assert (result.verdict, result.reason) == ("skipped", str(error))


@pytest.fixture
def comparing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A run on two models, of which the one called broken breaks the ground."""
    monkeypatch.setattr(Run, "_size", lambda self, name: len(name))
    monkeypatch.setattr(Run, "model_study", lambda self, name: 7.0 if name == "broken" else 0.0)
    monkeypatch.setattr(Run, "pair_study", lambda self, name: name)
    options = RunOptions(models=("broken", "fine", "well"), output=tmp_path, cache_dir=tmp_path)
    return Run(options, own=(GROUND, SAME))


SAME = Criterion("2.6-same", "validity", "s", "d.", Rule("is", "fine_vs_well"), Measurement, scope="pair")


def of_a_pair(*rests_on: str) -> Criterion:
    return claim(lambda study: Measurement(0.9), scope="pair", rests_on=rests_on)


def test_every_two_models_are_a_pair_the_smaller_one_first(comparing: Run) -> None:
    assert comparing.scopes(of_a_pair()) == ["fine_vs_broken", "well_vs_broken", "fine_vs_well"]
    assert Run(RunOptions(models=("fine",))).scopes(of_a_pair()) == []


def test_a_comparison_rests_on_both_models(comparing: Run) -> None:
    assert comparing.judge(of_a_pair("1.2-ground"), "fine_vs_well").verdict == "pass"
    result = comparing.judge(of_a_pair("1.2-ground"), "fine_vs_broken")
    assert (result.verdict, result.measured) == ("invalid", 0.9)
    assert result.reason == "rests on 1.2-ground of broken, which failed"


def test_a_comparison_rests_on_what_is_judged_on_the_pair_itself(comparing: Run) -> None:
    assert comparing.judge(of_a_pair("2.6-same"), "fine_vs_well").verdict == "pass"
    result = comparing.judge(of_a_pair("2.6-same"), "fine_vs_broken")
    assert (result.verdict, result.reason) == ("invalid", "rests on 2.6-same, which failed")


@pytest.mark.parametrize("models", [("tiny-gpt2", "tiny-llama"), ("tiny-llama", "tiny-gpt2")])
def test_the_embedded_models_are_ordered_by_their_sizes(tmp_path: Path, models: tuple[str, ...]) -> None:
    run = Run(RunOptions(models=models, cache_dir=tmp_path))
    assert run.pairs == {"tiny-llama_vs_tiny-gpt2": ("tiny-llama", "tiny-gpt2")}


def test_the_embedded_models_go_through_the_whole_of_story_2_6(tmp_path: Path) -> None:
    run = Run(
        RunOptions(
            models=("tiny-gpt2", "tiny-llama"),
            n_problems=8,
            output=tmp_path / "out",
            cache_dir=tmp_path / "cache",
            controls="cheap",
        )
    )
    story = [criterion for criterion in registry.criteria() if criterion.story == "2.6"]
    ((scope, names),) = run.pairs.items()
    results = {criterion.id: run.judge(criterion, scope) for criterion in story}
    assert all(one.verdict in ("pass", "fail") for one in results.values()), results
    assert all(one.verdict == "pass" for one in results.values() if one.kind != "hypothesis"), results
    assert set(results["2.6-differ"].controls) == {f"halves of {name}" for name in names}
    assert all(run.pair_study(scope).absolute(path).exists() for one in results.values() for path in one.artifacts)
    sizes = [run.model_study(name).about["n_parameters"] for name in names]
    assert sizes == sorted(sizes)
    assert [phase.scope for phase in run.complete(list(results.values())).phases] == [scope]


def test_the_attainable_range_is_held_against_the_rule(run: Run) -> None:
    assert run.judge(claim(lambda study: Measurement(0.4, attainable=(0.0, 0.45))), "m").reach == "unattainable"
    assert run.judge(claim(lambda study: Measurement(0.9, attainable=(0.6, 1.0))), "n").reach == "cannot fail"


def test_models_studied_on_different_data_need_the_dataset_named() -> None:
    with pytest.raises(HarnessError, match=r"gpt2: gsm8k, tiny-llama: synthetic.*--dataset"):
        dataset_of(RunOptions(models=("gpt2", "tiny-llama")))
    assert dataset_of(RunOptions(models=("gpt2", "tiny-llama"), dataset="gsm8k")) == "gsm8k"
    assert dataset_of(RunOptions(models=("tiny-gpt2", "tiny-llama"))) == "synthetic"


class Broken:
    """A study of the recorded gpt2 whose extraction went wrong in one way."""

    def __init__(self, study: ModelStudy, **changes: Any):
        self._study = study
        self.patterns: AttentionPatterns = AttentionPatterns(
            **{**{name: getattr(study.patterns, name) for name in AttentionPatterns.__dataclass_fields__}, **changes}
        )
        self.oracle: Looks = study.oracle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ModelStudy:
    from harness.problems import load_problems

    folder = tmp_path_factory.mktemp("study")
    files = locate_files(GOLDEN / "gpt2" / "ckpt_safetensors", GOLDEN / "gpt2" / "base", lora_alpha=16)
    problems = load_problems("synthetic", n=8)
    options = RunOptions(output=folder / "out", cache_dir=folder / "cache", n_problems=8, controls="none")
    return ModelStudy(options, CachedExtraction(files, problems, folder / "cache"), {})


VALIDITY = ("1.2-sums", "1.2-causal", "1.2-oracle", "1.2-batch")


@pytest.mark.parametrize("criterion_id", VALIDITY)
def test_validity_holds_on_a_sound_extraction(study: ModelStudy, criterion_id: str) -> None:
    criterion = find(criterion_id)
    measured = criterion.measure(study)
    assert criterion.rule.holds(measured.value), measured


def late_keys(study: ModelStudy) -> dict[str, Any]:
    return {"raw": np.roll(study.patterns.raw, 1, axis=-1)}


def lost_mass(study: ModelStudy) -> dict[str, Any]:
    return {"row_total": study.patterns.row_total - np.float32(0.02)}


def short_rows(study: ModelStudy) -> dict[str, Any]:
    return {"row_length": study.patterns.row_length - 1}


def renormalised(study: ModelStudy) -> dict[str, Any]:
    return {"raw": study.patterns.raw / study.patterns.raw.sum(-1, keepdims=True)}


@pytest.mark.parametrize(
    ("criterion_id", "fault"),
    [
        ("1.2-sums", lost_mass), ("1.2-causal", short_rows), ("1.2-oracle", late_keys), ("1.2-oracle", renormalised),
        ("1.2-batch", late_keys),
    ],
)  # fmt: skip
def test_each_validity_criterion_sees_the_fault_it_is_there_for(
    study: ModelStudy, criterion_id: str, fault: Any
) -> None:
    criterion = find(criterion_id)
    measured = criterion.measure(Broken(study, **fault(study)))
    assert not criterion.rule.holds(measured.value)


def test_weight_on_later_thoughts_fails_the_causal_criterion(study: ModelStudy) -> None:
    broken = Broken(study)
    broken.oracle = Looks(study.oracle.rows, study.oracle.raw, study.oracle.later + 1e-6, study.oracle.lone)
    assert not find("1.2-causal").rule.holds(find("1.2-causal").measure(broken).value)


ACCEPTANCE = [
    criterion.id
    for criterion in registry.criteria()
    if (criterion.kind, criterion.scope) == ("acceptance", "model") and criterion.study in ("phase1", "phase2")
]


@pytest.mark.parametrize("criterion_id", ACCEPTANCE)
def test_every_artifact_is_written_and_read_back(study: ModelStudy, criterion_id: str) -> None:
    criterion = find(criterion_id)
    measured = criterion.measure(study)
    assert measured.value is not None
    if criterion.rule.comparator == "is":
        assert criterion.rule.holds(measured.value), measured
        assert measured.artifacts
    for artifact in measured.artifacts:
        assert study.absolute(artifact).stat().st_size > 0


def test_a_statistics_file_that_says_something_else_is_noticed(study: ModelStudy) -> None:
    path = study.absolute(study.files.statistics())
    whole = path.read_text()
    try:
        path.write_text(whole.replace('"head": 0', '"head": 3', 1))
        assert not find("1.3-stats").rule.holds(find("1.3-stats").measure(study).value)
    finally:
        path.write_text(whole)


def test_averages_that_are_not_the_mean_are_noticed(study: ModelStudy) -> None:
    path = study.absolute(study.files.averages())
    whole = np.load(path)
    try:
        np.save(path, whole * 1.001)
        assert not find("1.3-mean").rule.holds(find("1.3-mean").measure(study).value)
    finally:
        np.save(path, whole)


def test_all_controls_are_evaluated_on_the_real_extractions(study: ModelStudy) -> None:
    options = replace(study.options, controls="all")
    extraction = CachedExtraction(study._extraction.files, study.problems, options.cache_dir)
    measured = find("1.2-spread").measure(ModelStudy(options, extraction, {}, control=extraction))
    expected = {"uniform", "uniform-context", "untrained", "contentless", "control-model", "shuffled"}
    assert set(measured.controls) == expected
    assert measured.controls["control-model"].measured == measured.value
    others = {name: control.measured for name, control in measured.controls.items() if name != "control-model"}
    assert len(set(others.values())) == len(others)
    assert find("1.2-spread").measure(ModelStudy(options, extraction, {}, control=extraction)) == measured


def test_weights_that_are_not_numbers_are_invalid_not_a_crash(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {name: getattr(study.patterns, name) for name in AttentionPatterns.__dataclass_fields__}
    raw, totals = study.patterns.raw.copy(), study.patterns.row_total.copy()
    raw[0, 0, 0, 2, 1] = totals[0, 0, 0, 2] = np.nan
    broken = ModelStudy(study.options, study._extraction, {})
    broken.__dict__["patterns"] = AttentionPatterns(**{**fields, "raw": raw, "row_total": totals})
    monkeypatch.setattr(Run, "model_study", lambda self, name: broken)
    monkeypatch.setattr(ModelStudy, "_key", lambda self, name, rule, second: "poisoned" + name)
    run = Run(study.options)
    for ground in ("1.1-fields", "1.1-unique", "1.1-split"):
        run._results[(ground, "run")] = result(ground)
    for criterion_id in ("1.2-max", "1.3-consistent", "1.4-squint", "1.5-winner", "1.5-sequential"):
        found = run.judge(find(criterion_id), "m")
        assert (found.verdict, found.measured) == ("invalid", None), criterion_id
        assert "1.2-sums" in (found.reason or "")


def test_a_question_without_an_answer_is_undefined_not_confident(study: ModelStudy) -> None:
    nothing = ModelStudy(study.options, study._extraction, {})
    fields = {name: getattr(study.patterns, name) for name in AttentionPatterns.__dataclass_fields__}
    nothing.__dict__["patterns"] = AttentionPatterns(**{**fields, "raw": np.zeros_like(study.patterns.raw)})
    for criterion_id in ("1.5-hub-confidence", "1.5-sequential", "1.5-54"):
        measured = find(criterion_id).measure(nothing)
        assert measured.value is None and "undefined" in (measured.reason or ""), criterion_id


CALIBRATED = ("1.2-spread", "1.5-ratio", "1.5-nonrandom", "2.4-critical")


def run_on(study: ModelStudy, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Run:
    """A run of its own, as another process would make it, on the recorded gpt2."""
    options = replace(study.options, models=(study.name,), **changes)
    extraction = CachedExtraction(study._extraction.files, study.problems, options.cache_dir)
    own = ModelStudy(options, extraction, {"seed": options.seed})
    monkeypatch.setattr(Run, "model_study", lambda self, name: own)
    run = Run(options)
    for ground in ("1.1-fields", "1.1-unique", "1.1-split"):
        run._results[(ground, "run")] = result(ground)
    return run


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("computed again")


@pytest.fixture
def judged(study: ModelStudy, monkeypatch: pytest.MonkeyPatch) -> list[CriterionResult]:
    run = run_on(study, monkeypatch, controls="cheap")
    return [run.judge(find(name), study.name) for name in ("1.2-sums", *CALIBRATED, "1.2-metadata")]


def read_calibration(study: ModelStudy) -> CalibrationFile:
    path = study.absolute(f"results/{study.name}/calibration.json")
    return CalibrationFile.model_validate_json(path.read_text(encoding="utf-8"))


def test_calibration_holds_what_was_judged_and_says_what_the_results_say(
    study: ModelStudy, judged: list[CriterionResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = run_on(study, monkeypatch, controls="cheap").calibrated(judged)
    path = f"results/{study.name}/calibration.json"
    assert [one.id for one in results if path in one.artifacts] == list(CALIBRATED)
    assert [one.model_copy(update={"artifacts": []}) for one in results] == [
        one.model_copy(update={"artifacts": []}) for one in judged
    ]
    content = read_calibration(study)
    assert content.model == study.name
    assert content.provenance["seed"] == study.options.seed
    assert content.planted is not None and content.planted["models"][study.name]["n"] == 8
    by_id = {one.id: one for one in judged}
    assert [entry.id for entry in content.criteria] == list(CALIBRATED)
    for entry in content.criteria:
        said = by_id[entry.id].model_dump()
        shared = {name: value for name, value in entry.model_dump().items() if name in said}
        assert shared == {name: said[name] for name in shared}
        assert len(shared) >= 14
        assert entry.power is not None and {len(shares) for shares in entry.power.values()} == {len(content.strengths)}
        assert (entry.sensitivity is None) == (entry.comparator == "between")
        if entry.sensitivity is not None:
            place = entry.sensitivity.thresholds.index(entry.threshold)  # type: ignore[arg-type]
            assert entry.sensitivity.passes[place] == (entry.verdict == "pass")
            assert entry.sensitivity.false_positive_rate is not None
            assert entry.sensitivity.false_positive_rate[place] == entry.false_positive_rate


def test_another_process_calibrates_from_what_is_kept_and_writes_the_same_bytes(
    study: ModelStudy, judged: list[CriterionResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_on(study, monkeypatch, controls="cheap").calibrated(judged)
    path = study.absolute(f"results/{study.name}/calibration.json")
    before = path.read_bytes()
    path.unlink()
    monkeypatch.setattr("harness.criteria.evidence.evaluate", refuse)
    monkeypatch.setattr("harness.criteria.calibration.plant_values", refuse)
    run_on(study, monkeypatch, controls="cheap").calibrated(judged)
    assert path.read_bytes() == before


def test_what_was_not_measured_or_rests_on_broken_ground_is_not_calibrated(
    study: ModelStudy, judged: list[CriterionResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = dict(zip(CALIBRATED, ("skipped", "invalid", "pass", "fail"), strict=True))
    changed = [one.model_copy(update={"verdict": verdicts.get(one.id, one.verdict)}) for one in judged]
    run_on(study, monkeypatch, controls="cheap").calibrated(changed)
    assert [entry.id for entry in read_calibration(study).criteria] == ["1.5-nonrandom", "2.4-critical"]


def test_without_hypotheses_there_is_nothing_to_calibrate(
    study: ModelStudy, judged: list[CriterionResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study.absolute(f"results/{study.name}/calibration.json")
    path.unlink(missing_ok=True)
    assert run_on(study, monkeypatch, controls="cheap").calibrated(judged[:1]) == judged[:1]
    assert not path.exists()


def test_without_controls_nothing_is_planted(study: ModelStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.criteria.calibration.plant_values", refuse)
    run = run_on(study, monkeypatch)
    run.calibrated([run.judge(find("1.2-spread"), study.name)])
    content = read_calibration(study)
    (entry,) = content.criteria
    assert (content.planted, entry.power, entry.false_positive_rate) == (None, None, None)
    assert entry.sensitivity is not None and entry.sensitivity.share_of_resamples is not None


@pytest.mark.parametrize(
    ("criterion_id", "controls", "planted"),
    [("2.1-top", "all", True), ("1.5-ratio", "all", False), ("2.1-top", "cheap", False), ("2.1-top", "none", False)],
)
def test_heads_of_the_model_itself_are_planted_where_ranked_ones_are_judged_and_it_may_think_again(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch, criterion_id: str, controls: Any, planted: bool
) -> None:
    run = run_on(study, monkeypatch, controls=controls)
    run.calibrated([run.judge(find(criterion_id), study.name)])
    found = read_calibration(study).planted_heads
    assert (found is not None) == planted
    if found is not None:
        assert (found.n_problems, found.seed) == (8, study.options.seed)


@pytest.mark.parametrize("option", ["output", "cache_dir"])
def test_a_folder_that_cannot_be_written_is_named_with_its_option(tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("")
    folders = {"output": tmp_path / "out", "cache_dir": tmp_path / "cache", option: tmp_path / "file" / "folder"}
    with pytest.raises(HarnessError) as raised:
        Run(RunOptions(dataset="synthetic", **folders)).preflight()
    said = str(raised.value)
    assert said.startswith(f"Nothing can be written to {folders[option]} (--{option.replace('_dir', '-dir')})")
    assert "make this one writable" in said
