"""What the thoughts read in the question, as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.problems.words import TOKEN_CLASSES
from harness.storage.store import Layout


@dataclass(frozen=True, repr=False)
class QuestionAttention:
    """Attention of the latent queries on the question; n problems, L layers, H query heads, T latents, C token classes.

    The classes are those of ``harness.problems.words.TOKEN_CLASSES``. Weights are raw softmax values over the whole
    context, never renormalised. Arrays may be memory-mapped.
    """

    by_class: NDArray[np.float32]
    """[n, L, H, T, C]: sum of the weights on the question's tokens of each class, ``<bot>`` being one of them."""
    tokens: NDArray[np.int32]
    """[n, C]: how many tokens of each class the prompt has."""
    row_total: NDArray[np.float32]
    """[n, L, H, T]: sum of a latent query's weights over its whole context (1 up to rounding)."""
    latent_mass: NDArray[np.float32]
    """[n, L, H, T]: sum of a latent query's weights over the latents."""
    problem_ids: tuple[int, ...]

    def __repr__(self) -> str:
        n, layers, heads, latents, classes = self.by_class.shape
        return f"QuestionAttention({n} problems, {layers} layers, {heads} heads, {latents} thoughts, {classes} token classes)"

    @property
    def largest_gap(self) -> float:
        """Largest difference between the classes' sum and what the row leaves to the question; 0 up to rounding."""
        left = self.row_total.astype(np.float64) - self.latent_mass
        return float(np.abs(self.by_class.sum(-1, dtype=np.float64) - left).max())


@dataclass(frozen=True)
class WordAttention:
    """One problem word by word: K tokens of its prompt, ``<bot>`` included."""

    row: int
    """Row of the problem in its set."""
    tokens: tuple[str, ...]
    """[K]: the text of each token with the space before it; joined they are the question between special tokens."""
    classes: tuple[int, ...]
    """[K]: indices into ``TOKEN_CLASSES``."""
    weights: NDArray[np.float32]
    """[L, T, K]: weight of each latent query on each token, mean over heads."""


QUESTION_ARRAYS = ("by_class", "tokens", "row_total", "latent_mass")
"""The arrays of :class:`QuestionAttention`, all with the problem as first axis."""


def question_layout(n: int, layers: int, heads: int, latents: int) -> Layout:
    """Shape and dtype of every array of :data:`QUESTION_ARRAYS`."""
    single, rows = np.dtype(np.float32), (n, layers, heads, latents)
    return {
        "by_class": ((*rows, len(TOKEN_CLASSES)), single),
        "tokens": ((n, len(TOKEN_CLASSES)), np.dtype(np.int32)),
        "row_total": (rows, single),
        "latent_mass": (rows, single),
    }
