"""The one attention function every model runs through: the fast kernel, and capture beside it.

transformers looks attention up by name in ``AttentionInterface`` and its mask in ``AttentionMaskInterface``.
Registering one pair of functions therefore covers every architecture. The mask function must be registered
under the same name: without it transformers passes no mask and causality is silently lost.

The model's output always comes from the kernel. A recorder only looks on, so a captured run and a plain one
give the same bytes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask, sdpa_mask

from harness.errors import HarnessError

FAST = "thoughts"
"""Kernel: torch's scaled dot product attention."""
EXPLICIT = "thoughts-explicit"
"""Kernel: softmax over explicit scores; a fully masked row attends uniformly, as the reference's eager path does."""


_NOT_IN_THE_KERNEL = ("softcap", "s_aux")
"""Terms some architectures add to the scores: a cap (Gemma 2) and sinks (GPT-OSS)."""


class Recorder(Protocol):
    """Looks at the last query of a forward pass in every layer."""

    def record(self, layer: int, query: Tensor, key: Tensor, mask: Tensor | None, scaling: float) -> None:
        """What one layer's attention works with.

        query [B, H, D] of the last token; key [B, G, K, D] of all tokens so far, H a multiple of G; mask
        [B or 1, 1, Q, >= K], boolean (true: visible) or additive, its last row being the query's, or None.
        """


class Branching(Protocol):
    """Computes attention itself: rows that share the encoding of their question."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """Output [B, S, H, D] of queries [B, H, S, D] over what is shared and over own keys and values [B, G, K, D]."""


_recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
_branching: ContextVar[Branching | None] = ContextVar("branching", default=None)


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Within the block, every layer's attention reports its last query to ``recorder``."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


@contextmanager
def branching(branches: Branching) -> Iterator[None]:
    """Within the block, ``branches`` computes the attention of every layer."""
    token = _branching.set(branches)
    try:
        yield
    finally:
        _branching.reset(token)


def row_weights(query: Tensor, key: Tensor, bias: Tensor, scaling: float) -> Tensor:
    """Softmax weights of S queries over all keys, in float32.

    query [B, H, S, D], key [B, G, K, D] with G key heads (H a multiple of G), bias [B, S, K], 0 where a query may
    look. Returns [B, H, S, K].
    """
    batch, heads, steps, width = query.shape
    groups, keys = key.shape[1], key.shape[2]
    grouped = query.reshape(batch, groups, heads // groups * steps, width)
    # In 16 bits the products would be rounded before the softmax, by more than the kernel rounds them.
    scores = torch.matmul(grouped.float(), key.transpose(-1, -2).float()).reshape(batch, heads, steps, keys)
    return torch.softmax(scores.mul_(scaling).add_(bias[:, None]), dim=-1)


def _report(module: nn.Module, query: Tensor, key: Tensor, attention_mask: Tensor | None, scaling: float) -> None:
    recorder = _recorder.get()
    if recorder is not None:
        layer: Any = module.layer_idx
        recorder.record(layer, query[:, :, -1], key, attention_mask, scaling)


def _fast(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    scaling = kwargs.get("scaling")
    extra = [name for name in _NOT_IN_THE_KERNEL if kwargs.get(name) is not None]
    if extra:
        raise HarnessError(
            f"This model's attention has {', '.join(extra)}, which the fast kernel leaves out: what it computes would not "
            "be the model's attention. Such models cannot be studied here."
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    branches = _branching.get()
    if branches is not None:
        layer: Any = module.layer_idx
        return branches.attend(layer, query, key, value, scale), None
    _report(module, query, key, attention_mask, scale)
    output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    return output, None


def _fast_mask(
    *, attention_mask: Tensor | None = None, allow_is_causal_skip: bool = True, **sizes: Any
) -> Tensor | None:
    """The mask of the kernel; None where causality alone, which the kernel knows, is all that has to be masked.

    Whether nothing is padded is read from the mask's values. An accelerator would have to finish everything it was given
    before it could tell, in every forward pass; there the mask is made in any case.
    """
    free_to_read = attention_mask is None or attention_mask.device.type == "cpu"
    skip = allow_is_causal_skip and free_to_read
    return sdpa_mask(attention_mask=attention_mask, allow_is_causal_skip=skip, **sizes)


def _explicit(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    scaling = kwargs.get("scaling")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    _report(module, query, key, attention_mask, scaling)
    shared = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(shared, dim=1), value.repeat_interleave(shared, dim=1)
    scores = torch.matmul(query, key.transpose(2, 3)) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask[:, :, :, : key.shape[-2]]
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


AttentionInterface.register(FAST, _fast)
AttentionMaskInterface.register(FAST, _fast_mask)
AttentionInterface.register(EXPLICIT, _explicit)
AttentionMaskInterface.register(EXPLICIT, eager_mask)
