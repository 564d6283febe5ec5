"""What the thoughts read while conditions act: run in batches, streamed to disk, continued where it was cut off."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.engines.batches import in_batches
from harness.engines.work import Arrays, Engine
from harness.interventions.answers import BATCH_SIZE, content_of
from harness.interventions.branching import Attended
from harness.interventions.engine import Batch, Setting, together
from harness.interventions.reference import Reference
from harness.interventions.sound import Sizes, as_conditions
from harness.interventions.values import BASELINE, Condition, Intervention
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet
from harness.storage.progress import Progress, quiet
from harness.storage.store import Layout


@dataclass(frozen=True)
class ConditionPatterns:
    """Attention of n problems under K conditions; weights mean what they mean in ``AttentionPatterns``.

    ``raw`` [n, K, L, H, T, T] float32: weight of latent query i on latent key j, 0 for j > i and for thoughts that a
    condition leaves out. ``answer_attention`` [n, K, L, H, T] float32: weight of the EOT query on each latent.
    """

    conditions: tuple[Condition, ...]
    raw: NDArray[np.float32]
    answer_attention: NDArray[np.float32]


def attention_under(
    model: ThoughtModel,
    problems: ProblemSet,
    conditions: Sequence[Condition | Intervention],
    *,
    folder: Path,
    reference: Reference | None = None,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    progress: Progress = quiet,
    label: str = "attention under conditions",
    engine: Engine | None = None,
) -> ConditionPatterns:
    """What the thoughts read under every condition, in files in ``folder``; a run of the same that was cut off there goes on.

    ``engine`` runs the model; this process unless named.

    Errors: ``HarnessError`` for a condition that cannot act on the model, a question that does not fit its positions, or a
    folder that cannot be written.
    """
    conditions = as_conditions(conditions, model.name, Sizes(model.n_layers, model.n_heads, model.n_latents))
    prompts = [model.prompt_ids(question) for question in problems.questions]
    setting = Setting([str(one) for one in problems.ids], reference, seed)
    latents = model.n_latents
    heads = (len(prompts), len(conditions), model.n_layers, model.n_heads)
    single = np.dtype(np.float32)
    layout: Layout = {"raw": ((*heads, latents, latents), single), "answer_attention": ((*heads, latents), single)}
    arrays = in_batches(
        model,
        PatternsWork(prompts, conditions, setting),
        [len(prompt) for prompt in prompts],
        layout,
        batch_size=batch_size,
        folder=folder,
        content=content_of(model, problems, f"attention {conditions!r}:{seed}"),
        engine=engine,
        progress=progress,
        label=label,
    )
    return ConditionPatterns(tuple(conditions), **arrays)


@dataclass(frozen=True)
class PatternsWork:
    """Captures what the thoughts of some of the ``prompts`` read under every condition."""

    prompts: Sequence[Sequence[int]]
    conditions: Sequence[Condition]
    setting: Setting

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        """The arrays of :class:`ConditionPatterns` of the problems in ``rows``."""
        found = attend_batch(model, [self.prompts[row] for row in rows], rows, self.conditions, self.setting)
        weights, latents = found.cpu().numpy(), model.n_latents
        return {"raw": weights[..., :latents, :], "answer_attention": weights[..., latents, :]}


@torch.inference_mode()
def attend_batch(
    model: ThoughtModel,
    prompts: Sequence[Sequence[int]],
    numbers: Sequence[int],
    conditions: Sequence[Condition],
    setting: Setting,
) -> Tensor:
    """Weights of the thoughts and EOT on the thoughts, of B problems under each of K conditions: [B, K, L, H, T + 1, T].

    EOT is the last query. Thoughts that a condition leaves out read nothing and are not read. Nothing is answered.
    """
    context = model.encode(prompts)
    problems, latents = len(prompts), model.n_latents
    found = context.hidden.new_zeros(
        (problems, len(conditions), model.n_layers, model.n_heads, latents + 1, latents), dtype=torch.float32
    )
    for some in together(conditions, latents, problems):
        branches = [BASELINE, *(conditions[number] for number in some)]
        batch = Batch(model, context, numbers, branches, replace(setting, watch=partial(_keep, found, some)))
        batch.think()
        batch.feed_eot()
    return found


def _keep(found: Tensor, some: Sequence[int], batch: Batch, seen: Attended) -> None:
    query, thoughts = batch.named(seen.queries).start, min(seen.weights.shape[-1], batch.thoughts)
    weights = batch.by_problem(seen.weights[:, :, 0, :thoughts])
    found[:, :, seen.layer, :, query, :thoughts][:, some] = weights[:, 1:].to(found)
