"""The parts of the residual stream summed up over problems with bootstrap intervals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array
from harness.statistics.bootstrap import percentile_interval, resample_weights, weighted_means


@dataclass(frozen=True)
class PartsSummary:
    """Means over problems; T thoughts, P parts (embedding, then attention and MLP of each layer)."""

    share: Array
    """[T, P]: part of the final residual stream along its own direction; the parts of a thought sum to 1."""
    share_interval: Array
    """[2, T, P]: 95 % bootstrap interval over problems."""
    norm: Array
    """[T, P]: length of each part."""
    norm_interval: Array
    """[2, T, P]."""


def parts_summary(shares: NDArray[Any], norms: NDArray[Any], draws: int = 2000, seed: int = 0) -> PartsSummary:
    """Sum up ``shares`` and ``norms`` [n, T, P]; intervals over n problems."""
    both = np.stack([shares, norms], axis=1).astype(np.float64)
    low, high = percentile_interval(weighted_means(both, resample_weights(len(both), draws, seed)))
    share, norm = both.mean(axis=0)
    return PartsSummary(share, np.stack([low[0], high[0]]), norm, np.stack([low[1], high[1]]))
