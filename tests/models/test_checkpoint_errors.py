"""A checkpoint that does not fit gives one message that names the file and what is wrong with it."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.errors import HarnessError
from harness.models.load import load_model
from harness.models.registry import locate, locate_files
from harness.models.thoughts import ThoughtModel

GOLDEN = Path(__file__).parents[1] / "golden"
EMBEDDING = "codi.base_model.model.model.embed_tokens.weight"
HEAD = "codi.base_model.model.lm_head.weight"
NORM = "codi.base_model.model.model.norm.weight"

State = dict[str, torch.Tensor]


def load(weights: Path, architecture: str = "llama", base: Path | None = None) -> ThoughtModel:
    return ThoughtModel(locate_files(weights, base or GOLDEN / architecture / "base", n_latents=6, lora_alpha=16))


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[Callable[[State], object]], Path]:
    def edit(change: Callable[[State], object]) -> Path:
        state = load_file(GOLDEN / "llama" / "ckpt_safetensors" / "model.safetensors")
        change(state)
        path = tmp_path / "model.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
        return path

    return edit


def rows(count: int) -> Callable[[State], object]:
    return lambda state: state.update({key: state[key][:count].clone() for key in (EMBEDDING, HEAD)})


def poison(value: float) -> Callable[[State], object]:
    return lambda state: state[NORM].view(-1)[3].fill_(value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rows(540), ("540 rows", "vocabulary of 540", "543 are expected")),
        (lambda state: state.pop(NORM), ("1 missing", "model.norm.weight")),
        (lambda state: state.update({"codi.base_model.model.extra": torch.ones(1)}), ("1 unexpected", "extra")),
        (lambda state: state.update({"other.weight": torch.ones(1)}), ("outside", "other.weight")),
        (lambda state: state.pop("prj.3.bias"), ("prj", "missing", "3.bias")),
        (lambda state: state.update({NORM: torch.ones(7)}), ("another shape", "(7,) instead of (32,)")),
        (poison(float("nan")), ("NaN or infinite", "model.norm.weight")),
        (poison(float("inf")), ("NaN or infinite", "model.norm.weight")),
        (lambda state: [state.pop(key) for key in (EMBEDDING, HEAD)], ("2 missing", "embed_tokens")),
        (lambda state: state.update({HEAD: state[HEAD] + 1}), ("embedding and output head differ",)),
    ],
    ids=[
        "embedding size", "missing key", "unexpected key", "stray key", "missing projection", "wrong shape", "NaN",
        "infinity", "neither embedding nor head", "embedding and head differ",
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    edited: Callable[[Callable[[State], object]], Path], change: Callable[[State], object], words: tuple[str, ...]
) -> None:
    path = edited(change)
    with pytest.raises(HarnessError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_base_of_another_architecture_is_named() -> None:
    with pytest.raises(HarnessError, match=r"does not belong to the base .* gpt2 model"):
        load(GOLDEN / "llama" / "ckpt_safetensors", base=GOLDEN / "gpt2" / "base")


def test_a_base_with_fewer_layers_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(GOLDEN / "llama" / "base", base)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(HarnessError, match=r"unexpected: .*layers\.3"):
        load(GOLDEN / "llama" / "ckpt_safetensors", base=base)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("import pathlib; pathlib.Path('ran').touch()",))


def test_a_pickle_that_needs_code_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in (2, 4):
        with (tmp_path / "pytorch_model.bin").open("wb") as file:
            pickle.dump({"codi": Evil()}, file, protocol=protocol)
        with pytest.raises(HarnessError, match=r"pytorch_model\.bin was refused"):
            load(tmp_path)
    torch.save({"codi.x": Evil()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(HarnessError, match="refused"):
        load(tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_truncated_file_is_called_damaged(tmp_path: Path, name: str) -> None:
    folder = "ckpt_bin" if name.endswith("bin") else "ckpt_safetensors"
    whole = (GOLDEN / "llama" / folder / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HarnessError, match="damaged"):
        load(tmp_path)


def test_a_file_that_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "pytorch_model.bin")
    with pytest.raises(HarnessError, match="not a state dict"):
        load(tmp_path)


def test_a_missing_checkpoint_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"(?s)nowhere.*--checkpoint"):
        locate("tiny-llama", checkpoint=str(tmp_path / "nowhere"))
    with pytest.raises(HarnessError, match=r"no model\.safetensors or pytorch_model\.bin"):
        load(tmp_path)


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(HarnessError, match=r"'lama'.*gpt2.*llama.*tiny-gpt2.*tiny-llama.*tiny-llama-pause"):
        load_model("lama")


def test_settings_beside_the_checkpoint_beat_the_registry_and_the_caller_beats_both(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "llama" / "ckpt_safetensors" / "model.safetensors", tmp_path)
    base = GOLDEN / "llama" / "base"
    assert locate_files(tmp_path, base).lora_alpha == 32
    (tmp_path / "codi.json").write_text('{"lora_alpha": 16, "num_latent": 4, "remove_eos": false, "note": "x"}')
    found = locate_files(tmp_path, base)
    assert (found.lora_alpha, found.n_latents, found.remove_eos) == (16, 4, False)
    assert locate_files(tmp_path, base, n_latents=2).n_latents == 2
    (tmp_path / "codi.json").write_text('{"num_latent": "many"}')
    with pytest.raises(HarnessError, match=r"codi\.json is not valid"):
        locate_files(tmp_path, base)


def test_without_remove_eos_the_question_ends_with_eos_before_bot() -> None:
    model = load_model(
        checkpoint=GOLDEN / "gpt2" / "ckpt_bin", base=GOLDEN / "gpt2" / "base", lora_alpha=16, remove_eos=False
    )
    assert model.prompt_ids("Tom sells 8.")[-2:] == [model.eos_id, model.bot_id]


def test_a_question_longer_than_the_positions_is_one_clear_error() -> None:
    model = load_model(checkpoint=GOLDEN / "gpt2" / "ckpt_bin", base=GOLDEN / "gpt2" / "base", lora_alpha=16)
    with pytest.raises(HarnessError, match=rf"Question 2 of 2 has \d+ tokens.*{model.max_positions} positions"):
        model.generate(["Tom sells 8.", "Tom sells 8. " * model.max_positions])


def test_tied_weights_stay_one_tensor_and_merged_weights_are_finite() -> None:
    model = load_model(checkpoint=GOLDEN / "gpt2" / "ckpt_bin", base=GOLDEN / "gpt2" / "base", lora_alpha=16)
    table, head = model.language.get_input_embeddings(), model.language.get_output_embeddings()
    assert table.weight.data_ptr() == head.weight.data_ptr()
    assert all(torch.isfinite(weight).all() for weight in model.language.parameters())
    assert not any("lora" in name for name, _ in model.language.named_parameters())


def test_a_registered_model_without_a_local_folder_is_fetched_from_its_hub_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetch(hub_id: str, allow_patterns: list[str]) -> str:
        asked.append(hub_id)
        kind = "base" if "base" not in hub_id and "zen-E" not in hub_id else "ckpt_safetensors"
        return str(GOLDEN / "llama" / kind)

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    files = locate("llama")
    assert asked == ["zen-E/CODI-llama3.2-1b-Instruct", "meta-llama/Llama-3.2-1B-Instruct"]
    assert (files.base, files.n_latents, files.lora_alpha) == (GOLDEN / "llama" / "base", 6, 32)
    local = tmp_path / "codi_ckpt" / "llama_gsm8k"
    shutil.copytree(GOLDEN / "llama" / "base", local / "base")
    shutil.copytree(GOLDEN / "llama" / "ckpt_safetensors", local / "codi")
    assert locate("llama").weights == local / "codi" / "model.safetensors"
    assert len(asked) == 2


def test_a_hub_that_cannot_be_reached_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(hub_id: str, allow_patterns: list[str]) -> str:
        raise OSError("no route to host")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(HarnessError, match=r"zen-E/CODI-gpt2.*no route to host.*--checkpoint"):
        locate("gpt2")


def test_a_registry_of_your_own_names_relative_places(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "gpt2" / "base", tmp_path / "here" / "base")
    shutil.copytree(GOLDEN / "gpt2" / "ckpt_bin", tmp_path / "here" / "codi")
    registry = tmp_path / "models.toml"
    registry.write_text('[mine]\nfolder = "here"\nlora_alpha = 16\n')
    assert locate("mine", registry).weights == tmp_path / "here" / "codi" / "pytorch_model.bin"
    registry.write_text("[mine]\nfoldr = 1\n")
    with pytest.raises(HarnessError, match=r"models\.toml is not valid: foldr"):
        locate("mine", registry)
    registry.write_text("[mine\n")
    with pytest.raises(HarnessError, match="cannot be read as TOML"):
        locate("mine", registry)
