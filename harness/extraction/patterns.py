"""What an extraction yields: the attention of the thoughts, as arrays."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class AttentionPatterns:
    """Attention of the latent (and EOT) queries; n problems, L layers, H query heads, T latents.

    Weights are raw softmax values over the whole context, never renormalised. Arrays may be memory-mapped.
    """

    raw: NDArray[np.float32]
    """[n, L, H, T, T]: weight of latent query i on latent key j; 0 for j > i."""
    row_total: NDArray[np.float32]
    """[n, L, H, T]: sum of a latent query's weights over its whole context (1 up to rounding)."""
    first_token: NDArray[np.float32]
    """[n, L, H, T]: weight on the first token of the question (an attention sink)."""
    bot: NDArray[np.float32]
    """[n, L, H, T]: weight on ``<bot>``."""
    answer_attention: NDArray[np.float32]
    """[n, L, H, T]: weight of the EOT query on each latent."""
    row_length: NDArray[np.int32]
    """[n, L, T]: keys that the captured row of a latent query covers."""
    context_length: NDArray[np.int32]
    """[n]: tokens before the first latent, ``<bot>`` included."""
    latent_inputs: NDArray[np.float32]
    """[n, T, d]: the embedding fed at each latent position."""
    problem_ids: tuple[int, ...]

    def __repr__(self) -> str:
        n, layers, heads, latents = self.shape
        return f"AttentionPatterns({n} problems, {layers} layers, {heads} heads, {latents} thoughts)"

    @cached_property
    def latent_mass(self) -> NDArray[np.float32]:
        """[n, L, H, T]: sum of a latent query's weights over the latents."""
        return self.raw.sum(-1)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, L, H, T)."""
        return self.raw.shape[:4]  # type: ignore[return-value]


@dataclass(frozen=True)
class Looks:
    """What independent looks at a few problems saw; m problems, otherwise the axes of AttentionPatterns."""

    rows: NDArray[np.int64]
    """[m]: which rows of the problem set."""
    raw: NDArray[np.float32]
    """[m, L, H, T, T]: from one plain eager forward over the whole sequence."""
    later: NDArray[np.float32]
    """[m]: largest weight of a latent query on a later position in that forward."""
    lone: NDArray[np.float32]
    """[m, L, H, T, T]: from the extraction with a batch of one."""


AUTO_BATCH_SIZE = 64
"""Problems per batch when nothing else is asked for."""

ARRAYS = (
    "raw",
    "row_total",
    "first_token",
    "bot",
    "answer_attention",
    "row_length",
    "context_length",
    "latent_inputs",
)
"""The arrays of :class:`AttentionPatterns`, all with the problem as first axis."""


def array_layout(
    n: int, layers: int, heads: int, latents: int, width: int, stored: np.dtype | None = None
) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and dtype of every array of :data:`ARRAYS`; ``stored`` is that of ``raw``, float32 unless named."""
    single, whole = np.dtype(np.float32), np.dtype(np.int32)
    rows = (n, layers, heads, latents)
    return {
        "raw": ((*rows, latents), stored or single),
        "row_total": (rows, single),
        "first_token": (rows, single),
        "bot": (rows, single),
        "answer_attention": (rows, single),
        "row_length": ((n, layers, latents), whole),
        "context_length": ((n,), whole),
        "latent_inputs": ((n, latents, width), single),
    }
