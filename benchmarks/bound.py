"""How fast a machine could do the work at best, from its floating point operations and the bytes it has to move.

Each forward pass takes at least as long as its operations at the machine's peak, and as reading its weights and keys once.
Counted are two operations for every parameter and token (embeddings and output head left out: no token is looked up by
multiplying, and no answer is chosen), and four for every pair of query and key, head and number of its width.
Padding, norms, and what is captured count nothing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from harness.models.thoughts import ThoughtModel


@dataclass(frozen=True)
class Machine:
    """Peak floating point operations per second, and bytes per second from memory."""

    flops: float
    bandwidth: float


H100 = {"bfloat16": Machine(989e12, 3.35e12), "float16": Machine(989e12, 3.35e12), "float32": Machine(67e12, 3.35e12)}
"""One of the SXM kind, by dtype: dense tensor cores, and the ordinary ones for float32."""


@dataclass(frozen=True)
class Counts:
    """What a model is made of; ``value`` is the bytes of a number."""

    parameters: int
    projection: int
    layers: int
    heads: int
    key_heads: int
    head_width: int
    latents: int
    value: int

    @classmethod
    def of(cls, model: ThoughtModel) -> "Counts":
        """Those of a model."""
        heads = model.n_heads
        return cls(
            model.n_parameters,
            sum(weight.numel() for weight in model.projection.parameters()),
            model.n_layers,
            heads,
            getattr(model.language.config, "num_key_value_heads", None) or heads,
            model.head_width,
            model.n_latents,
            torch.empty(0, dtype=model.dtype).element_size(),
        )


@dataclass(frozen=True)
class Bound:
    """The least seconds that encoding and thinking take, and what they have to do."""

    encoding: float
    thinking: float
    operations: float
    bytes_moved: float

    @property
    def seconds(self) -> float:
        """Of both."""
        return self.encoding + self.thinking


def bound(counts: Counts, batches: Sequence[Sequence[int]], machine: Machine) -> Bound:
    """For ``batches`` of prompts with so many tokens each, run one after the other."""
    encoding, thinking, operations, moved = 0.0, 0.0, 0.0, 0.0
    for batch in batches:
        lengths = np.array(batch, np.float64)
        passes = [(_operations(counts, lengths, np.zeros_like(lengths)), _bytes(counts, lengths))]
        for step in range(counts.latents + 1):
            before = lengths + step
            extra = counts.projection if step < counts.latents else 0
            operation = _operations(counts, np.ones_like(lengths), before) + 2 * extra * len(lengths)
            passes.append((operation, _bytes(counts, before) + extra * counts.value))
        least = [max(some / machine.flops, many / machine.bandwidth) for some, many in passes]
        encoding, thinking = encoding + least[0], thinking + sum(least[1:])
        operations += sum(some for some, _ in passes)
        moved += sum(many for _, many in passes)
    return Bound(encoding, thinking, operations, moved)


def measured_machine(device: str, dtype: torch.dtype, size: int = 2048, rounds: int = 3) -> Machine:
    """What a large product of matrices and a large copy reach here, the best of so many rounds each."""
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    source = torch.ones(32 * 1024 * size // 4, device=device)
    target = torch.empty_like(source)
    product = _best(lambda: torch.matmul(one, other), device, rounds)
    copy = _best(lambda: target.copy_(source), device, rounds)
    return Machine(2 * size**3 / product, 2 * source.numel() * source.element_size() / copy)


def settle(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _operations(counts: Counts, new: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    """Of one pass over so many new tokens of each problem, each seeing those before it and itself."""
    pairs = (new * before + new * (new + 1) / 2).sum()
    return float(2 * counts.parameters * new.sum() + 4 * counts.layers * counts.heads * counts.head_width * pairs)


def _bytes(counts: Counts, keys: NDArray[np.float64]) -> float:
    """Weights once, and each problem's keys and values read or written."""
    of_key = 2 * counts.layers * counts.key_heads * counts.head_width
    return float(counts.value * (counts.parameters + of_key * keys.sum()))


def _best(run: Callable[[], object], device: str, rounds: int) -> float:
    run()
    seconds = []
    for _ in range(rounds):
        settle(device)
        started = time.perf_counter()
        run()
        settle(device)
        seconds.append(time.perf_counter() - started)
    return min(seconds)
