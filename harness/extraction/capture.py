"""The recorder that keeps what the study needs of each captured row, and nothing else."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.models.thoughts import Context, ThoughtModel


class LatentRecorder:
    """Collects the latent and EOT query rows of one batch.

    Arrays are those of :class:`~harness.extraction.patterns.AttentionPatterns`, for the rows of the batch.
    ``keep_rows`` also keeps whole rows, padding included: ``rows[step][layer]`` is [B, H, keys].
    """

    def __init__(self, model: ThoughtModel, context: Context, *, keep_rows: bool = False):
        batch, self._latents = len(context.mask), model.n_latents
        shape = (batch, model.n_layers, model.n_heads, self._latents)
        blank = {"device": model.device, "dtype": torch.float32}
        self._raw = torch.zeros((*shape, self._latents), **blank)  # type: ignore[call-overload]
        self._row_total = torch.zeros(shape, **blank)  # type: ignore[call-overload]
        self._first = torch.zeros(shape, **blank)  # type: ignore[call-overload]
        self._bot = torch.zeros(shape, **blank)  # type: ignore[call-overload]
        self._answer = torch.zeros(shape, **blank)  # type: ignore[call-overload]
        self._row_length = torch.zeros((batch, model.n_layers, self._latents), dtype=torch.int32, device=model.device)
        self._context_length = context.mask.sum(-1).to(torch.int32)
        self._width = context.mask.shape[1]
        self._first_index = self._width - context.mask.sum(-1)
        self._step = 0
        self.rows: list[list[Tensor]] | None = [] if keep_rows else None

    def at(self, step: int) -> None:
        """The next forward pass feeds latent ``step``, or EOT when it equals the number of latents."""
        self._step = step
        if self.rows is not None:
            self.rows.append([])

    def record(self, layer: int, weights: Tensor, visible: Tensor) -> None:
        """Keep one layer's row of the current step; ``weights`` [B, H, keys]."""
        step, context = self._step, self._width
        if self.rows is not None:
            self.rows[-1].append(weights.clone())
        if step == self._latents:
            self._answer[:, layer] = weights[:, :, context : context + self._latents]
            return
        self._raw[:, layer, :, step, : step + 1] = weights[:, :, context : context + step + 1]
        self._row_total[:, layer, :, step] = weights.sum(-1)
        self._bot[:, layer, :, step] = weights[:, :, context - 1]
        first = self._first_index[:, None, None].expand(-1, weights.shape[1], 1)
        self._first[:, layer, :, step] = weights.gather(-1, first)[..., 0]
        self._row_length[:, layer, step] = visible.to(torch.int32)

    def arrays(self, latent_inputs: Tensor) -> dict[str, NDArray[np.generic]]:
        """The captured arrays of the batch, on the host, each copied once."""
        captured = {
            "raw": self._raw,
            "row_total": self._row_total,
            "first_token": self._first,
            "bot": self._bot,
            "answer_attention": self._answer,
            "row_length": self._row_length,
            "context_length": self._context_length,
            "latent_inputs": latent_inputs.float(),
        }
        return {name: tensor.cpu().numpy() for name, tensor in captured.items()}
