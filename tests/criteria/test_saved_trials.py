"""Answers under interventions read back from result files: the same trials as the models gave, or one clear message."""

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.behaviour import CODES
from harness.criteria.criterion import NotMeasured
from harness.criteria.kept import Kept
from harness.criteria.registry import find
from harness.criteria.saved_trials import SavedTrials, block_trials, importance_trials, sweep_trials
from harness.errors import HarnessError
from harness.interventions.designs import blocks_design
from harness.judging import Run
from harness.options import RunOptions

N = 8
NAME = "tiny-llama"
FOLDER = f"results/{NAME}"
ANSWERS = f"{FOLDER}/token_ablation_results_{N}.json"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The model itself, with the files of the studies of importance and of steps written."""
    folder = tmp_path_factory.mktemp("run")
    options = RunOptions(
        models=(NAME,), n_problems=N, sweep_problems=N, output=folder / "reports", cache_dir=folder / "cache"
    )
    run = Run(options)
    study = run.model_study(NAME)
    _ = study.importance_files.ablations, study.importance_files.attention
    _ = study.steps_files.scores, study.steps_files.validation
    return run


@pytest.fixture
def results(run: Run, tmp_path: Path) -> Path:
    """The files, for one test to spoil."""
    return Path(shutil.copytree(run.options.output, tmp_path / "reports"))


def saved(run: Run, results: Path, cache: Path) -> SavedTrials:
    options = RunOptions(
        models=(NAME,), n_problems=N, sweep_problems=N, output=results.with_name("again"), cache_dir=cache
    )
    fingerprint = run.model_study(NAME).provenance["model_fingerprint"]
    return SavedTrials(options, NAME, fingerprint, Kept(results, options.output))


@pytest.mark.parametrize("study", ["importance", "sweep", "validation"])
def test_the_trials_are_those_of_the_model_exactly(run: Run, results: Path, tmp_path: Path, study: str) -> None:
    asked: Any = getattr(run.model_study(NAME).intervened, study)()
    read: Any = getattr(saved(run, results, tmp_path), study)()
    for one in fields(asked):
        first, second = getattr(asked, one.name), getattr(read, one.name)
        if study == "importance" and one.name in ("gold", "sham_gold"):
            known = np.isfinite(second)
            assert known.ndim == 1 or known.all(axis=0).sum() == 1 + asked.T
            assert np.array_equal(first[known], second[known])
        elif isinstance(first, np.ndarray):
            assert first.dtype == second.dtype or one.name == "attention", one.name
            assert np.array_equal(first, second), one.name
        else:
            assert first == second, one.name


@pytest.mark.parametrize(
    "name",
    [
        "I.2-baseline",
        "I.2-matters",
        "I.2-last",
        "I.4-early",
        "I.4-late",
        "S.1-baseline",
        "S.1-complex-nested",
        "S.1-simple",
    ],
)
def test_a_hypothesis_is_measured_alike(run: Run, results: Path, tmp_path: Path, name: str) -> None:
    criterion = find(name)
    with_model = run.model_study(NAME).evaluate(name, criterion.measure.of, criterion.rule)  # type: ignore[attr-defined]
    from_files = saved(run, results, tmp_path).evaluate(name, criterion.measure.of, criterion.rule)  # type: ignore[attr-defined]
    # What is undefined is NaN, which equals nothing.
    assert repr(replace(from_files, controls={})) == repr(replace(with_model, controls={}))
    shared = from_files.controls.keys() & with_model.controls.keys()
    assert [repr(from_files.controls[one]) for one in shared] == [repr(with_model.controls[one]) for one in shared]
    assert with_model.controls.keys() - shared <= {"contentless"}


def change(path: Path, edit: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text("utf-8"))
    edit(content)
    path.write_text(json.dumps(content), "utf-8")


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (lambda path: path.write_text("{"), "not what the harness wrote"),
        (lambda path: path.write_text("[]"), "not what the harness wrote"),
        (lambda path: change(path, lambda content: content.pop("conditions")), "not what the harness wrote"),
        (lambda path: change(path, lambda content: content["results"].pop()), "not what the harness wrote"),
        (lambda path: change(path, lambda content: content["problem_ids"].reverse()), "not what the harness wrote"),
        (
            lambda path: change(path, lambda content: content["conditions"]["zero CT1"]["correct"].pop()),
            "not what the harness wrote",
        ),
        (
            lambda path: change(path, lambda content: content["provenance"].update(model_fingerprint="0")),
            "is about another model",
        ),
    ],
)
def test_a_file_that_was_spoiled_is_one_message(
    run: Run, results: Path, tmp_path: Path, spoiled: Callable[[Path], object], said: str
) -> None:
    spoiled(results / ANSWERS)
    with pytest.raises(HarnessError, match=said) as error:
        saved(run, results, tmp_path).importance()
    assert f"token_ablation_results_{N}.json" in str(error.value)


def test_a_file_that_is_not_there_needs_the_model(run: Run, results: Path, tmp_path: Path) -> None:
    (results / ANSWERS).unlink()
    with pytest.raises(NotMeasured, match=rf"needs the model: .*token_ablation_results_{N}\.json is not among"):
        saved(run, results, tmp_path).importance()
    with pytest.raises(NotMeasured, match="needs the model: answers without heads are not kept"):
        saved(run, results, tmp_path).heads()


def test_an_answer_that_was_edited_changes_what_is_measured(run: Run, results: Path, tmp_path: Path) -> None:
    criterion = find("I.2-baseline")
    before = saved(run, results, tmp_path).evaluate("I.2-baseline", criterion.measure.of, criterion.rule)  # type: ignore[attr-defined]
    change(results / ANSWERS, lambda content: content["conditions"]["baseline"].update(correct=[0] * N))
    after = saved(run, results, tmp_path).evaluate("I.2-baseline", criterion.measure.of, criterion.rule)  # type: ignore[attr-defined]
    assert before.value != 0
    assert after.value == 0


QUESTION = "Tom has 3 apples. He buys 4 more. How many has he?"
SOLUTION = "3+4 = <<3+4=7>>7\n#### 7"


def prediction(number: int, answer: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "answer": answer,
        "correct": answer.endswith("7"),
        "gold_log_probability": -0.5 * number,
        "error_class": "UNKNOWN",
        **more,
    }


def predictions(T: int = 3) -> tuple[tuple[dict[str, Any], ...], dict[str, Any], dict[str, Any]]:
    """Two problems, always answered rightly but with CT1 blocked, where the first one gets another number."""
    asked = {"question": QUESTION, "solution": SOLUTION, "gold": 7.0}
    files = [{"predictions": [prediction(one, "is 7", **asked) for one in (0, 1)]} for _ in range(1 + T)]
    files[2]["predictions"][0] = prediction(0, "is 12", **asked)
    own = {"baseline", *(f"blocked CT{k}" for k in range(T))}
    others = [name for name in blocks_design(T) if name not in own]
    variants = {"predictions": [prediction(one, "is 7", condition=name) for one in (0, 1) for name in others]}
    return tuple(files), variants, {"n_latents": T, "problems": [{"id": one, "n_tokens": 12.0} for one in (0, 1)]}


def test_predictions_become_trials_with_every_answer_sorted_again() -> None:
    trials = block_trials(*predictions(), 42)
    assert trials.names == tuple(blocks_design(3))
    column = trials.names.index("blocked CT1")
    assert trials.right.tolist() == [[name != "blocked CT1" for name in trials.names], [True] * len(trials.names)]
    assert trials.codes[1].tolist() == [CODES.index("CORRECT")] * len(trials.names)
    assert CODES[trials.codes[0, column]] == "LOGIC_ERROR"
    assert trials.gold[:, 0].tolist() == [0.0, -0.5]
    assert trials.features.shape[0] == 2 and trials.features[0, 0] == 12
    assert np.isnan(trials.numbers).all()


def test_predictions_about_different_problems_are_refused() -> None:
    files, variants, asked = predictions()
    files[1]["predictions"].reverse()
    with pytest.raises(ValueError, match="other problems"):
        block_trials(files, variants, asked, 42)


def test_the_readers_take_files_of_any_number_of_thoughts() -> None:
    scores = {
        "n_latents": 2,
        "fills": ["zero"],
        "ablated": [[], [0], [1], [0, 1], []],
        "problems": [
            {"difficulty": 3, "zero": {"correct": [1, 0, 1, 0, 1], "gold_log_probability": [-1, -2, -3, -4, -1]}}
        ],
    }
    trials = sweep_trials(scores, 1)
    assert (trials.sets, trials.right.tolist(), trials.sham_right.tolist()) == ((0, 1, 2, 3), [[1, 0, 1, 0]], [True])
    rows = [
        {"problem_id": 5, "ablated_position": place, "gold_log_probability": -1.0 - (place or 0), "difficulty": 2}
        for place in (None, 0, 1)
    ]
    conditions = {
        name: {"correct": [right]}
        for name, right in (("baseline", 1), ("sham", 1), ("zero CT0", 0), ("zero CT1", 1), ("zero CT0+CT1", 0))
    }
    answers = {"n_latents": 2, "problem_ids": [5], "results": rows, "conditions": conditions}
    read = importance_trials(answers, {"problem_ids": [5], "all_layers": [[[0.1, 0.2]]]}, 1)
    assert read.sets == (0, 1, 2, 3)
    assert read.right.tolist() == [[True, False, True, False]]
    assert np.isnan(read.gold[0, 3]) and read.gold[0, :3].tolist() == [-1.0, -1.0, -2.0]
