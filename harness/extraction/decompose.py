"""Take the residual stream at every thought apart into the embedding and what attention and MLP of each layer add."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from harness.engines.batches import in_batches
from harness.engines.work import Arrays, Engine
from harness.extraction.additions import Additions
from harness.extraction.parts import Decomposition, decomposition_layout
from harness.extraction.patterns import AUTO_BATCH_SIZE
from harness.models.thoughts import ThoughtModel
from harness.models.transfer import to_host
from harness.problems import ProblemSet
from harness.storage.progress import Progress, quiet


def decompose(
    model: ThoughtModel,
    problems: ProblemSet,
    *,
    folder: Path | None = None,
    batch_size: int = AUTO_BATCH_SIZE,
    progress: Progress = quiet,
    engine: Engine | None = None,
) -> Decomposition:
    """Lengths and shares of the parts of the residual stream at each latent position, and how exactly they sum up.

    With ``folder``, results stream to files there and a run that was cut off is continued; without, they stay in memory.
    ``engine`` runs the model; this process unless named.

    Errors: ``HarnessError`` for a question that does not fit the model's positions, an architecture
    whose layers do not add one output of attention and one of an MLP, or a folder that cannot be written.
    """
    prompts = [model.prompt_ids(question) for question in problems.questions]
    arrays = in_batches(
        model,
        PartsWork(prompts),
        [len(prompt) for prompt in prompts],
        decomposition_layout(len(prompts), model.n_latents, model.n_layers),
        batch_size=batch_size,
        folder=folder,
        engine=engine,
        progress=progress,
        label="decomposing",
    )
    return Decomposition(**arrays, problem_ids=problems.ids)


def read_parts(model: ThoughtModel, prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The parts [B, T, P, d] of the stream at each latent, and the stream that leaves each layer [B, T, L, d], float32."""
    context = model.encode(prompts)
    additions = Additions(model.decoder_layers, model.language.config.model_type)
    with additions.watching():
        model.think(context, recorder=additions)
    return _stacked(additions.parts), _stacked(additions.leaving)


def sizes(parts: Tensor, leaving: Tensor) -> dict[str, Tensor]:
    """The arrays of :class:`Decomposition` from parts [..., P, d] and the stream behind each layer [..., L, d]."""
    whole = leaving[..., -1, :]
    # Up to and with the MLP of each layer.
    sums = parts.cumsum(-2)[..., 2::2, :]
    layer_error = (sums - leaving).norm(dim=-1) / leaving.norm(dim=-1)
    return {
        "norms": parts.norm(dim=-1),
        "shares": (parts @ whole[..., None])[..., 0] / whole.square().sum(-1, keepdim=True),
        "error": layer_error[..., -1],
        "layer_error": layer_error,
    }


@dataclass(frozen=True)
class PartsWork:
    """Takes the stream of some of the ``prompts`` apart."""

    prompts: Sequence[Sequence[int]]

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        """The arrays of :class:`Decomposition` of the problems in ``rows``."""
        parts = read_parts(model, [self.prompts[row] for row in rows])
        return to_host(sizes(*parts))


def _stacked(steps: Sequence[Sequence[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(list(step), dim=1) for step in steps], dim=1).float()
