"""What thoughts read in the question, summed up over problems with bootstrap intervals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array
from harness.measures.words import class_enrichment, class_mass
from harness.statistics.bootstrap import percentile_interval, resample_weights, weighted_means


@dataclass(frozen=True)
class QuestionSummary:
    """Means over problems and heads; L layers, T thoughts, C token classes."""

    mass: Array
    """[L, T, C]: attention weight on the tokens of each class; with what stays on the latents it sums to 1."""
    mass_interval: Array
    """[2, L, T, C]: 95 % bootstrap interval over problems."""
    enrichment: Array
    """[L, T, C]: mass divided by what an equal spread over the question's tokens would give; NaN for an empty class."""
    enrichment_interval: Array
    """[2, L, T, C]."""
    tokens: Array
    """[C]: mean number of tokens of each class in a prompt."""


def question_summary(by_class: NDArray[Any], tokens: NDArray[Any], draws: int = 2000, seed: int = 0) -> QuestionSummary:
    """Sum up weights ``by_class`` [n, L, H, T, C] and counts ``tokens`` [n, C]; intervals over n problems."""
    values = class_mass(by_class, tokens)
    means = weighted_means(values, resample_weights(len(values), draws, seed))
    mean = values.mean(axis=0)
    return QuestionSummary(
        mass=mean[0],
        mass_interval=np.stack(percentile_interval(means[:, 0])),
        enrichment=class_enrichment(mean),
        enrichment_interval=np.stack(percentile_interval(class_enrichment(means))),
        tokens=tokens.mean(axis=0, dtype=np.float64),
    )
