"""Run problems through a model in batches of similar length and collect the attention of their thoughts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.extraction.batches import Arrays, in_batches, within_memory
from harness.extraction.blocks import Blocks
from harness.extraction.capture import LatentRecorder
from harness.extraction.patterns import AUTO_BATCH_SIZE, AttentionPatterns, array_layout
from harness.extraction.progress import Progress, quiet
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet


def extract_attention(
    model: ThoughtModel,
    problems: ProblemSet,
    batch_size: int = AUTO_BATCH_SIZE,
    *,
    latent_inputs: NDArray[np.float32] | None = None,
    folder: Path | None = None,
    progress: Progress = quiet,
    label: str | None = None,
    blocks: Blocks | None = None,
    stored: np.dtype | None = None,
) -> AttentionPatterns:
    """Attention of every latent and EOT query, all layers and heads.

    ``latent_inputs`` [T, d] replaces the recurrence by fixed inputs (the contentless control). With ``folder``,
    results stream to files there and a run that was cut off is continued; without, they stay in memory. ``blocks`` of
    problems are finished one after the other. ``stored`` is the type that ``raw`` is kept in; float32 unless named.

    Returns :class:`AttentionPatterns` in problem order. Errors: ``HarnessError`` for a question that does not fit the
    model's positions, or a folder that cannot be written.
    """
    prompts = [model.prompt_ids(question) for question in problems.questions]
    fixed = None if latent_inputs is None else torch.from_numpy(np.array(latent_inputs)).to(model.device)
    arrays = in_batches(
        model,
        prompts,
        array_layout(len(prompts), model.n_layers, model.n_heads, model.n_latents, model.width, stored),
        lambda rows: _run(model, [prompts[row] for row in rows], fixed),
        batch_size=batch_size,
        folder=folder,
        progress=progress,
        label=label or "extracting",
        blocks=blocks,
    )
    return AttentionPatterns(**arrays, problem_ids=problems.ids)


def extract_thoughts(
    model: ThoughtModel, problems: ProblemSet, batch_size: int = AUTO_BATCH_SIZE
) -> NDArray[np.float32]:
    """The continuous thoughts: the input embedding fed at every latent position, float32 [n, T, d]."""
    return extract_attention(model, problems, batch_size).latent_inputs


def run_rows(
    model: ThoughtModel,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[int],
    latent_inputs: torch.Tensor | None = None,
) -> Arrays:
    """The arrays of one batch, the prompts in ``rows``."""
    return within_memory(
        lambda some: _run(model, [prompts[row] for row in some], latent_inputs), rows, model.device, prompts
    )


def _run(model: ThoughtModel, prompts: Sequence[Sequence[int]], latent_inputs: torch.Tensor | None) -> Arrays:
    context = model.encode(prompts)
    recorder = LatentRecorder(model, context)
    inputs, _ = model.think(context, recorder=recorder, latent_inputs=latent_inputs)
    model.end_thinking(context, recorder=recorder)
    return recorder.arrays(inputs)
