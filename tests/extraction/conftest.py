"""Tiny models of many architectures, with random weights large enough that every part of them matters; runs cut off."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig

from harness.models.registry import ModelFiles
from harness.models.thoughts import ThoughtModel

BASE = Path(__file__).parents[1] / "golden" / "gpt2" / "base"
WIDTH, LAYERS, LATENTS = 32, 3, 4


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ThoughtModel]:
    """``tiny("llama", option=...)``: an untrained model in float64 with the recorded GPT-2 model's tokenizer."""

    def build(architecture: str, **options: Any) -> ThoughtModel:
        folder = tmp_path_factory.mktemp(architecture)
        base = folder / "base"
        shutil.copytree(BASE, base)
        vocabulary = json.loads((BASE / "config.json").read_text())["vocab_size"]
        sizes = {
            "vocab_size": vocabulary,
            "hidden_size": WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "max_position_embeddings": 256,
        }
        if architecture not in {"gpt2", "opt"}:
            sizes |= {"intermediate_size": 48, "num_key_value_heads": 2}
        config = AutoConfig.for_model(architecture, **sizes, pad_token_id=0, bos_token_id=0, eos_token_id=0, **options)
        config.save_pretrained(base)
        save_file({"prj.1.weight": torch.zeros(16, WIDTH)}, folder / "model.safetensors")
        files = ModelFiles(architecture, folder / "model.safetensors", base, LATENTS, 32.0, True)
        model = ThoughtModel(files, dtype=torch.float64, untrained_seed=0)
        generator = torch.Generator().manual_seed(1)
        for weight in [*model.language.parameters(), *model.projection.parameters()]:
            weight.data += 0.2 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        return model

    return build


class CutOffError(Exception):
    pass


@contextmanager
def cut_off(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress that ends the run after its second batch."""
    batches = []

    def advance(done: int) -> None:
        batches.append(done)
        if len(batches) == 3:
            raise CutOffError

    yield advance
