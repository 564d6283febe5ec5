"""The batch size that is chosen where nobody says."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.extraction.batch_size import auto_batch_size, batch_size_within, bytes_per_problem
from harness.models.load import load_model
from harness.models.registry import locate
from harness.models.size import Sizes, sizes

GIB = 2**30
LLAMA_1B = Sizes(1_235_814_400, 16, 32, 8, 64, 2048, 2 * 2048 + 2 * (2048 + 512) + 2 * 2048 + 3 * (2048 + 8192))


@given(
    total=st.integers(0, 10**12),
    weights=st.integers(0, 10**11),
    per_problem=st.integers(1, 10**9),
    block=st.integers(1, 10**4),
)
def test_the_batch_is_a_power_of_two_that_fits_and_the_next_would_not(
    total: int, weights: int, per_problem: int, block: int
) -> None:
    size = batch_size_within(total, weights, per_problem, block)
    assert size in (64, 128, 256, 512, 1024)
    room = int(total * 0.8) - weights
    assert size == 64 or (size * per_problem <= room and 4 * size <= block)
    assert size == 1024 or 2 * size * per_problem > room or 8 * size > block


def test_a_problem_needs_what_can_be_counted_by_hand() -> None:
    model = Sizes(parameters=0, layers=2, heads=4, key_heads=2, head_width=8, width=32, of_layer=100)
    cache = 2 * 2 * 2 * 8 * (10 + 3 + 1) * 2
    encoding = 10 * (2 * (100 + 2 * 4 * 8) + 2 * 4 * 32) + 10 * 10 * 3
    assert bytes_per_problem(model, tokens=10, latents=3, value=2) == cache + encoding


@pytest.mark.parametrize(("memory", "value", "expected"), [(80, 2, 1024), (24, 2, 256), (16, 2, 256), (8, 4, 64)])
def test_a_model_of_a_billion_parameters_on_common_devices(memory: int, value: int, expected: int) -> None:
    needed = bytes_per_problem(LLAMA_1B, tokens=250, latents=6, value=value)
    assert batch_size_within(memory * GIB, LLAMA_1B.parameters * value, needed, 7473) == expected


@pytest.mark.parametrize("name", ["tiny-gpt2", "tiny-llama"])
def test_sizes_are_those_of_the_loaded_model(name: str) -> None:
    model = load_model(name, device="cpu")
    found = sizes(model.files.base)
    context = model.encode([[1, 2, 3]])
    _, key_heads, _, width = context.cache.layers[0].keys.shape
    # CODI adds three rows to the embedding.
    assert found.parameters == sum(weight.numel() for weight in model.language.parameters()) - 3 * model.width
    matrices = [weight for weight in model.decoder_layers[0].parameters() if weight.ndim == 2]
    of_layer = sum(sum(weight.shape) for weight in matrices)
    assert found == Sizes(found.parameters, model.n_layers, model.n_heads, key_heads, width, model.width, of_layer)


def test_without_an_accelerator_it_is_constant_and_nothing_is_read() -> None:
    nowhere = replace(locate("tiny-llama"), base=Path("nowhere"))
    assert auto_batch_size(nowhere, ["?"], "cpu", "float32") == 64


def test_on_an_accelerator_its_whole_memory_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def properties(device: str) -> SimpleNamespace:
        asked.append(device)
        return SimpleNamespace(total_memory=memory)

    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    files, short = locate("tiny-llama"), ["Tom has 3 apples."] * 4096
    memory = 80 * GIB
    assert auto_batch_size(files, short, "cuda", "bfloat16") == 1024
    memory = GIB // 2
    longer = auto_batch_size(files, [*short, "word " * 60], "cuda:1", "float32")
    assert 64 <= longer < auto_batch_size(files, short, "cuda:1", "float32")
    assert asked[:2] == ["cuda", "cuda:1"]


def test_problems_sorted_together_are_not_all_padded_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * GIB))
    files, questions = locate("tiny-llama"), ["Tom has 3 apples."] * 2048
    assert auto_batch_size(files, questions, "cuda", "bfloat16") == 512
    assert auto_batch_size(files, questions, "cuda", "bfloat16", block=1000) == 128
