"""Muon for stacks of equally shaped matrices.

Momentum whose update is orthogonalised by a Newton-Schulz iteration (Jordan et al. 2024, https://kellerjordan.github.io/
posts/muon/), with the step size matched to AdamW's root mean square (Liu et al., arXiv 2502.16982). Works on matrices
of shape [..., rows, columns] in float32 at once, which on a CPU is several times faster than one matrix after another.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


def orthogonalise(matrices: Tensor) -> Tensor:
    """Return matrices [..., rows, columns] with their singular values brought near 1."""
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay.

    Args:
        parameters: tensors of two or more dimensions, the last two being a matrix.
        lr: step size, on AdamW's scale.
        momentum: decay of the running gradient.
        weight_decay: fraction of ``lr`` by which a weight shrinks per step.
    """

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.1
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Apply one update to every parameter that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                buffer = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                buffer.lerp_(parameter.grad, 1 - group["momentum"])
                direction = parameter.grad.lerp(buffer, group["momentum"])
                shapes.setdefault(parameter.shape[-2:], []).append((parameter, direction))
            for (rows, columns), pairs in shapes.items():
                flat = [direction.reshape(-1, rows, columns) for _, direction in pairs]
                updates = orthogonalise(torch.cat(flat)).split([len(part) for part in flat])
                scale = group["lr"] * 0.2 * max(rows, columns) ** 0.5
                for (parameter, _), update in zip(pairs, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(update.reshape(parameter.shape), alpha=scale)
