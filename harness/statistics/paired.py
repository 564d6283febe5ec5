"""Paired answers, right or wrong: McNemar's exact test, and the score interval of what is lost."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binom, norm

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


def paired_drop_interval(lost: int, gained: int, n: int) -> tuple[float, float]:
    """95 % score interval of the accuracy lost, (lost - gained) / n, of n paired answers (Tango 1998).

    It has a width where no answer changed, or few did: then resampled problems agree with one another however few they are.
    """
    return -_most_lost(gained, lost, n), _most_lost(lost, gained, n)


def _most_lost(lost: int, gained: int, n: int) -> float:
    """Upper end: the largest drop from which what was seen is no farther than 1.96 standard errors under that drop."""
    seen = (lost - gained) / n
    if lost == n:
        return 1.0
    z = float(norm.ppf(0.975))

    def beyond(drop: float) -> float:
        """Squared distance of ``drop`` from what was seen, less the largest allowed; times n."""
        b = -lost - gained + (2 * n - lost + gained) * drop
        # The likeliest share gained, of all that fit with this drop. Rounding may take the root's argument below 0.
        share = (np.sqrt(max(0.0, b * b + 8 * n * gained * drop * (1 - drop))) - b) / (4 * n)
        return float(n * (seen - drop) ** 2 - z * z * (2 * share + drop * (1 - drop)))

    return float(brentq(beyond, seen + 1e-9, 1.0))
