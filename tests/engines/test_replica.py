"""What a worker holds: the driver's model built again from the same files, by the same code, or a clear refusal."""

import shutil
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import harness
from harness.engines.replica import Job, Recipe, Replica, code_here, require_same_code
from harness.engines.work import Arrays
from harness.errors import HarnessError
from harness.extraction.extract import AttentionWork, run_rows
from harness.models.registry import ModelFiles, locate
from harness.models.thoughts import ThoughtModel


@pytest.fixture(scope="module")
def model() -> ThoughtModel:
    return harness.load_model("tiny-gpt2", device="cpu")


@pytest.fixture(scope="module")
def prompts(model: ThoughtModel) -> list[list[int]]:
    return [model.prompt_ids(question) for question in harness.load_problems("synthetic", n=5, seed=1).questions]


def done_by(replica: Replica, model: ThoughtModel, prompts: list[list[int]]) -> Arrays:
    replica.begin(Recipe.of(model), Job(AttentionWork(prompts), [len(ids) for ids in prompts], 1))
    return replica.run(0, range(len(prompts))).arrays


def test_a_copy_does_what_the_model_does_and_gives_way_to_another(
    model: ThoughtModel, prompts: list[list[int]]
) -> None:
    replica = Replica()
    untrained = ThoughtModel(model.files, untrained_seed=3)
    coarse = ThoughtModel(model.files, dtype=torch.bfloat16)
    padded = ThoughtModel(model.files, padding="reference")
    found = [done_by(replica, one, prompts) for one in (model, untrained, coarse, padded, model)]
    for one, arrays in zip((model, untrained, coarse, padded, model), found, strict=True):
        for name, expected in run_rows(one, prompts, range(len(prompts))).items():
            np.testing.assert_array_equal(arrays[name], expected)
    assert len({arrays["raw"].tobytes() for arrays in found}) == 4


def test_the_model_is_built_once_for_runs_that_follow_one_another(
    model: ThoughtModel, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    build = Recipe.build
    monkeypatch.setattr(Recipe, "build", lambda recipe: (built.append(recipe.files.name), build(recipe))[1])
    replica = Replica()
    for one in (model, model, ThoughtModel(model.files)):
        done_by(replica, one, prompts)
        replica.end()
    assert built == ["tiny-gpt2"]


def test_it_uses_the_threads_it_is_told_to_and_says_what_memory_it_took(model: ThoughtModel) -> None:
    seen: list[int] = []

    def work(model: ThoughtModel, rows: object) -> Arrays:
        seen.append(torch.get_num_threads())
        return {"large": np.ones(30_000_000)}

    before = torch.get_num_threads()
    replica = Replica()
    try:
        for threads in (2, 1):
            replica.begin(Recipe.of(model), Job(work, [1], threads))
            done = replica.run(7, [0])
    finally:
        torch.set_num_threads(before)
    assert seen == [2, 1]
    assert done.chunk == 7
    assert done.resident > 240_000_000
    assert done.on_device == 0


def test_paths_are_meant_from_here_wherever_the_worker_stands(
    model: ThoughtModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model.files.base, tmp_path / "base")
    shutil.copy(model.files.weights, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    relative = replace(model.files, weights=Path("model.safetensors"), base=Path("base"))
    recipe = Recipe.of(ThoughtModel(relative))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert recipe.build().fingerprint == model.fingerprint


@pytest.mark.parametrize("what", ["weights", "base"])
def test_files_that_a_node_lacks_are_named_with_the_remedy(model: ThoughtModel, tmp_path: Path, what: str) -> None:
    absent = tmp_path / "absent"
    recipe = replace(Recipe.of(model), files=replace(model.files, **{what: absent}))
    with pytest.raises(HarnessError, match=rf"{absent} is not on {socket.gethostname()}.* same path on every node"):
        recipe.build()


def test_files_that_are_others_on_a_node_are_refused(model: ThoughtModel) -> None:
    other: ModelFiles = locate("tiny-llama")
    with pytest.raises(HarnessError, match=rf"hold another model on {socket.gethostname()}"):
        replace(Recipe.of(model), files=other).build()


def test_other_code_on_a_node_is_refused_by_name() -> None:
    require_same_code("there", code_here())
    for name in ("torch", "codi-harness"):
        with pytest.raises(HarnessError, match=rf"{name} is 0\.1 on there and .* here"):
            require_same_code("there", {**code_here(), name: "0.1"})
    with pytest.raises(HarnessError, match="numpy is None on there"):
        require_same_code("there", {name: known for name, known in code_here().items() if name != "numpy"})
