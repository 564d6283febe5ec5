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

FAST = "thoughts"
"""Kernel: torch's scaled dot product attention."""
EXPLICIT = "thoughts-explicit"
"""Kernel: softmax over explicit scores; a fully masked row attends uniformly, as the reference's eager path does."""


class Recorder(Protocol):
    """Looks at the attention rows of the last query of a forward pass."""

    def record(self, layer: int, weights: Tensor, visible: Tensor) -> None:
        """``weights`` [B, H, K] sum to one over the keys; ``visible`` [B] counts the keys that were not masked."""


_recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Within the block, every layer's attention reports its last query row to ``recorder``."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


def last_row_weights(
    query: Tensor, key: Tensor, attention_mask: Tensor | None, scaling: float
) -> tuple[Tensor, Tensor]:
    """Softmax weights of the last query over all keys, in float32.

    query [B, H, Q, D], key [B, G, K, D] with G key heads (H a multiple of G), mask broadcastable to
    [B, 1, Q, K], boolean (true: visible) or additive. Returns weights [B, H, K] and the number of visible keys [B].
    """
    batch, heads, _, width = query.shape
    groups, keys = key.shape[1], key.shape[2]
    last = query[:, :, -1].reshape(batch, groups, heads // groups, width)
    scores = torch.matmul(last, key.transpose(-1, -2)).reshape(batch, heads, keys).float() * scaling
    if attention_mask is None:
        return torch.softmax(scores, dim=-1), torch.full((batch,), keys, device=query.device)
    row = attention_mask[:, :, -1, :keys]
    if row.dtype == torch.bool:
        scores = scores.masked_fill(~row, float("-inf"))
        visible = row
    else:
        scores = scores + row
        visible = row == 0
    return torch.softmax(scores, dim=-1), visible[:, 0].sum(-1).expand(batch)


def _report(module: nn.Module, query: Tensor, key: Tensor, attention_mask: Tensor | None, scaling: float) -> None:
    recorder = _recorder.get()
    if recorder is not None:
        layer: Any = module.layer_idx
        recorder.record(layer, *last_row_weights(query, key, attention_mask, scaling))


def _fast(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    scaling = kwargs.get("scaling")
    _report(module, query, key, attention_mask, query.shape[-1] ** -0.5 if scaling is None else scaling)
    output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    return output, None


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
AttentionMaskInterface.register(FAST, sdpa_mask)
AttentionInterface.register(EXPLICIT, _explicit)
AttentionMaskInterface.register(EXPLICIT, eager_mask)
