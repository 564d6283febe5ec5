"""A measure tried on a few planted patterns of a model's sizes, before anything is extracted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import Evaluation
from harness.criteria.hypothesis import Bounds, MeanMeasure, OnPlantings, TestMeasure, averaged
from harness.criteria.paired import Pair, PairMeasure
from harness.criteria.sample import Sample
from harness.declared.read import shown
from harness.errors import HarnessError
from harness.measures import NotApplicable
from harness.statistics.planted import Kind, plant

Array = NDArray[Any]

PROBLEMS = 3
TRIED: dict[Kind, float] = {"none": 0.5, "hub": 0.9, "chain": 0.3, "skip": 0.7}
"""What is planted, and each row's mass on the thoughts."""


def try_out(criterion: Criterion, L: int, H: int, T: int) -> None:
    """Take a measure of attention on planted patterns of L layers, H heads and T thoughts.

    Errors: ``HarnessError`` for a measure that fails, gives another shape than one value for each sample, mixes samples, or
    leaves its bounds. One that says that it does not apply to such a model is in order.
    """
    measure = criterion.measure.of if isinstance(criterion.measure, Evaluation) else None
    raws = [plant(kind, 0.9, n=PROBLEMS, L=L, H=H, T=T, seed=0, latent_mass=mass) for kind, mass in TRIED.items()]
    samples = [Sample(raw, 0, draw_controls=False) for raw in raws]
    try:
        match measure:
            case MeanMeasure():
                wrong = _wrong_with_mean(measure, samples)
            case TestMeasure(second_sample=False):
                wrong = _wrong_with_test(measure, samples)
            case PairMeasure():
                wrong = _wrong_with_pair(measure, criterion.rule, samples)
            case _:
                wrong = ""
    except NotApplicable:
        return
    if wrong:
        place = f" in {shown(criterion.file)}" if criterion.file else ""
        raise HarnessError(
            f"{criterion.id}{place} cannot be measured on {L} layers, {H} heads and {T} thoughts: {wrong}."
        )


def _wrong_with_mean(measure: MeanMeasure, samples: list[Sample]) -> str:
    if measure.per_problem is not None:
        each = np.shape(measure.per_problem(samples[0].raw))
        if each[:1] != (PROBLEMS,):
            return f"per_problem gave an array of shape {each} for {PROBLEMS} problems; its first axis must be problems"
    means = np.stack([averaged(measure.per_problem)(sample) for sample in samples])
    values = measure.of_mean(means)
    if np.shape(values) != (len(samples),):
        return (
            f"of_mean gave an array of shape {np.shape(values)} for {len(samples)} means together, {list(means.shape)}; it must "
            f"give one value for each, shape ({len(samples)},): take the last axes together, and leave those before alone"
        )
    alone = np.array([measure.of_mean(mean[None])[0] for mean in means])
    if not np.allclose(values, alone, rtol=1e-6, atol=1e-9, equal_nan=True):
        return (
            "of_mean gives other values for several means together than for each alone; none may decide another's value"
        )
    return _wrong_with_bounds(measure.bounds, values, samples[0])


def _wrong_with_test(measure: TestMeasure, samples: list[Sample]) -> str:
    found = measure.procedure(samples[0])
    if not isinstance(found, Measurement):
        return f"its procedure gave {type(found).__name__}; it must give a Measurement"
    value = np.nan if found.value is None else found.value
    return _wrong_with_plantings(measure.on_plantings, samples, 1) or _wrong_with_bounds(
        measure.bounds, np.array([value], dtype=np.float64), samples[0]
    )


def _wrong_with_pair(measure: PairMeasure, rule: Rule, samples: list[Sample]) -> str:
    pair = Pair(("smaller", "larger"), (samples[0], samples[1]))
    found = measure.procedure(pair, rule)
    if not isinstance(found, Measurement):
        return f"its procedure gave {type(found).__name__}; it must give a Measurement"
    if np.shape(measure.on_control(pair)) != ():
        return f"on_control gave an array of shape {np.shape(measure.on_control(pair))}; it must give a number"
    return _wrong_with_plantings(measure.on_plantings, samples, 2)


def _wrong_with_plantings(way: OnPlantings | None, samples: list[Sample], models: int) -> str:
    if way is None:
        return ""
    kept = np.stack([way.keep(sample) for sample in samples])
    values = np.shape(way.values(*[kept] * models, 0))
    if values != (len(samples),):
        return f"on {len(samples)} planted samples it gave an array of shape {values}; it must give one value for each"
    return ""


def _wrong_with_bounds(bounds: Bounds, values: Array, sample: Sample) -> str:
    if not callable(bounds):
        return f"its bounds are {bounds!r}; they must be a function of layers, heads and thoughts, such as within(0, 1)"
    low, high = bounds(*sample.raw.shape[1:4])
    for value in values[np.isfinite(values)].tolist():
        if not low - 1e-9 <= value <= high + 1e-9:
            return f"it is said to lie between {low:g} and {high:g}, and is {value:g} on a planted pattern"
    return ""
