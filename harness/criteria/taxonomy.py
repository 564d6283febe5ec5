"""How the classes of answers are distributed under each condition, what changed from the baseline, and what chance would give.

The problem is the unit of every interval and test. Shares among all problems stand beside shares among the wrong answers, for
the former of any kind of error rises when accuracy falls; and beside the shares that answers to other problems get.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour.errors import CODES, ERROR_CLASSES
from harness.criteria.sample import RESAMPLES
from harness.statistics import benjamini_hochberg, mcnemar_p, percentile_interval, resample_weights

Array = NDArray[Any]

CORRECT = CODES.index("CORRECT")
PARTS = {"evidenced": CODES.index("CALC_ERROR"), "unexplained": CODES.index("UNEXPLAINED")}
"""The two kinds of CALC_ERROR, and their codes."""
SHAM = "sham"
"""Name of the condition that does nothing, which is no member of the family of tests."""


def taxonomy_summary(
    codes: NDArray[np.int8], names: Sequence[str], random_shares: NDArray[np.float64], seed: int
) -> dict[str, Any]:
    """Distribution of classes for codes [n, K] of n problems under K conditions, named; the first is the baseline.

    ``codes`` are indices into ``CODES``. ``random_shares`` [draws, 10] are those of `random_answers`; ``seed`` is that of the
    resamples. All numbers are plain, undefined ones None. The result holds

    - ``n_problems``, ``codes`` (``CODES``), ``baseline`` (its name), ``family`` (names of the conditions whose tests are
      corrected together), ``conditions`` (by name), ``random`` (of each class ``share`` and ``among_errors``, means over
      draws);
    - of each condition ``n_errors`` (wrong answers), ``classes`` by the nine names, ``calc_error`` by ``evidenced`` and
      ``unexplained``, and but for the baseline ``flow`` [10][10]: numbers of problems by their code under the baseline (rows)
      and under the condition (columns).

    A class has ``count``; ``share`` of all problems and ``among_errors``, of the wrong answers (undefined for CORRECT and
    where no answer is wrong); except at the baseline ``change`` and ``change_among_errors``, condition minus baseline. Each is
    ``value``, ``ci_low`` and ``ci_high``, 95 % by bootstrap over problems, which stay paired; an interval is undefined when a
    resample is. Except at the baseline it has ``p``, McNemar's exact test of which problems are in the class, and ``q``,
    Benjamini-Hochberg over all nine classes and all conditions but the baseline and a sham (undefined there). The two kinds of
    CALC_ERROR have a p but no q: together they are one member of the family.
    """
    groups = [*(members(codes, name) for name in ERROR_CLASSES), *(codes == code for code in PARTS.values())]
    inside = np.stack(groups, axis=-1)
    p = np.stack([mcnemar_p(group[:, 0], group) for group in groups], axis=-1)
    tested = [k for k in range(1, len(names)) if names[k] != SHAM]
    q = np.full(p.shape, np.nan)
    nine = slice(len(ERROR_CLASSES))
    q[tested, nine] = benjamini_hochberg(p[tested, nine].ravel()).reshape(-1, nine.stop)

    shares, among = _resampled(inside, codes != CORRECT, seed)
    among[:, :, CORRECT] = np.nan
    conditions = {}
    for k, name in enumerate(names):
        of_each = [
            {
                "count": int(inside[:, k, group].sum()),
                "share": _interval(shares[:, k, group]),
                "among_errors": _interval(among[:, k, group]),
                **(
                    {
                        "change": _interval(shares[:, k, group] - shares[:, 0, group]),
                        "change_among_errors": _interval(among[:, k, group] - among[:, 0, group]),
                        "p": _known(p[k, group]),
                        "q": _known(q[k, group]),
                    }
                    if k
                    else {}
                ),
            }
            for group in range(len(groups))
        ]
        conditions[name] = {
            "n_errors": int((codes[:, k] != CORRECT).sum()),
            "classes": dict(zip(ERROR_CLASSES, of_each[nine], strict=True)),
            "calc_error": dict(zip(PARTS, of_each[nine.stop :], strict=True)),
            **({"flow": flow(codes[:, 0], codes[:, k]).tolist()} if k else {}),
        }
    return {
        "n_problems": len(codes),
        "codes": list(CODES),
        "baseline": names[0],
        "family": [names[k] for k in tested],
        "conditions": conditions,
        "random": _random(random_shares),
    }


def members(codes: NDArray[np.int8], error_class: str) -> NDArray[np.bool_]:
    """Which codes are of one of the nine classes, both kinds of CALC_ERROR being one; same shape."""
    own = codes == CODES.index(error_class)
    return own | (codes == PARTS["unexplained"]) if error_class == "CALC_ERROR" else own


def flow(before: NDArray[np.int8], after: NDArray[np.int8]) -> NDArray[np.int64]:
    """Numbers of problems [10, 10] by code before (rows) and after (columns), from codes [n] and [n]."""
    counts = np.zeros((len(CODES), len(CODES)), dtype=np.int64)
    np.add.at(counts, (before, after), 1)
    return counts


def _resampled(inside: Array, wrong: Array, seed: int) -> tuple[Array, Array]:
    """Shares of groups [n, K, G] among all and among the wrong [n, K]: [1 + draws, K, G], the sample itself first."""
    n, K, G = inside.shape
    weights = np.concatenate([np.full((1, n), 1 / n), resample_weights(n, RESAMPLES, seed)])
    shares = (weights @ inside.reshape(n, -1).astype(np.float64)).reshape(-1, K, G)
    among = np.full(shares.shape, np.nan)
    errors = (weights @ wrong.astype(np.float64))[:, :, None]
    np.divide(shares, errors, out=among, where=np.broadcast_to(errors > 0, shares.shape))
    return shares, among


def _interval(drawn: Array) -> dict[str, float | None]:
    low, high = percentile_interval(drawn[1:])
    return {"value": _known(drawn[0]), "ci_low": _known(low), "ci_high": _known(high)}


def _random(shares: NDArray[np.float64]) -> dict[str, Any]:
    mean = shares.mean(axis=0)
    wrong = 1 - mean[CORRECT]

    def both(share: float, counted: bool = True) -> dict[str, float | None]:
        return {"share": _known(share), "among_errors": _known(share / wrong) if counted and wrong > 0 else None}

    classes = {name: both(mean[code], code != CORRECT) for code, name in enumerate(ERROR_CLASSES)}
    classes["CALC_ERROR"] = both(mean[list(PARTS.values())].sum())
    return {"classes": classes, "calc_error": {name: both(mean[code]) for name, code in PARTS.items()}}


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
