"""All statistics of phases 1 and 2 on a large model's patterns: ``python -m benchmarks.statistics``.

The patterns are drawn: 16 layers x 32 heads, 100 problems, 6 thoughts, a second sample of the same size. Reported are
seconds for every hypothesis without the shuffled control, with its 1,000 draws, and with the 9,999 of 1.5-nonrandom; the
p of 2.5-distinct comes from the 1,000 draws, so it counts with them. Side by side: one bootstrap of all heads' flow as
the harness does it and as a plain loop over resamples and heads does.
"""

import argparse
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.hypothesis import MeanMeasure, TestMeasure, evaluate
from harness.criteria.registry import criteria
from harness.criteria.sample import Sample
from harness.measures import NotApplicable, flow
from harness.statistics import resample, resample_weights

MANY = "1.5-nonrandom"
OWN_NULL_IS_SHUFFLED = "2.5-distinct"


class Drawn:
    """A study that has a sample and the controls it is given."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample

    def evaluate(self, criterion_id: str, measure: MeanMeasure | TestMeasure, rule: Rule) -> Measurement:
        """The measurement on the drawn sample."""
        return evaluate(measure, rule, self._sample, {})


def different_heads(n: int, L: int, H: int, T: int, seed: int) -> np.ndarray:
    """[n, L, H, T, T]: heads with patterns of their own, the same ones for every seed, and noise over problems."""
    heads = np.random.default_rng(0).gamma(0.3, size=(L, H, T, T)) * np.tri(T)
    raw = heads * np.random.default_rng(seed).uniform(0.5, 1.5, size=(n, *heads.shape))
    return (0.5 * raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)


def seconds_each(chosen: Sequence[Criterion], sample: Sample) -> dict[str, float]:
    """Seconds of each criterion, in the order given; later ones find what earlier ones have drawn."""
    study: Any = Drawn(sample)
    found = {}
    for criterion in chosen:
        started = time.perf_counter()
        # With few types among the top heads there is nothing to compare between them.
        with suppress(NotApplicable):
            criterion.measure(study)
        found[criterion.id] = time.perf_counter() - started
    return found


def plain_loop(raw: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[draws, L, H]: flow of every head on every resample, one head at a time."""
    draws, (layers, heads, latents) = len(weights), raw.shape[1:4]
    found = np.zeros((draws, layers, heads))
    for draw in range(draws):
        for layer in range(layers):
            for head in range(heads):
                mean = sum(weight * one for weight, one in zip(weights[draw], raw[:, layer, head], strict=True))
                earlier = sum(mean[i, j] for i in range(latents) for j in range(i))
                found[draw, layer, head] = earlier / sum(mean[i, j] for i in range(latents) for j in range(i + 1))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slowest", type=int, default=5, help="how many single criteria to list")
    options = parser.parse_args(arguments)
    size: dict[str, Any] = {"n": 100, "L": 16, "H": 32, "T": 6}
    raw, second = different_heads(seed=1, **size), different_heads(seed=2, **size)
    hypotheses = [one for one in criteria() if one.kind == "hypothesis" and one.scope == "model"]
    few = [one for one in hypotheses if one.id != MANY]
    fewer = [one for one in few if one.id != OWN_NULL_IS_SHUFFLED]
    many = [one for one in hypotheses if one.id == MANY]

    def sample(draws: bool) -> Sample:
        return Sample(raw, 0, draw_controls=draws, second=lambda: second)

    print(f"{len(hypotheses)} hypotheses, {size}")
    with_shuffles = sample(True)
    for label, chosen, patterns in (
        ("without shuffles", fewer, sample(False)),
        ("with 1,000 shuffles", few, with_shuffles),
        ("9,999 shuffles of 1.5-nonrandom", many, with_shuffles),
    ):
        found = seconds_each(chosen, patterns)
        print(f"{label:<34} {sum(found.values()):8.1f} s", flush=True)
        slowest = sorted(found.items(), key=lambda item: -item[1])[: options.slowest]
        print("    " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in slowest))

    weights = resample_weights(100, 10, 0)
    started = time.perf_counter()
    ours = resample(flow, raw, weights)
    between = time.perf_counter()
    loop = plain_loop(raw.astype(np.float64), weights)
    ended = time.perf_counter()
    apart = np.abs(ours - loop).max()
    print(
        f"bootstrap of flow, 10 resamples: loop / harness {(ended - between) / (between - started):.0f}, apart {apart:.0e}"
    )


if __name__ == "__main__":
    main()
