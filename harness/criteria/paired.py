"""Two models on the same problems: what a comparison sees, how it is measured, and what one model's halves give."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import ControlValue, Measurement, NotMeasured, Rule
from harness.criteria.hypothesis import OnPlantings
from harness.criteria.sample import Sample
from harness.measures import NotApplicable

Array = NDArray[Any]

HALVINGS = 25
"""Random halvings of a model's problems whose median is its control; odd, so that a count stays a count."""


@dataclass(frozen=True)
class Pair:
    """Patterns of two models, the smaller model's first; row k of both is the same problem.

    The models may differ in layers and heads; both have the thoughts and the problems that are compared.
    """

    names: tuple[str, str]
    samples: tuple[Sample, Sample]

    @property
    def n_problems(self) -> int:
        """Number of problems compared."""
        return len(self.samples[0].raw)

    @property
    def n_latents(self) -> int:
        """Number of thoughts compared."""
        return int(self.samples[0].raw.shape[-1])

    @property
    def n_heads(self) -> tuple[int, int]:
        """L H of each model."""
        first, second = (sample.raw.shape[1] * sample.raw.shape[2] for sample in self.samples)
        return first, second


def aligned(names: tuple[str, str], raws: Sequence[Array], ids: Sequence[Sequence[int]], seed: int) -> Pair:
    """Patterns [n, L, H, T, T] of two models, cut to the problems and the first thoughts that both have.

    A row of a causal pattern never reaches beyond its own thought, so the rows that are kept are whole.
    Errors: ``NotMeasured`` when no problem is common to both.
    """
    places = [{problem: row for row, problem in enumerate(one)} for one in ids]
    common = [problem for problem in ids[0] if problem in places[1]]
    if not common:
        raise NotMeasured(f"{' and '.join(names)} have no problem in common")
    latents = min(raw.shape[-1] for raw in raws)
    first, second = (
        Sample(raw[[place[problem] for problem in common]][..., :latents, :latents], seed)
        for raw, place in zip(raws, places, strict=True)
    )
    return Pair(names, (first, second))


@dataclass(frozen=True)
class PairMeasure:
    """A procedure on two models, its bare value on a control pair, and its values on many planted pairs.

    ``of_sizes``: it asks something of the smaller model, so one must be.
    """

    procedure: Callable[[Pair, Rule], Measurement]
    on_control: Callable[[Pair], float]
    on_plantings: OnPlantings
    of_sizes: bool = False


def evaluate_pair(
    measure: PairMeasure, rule: Rule, pair: Pair, controls: bool, untrained: Pair | None = None
) -> Measurement:
    """The measurement, with controls: random halves of either model, and both models ``untrained``."""
    measured = measure.procedure(pair, rule)
    values = {}
    for index, name in enumerate(pair.names if controls and pair.n_problems > 1 else ()):
        values[f"halves of {name}"] = _control(measure.on_control, halvings(pair, index))
    if untrained is not None:
        values["untrained"] = _control(measure.on_control, [untrained])
    return Measurement(**{**measured.__dict__, "controls": values, "n_problems": pair.n_problems})


def _control(value: Callable[[Pair], float], pairs: Iterable[Pair]) -> ControlValue:
    """The median over control pairs; undefined where a pair has none."""
    try:
        found = float(np.median([value(pair) for pair in pairs]))
    except NotApplicable:
        found = np.nan
    return ControlValue(found if np.isfinite(found) else None)


def halvings(pair: Pair, which: int, count: int = HALVINGS) -> Iterator[Pair]:
    """One model against itself: random halves of its problems, paired in random order."""
    sample, half = pair.samples[which], pair.n_problems // 2
    for order in np.random.default_rng(sample.seed).permuted(np.tile(np.arange(len(sample.raw)), (count, 1)), axis=1):
        first, second = (sample.with_raw(sample.raw[rows]) for rows in (order[:half], order[half : 2 * half]))
        yield Pair((pair.names[which], pair.names[which]), (first, second))
