"""What a hypothesis' threshold is worth: how often planted patterns pass it, and what other thresholds would say.

The values that planted samples give are kept on disk. They depend on sizes, seed and measure, not on a threshold
and not on a model's weights, so an edited threshold needs neither a model nor a new planting.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import Evaluates, Evaluation
from harness.criteria.hypothesis import BLOCK, OnPlantings, order_statistics
from harness.criteria.remembered import statistics_code
from harness.criteria.sample import Sample
from harness.errors import HarnessError
from harness.files import digest, jsonable, write_array
from harness.measures import latent_mass
from harness.options import RunOptions
from harness.results import Calibration, CalibrationFile, CriterionResult, Sensitivity
from harness.statistics.planted import FEW, Ground, Kind
from harness.storage.progress import Progress, quiet

Array = NDArray[Any]

PATTERNS: tuple[Kind, ...] = ("hub", "chain", "skip", "mixed", "few")
STRENGTHS = (0.1, 0.25, 0.5, 0.75, 1.0)
CELLS: tuple[tuple[Kind, float], ...] = (("none", 0.0), *product(PATTERNS, STRENGTHS))
"""What is planted; nothing comes first."""
HUB = 1
"""Where the hub is: the first position that the causal mask alone does not favour."""
NOISE = 0.1
MOST_PROBLEMS = 1000
"""Planted samples have as many problems as the model's own, up to this."""
ACCEPTED = 0.05
"""The false-positive rate that a threshold is named for, beside the study's own."""
THRESHOLDS = 21
"""Evenly spaced ones; every fourth order statistic of resamples and of samples with nothing planted joins them."""
STEP = 4
FAR_APART = 100.0
"""Positive thresholds that span more than this ratio are spaced evenly in their logarithm."""


Masses = tuple[tuple[float, ...], ...]
"""[L * H][T]: mass on the latents of every head's rows."""


@dataclass(frozen=True)
class Design:
    """Sizes of one model's planted samples: n problems, L layers, H heads, T latents; their mass on latents and seed."""

    n: int
    L: int
    H: int
    T: int
    latent_mass: float | Masses
    seed: int

    @classmethod
    def like(cls, sample: Sample, place: int = 0) -> "Design":
        """That of a model's own sample, with each head's own mean mass on the latents, row by row, to two digits.

        Models that are compared have different places, and noise that is independent of each other's.
        """
        n, L, H, T = sample.raw.shape[:4]
        masses = latent_mass(sample.mean).reshape(L * H, T)
        rounded = tuple(tuple(float(f"{mass:.2g}") for mass in head) for head in masses)
        return cls(min(n, MOST_PROBLEMS), L, H, T, rounded, sample.seed + place)

    def ground(self, number: int) -> Ground:
        """What one sample of every pattern is planted in; another number, another draw of the noise."""
        return Ground(
            n=self.n,
            L=self.L,
            H=self.H,
            T=self.T,
            seed=(self.seed, number),
            latent_mass=np.array(self.latent_mass),
            noise=NOISE,
        )

    def about(self) -> dict[str, Any]:
        """Sizes, seed and masses in a few numbers."""
        masses = np.array(self.latent_mass)
        spread = {"mean": masses.mean(), "least": masses.min(), "most": masses.max()}
        return {**asdict(self), "latent_mass": {name: float(f"{mass:.2g}") for name, mass in spread.items()}}


class Calibrated(Evaluates[Any], Protocol):
    """The evidence whose thresholds are calibrated: one model, or two that are compared."""

    name: str
    options: RunOptions

    @property
    def samples(self) -> dict[str, Sample]:
        """What hypotheses see, by model."""


def calibrate(
    study: Calibrated, judged: Iterable[tuple[Criterion, CriterionResult]], progress: Progress = quiet
) -> CalibrationFile | None:
    """What is to be said about the hypotheses on patterns among ``judged``; None when there is none.

    Skipped and invalid ones are left out. Nothing is planted when no controls are asked for.
    """
    chosen = {
        criterion.id: (criterion, criterion.measure, result)
        for criterion, result in judged
        if isinstance(criterion.measure, Evaluation) and result.verdict in ("pass", "fail")
    }
    if not chosen:
        return None
    models, designs, planted = list(study.samples), tuple[Design, ...](), dict[str, Array]()
    if study.options.controls != "none":
        designs = tuple(Design.like(sample, place) for place, sample in enumerate(study.samples.values()))
        ways = {measure.criterion_id: measure.of.on_plantings for _, measure, _ in chosen.values()}
        folder = study.options.cache_dir / "plantings"
        wanted = {name: way for name, way in ways.items() if way}
        planted = planted_values(wanted, designs, folder, progress, f"{study.name}: planted patterns")
    entries = [
        calibration(
            result, criterion.rule, measure(study), measure.of.on_plantings, planted.get(measure.criterion_id), models
        )
        for criterion, measure, result in chosen.values()
    ]
    return CalibrationFile(
        model=study.name,
        models=models,
        strengths=list(STRENGTHS),
        planted=_about(dict(zip(models, designs, strict=True))) if designs else None,
        criteria=entries,
    )


def _about(designs: Mapping[str, Design]) -> dict[str, Any]:
    return {
        "models": {name: design.about() for name, design in designs.items()},
        "noise": f"Dirichlet rows for every problem, total concentration {1 / NOISE:g}; every model's its own",
        "patterns": {
            "none": "every row read uniformly",
            "hub": f"in every head, each later latent reads latent {HUB}",
            "chain": "in every head, each latent reads its predecessor",
            "skip": "in every head, the last latent reads 0, 1 and 2",
            "mixed": "in every other head: hubs in early layers, chains in middle ones, skips in late ones",
            "few": f"the same in {FEW} heads, or a third of fewer than 30, spread over all",
        },
        "strength": "share of the pattern in the mean row; the rest is uniform",
        "planted_in": "of two models the one that the rule expects the larger value of, the smaller model where it expects "
        "neither; the other has nothing planted",
    }


def planted_values(
    measures: Mapping[str, OnPlantings],
    designs: tuple[Design, ...],
    folder: Path,
    progress: Progress = quiet,
    label: str = "planted patterns",
) -> dict[str, Array]:
    """By name, values [cells, plantings] in the order of :data:`CELLS`; read from ``folder`` or planted and kept there.

    ``designs`` are those of the models that are compared, or that of the only one.
    """
    paths = {name: folder / f"{digest(name, repr(designs), statistics_code())[:32]}.npy" for name in measures}
    found = {name: values for name, path in paths.items() if (values := _read(path, measures[name])) is not None}
    missing = {name: way for name, way in measures.items() if name not in found}
    if missing:
        planted = plant_values(missing, designs, progress, label)
        found |= planted
        # A cache that cannot be written costs time at the next run, not this run's result.
        with suppress(HarnessError):
            for name, values in planted.items():
                write_array(paths[name], values)
    return found


def plant_values(
    measures: Mapping[str, OnPlantings],
    designs: tuple[Design, ...],
    progress: Progress = quiet,
    label: str = "planted patterns",
) -> dict[str, Array]:
    """By name, values [cells, plantings]; each sample is planted once for all measures."""
    found = {name: np.empty((len(CELLS), way.plantings)) for name, way in measures.items()}
    wanted: dict[tuple[int, int], dict[Any, int]] = {
        place: {} for place in product(range(len(designs)), range(len(CELLS)))
    }
    for way in measures.values():
        for place in (place for cell in range(len(CELLS)) for place in _places(way, cell, designs)):
            wanted[place][way.keep] = max(way.plantings, wanted[place].get(way.keep, 0))
    count = max(way.plantings for way in measures.values())
    with progress(label, count) as advance:
        for start in range(0, count, BLOCK):
            kept: dict[Any, list[Array]] = {(place, keep): [] for place, keeps in wanted.items() for keep in keeps}
            for number in range(start, min(start + BLOCK, count)):
                grounds = [design.ground(number) for design in designs]
                for place, keeps in wanted.items():
                    due = [keep for keep, most in keeps.items() if number < most]
                    if due:
                        raw = grounds[place[0]].plant(*CELLS[place[1]], HUB)
                        sample = Sample(raw, number, draw_controls=False)
                        for keep in due:
                            kept[place, keep].append(keep(sample))
                advance(1)
            for name, way in measures.items():
                block = slice(start, min(start + BLOCK, way.plantings))
                if start < way.plantings:
                    for cell in range(len(CELLS)):
                        own = [
                            np.stack(kept[place, way.keep][: block.stop - start])
                            for place in _places(way, cell, designs)
                        ]
                        found[name][cell, block] = way.values(*own, designs[0].seed)
    return found


def _places(way: OnPlantings, cell: int, designs: tuple[Design, ...]) -> list[tuple[int, int]]:
    """Of every model its place and what is planted in it: ``cell`` in one, nothing in the other."""
    return [(place, cell if place == way.into else 0) for place in range(len(designs))]


def _read(path: Path, way: OnPlantings) -> Array | None:
    try:
        values = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    return values if values.shape == (len(CELLS), way.plantings) else None


def calibration(
    result: CriterionResult,
    rule: Rule,
    measured: Measurement,
    way: OnPlantings | None,
    planted: Array | None,
    models: Sequence[str],
) -> Calibration:
    """One criterion's entry. ``planted`` are its values [cells, plantings], in the order of :data:`CELLS`."""
    content = {name: value for name, value in result.model_dump().items() if name in Calibration.model_fields}
    if way is not None and planted is not None:
        none, patterns = planted[0], planted[1:].reshape(len(PATTERNS), len(STRENGTHS), -1)
        content |= {
            "plantings": way.plantings,
            "planted_in": models[way.into],
            "shortened": way.shortened,
            "power": {
                kind: [rule.share(values.tolist()) for values in cells]
                for kind, cells in zip(PATTERNS, patterns, strict=True)
            },
            "false_positive_rate": rule.share(none.tolist()),
            "threshold_at_5_percent_false_positives": threshold_for(rule, none),
            "planted_values": {
                "none": [_spread(none)],
                **{kind: [_spread(values) for values in cells] for kind, cells in zip(PATTERNS, patterns, strict=True)},
            },
        }
    if rule.has_one_threshold:
        content["sensitivity"] = sensitivity(rule, measured, planted).model_dump()
    return Calibration.model_validate(jsonable(content))


def threshold_for(rule: Rule, none: Array, accepted: float = ACCEPTED) -> float | None:
    """The least strict of the values ``none`` that at most a share ``accepted`` of them, but some, pass as threshold.

    None for rules without a single threshold, and where there is no such value (one that most samples give alike).
    """
    if not rule.has_one_threshold:
        return None
    best = None
    strictest_first = np.unique(none[np.isfinite(none)])[:: -1 if rule.comparator in (">=", ">") else 1]
    for threshold in strictest_first.tolist():
        share = replace(rule, threshold=threshold).share(none.tolist())
        if share > accepted:
            break
        best = threshold if share > 0 else best
    return best


def sensitivity(rule: Rule, measured: Measurement, planted: Array | None) -> Sensitivity:
    """Verdicts and shares at thresholds around the study's, the measured value and what is planted.

    Thresholds are spaced evenly over all of these, and closer where the shares change.
    """
    shown = [rule.threshold, measured.value, *(measured.interval or ())]
    steps = [*(measured.resampled or ())[::STEP]]
    if planted is not None:
        none = order_statistics(planted[0])
        shown += [none[0], none[-1], *(_spread(values)[1] for values in planted[1:])]
        steps += none[::STEP]
    even = _evenly(_finite(shown), measured.attainable)
    thresholds = sorted({rule.threshold, *even, *_finite(steps)})
    moved = [replace(rule, threshold=threshold) for threshold in thresholds]
    return Sensitivity(
        thresholds=thresholds,
        passes=[one.holds(measured.value) for one in moved],
        share_of_resamples=None if measured.resampled is None else [one.share(measured.resampled) for one in moved],
        false_positive_rate=None if planted is None else [one.share(planted[0].tolist()) for one in moved],
    )


def _finite(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values if value is not None and isfinite(value)]


def _evenly(shown: list[float], attainable: tuple[float, float] | None) -> list[float]:
    """Thresholds from a little below the least to a little above the greatest value shown, as far as attainable."""
    least, greatest = attainable or (-np.inf, np.inf)
    low, high = min(shown), max(shown)
    if low > 0 and high / low > FAR_APART:
        return np.geomspace(max(low / 1.5, least), min(1.5 * high, greatest), THRESHOLDS).tolist()
    margin = 0.1 * (high - low) or 0.5 * abs(high) or 0.5
    return np.linspace(max(low - margin, least), min(high + margin, greatest), THRESHOLDS).tolist()


def _spread(values: Array) -> list[float]:
    """The values below which 5 %, 50 % and 95 % lie, undefined ones being the largest."""
    ordered = np.sort(values)
    return [float(ordered[int(share * len(ordered))]) for share in (0.05, 0.5, 0.95)]
