"""What the residual stream at each thought is made of, as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.storage.store import Layout


@dataclass(frozen=True, repr=False)
class Decomposition:
    """Parts of the residual stream at the latent positions; n problems, T latents, L layers, P = 1 + 2 L parts.

    The parts, in order: the input embedding (with the position embedding where the model adds one), then of every layer
    what its attention adds and what its MLP adds. The whole is the stream that leaves the last layer, before the final
    norm. Arrays may be memory-mapped.
    """

    norms: NDArray[np.float32]
    """[n, T, P]: length of each part."""
    shares: NDArray[np.float32]
    """[n, T, P]: dot product of the part with the whole, divided by the whole's squared length; they sum to 1."""
    error: NDArray[np.float32]
    """[n, T]: length of the difference between the parts' sum and the whole, divided by the whole's length."""
    layer_error: NDArray[np.float32]
    """[n, T, L]: the same of the parts up to each layer, against the stream that leaves it."""
    problem_ids: tuple[int, ...]

    def __repr__(self) -> str:
        n, latents, parts = self.norms.shape
        return f"Decomposition({n} problems, {latents} thoughts, {parts} parts)"


DECOMPOSITION_ARRAYS = ("norms", "shares", "error", "layer_error")
"""The arrays of :class:`Decomposition`, all with the problem as first axis."""


def part_names(layers: int) -> tuple[str, ...]:
    """Names of the P parts, in order."""
    return ("embedding", *(f"{kind} {layer}" for layer in range(layers) for kind in ("attention", "MLP")))


def decomposition_layout(n: int, latents: int, layers: int) -> Layout:
    """Shape and dtype of every array of :data:`DECOMPOSITION_ARRAYS`."""
    single, parts = np.dtype(np.float32), 1 + 2 * layers
    return {
        "norms": ((n, latents, parts), single),
        "shares": ((n, latents, parts), single),
        "error": ((n, latents), single),
        "layer_error": ((n, latents, layers), single),
    }
