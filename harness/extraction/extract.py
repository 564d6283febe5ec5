"""Run problems through a model in batches of similar length and collect the attention of their thoughts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.engines.batches import in_batches
from harness.engines.local import within_memory
from harness.engines.work import Arrays, Engine
from harness.extraction.capture import LatentRecorder
from harness.extraction.patterns import AUTO_BATCH_SIZE, AttentionPatterns, array_layout
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet
from harness.storage.blocks import Blocks
from harness.storage.progress import Progress, quiet


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
    engine: Engine | None = None,
) -> AttentionPatterns:
    """Attention of every latent and EOT query, all layers and heads.

    ``latent_inputs`` [T, d] replaces the recurrence by fixed inputs (the contentless control). With ``folder``,
    results stream to files there and a run that was cut off is continued; without, they stay in memory. ``blocks`` of
    problems are finished one after the other. ``stored`` is the type that ``raw`` is kept in; float32 unless named.
    ``engine`` runs the model; this process unless named.

    Returns :class:`AttentionPatterns` in problem order. Errors: ``HarnessError`` for a question that does not fit the
    model's positions, or a folder that cannot be written.
    """
    prompts = [model.prompt_ids(question) for question in problems.questions]
    arrays = in_batches(
        model,
        AttentionWork(prompts, None if latent_inputs is None else np.array(latent_inputs)),
        [len(prompt) for prompt in prompts],
        array_layout(len(prompts), model.n_layers, model.n_heads, model.n_latents, model.width, stored),
        batch_size=batch_size,
        folder=folder,
        engine=engine,
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
    latent_inputs: NDArray[np.float32] | None = None,
) -> Arrays:
    """The arrays of one batch, the prompts in ``rows``."""
    work = AttentionWork(prompts, latent_inputs)
    return within_memory(partial(work, model), rows, model.device, [len(prompt) for prompt in prompts])


@dataclass(frozen=True)
class AttentionWork:
    """Captures the attention of some of the ``prompts``; ``latent_inputs`` [T, d] as for :func:`extract_attention`."""

    prompts: Sequence[Sequence[int]]
    latent_inputs: NDArray[np.float32] | None = None

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        """The arrays of :class:`AttentionPatterns` of the problems in ``rows``."""
        context = model.encode([self.prompts[row] for row in rows])
        recorder = LatentRecorder(model, context)
        fixed = None if self.latent_inputs is None else torch.from_numpy(self.latent_inputs).to(model.device)
        inputs, _ = model.think(context, recorder=recorder, latent_inputs=fixed)
        model.end_thinking(context, recorder=recorder)
        return recorder.arrays(inputs)
