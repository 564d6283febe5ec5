"""Between encoding and the captured rows the host never asks the device for a value, nor hands it one.

Tensors on torch's ``meta`` device have no values: whatever reads one raises there, as it would wait on an accelerator.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from harness.attention import FAST
from harness.extraction import capture
from harness.extraction.capture import LatentRecorder
from harness.models.load import load_model
from harness.models.thoughts import Context, ThoughtModel
from harness.models.transfer import packed

QUESTIONS = ("Tom has 3 apples.", "Ann has 12 pears, and buys 7 more. How many has she?")


class NothingOfTheHost(TorchDispatchMode):
    """Raises for an operation on a tensor of the host: its values would have to be copied to the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        of_host = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor) and one.device.type == "cpu"]
        if of_host:
            raise AssertionError(f"{func} takes a tensor of the host")
        # What an operation is made of is looked at too.
        with self:
            parts = func.decompose(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {})) if parts is NotImplemented else parts


@pytest.fixture(params=["tiny-gpt2", "tiny-llama"])
def without_values(request: pytest.FixtureRequest) -> ThoughtModel:
    model = load_model(request.param, device="cpu")
    model.language.to("meta")
    model.projection.to("meta")
    model.device = torch.device("meta")
    return model


@contextmanager
def encoded(model: ThoughtModel, questions: Sequence[str]) -> Iterator[Context]:
    context = model.encode([model.prompt_ids(question) for question in questions])
    with NothingOfTheHost():
        yield context


def run(model: ThoughtModel, questions: Sequence[str] = QUESTIONS) -> dict[str, Tensor]:
    with encoded(model, questions) as context:
        recorder = LatentRecorder(model, context)
        inputs, _ = model.think(context, recorder=recorder)
        model.end_thinking(context, recorder=recorder)
        return recorder.captured(inputs)


@pytest.mark.parametrize("count", [1, 2])
def test_no_value_is_asked_for(without_values: ThoughtModel, count: int) -> None:
    model, found = without_values, run(without_values, QUESTIONS[:count])
    latents = model.n_latents
    assert found["raw"].shape == (count, model.n_layers, model.n_heads, latents, latents)
    assert packed(found).device.type == "meta"


def test_a_mask_that_looks_at_its_values_is_found(
    without_values: ThoughtModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AttentionMaskInterface._global_mapping, FAST, sdpa_mask)
    with pytest.raises(RuntimeError, match=r"[Mm]eta"):
        run(without_values)


def test_a_tensor_that_is_copied_to_the_device_is_found(
    without_values: ThoughtModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "_additive", lambda mask: torch.zeros(mask.shape).to(mask.device))
    with pytest.raises(AssertionError, match="takes a tensor of the host"):
        run(without_values)


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("seen", [0, 5])
def test_on_the_host_the_mask_is_the_one_of_transformers(padding: int, seen: int) -> None:
    keys = 8
    mask = torch.ones(2, keys, dtype=torch.bool)
    mask[0, :padding] = False
    lengths = {"batch_size": 2, "q_length": keys - seen, "kv_length": keys, "q_offset": seen}
    ours = AttentionMaskInterface()[FAST](attention_mask=mask, **lengths)
    theirs = sdpa_mask(attention_mask=mask, **lengths)
    if theirs is None:
        assert ours is None
    else:
        assert ours is not None
        assert torch.equal(ours, theirs)


def test_off_the_host_the_mask_is_made_even_where_nothing_is_padded() -> None:
    mask = torch.ones(2, 8, dtype=torch.bool, device="meta")
    made = AttentionMaskInterface()[FAST](
        attention_mask=mask, batch_size=2, q_length=1, kv_length=8, q_offset=7, device="meta"
    )
    assert made is not None
    assert made.shape == (2, 1, 1, 8)
