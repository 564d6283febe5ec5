"""A run judged again from its results: the same verdicts without a model, and nothing said that results do not allow."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli import main
from harness.criteria import registry
from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.declare import Evaluation
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import MeanMeasure, TestMeasure
from harness.criteria.kept import Kept
from harness.criteria.patterns_summary import NAME, TRAINED, PatternsSummary, read_summary, triangles
from harness.criteria.registry import find
from harness.criteria.saved import SavedExtraction, SavedStudy
from harness.errors import HarnessError
from harness.from_results import Asked, SavedRun, recorded_options
from harness.judging import Run
from harness.options import RunOptions
from harness.problems import load_problems
from harness.results import CriterionResult
from tests.criteria.planted_cases import CASES
from tests.criteria.recorded import MODELS, STORIES, N, record

EXACT = (
    "1.2-max",
    "1.2-spread",
    "1.3-top",
    "1.5-ratio",
    "2.1-top",
    "2.1-gap-random",
    "2.4-critical",
    "2.4-top10",
    "2.4-types",
)
"""Functions of the mean over problems, which is kept exactly."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Run:
    """What the models themselves gave."""
    return record(tmp_path_factory.mktemp("results") / "reports", cache)


@pytest.fixture
def results(original: Run, tmp_path: Path) -> Path:
    """The results, for one test to spoil."""
    return Path(shutil.copytree(original.options.output, tmp_path / "reports"))


@pytest.fixture(scope="module")
def measurements(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache without extractions."""
    return tmp_path_factory.mktemp("measurements")


@pytest.fixture
def again(results: Path, measurements: Path) -> Callable[[], SavedRun]:
    """Judge the results, as they are when it is called."""

    def start(**asked: Any) -> SavedRun:
        options = recorded_options(results, Asked(**asked), results.with_name("again"), measurements, None)
        run = SavedRun(options)
        run.preflight()
        return run

    return start


def scopes(run: Run) -> list[tuple[Criterion, str]]:
    chosen = [one for one in registry.criteria() if one.story in STORIES and one.id != "2.4-causal"]
    return [(one, scope) for one in chosen for scope in run.scopes(one)]


def change(path: Path, edit: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text("utf-8"))
    edit(content)
    path.write_text(json.dumps(content), "utf-8")


def repack(path: Path, **arrays: Any) -> None:
    with np.load(path) as file:
        content = {**{name: file[name] for name in file.files}, **arrays}
    np.savez_compressed(path, **{name: array for name, array in content.items() if array is not None})


def spoil(results: Path, name: str, edit: Callable[[CriterionResult | Any], object]) -> None:
    """Edit what was recorded of one criterion."""

    def edit_all(content: Any) -> None:
        for one in content["criteria"]:
            if one["id"] == name:
                edit(one)

    change(results / "criteria.json", edit_all)


def never_written(results: Path, file: str) -> None:
    """As if the run had not written the file."""
    (results / file).unlink()
    change(
        results / "criteria.json",
        lambda content: [
            one.update(artifacts=[path for path in one["artifacts"] if path != file]) for one in content["criteria"]
        ],
    )


def test_every_verdict_is_the_models_own_or_needs_the_model(original: Run, again: Callable[..., SavedRun]) -> None:
    run, found = again(), {}
    for criterion, scope in scopes(run):
        result, before = run.judge(criterion, scope), original.judge(criterion, scope)
        found[criterion.id] = result.verdict
        if result.verdict == "skipped":
            assert (result.reason or "").startswith("needs the model") or before.verdict == "skipped"
            continue
        assert result.verdict == before.verdict, (criterion.id, scope, result.measured, before.measured)
        assert result.discriminates == before.discriminates, (criterion.id, scope)
        assert set(result.controls) == set(before.controls)
        if criterion.id in EXACT:
            assert result.measured == before.measured, criterion.id
    skipped = {name for name, verdict in found.items() if verdict == "skipped"}
    allowed = {one.id for one, _ in scopes(run) if not one.from_results}
    assert skipped - {"1.1-split"} == allowed


def test_phases_come_out_as_with_the_model(original: Run, again: Callable[..., SavedRun]) -> None:
    run = again()
    before, now = (
        {
            (one.id, one.scope): one.verdict
            for one in run_.complete([run_.judge(criterion, scope) for criterion, scope in scopes(run_)]).phases
        }
        for run_ in (original, run)
    )
    assert now == before


def test_what_needs_the_model_is_skipped_unseen(again: Callable[..., SavedRun]) -> None:
    run = again()
    for criterion in registry.criteria():
        if not criterion.from_results:
            result = run.judge(criterion, run.scopes(criterion)[0])
            assert (result.verdict, result.reason) == ("skipped", "needs the model"), criterion.id


def test_every_hypothesis_on_patterns_can_be_judged_from_results() -> None:
    for one in registry.criteria():
        if isinstance(one.measure, Evaluation) and isinstance(one.measure.of, MeanMeasure | TestMeasure):
            assert one.from_results, one.id


def test_what_a_declaration_says_of_results_is_no_part_of_what_is_approved() -> None:
    one = find("1.2-max")
    assert replace(one, from_results=False).digest() == one.digest()


def test_nothing_is_written_to_the_results_and_what_was_looked_at_comes_along(
    again: Callable[..., SavedRun], results: Path
) -> None:
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    run = again()
    judged = [run.judge(find(name), "tiny-llama") for name in ("2.1-csv", "2.4-findings", "1.2-metadata")]
    assert [one.verdict for one in judged] == ["pass"] * 3
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == before
    for path in (path for one in judged for path in one.artifacts):
        assert (run.options.output / path).read_bytes() == (results / path).read_bytes()


@pytest.mark.parametrize(
    ("file", "edit", "criterion"),
    [
        ("results/tiny-llama/heads_ranked_by_flow.csv", lambda text: text.replace("early", "late"), "2.1-csv"),
        (
            "results/tiny-llama/critical_heads_findings.txt",
            lambda text: text.replace("flow 0.", "flow 1."),
            "2.4-findings",
        ),
        (
            "results/tiny-llama/attention_metadata.json",
            lambda text: text.replace('"n_heads": 8', '"n_heads": 9'),
            "1.2-metadata",
        ),
        ("docs/DATA_INVENTORY.md", lambda text: text.replace("**Size:**", "**Extent:**"), "1.1-inventory"),
    ],
)
def test_a_result_file_that_was_changed_by_hand_fails(
    again: Callable[..., SavedRun], results: Path, file: str, edit: Callable[[str], str], criterion: str
) -> None:
    before = (results / file).read_text("utf-8")
    (results / file).write_text(edit(before), "utf-8")
    assert edit(before) != before
    run = again()
    (scope,) = {"run", "tiny-llama"} & set(run.scopes(find(criterion)))
    assert run.judge(find(criterion), scope).verdict == "fail"


def test_a_file_that_is_not_there_is_named(again: Callable[..., SavedRun], results: Path) -> None:
    never_written(results, "results/tiny-llama/critical_heads.json")
    result = again().judge(find("2.4-multi"), "tiny-llama")
    assert result.verdict == "skipped"
    assert (result.reason or "").startswith("needs the model: results/tiny-llama/critical_heads.json is not among")


@pytest.mark.parametrize(
    "file",
    [
        "results/tiny-llama/critical_heads.json",
        "results/tiny-llama/heads_ranked_by_flow.csv",
        "results/tiny-llama/attention_patterns_avg.npy",
        "results/tiny-llama_vs_tiny-gpt2_comparison.json",
        "docs/DATA_INVENTORY.md",
    ],
)
def test_a_file_that_the_run_wrote_and_that_is_gone_stops_everything(
    again: Callable[..., SavedRun], results: Path, file: str
) -> None:
    (results / file).unlink()
    with pytest.raises(HarnessError, match=rf"{file} is gone: criteria\.json .* Restore it from version control"):
        again()


def test_raw_patterns_and_figures_may_be_gone(again: Callable[..., SavedRun], results: Path) -> None:
    recorded = json.loads((results / "criteria.json").read_text("utf-8"))["criteria"]
    artifacts = {path for one in recorded for path in one["artifacts"]}
    assert "results/tiny-llama/attention_patterns_raw.npy" in artifacts
    assert not (results / "results/tiny-llama/attention_patterns_raw.npy").exists()
    assert any(path.startswith("figures/") for path in artifacts)
    shutil.rmtree(results / "figures")
    again()


def test_without_exact_averages_lists_of_heads_are_not_judged_and_values_are_rounded(
    original: Run, again: Callable[..., SavedRun], results: Path
) -> None:
    never_written(results, "results/tiny-llama/attention_patterns_avg.npy")
    run = again()
    assert "attention_patterns_avg.npy" in (run.judge(find("2.1-csv"), "tiny-llama").reason or "")
    found, exact = (
        run.judge(find("1.2-spread"), "tiny-llama").measured,
        original.judge(find("1.2-spread"), "tiny-llama").measured,
    )
    assert found != exact
    assert found == pytest.approx(exact, rel=1e-3)


def test_averages_of_other_patterns_are_refused(again: Callable[..., SavedRun], results: Path) -> None:
    path = results / "results/tiny-llama/attention_patterns_avg.npy"
    averages = np.load(path)
    averages[1, 2, 3, 1] *= 1.01
    np.save(path, averages)
    with pytest.raises(HarnessError, match="is not the mean of the patterns"):
        again()


def test_an_edited_threshold_is_judged_anew_on_the_model_and_on_recorded_controls(
    again: Callable[..., SavedRun], results: Path
) -> None:
    repack(results / "results/tiny-llama" / NAME, first_untrained=None, second_untrained=None)
    criterion = find("1.2-spread")
    run = again()
    before = run.judge(criterion, "tiny-llama")
    assert before.beside["controls as recorded"] == ["untrained"]
    assert before.controls["untrained"].passes is False
    easy = replace(criterion, rule=Rule(">", 1e-4), measure=replace(criterion.measure, rule=Rule(">", 1e-4)))  # type: ignore[type-var]
    result = again().judge(easy, "tiny-llama")
    assert (result.verdict, result.controls["untrained"].passes, result.discriminates) == ("pass", True, False)


def test_a_recorded_control_of_another_definition_is_left_out(again: Callable[..., SavedRun], results: Path) -> None:
    repack(results / "results/tiny-llama" / NAME, first_untrained=None, second_untrained=None)
    result = again().judge(replace(find("1.2-spread"), definition="Something else."), "tiny-llama")
    assert "untrained" not in result.controls
    assert "contentless" in result.controls


def test_what_rests_on_a_check_that_failed_when_the_model_ran_is_invalid(
    again: Callable[..., SavedRun], results: Path
) -> None:
    spoil(results, "1.2-oracle", lambda one: one.update(verdict="fail"))
    run = again()
    assert run.judge(find("1.2-oracle"), "tiny-llama").verdict == "skipped"
    result = run.judge(find("1.2-max"), "tiny-llama")
    assert (result.verdict, result.reason) == ("invalid", "rests on 1.2-oracle, which failed")
    pair = run.judge(find("2.6-differ"), "tiny-llama_vs_tiny-gpt2")
    assert pair.verdict == "invalid"


def test_what_was_recorded_as_invalid_stays_so_where_its_grounds_were_not_recorded(
    again: Callable[..., SavedRun], results: Path
) -> None:
    spoil(results, "1.2-max", lambda one: one.update(verdict="invalid"))
    change(
        results / "criteria.json",
        lambda content: content.update(criteria=[one for one in content["criteria"] if one["kind"] != "validity"]),
    )
    run = again()
    assert run.judge(find("1.2-max"), "tiny-llama").verdict == "invalid"
    assert run.judge(find("1.2-spread"), "tiny-llama").verdict == "fail"


def test_a_broken_row_is_seen_without_the_model(again: Callable[..., SavedRun], results: Path) -> None:
    path = results / "results/tiny-llama" / NAME
    beyond = read_summary(path).beyond_one.copy()
    beyond[3, 1, 2, 4] = 0.25
    repack(path, beyond_one=beyond)
    run = again()
    assert (run.judge(find("1.2-sums"), "tiny-llama").verdict, run.judge(find("1.2-sums"), "tiny-llama").measured) == (
        "fail",
        0.25,
    )
    assert run.judge(find("1.2-max"), "tiny-llama").verdict == "invalid"


def test_a_verdict_that_rounding_decides_is_skipped(again: Callable[..., SavedRun], results: Path) -> None:
    path = results / "results/tiny-llama" / NAME
    never_written(results, "results/tiny-llama/attention_patterns_avg.npy")
    cells = read_summary(path).cells[TRAINED].copy()
    cells[:] = np.float16(0.4)
    repack(path, first_trained=cells)
    result = again().judge(find("1.2-max-raw"), "tiny-llama")
    assert result.verdict == "skipped"
    assert "holds weights in half precision, and that decides this verdict" in (result.reason or "")
    assert (result.reason or "").startswith("needs the model")


def test_without_the_second_sample_stability_needs_the_model(again: Callable[..., SavedRun], results: Path) -> None:
    repack(results / "results/tiny-llama" / NAME, second_trained=None, second_untrained=None, second_contentless=None)
    result = again().judge(find("2.4-stable"), "tiny-llama")
    assert (result.verdict, result.reason) == (
        "skipped",
        "needs the model: patterns_summary.npz does not hold the patterns of the second sample",
    )
    assert again().judge(find("2.4-top10"), "tiny-llama").verdict == "fail"


def test_fewer_problems_than_were_run_are_no_sample(again: Callable[..., SavedRun], results: Path) -> None:
    path = results / "results/tiny-llama" / NAME
    with np.load(path) as file:
        few = {name: file[name][: N - 2] for name in file.files if name != "about"}
    repack(path, **few)
    run = again()
    for name in ("1.2-sums", "1.2-max", "1.5-skip", "2.1-csv", "2.4-stable"):
        result = run.judge(find(name), "tiny-llama")
        assert (result.verdict, result.reason) == (
            "skipped",
            f"needs the model: patterns_summary.npz holds {N - 2} of {N} problems",
        )


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (lambda folder: (folder / "results/tiny-llama" / NAME).unlink(), "There is no"),
        (lambda folder: (folder / "results/tiny-llama" / NAME).write_bytes(b"PK"), "is damaged"),
        (
            lambda folder: shutil.copytree(
                folder / "results/tiny-gpt2", folder / "results/tiny-llama", dirs_exist_ok=True
            ),
            "is not of the run that wrote",
        ),
        (lambda folder: (folder / f"data/attention_dataset_{N}_train.json").unlink(), "There is no file"),
        (
            lambda folder: change(
                folder / f"data/attention_dataset_{N}_train.json",
                lambda content: content["problems"][0].update(question="?"),
            ),
            "was changed after it was saved",
        ),
        (
            lambda folder: change(
                folder / "criteria.json", lambda content: content["run"]["dataset"].update(fingerprint="0")
            ),
            "is not of the run that wrote",
        ),
        (
            lambda folder: change(folder / "criteria.json", lambda content: content["run"].pop("seed")),
            "does not say what was run",
        ),
        (lambda folder: (folder / "criteria.json").write_text("{}"), "is not what this version of the harness writes"),
        *(
            (
                lambda folder, path=path: change(
                    folder / "criteria.json", lambda content: content["criteria"][0].update(artifacts=[path])
                ),
                f"{path} leads out of the output folder",
            )
            for path in ("/etc/hostname", "../data.json", "results/../../data.json")
        ),
        *(
            (
                lambda folder, name=name: change(
                    folder / "criteria.json", lambda content: content["run"]["models"][0].update(name=name)
                ),
                "which is no file name",
            )
            for name in ("/etc", "../tiny-llama", "a/b", "..", "")
        ),
        (lambda folder: (folder / "criteria.json").unlink(), "There is no file"),
        (shutil.rmtree, "There is no folder"),
        (
            lambda folder: (folder / "results/tiny-llama/calibration.json").write_text("{}"),
            "is not what this version of the harness writes",
        ),
        (
            lambda folder: change(
                folder / "criteria.json", lambda content: content["run"].update(from_results={"folder": "x"})
            ),
            "was itself judged from results",
        ),
    ],
)
def test_results_that_are_wrong_are_one_message_before_anything_is_judged(
    again: Callable[..., SavedRun], results: Path, spoiled: Callable[[Path], object], said: str
) -> None:
    spoiled(results)
    with pytest.raises(HarnessError, match=said):
        again()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"seed": 7}, "--seed 7 is asked for, 42 was run"),
        ({"n_problems": 100}, f"--n-problems 100 is asked for, {N} was run"),
        ({"models": ("llama",)}, "--model llama is asked for, tiny-gpt2 and tiny-llama was run"),
        ({"controls": "cheap"}, "--controls cheap is asked for, all was run"),
        ({"dataset": "gsm8k"}, "--dataset gsm8k is asked for, synthetic was run"),
        ({"control_model": "llama"}, "--control-model llama is asked for, None was run"),
    ],
)
def test_options_of_another_run_are_refused(again: Callable[..., SavedRun], asked: dict[str, Any], said: str) -> None:
    with pytest.raises(HarnessError) as error:
        again(**asked)
    assert said in str(error.value)


def test_the_options_are_those_of_the_run(again: Callable[..., SavedRun], results: Path) -> None:
    options = again().options
    assert (options.models, options.n_problems, options.seed, options.controls) == (MODELS, N, 42, "all")
    assert again(models=("tiny-llama",), seed=42).options.models == ("tiny-llama",)
    assert recorded_options(results, Asked(), None, None, None).output == results.with_name("reports-from-results")
    with pytest.raises(HarnessError, match="would overwrite the results"):
        recorded_options(results, Asked(), results / ".." / "reports", None, None)


def test_the_run_says_where_it_comes_from_and_what_is_declared_differently(
    again: Callable[..., SavedRun], results: Path, original: Run
) -> None:
    change(
        results / "criteria.json", lambda content: content["run"]["declarations"].update({"1.2-max": "0", "gone": "1"})
    )
    said, before = again().provenance(), original.provenance()
    assert said["from_results"]["folder"] == str(results)
    assert said["from_results"]["declared_differently"] == ["1.2-max"]
    for name in ("dataset", "seed", "controls", "sweep_problems", "models"):
        assert said[name] == before[name]


def test_the_summary_of_a_run_holds_what_its_hypotheses_were_held_against(original: Run, results: Path) -> None:
    summary = read_summary(results / "results/tiny-llama" / NAME)
    assert set(summary.cells) == {
        (which, variant) for which in ("first", "second") for variant in ("trained", "untrained", "contentless")
    }
    study = original.model_study("tiny-llama")
    assert (summary.cells[TRAINED] == triangles(study.patterns.raw)).all()
    assert (summary.cells["second", "trained"] == triangles(study.sample.other.raw)).all()
    about = summary.about
    assert about["model_fingerprint"] == study.provenance["model_fingerprint"]
    assert about["dataset_fingerprint"] == study.problems.fingerprint
    assert {"harness", "packages", "seed", "n_parameters", "dtype", "batch_size"} <= about.keys()
    assert "time" not in json.dumps(about)


def test_the_same_run_writes_the_same_bytes(original: Run, cache: Path, tmp_path: Path, results: Path) -> None:
    record(tmp_path / "once more", cache, stories=("1.2", "2.4"))
    for name in MODELS:
        file = f"results/{name}/{NAME}"
        assert (tmp_path / "once more" / file).read_bytes() == (results / file).read_bytes()


def test_cheap_controls_run_nothing_for_the_summary(tmp_path: Path, cache: Path) -> None:
    run = Run(RunOptions(models=("tiny-llama",), n_problems=N, output=tmp_path, cache_dir=cache, controls="cheap"))
    results = [run.judge(find(name), "tiny-llama") for name in ("1.2-shape", "1.2-max")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.judging.calibrate", lambda *arguments: None)
        run.calibrated(results)
    assert set(read_summary(tmp_path / "results/tiny-llama" / NAME).cells) == {TRAINED}


def planted(raw: Any, folder: Path) -> ModelStudy:
    """A study of attention that is kept in half precision, without controls."""
    n, L, H, T = raw.shape[:4]
    about = {
        "n_layers": L,
        "n_heads": H,
        "n_latents": T,
        "n_problems": n,
        "seed": 42,
        "batch_size": 64,
        "model_fingerprint": "f",
    }
    summary = PatternsSummary(
        about=about,
        cells={TRAINED: triangles(raw), ("second", "trained"): triangles(raw[::-1])},
        context_length={"first": np.full(n, 30, np.int32), "second": np.full(n, 30, np.int32)},
        problem_ids=tuple(range(n)),
        beyond_one=np.zeros((n, L, H, T), np.float16),
        row_length=np.zeros((n, L, T), np.int32),
    )
    problems = load_problems("synthetic", n=n)
    options = RunOptions(output=folder, cache_dir=folder / "cache", controls="none")
    extraction = SavedExtraction("planted", problems, folder / "cache", summary, str(raw.sum()))
    return SavedStudy(options, extraction, {}, Kept(folder, folder))


@pytest.mark.parametrize("name", sorted(set(CASES) - {"2.4-stable"}))
def test_what_is_planted_is_judged_alike_in_half_precision(name: str, tmp_path: Path) -> None:
    criterion = find(name)
    verdicts = [
        criterion.rule.holds(criterion.measure(planted(make(), tmp_path / str(place))).value)
        for place, make in enumerate(CASES[name])
    ]
    assert verdicts == [True, False]


def test_an_array_that_is_not_kept_says_so(tmp_path: Path) -> None:
    study = planted(CASES["1.2-max"][0](), tmp_path)
    with pytest.raises(NotMeasured, match="needs the model: latent_inputs of the extraction is not kept"):
        study.patterns.latent_inputs.mean()
    with pytest.raises(NotMeasured, match="needs the model"):
        _ = study.oracle
    with pytest.raises(NotMeasured):
        _ = study.intervened
    assert study.planted_heads is None


def test_a_criterion_of_ones_own_needs_the_model_unless_it_says_otherwise(again: Callable[..., SavedRun]) -> None:
    own = Criterion(
        "1.2-own", "hypothesis", "s", "d.", Rule(">", 0), lambda study: Measurement(float(study.sample.mean.max()))
    )
    assert again().judge(own, "tiny-llama").reason == "needs the model"
    assert again().judge(replace(own, from_results=True), "tiny-llama").verdict == "pass"


def test_the_command_says_which_criteria_results_are_enough_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["criteria"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert {line[0]: line[2] for line in lines} == {
        one.id: "results" if one.from_results else "model" for one in registry.criteria()
    }
    assert main(["criteria", "--from-results"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert listed == [one.id for one in registry.criteria() if one.from_results]
    assert main(["criteria", "--story", "4.2", "--from-results"]) == 4
    assert "Story 4.2 has no criterion that results are enough for" in " ".join(capsys.readouterr().err.split())
