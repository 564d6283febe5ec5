"""The recorder that keeps what the study needs of each captured row, and nothing else.

While the thoughts run it only notes queries. The cache grows at its end and what is in it stays, so the keys of the last
step serve every step: the rows of all steps come from one product per layer, over the keys each step could see.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.attention import row_weights
from harness.errors import HarnessError
from harness.models.thoughts import Context, ThoughtModel
from harness.models.transfer import to_host


class LatentRecorder:
    """Collects the latent and EOT query rows of one batch of B problems."""

    def __init__(self, model: ThoughtModel, context: Context):
        self._latents = model.n_latents
        self._context_length = context.mask.sum(-1)
        self._width = context.mask.shape[1]
        self._queries: list[list[Tensor]] = [[] for _ in range(model.n_layers)]
        self._masks: list[list[Tensor | None]] = [[] for _ in range(model.n_layers)]
        self._keys: list[Tensor] = [torch.empty(0)] * model.n_layers
        self._scaling = [1.0] * model.n_layers
        self._biases: dict[tuple[int, ...], Tensor] = {}

    def record(self, layer: int, query: Tensor, key: Tensor, mask: Tensor | None, scaling: float) -> None:
        """Note one layer's query of the next step: latents in order, then EOT."""
        self._queries[layer].append(query)
        self._masks[layer].append(mask)
        self._keys[layer], self._scaling[layer] = key, scaling

    def rows(self, layer: int) -> Tensor:
        """Attention weights of every step [B, H, steps, keys], padding included, 0 on what came later."""
        query = torch.stack(self._queries[layer], dim=2)
        return row_weights(query, self._keys[layer], self._bias(layer), self._scaling[layer])

    def require_every_key(self) -> None:
        """Raise a ``HarnessError`` when the cache let go of any key of the question or of the steps."""
        keys = self._width + len(self._queries[0])
        if any(key.shape[2] != keys for key in self._keys):
            raise HarnessError(
                f"The cache no longer holds all {keys} keys: a question with its thoughts is longer "
                "than the model's attention window. Leave out the long questions."
            )

    def arrays(self, latent_inputs: Tensor) -> dict[str, NDArray[np.generic]]:
        """The arrays of :class:`~harness.extraction.patterns.AttentionPatterns`, for the rows of the batch, on the host."""
        return to_host(self.captured(latent_inputs))

    def captured(self, latent_inputs: Tensor) -> dict[str, Tensor]:
        """The same where the model is; all of four bytes a value."""
        latents, start = self._latents, self._width
        self.require_every_key()
        first = self._width - self._context_length[:, None, None, None]
        kept: dict[str, list[Tensor]] = {}
        for layer in range(len(self._queries)):
            rows = self.rows(layer)
            thoughts, answer = rows[:, :, :latents], rows[:, :, latents]
            taken = {
                "raw": thoughts[..., start : start + latents],
                "row_total": thoughts.sum(-1),
                "first_token": thoughts.gather(-1, first.expand(*thoughts.shape[:-1], 1))[..., 0],
                "bot": thoughts[..., start - 1],
                "answer_attention": answer[..., start : start + latents],
                "row_length": (self._bias(layer)[:, :latents] == 0).sum(-1, dtype=torch.int32),
            }
            for name, tensor in taken.items():
                kept.setdefault(name, []).append(tensor)
        captured = {name: torch.stack(tensors, dim=1) for name, tensors in kept.items()}
        captured["context_length"] = self._context_length.to(torch.int32)
        captured["latent_inputs"] = latent_inputs.float()
        return captured

    def _bias(self, layer: int) -> Tensor:
        """What is added to the scores [B, steps, keys], -inf on what a step could not see; layers share masks."""
        masks = self._masks[layer]
        known = tuple(map(id, masks))
        if known not in self._biases:
            batch, keys = len(self._context_length), self._keys[layer].shape[2]
            bias = torch.full((batch, len(masks), keys), float("-inf"), device=self._keys[layer].device)
            for step, mask in enumerate(masks):
                seen = keys - len(masks) + 1 + step
                row = 0.0 if mask is None else _additive(mask[:, 0, -1, :seen])
                bias[:, step, :seen] = row
            self._biases[known] = bias
        return self._biases[known]


def _additive(mask: Tensor) -> Tensor:
    """A mask of either kind as what is added to scores."""
    return torch.where(mask, 0.0, float("-inf")) if mask.dtype == torch.bool else mask
