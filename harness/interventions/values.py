"""Interventions on latent thoughts as values: ``AblateThought(positions=(2,), layers=(1,), fill=Zero())``.

A condition is a tuple of interventions, applied together; the empty one is the baseline. Layers, heads, and latent
positions count from 0. All act while the thoughts are fed, unless they say otherwise (spec: semantics, interventions).
"""

from dataclasses import dataclass, fields
from typing import Literal

Positions = tuple[int, ...]
Layers = tuple[int, ...] | None
"""None: every layer."""
Head = tuple[int, int]
"""Layer and query head."""
Queries = Literal["latents", "answer", "both"] | Positions
"""Later latents, EOT and answer tokens, both, or certain latents."""


@dataclass(frozen=True)
class Zero:
    """Zeros."""


@dataclass(frozen=True)
class Mean:
    """The baseline's mean over problems, at the same place."""


@dataclass(frozen=True)
class Noise:
    """The activation plus Gaussian noise of ``sigma`` times the standard deviation of its own components."""

    sigma: float = 1.0


@dataclass(frozen=True)
class Resample:
    """The baseline's activation of another problem, at the same place."""


@dataclass(frozen=True)
class Shuffle:
    """The baseline's activations of the same problem, dealt to other positions."""


@dataclass(frozen=True)
class Itself:
    """The baseline's activation of the same problem, at the same place: nothing may change."""


Fill = Zero | Mean | Noise | Resample | Shuffle | Itself
"""What an activation is replaced by."""


class _ShowsWhatWasSet:
    def __repr__(self) -> str:
        shown = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in fields(self)  # type: ignore[arg-type]
            if getattr(self, one.name) != one.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class Sham(_ShowsWhatWasSet):
    """Every hook at work, nothing changed."""


@dataclass(frozen=True, repr=False)
class BlockAttention(_ShowsWhatWasSet):
    """Later queries cannot read the latents ``keys``: their weight is taken away before the softmax."""

    keys: Positions
    queries: Queries = "both"
    layers: Layers = None


@dataclass(frozen=True, repr=False)
class SequentialOnly(_ShowsWhatWasSet):
    """A latent reads the question, its predecessor and itself, no earlier latent."""

    layers: Layers = None


@dataclass(frozen=True, repr=False)
class AblateThought(_ShowsWhatWasSet):
    """The residual stream that leaves each of ``layers`` at latent ``positions`` is replaced."""

    positions: Positions
    layers: Layers
    fill: Fill = Zero()


@dataclass(frozen=True, repr=False)
class AblateInput(_ShowsWhatWasSet):
    """The embedding that is fed at latent ``positions`` is replaced."""

    positions: Positions
    fill: Fill = Zero()


@dataclass(frozen=True, repr=False)
class AblateHeads(_ShowsWhatWasSet):
    """What ``heads`` hand to the output projection is replaced, at all latents or at ``positions``."""

    heads: tuple[Head, ...]
    fill: Fill = Zero()
    positions: Positions | None = None


@dataclass(frozen=True, repr=False)
class BiasAttention(_ShowsWhatWasSet):
    """``bias`` is added to the scores of ``heads`` from latent ``queries`` to latent ``keys``, before the softmax.

    Pairs of a query and a later key do not exist and are left out.
    """

    heads: tuple[Head, ...]
    queries: Positions
    keys: Positions
    bias: float


@dataclass(frozen=True, repr=False)
class Truncate(_ShowsWhatWasSet):
    """Only the first ``n_latents`` thoughts are had."""

    n_latents: int


Intervention = (
    Sham | BlockAttention | SequentialOnly | AblateThought | AblateInput | AblateHeads | BiasAttention | Truncate
)
Condition = tuple[Intervention, ...]
BASELINE: Condition = ()


def thoughts_had(condition: Condition, n_latents: int) -> int:
    """Number of thoughts under a condition; the shortest truncation counts."""
    return min([n_latents, *(one.n_latents for one in condition if isinstance(one, Truncate))])
