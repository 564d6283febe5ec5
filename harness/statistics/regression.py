"""Linear regression of an outcome on several features at once, with a covariance that allows for unequal variances."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.patterns import Array

_NOTHING = 1e-8


@dataclass(frozen=True)
class Regression:
    """Ordinary least squares on standardised features, HC3 covariance (MacKinnon and White 1985), Student's t.

    Arrays are [F], a coefficient for each feature: the change of the outcome for one standard deviation of it, the others
    held. NaN for a feature that is left out, or without a value; p-values and intervals also where a problem alone
    decides a coefficient.
    """

    coefficients: Array
    interval: Array
    """[2, F]: 95 %."""
    p: Array
    left_out: dict[str, str]
    """Features that are left out, each with the reason."""
    r_squared: float
    condition_number: float
    """Of the standardised features that are in, with the constant."""
    reason: str | None = None
    """Why there are no coefficients, or no intervals."""


def regression(features: NDArray[Any], outcome: NDArray[Any], names: Sequence[str]) -> Regression:
    """Regress `outcome [n]` on all `features [n, F]`, each less its mean and divided by its standard deviation.

    A feature that does not vary is left out, and one that is an exact linear combination of those before it.
    """
    import statsmodels.api as sm

    known, target = np.asarray(features, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    kept, left_out, design = _independent(known, names)
    n, count = design.shape
    nothing = np.full(known.shape[1], np.nan)
    if n <= count or np.ptp(target) == 0:
        why = "the outcome does not vary" if n > count else f"{n} problems are too few for {count - 1} features"
        return Regression(
            nothing, np.stack([nothing] * 2), nothing, left_out, np.nan, float(np.linalg.cond(design)), why
        )
    own, _ = np.linalg.qr(design)
    alone = bool(((own * own).sum(axis=1) > 1 - _NOTHING).any())
    model = sm.OLS(target, design)
    plain = model.fit()
    interval, p = np.stack([nothing] * 2), nothing.copy()
    if not alone:
        robust = model.fit(cov_type="HC3", use_t=True)
        interval[:, kept] = np.asarray(robust.conf_int(0.05))[1:].T
        p[kept] = np.asarray(robust.pvalues)[1:]
    coefficients = nothing.copy()
    coefficients[kept] = np.asarray(plain.params)[1:]
    return Regression(
        coefficients,
        interval,
        p,
        left_out,
        float(plain.rsquared),
        float(np.linalg.cond(design)),
        "one problem alone decides a coefficient, so none has an interval" if alone else None,
    )


def _independent(features: Array, names: Sequence[str]) -> tuple[list[int], dict[str, str], Array]:
    """Features that stay, why others do not, and the design `[n, 1 + kept]`: a constant, then the standardised ones."""
    design, kept, left_out = np.ones((len(features), 1)), list[int](), dict[str, str]()
    for place, name in enumerate(names):
        column = features[:, place]
        if len(column) == 0 or np.ptp(column) == 0:
            left_out[name] = "does not vary"
            continue
        standard = (column - column.mean()) / column.std()
        parts, *_ = np.linalg.lstsq(design, standard, rcond=None)
        if np.linalg.norm(standard - design @ parts) < _NOTHING * np.sqrt(len(column)):
            others = [names[one] for one, part in zip(kept, parts[1:], strict=True) if abs(part) > _NOTHING]
            left_out[name] = f"follows exactly from {', '.join(others)}"
        else:
            kept.append(place)
            design = np.column_stack([design, standard])
    return kept, left_out, design
