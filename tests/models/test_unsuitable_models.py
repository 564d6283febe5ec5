"""Models whose attention the harness would get wrong are refused in one sentence, never captured."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import GPTNeoConfig

from harness.attention import FAST, _fast
from harness.errors import HarnessError
from harness.extraction import extract
from harness.extraction.capture import LatentRecorder
from harness.models.checkpoint import _architecture
from harness.models.registry import ModelFiles, with_settings
from harness.models.thoughts import max_positions

FILES = ModelFiles("odd", Path("codi/model.safetensors"), Path("base"), 6, 32.0, True)


@pytest.mark.parametrize("term", ["softcap", "s_aux"])
def test_attention_with_terms_the_kernel_leaves_out_is_refused(term: str) -> None:
    module, part = SimpleNamespace(layer_idx=0), torch.zeros(1, 1, 2, 4)
    with pytest.raises(HarnessError, match=f"{term}, which the fast kernel leaves out"):
        _fast(module, part, part, part, None, **{term: 30.0})  # type: ignore[arg-type]


def test_attention_that_does_not_go_through_the_interface_is_refused() -> None:
    with pytest.raises(HarnessError, match="gpt_neo model, whose attention does not go through"):
        _architecture(
            FILES, GPTNeoConfig(hidden_size=16, num_layers=2, attention_types=[[["global"], 2]], num_heads=2), FAST
        )


def test_a_base_without_positions_is_refused() -> None:
    with pytest.raises(HarnessError, match="bloom model without a stated number of positions"):
        max_positions(FILES, SimpleNamespace(model_type="bloom"))  # type: ignore[arg-type]


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_rows_are_captured_only_from_a_cache_that_holds_every_key(lost: int) -> None:
    model: Any = SimpleNamespace(n_latents=2, n_layers=1)
    context: Any = SimpleNamespace(mask=torch.ones(1, 4, dtype=torch.long))
    recorder = LatentRecorder(model, context)
    for step in range(3):
        recorder.record(0, torch.ones(1, 1, 4), torch.ones(1, 1, 5 + step - lost, 4), None, 0.5)
    if lost:
        with pytest.raises(HarnessError, match="longer than the model's attention window"):
            recorder.arrays(torch.zeros(1, 2, 4))
    else:
        captured = recorder.arrays(torch.zeros(1, 2, 4))
        assert captured["raw"][0, 0, 0].tolist() == [[pytest.approx(1 / 5), 0], [pytest.approx(1 / 6)] * 2]


def test_memory_that_does_not_hold_one_problem_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*arguments: Any) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(extract.AttentionWork, "__call__", too_large)
    model: Any = SimpleNamespace(device="cuda")
    with pytest.raises(HarnessError, match=r"Not even one problem \(7 tokens\) fits in the memory of cuda"):
        extract.run_rows(model, [[1] * 7, [1] * 9], [0, 1])


@pytest.mark.parametrize("number", [0, -1])
def test_a_checkpoint_without_thoughts_is_refused(tmp_path: Path, number: int) -> None:
    (tmp_path / "codi.json").write_text(f'{{"num_latent": {number}}}')
    with pytest.raises(HarnessError, match=r"codi\.json is not valid.*num_latent"):
        with_settings(ModelFiles("odd", tmp_path / "model.safetensors", Path("base"), 6, 32.0, True))
