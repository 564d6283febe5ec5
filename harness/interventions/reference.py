"""Activations of the baseline that interventions put in other places: means, other problems, other positions."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Kind = Literal["thought", "input", "head"]


@dataclass(frozen=True)
class Site:
    """A place while a latent is fed: its input embedding, the residual stream that leaves a layer, or a head's output."""

    kind: Kind
    position: int
    layer: int = -1
    head: int = -1


@dataclass(frozen=True)
class Reference:
    """Activations of n problems without any intervention, float32.

    ``inputs`` [n, T, d], ``thoughts`` [n, T, L, d] (the residual stream that leaves each layer), ``heads``
    [n, T, L, H, D] (before the output projection).
    """

    inputs: NDArray[np.float32]
    thoughts: NDArray[np.float32]
    heads: NDArray[np.float32]

    def at(self, site: Site, numbers: Tensor) -> Tensor:
        """[k, d or D] of k problems at one place."""
        return torch.from_numpy(np.ascontiguousarray(self._of(site, numbers.numpy())))

    def mean(self, site: Site) -> Tensor:
        """[d or D]: mean over problems at one place."""
        inputs, thoughts, heads = self._means
        match site.kind:
            case "input":
                return inputs[site.position]
            case "thought":
                return thoughts[site.position, site.layer]
            case "head":
                return heads[site.position, site.layer, site.head]

    def _of(self, site: Site, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        match site.kind:
            case "input":
                return self.inputs[numbers, site.position]
            case "thought":
                return self.thoughts[numbers, site.position, site.layer]
            case "head":
                return self.heads[numbers, site.position, site.layer, site.head]

    @cached_property
    def _means(self) -> tuple[Tensor, Tensor, Tensor]:
        inputs, thoughts, heads = (
            torch.from_numpy(array.mean(axis=0, dtype=np.float64)) for array in (self.inputs, self.thoughts, self.heads)
        )
        return inputs, thoughts, heads
