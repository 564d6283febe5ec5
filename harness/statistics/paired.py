"""McNemar's exact test of paired answers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from harness.measures.patterns import Array


def mcnemar_p(before: NDArray[np.bool_], after: NDArray[Any]) -> Array:
    """Two-sided exact p of paired answers `before [n]` and `after [n, ...]`, right or wrong; 1 where no answer changed.

    The problems whose answer changed are as likely to be lost as gained if nothing happened (McNemar 1947).
    """
    first = np.asarray(before, dtype=bool).reshape(-1, *(1,) * (np.ndim(after) - 1))
    second = np.asarray(after, dtype=bool)
    lost, gained = (first & ~second).sum(axis=0), (~first & second).sum(axis=0)
    changed = lost + gained
    return np.where(changed == 0, 1.0, np.minimum(1.0, 2 * binom.cdf(np.minimum(lost, gained), changed, 0.5)))
