"""Attention of many conditions that share the encoding of their question.

After a question was encoded, each condition is a branch of it: a row with keys and values of its own, after a prefix that
all branches of a problem read together. The prefix is never copied; the scores of all branches against it are one matrix
product, and the two parts of a row's softmax are put together exactly.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from harness.models.thoughts import Context

ROOM = 16
"""Own keys that a row has room for at first; doubled when full."""


class Bias(Protocol):
    """Says what is added to the scores of rows against their own keys."""

    def bias(self, layer: int, queries: range, keys: int) -> Tensor | None:
        """[rows, H or 1, queries, keys] of one layer, or None for nothing; own positions count from the first latent."""

    def heads(self, layer: int, queries: range, output: Tensor) -> Tensor:
        """What the heads hand on, [rows, queries, H, D], as the interventions want it."""


@dataclass(frozen=True)
class Attended:
    """What one layer's attention worked with and gave: ``queries`` own positions of the rows, over the prefix and own keys."""

    layer: int
    queries: range
    query: Tensor
    """[rows, H, S, D]"""
    key: Tensor
    """[rows, G, own, D], as ``value``."""
    value: Tensor
    scaling: float
    weights: Tensor
    """[rows, H, S, own]: weights on own keys, as the softmax over both parts gives them."""
    on_prefix: Callable[[Tensor], Tensor]
    """From members [B, prefix, C] of C classes of the questions' tokens to the weight [rows, H, S, C] on each class."""
    output: Tensor
    """[rows, S, H, D]: what the heads hand on, before any intervention on heads."""


Watch = Callable[[Attended], None]


class OwnKeys(CacheLayerMixin):
    """Keys and values of the rows themselves, after the shared prefix, in one layer."""

    def __init__(self, prefix: int) -> None:
        super().__init__()
        self.prefix = prefix
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make room."""
        rows, groups, _, width = key_states.shape
        self.keys = key_states.new_empty(rows, groups, ROOM, width)
        self.values = value_states.new_empty(rows, groups, ROOM, value_states.shape[-1])
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append, and return all own keys and values [rows, G, own, D]."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[2]
        while end > self.keys.shape[2]:
            self.keys = torch.cat([self.keys, torch.empty_like(self.keys)], dim=2)
            self.values = torch.cat([self.values, torch.empty_like(self.values)], dim=2)
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def fork(self) -> "OwnKeys":
        """A copy of what there is so far."""
        other = OwnKeys(self.prefix)
        other.length, other.is_initialized = self.length, True
        other.keys, other.values = self.keys.clone(), self.values.clone()
        return other

    def select(self, rows: Tensor) -> None:
        """Keep these rows only."""
        self.keys, self.values = self.keys[rows], self.values[rows]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of what a mask would cover."""
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        """Prefix and own keys."""
        return self.prefix + self.length

    def get_max_length(self) -> int:
        """No limit."""
        return -1


class Branches:
    """Rows that branch off a batch of encoded questions: cache, and the attention function over both parts.

    ``problems`` [rows] is the question of each row; the weights on own keys are computed only for ``watch``.
    """

    def __init__(self, context: Context, problems: Tensor, bias: Bias, watch: Watch | None = None):
        self._prefix = [(layer.keys, layer.values) for layer in context.cache.layers]
        visible = context.mask.bool()
        hidden = torch.zeros(visible.shape, dtype=context.hidden.dtype, device=visible.device)
        self._padding = hidden.masked_fill_(~visible, float("-inf"))[:, None, None]
        self._bias, self._watch = bias, watch
        self._layers = [OwnKeys(context.mask.shape[1]) for _ in self._prefix]
        self.cache = Cache(layers=list(self._layers))
        self._arrange(problems)

    @property
    def length(self) -> int:
        """Own positions so far."""
        return self._layers[0].length

    def fork(self, bias: Bias, watch: Watch | None) -> "Branches":
        """The same rows with the same own keys, to be fed on apart from these."""
        other = copy(self)
        other._bias, other._watch = bias, watch
        other._layers = [layer.fork() for layer in self._layers]
        other.cache = Cache(layers=list(other._layers))
        return other

    def select(self, rows: Tensor) -> None:
        """Keep these rows only."""
        for layer in self._layers:
            layer.select(rows)
        self._arrange(self._problems[rows])

    def _arrange(self, problems: Tensor) -> None:
        """Lay the rows out as a grid, problems by branches; a short line is filled up with copies of row 0."""
        self._problems = problems
        known, counts = torch.unique(problems, return_counts=True)
        line = torch.searchsorted(known, problems)
        order = torch.argsort(problems, stable=True)
        place = torch.empty_like(order)
        starts = counts.cumsum(0) - counts
        place[order] = torch.arange(len(order), device=order.device) - starts[line[order]]
        most = int(counts.max())
        self._grid = torch.zeros((len(known), most), dtype=torch.long, device=problems.device)
        self._grid[line, place] = torch.arange(len(problems), device=problems.device)
        self._slots = line * most + place
        self._read = known if len(known) < len(self._padding) else None

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """Attention output [rows, S, H, D] of queries [rows, H, S, D] over the prefix and the own keys [rows, G, own, D]."""
        rows, heads, steps, width = query.shape
        groups, own = key.shape[1:3]
        shared = heads // groups
        prefix_key, prefix_value = self._prefix[layer]
        padding = self._padding
        if self._read is not None:
            prefix_key, prefix_value, padding = prefix_key[self._read], prefix_value[self._read], padding[self._read]

        lines, most = self._grid.shape

        def to_grid(tensor: Tensor) -> Tensor:
            """[rows, H, S, *] to [lines, G, branches * shared * S, *]."""
            spread = tensor[self._grid].reshape(lines, most, groups, shared, steps, tensor.shape[-1])
            return spread.transpose(1, 2).reshape(lines, groups, most * shared * steps, tensor.shape[-1])

        def to_rows(tensor: Tensor) -> Tensor:
            spread = tensor.reshape(lines, groups, most, shared, steps, tensor.shape[-1]).transpose(1, 2)
            return spread.reshape(lines * most, heads, steps, tensor.shape[-1])[self._slots]

        # In 16 bits only the products are rounded, not what the softmax makes of them.
        exact = torch.promote_types(query.dtype, torch.float32)
        read = torch.matmul(to_grid(query), prefix_key.transpose(-1, -2)).to(exact).mul_(scaling).add_(padding)
        grouped = query.reshape(rows, groups, shared * steps, width)
        reread = torch.matmul(grouped, key.transpose(-1, -2)).reshape(rows, heads, steps, own).to(exact).mul_(scaling)
        queries = range(own - steps, own)
        if steps > 1:
            reread = reread + torch.full((steps, own), float("-inf"), device=query.device).triu_(own - steps + 1)
        bias = self._bias.bias(layer, queries, own)
        if bias is not None:
            reread = reread + bias

        largest = torch.maximum(to_rows(read.amax(-1, keepdim=True)), reread.amax(-1, keepdim=True))
        read = read.sub_(to_grid(largest)).exp_()
        reread = reread.sub_(largest).exp_()
        total = to_rows(read.sum(-1, keepdim=True)) + reread.sum(-1, keepdim=True)
        from_prefix = to_rows(torch.matmul(read.to(value.dtype), prefix_value))
        weights = reread.to(value.dtype).reshape(rows, groups, shared * steps, own)
        from_own = torch.matmul(weights, value).reshape(rows, heads, steps, value.shape[-1])
        output = ((from_prefix + from_own) / total).to(query.dtype).transpose(1, 2).contiguous()
        if self._watch is not None:

            def on_prefix(members: Tensor) -> Tensor:
                known = members if self._read is None else members[self._read]
                return to_rows(torch.matmul(read, known[:, None].to(read))) / total

            self._watch(Attended(layer, queries, query, key, value, scaling, reread / total, on_prefix, output.clone()))
        return self._bias.heads(layer, queries, output)
