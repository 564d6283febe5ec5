"""Small GPT-2 and LLaMA networks as plain functions of a dictionary of weights.

The arithmetic is that of transformers' ``GPT2LMHeadModel`` and ``LlamaForCausalLM`` with tied embeddings; weights of
equal role are stacked over layers, which lets LoRA be merged and Muon be applied to all layers at once. Every matrix is
stored as [layer, output, input].
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

Weights = dict[str, Tensor]
KeysValues = tuple[Tensor, Tensor]

MASKED = -1e9
ROPE_BASE = 10000.0
NORM_EPS = 1e-5


@dataclass(frozen=True)
class Shape:
    """Sizes of a network.

    Attributes:
        family: which architecture.
        layers, heads, kv_heads, width, mlp, positions: the usual sizes; kv_heads equals heads for GPT-2.
    """

    family: Literal["gpt2", "llama"]
    layers: int
    heads: int
    kv_heads: int
    width: int
    mlp: int
    positions: int

    @property
    def head_width(self) -> int:
        """Width of one head."""
        return self.width // self.heads

    def matrices(self) -> dict[str, tuple[int, int]]:
        """Return output and input width of every matrix that exists once per layer (these are the LoRA targets)."""
        d, kv = self.width, self.kv_heads * self.head_width
        if self.family == "gpt2":
            return {"qkv": (3 * d, d), "out": (d, d), "up": (self.mlp, d), "down": (d, self.mlp)}
        return {
            "q": (d, d),
            "k": (kv, d),
            "v": (kv, d),
            "out": (d, d),
            "gate": (self.mlp, d),
            "up": (self.mlp, d),
            "down": (d, self.mlp),
        }


def initial_weights(shape: Shape, vocabulary: int, generator: torch.Generator) -> Weights:
    """Draw weights as transformers does: normal with deviation 0.02, residual outputs divided by sqrt(2 layers)."""

    def normal(*size: int, deviation: float = 0.02) -> Tensor:
        return torch.randn(*size, generator=generator) * deviation

    weights = {"embedding": normal(vocabulary, shape.width)}
    for name, (rows, columns) in shape.matrices().items():
        deviation = 0.02 / math.sqrt(2 * shape.layers) if name in ("out", "down") else 0.02
        weights[name] = normal(shape.layers, rows, columns, deviation=deviation)
        if shape.family == "gpt2":
            weights[f"{name}.bias"] = torch.zeros(shape.layers, rows)
    for norm, size in (("norm1", (shape.layers,)), ("norm2", (shape.layers,)), ("norm", ())):
        weights[norm] = torch.ones(*size, shape.width)
        if shape.family == "gpt2":
            weights[f"{norm}.bias"] = torch.zeros(*size, shape.width)
    if shape.family == "gpt2":
        weights["positions"] = normal(shape.positions, shape.width)
    return weights


class Network:
    """One set of weights ready to run; a new one is made whenever the weights change.

    Args:
        shape: sizes of the network.
        weights: the weights, LoRA already merged.
    """

    def __init__(self, shape: Shape, weights: Weights) -> None:
        self.shape = shape
        self.weights = weights
        self._layers = self._layer_weights()
        if shape.family == "llama":
            frequencies = ROPE_BASE ** -(torch.arange(0, shape.head_width, 2).float() / shape.head_width)
            angles = torch.outer(torch.arange(shape.positions).float(), frequencies)
            angles = torch.cat([angles, angles], dim=-1)
            self._cos, self._sin = angles.cos(), angles.sin()

    def _layer_weights(self) -> list[Weights]:
        """Split the stacks; one unbind per stack keeps its gradient in one tensor."""
        stacks = {
            name: tensor.unbind(0)
            for name, tensor in self.weights.items()
            if name not in ("embedding", "positions", "norm", "norm.bias")
        }
        layers = [{name: stack[index] for name, stack in stacks.items()} for index in range(self.shape.layers)]
        if self.shape.family == "llama":
            for layer in layers:
                layer["qkv"] = torch.cat([layer["q"], layer["k"], layer["v"]])
                layer["gate_up"] = torch.cat([layer["gate"], layer["up"]])
        return layers

    def embed(self, ids: Tensor) -> Tensor:
        """Look up token embeddings: ids [B, S] to [B, S, d]."""
        return F.embedding(ids, self.weights["embedding"])

    def logits(self, hidden: Tensor) -> Tensor:
        """Map final hidden states [..., d] to logits [..., vocabulary] by the tied embedding."""
        return F.linear(hidden, self.weights["embedding"])

    def _norm(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.shape.family == "gpt2":
            return F.layer_norm(x, (self.shape.width,), weight, bias, NORM_EPS)
        return F.rms_norm(x, (self.shape.width,), weight, NORM_EPS)

    def _project(self, layer: Weights, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each [B, heads, S, head width], grouped keys repeated for their queries."""
        shape = self.shape
        sizes = [shape.width, shape.kv_heads * shape.head_width, shape.kv_heads * shape.head_width]
        mixed = F.linear(x, layer["qkv"], layer.get("qkv.bias"))
        q, k, v = (part.unflatten(-1, (-1, shape.head_width)).transpose(1, 2) for part in mixed.split(sizes, dim=-1))
        if shape.family == "llama":
            cos, sin = self._cos[positions].unsqueeze(1), self._sin[positions].unsqueeze(1)
            q, k = (_rotate(part, cos, sin) for part in (q, k))
        repeats = shape.heads // shape.kv_heads
        if repeats > 1:
            k, v = (part.repeat_interleave(repeats, dim=1) for part in (k, v))
        return q, k, v

    def _mlp(self, layer: Weights, x: Tensor) -> Tensor:
        if self.shape.family == "gpt2":
            inner = F.gelu(F.linear(x, layer["up"], layer["up.bias"]), approximate="tanh")
            return F.linear(inner, layer["down"], layer["down.bias"])
        gate, up = F.linear(x, layer["gate_up"]).chunk(2, dim=-1)
        return F.linear(F.silu(gate) * up, layer["down"])

    def __call__(
        self,
        x: Tensor,
        positions: Tensor,
        bias: Tensor,
        *,
        prefix: list[KeysValues] | None = None,
        prefix_bias: Tensor | None = None,
        recent: list[KeysValues] | None = None,
    ) -> tuple[list[Tensor], list[KeysValues]]:
        """Run all layers.

        Args:
            x: input embeddings [B, S, d], without position embeddings.
            positions: position of every input [B, S].
            bias: added to the attention scores over recent and new keys, [B or 1, 1, S, R + S].
            prefix: keys and values of each layer for the P positions that every query may read subject to
                ``prefix_bias``, each [B, heads, P, head width].
            prefix_bias: [B, 1, 1, P].
            recent: keys and values of R later positions.

        Returns:
            hidden states as transformers lists them (embeddings, the output of every layer but the last, the last one's
            after the final norm), each [B, S, d]; keys and values of recent and new positions per layer.
        """
        weights = self.weights
        if "positions" in weights:
            x = x + F.embedding(positions, weights["positions"])
        states, cache = [x], []
        for index, layer in enumerate(self._layers):
            q, k, v = self._project(layer, self._norm(x, layer["norm1"], layer.get("norm1.bias")), positions)
            if recent is not None:
                k, v = torch.cat([recent[index][0], k], dim=2), torch.cat([recent[index][1], v], dim=2)
            cache.append((k, v))
            if prefix is None:
                mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
            else:
                mixed = _attend_twice(q, prefix[index], prefix_bias, (k, v), bias)
            x = x + F.linear(mixed.transpose(1, 2).flatten(2), layer["out"], layer.get("out.bias"))
            x = x + self._mlp(layer, self._norm(x, layer["norm2"], layer.get("norm2.bias")))
            states.append(x)
        states[-1] = self._norm(x, weights["norm"], weights.get("norm.bias"))
        return states, cache


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def _attend_twice(
    q: Tensor, prefix: KeysValues, prefix_bias: Tensor | None, recent: KeysValues, bias: Tensor
) -> Tensor:
    """Attend to two groups of keys under one softmax, without copying the long first group."""
    q = q / math.sqrt(q.shape[-1])
    scores = torch.cat([q @ prefix[0].mT + prefix_bias, q @ recent[0].mT + bias], dim=-1).softmax(dim=-1)
    length = prefix[0].shape[2]
    return scores[..., :length] @ prefix[1] + scores[..., length:] @ recent[1]
