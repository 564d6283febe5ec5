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

    @property
    def place(self) -> tuple[str, tuple[int, ...]]:
        """The array of a :class:`Reference` that holds it, and where in it after the problem."""
        match self.kind:
            case "input":
                return "inputs", (self.position,)
            case "thought":
                return "thoughts", (self.position, self.layer)
            case "head":
                return "heads", (self.position, self.layer, self.head)


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
        name, index = site.place
        return torch.from_numpy(np.ascontiguousarray(getattr(self, name)[(numbers.numpy(), *index)]))

    def mean(self, site: Site) -> Tensor:
        """[d or D]: mean over problems at one place."""
        name, index = site.place
        return torch.from_numpy(self._means[name][index])

    @cached_property
    def _means(self) -> dict[str, NDArray[np.float64]]:
        return {name: getattr(self, name).mean(axis=0, dtype=np.float64) for name in ("inputs", "thoughts", "heads")}
