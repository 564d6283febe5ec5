"""False-discovery correction over a family of tests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from harness.measures.patterns import Array


def benjamini_hochberg(p: Sequence[float | None] | NDArray[np.float64]) -> Array:
    """Benjamini-Hochberg q-values of a family, in the order given.

    A member without a p-value (None or NaN) counts in the family as p = 1 and has q NaN, so that a
    failed test does not make the others look stronger. An empty family gives an empty result.
    """
    values = np.array(p, dtype=np.float64)
    if values.size == 0:
        return values
    missing = np.isnan(values)
    return np.where(missing, np.nan, false_discovery_control(np.where(missing, 1.0, values)))
