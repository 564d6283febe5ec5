"""Whether blocking a thought changes the kind of error, on the error classes of the answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from harness.behaviour import CODES, ERROR_CLASSES
from harness.criteria.behaviour import FIRST, LATE, narrowest
from harness.criteria.blocks import BlockTrials
from harness.criteria.criterion import Measurement
from harness.criteria.effects import EffectTest, behaviour_study
from harness.criteria.hypothesis import undefined
from harness.criteria.sample import RESAMPLES, spread
from harness.criteria.taxonomy import SHAM, members
from harness.interventions.designs import block_name
from harness.statistics import (
    benjamini_hochberg,
    mcnemar_p,
    percentile_interval,
    resample_weights,
)

Array = NDArray[Any]
REVERSAL = "OPERATION_REVERSAL"
CALCULATION = "CALC_ERROR"
BOTH = f"{CALCULATION} or {REVERSAL}"


def in_class(codes: Array, name: str) -> Array:
    """Who is in a class, or in one of these two together; codes [n, ...]."""
    if name == BOTH:
        return members(codes, CALCULATION) | members(codes, REVERSAL)
    return members(codes, name)


def tested(trials: BlockTrials) -> list[int]:
    """Columns of the conditions that are compared with the baseline: all but it and the sham."""
    return [column for column, name in enumerate(trials.names) if name not in ("baseline", SHAM)]


def _first(trials: BlockTrials) -> int:
    """Column of the condition that blocks the first thought."""
    return trials.names.index(block_name("both", trials.thought(FIRST), trials.T))


def rises(name: str) -> EffectTest[BlockTrials]:
    """q of a class of answers with the first thought blocked; 1 where its share among all answers does not rise."""
    return EffectTest(
        behaviour_study,
        lambda trials: _rises(trials, name),
        shortened=lambda trials: _risen_q(trials, name)[0],
    )


def _risen_q(trials: BlockTrials, name: str) -> tuple[float, float, float]:
    """q, 1 unless the share rises; p and q whatever happens. The family: every condition, every class."""
    names = [*ERROR_CLASSES, *([name] if name == BOTH else [])]
    columns, column = tested(trials), _first(trials)
    p = np.stack(
        [mcnemar_p(in_class(trials.codes[:, 0], one), in_class(trials.codes[:, columns], one)) for one in names]
    )
    place = names.index(name), columns.index(column)
    q = float(benjamini_hochberg(p.ravel()).reshape(p.shape)[place])
    rose = in_class(trials.codes[:, column], name).mean() > in_class(trials.codes[:, 0], name).mean()
    return (q if rose else 1.0), float(p[place]), q


def _rises(trials: BlockTrials, name: str) -> Measurement:
    value, p, q = _risen_q(trials, name)
    columns = [0, _first(trials)]
    before, after = in_class(trials.codes[:, columns], name).astype(np.float64).T
    low, high = spread(after - before, trials.seed)
    with np.errstate(invalid="ignore"):
        among = np.stack([before, after]).sum(axis=1) / (~trials.right[:, columns]).sum(axis=0)
    shown = " and ".join("none" if np.isnan(one) else f"{one:.3g}" for one in among)
    return Measurement(
        value,
        p_value=p,
        q_value=q,
        answer=f"{name}: {before.mean():.3g} of all answers, {after.mean():.3g} with CT{FIRST} blocked "
        f"(change {(after - before).mean():+.3g} [{low:.3g}, {high:.3g}]); of the wrong ones {shown}",
        beside={
            "share_of_all": [float(before.mean()), float(after.mean())],
            "change": float((after - before).mean()),
            "change_ci_low": float(low),
            "change_ci_high": float(high),
            "share_of_errors": among.tolist(),
        },
    )


def kind_changes() -> EffectTest[BlockTrials]:
    """The smaller q of the changes, among wrong answers, of evidenced calculation errors and of reversals."""
    return EffectTest(behaviour_study, _kind_changes)


EVIDENCED = tuple(CODES.index(name) for name in (CALCULATION, REVERSAL))


@dataclass(frozen=True)
class KindTests:
    """Shares of the kinds ``EVIDENCED`` among wrong answers under K conditions, ``columns`` of the trials, and the baseline.

    ``baseline`` [2] and ``shares`` [2, K]; ``drawn`` [draws, 2, K] the resampled changes; ``p`` and ``q`` [2, K], NaN where
    some resample of the problems has no wrong answer.
    """

    columns: list[int]
    baseline: Array
    shares: Array
    drawn: Array
    p: Array
    q: Array


def kind_tests(trials: BlockTrials) -> KindTests:
    """What is tested of the kinds of wrong answers; the family is both kinds under all conditions."""
    columns = tested(trials)
    point, resampled = _among_errors(trials, [0, *columns])
    drawn = resampled[:, :, 1:] - resampled[:, :, :1]
    known: Array = np.isfinite(drawn).all(axis=0)
    # A change without a value under another condition is no test, and no member of the family.
    below, above = (drawn <= 0).sum(axis=0), (drawn >= 0).sum(axis=0)
    p = np.minimum(1.0, 2 * (1 + np.minimum(below, above)) / (1 + RESAMPLES))
    # Resamples know no kind of error that the few wrong answers of a good baseline happen not to hold.
    p = np.where(known, np.maximum(p, _exact_p(trials, columns)), np.nan)
    q = np.full(p.shape, np.nan)
    q[known] = benjamini_hochberg(p[known])
    return KindTests(columns, point[:, 0], point[:, 1:], drawn, p, q)


def _kind_changes(trials: BlockTrials) -> Measurement:
    found = kind_tests(trials)
    place = found.columns.index(_first(trials))
    p, q, before, after = found.p[:, place], found.q[:, place], found.baseline, found.shares[:, place]
    if not np.isfinite(q).all():
        return undefined("there are no wrong answers to compare, in some resamples of the problems")
    change = after - before
    least = int(q.argmin())
    low, high = percentile_interval(found.drawn[:, :, place])
    named = ("evidenced calculation errors", "operation reversals")
    return Measurement(
        float(q[least]),
        p_value=float(p[least]),
        q_value=float(q[least]),
        answer="; ".join(
            f"{name} {before[kind]:.3g} of the wrong answers, {after[kind]:.3g} with CT{FIRST} blocked "
            f"({change[kind]:+.3g} [{low[kind]:.3g}, {high[kind]:.3g}], q = {q[kind]:.2g})"
            for kind, name in enumerate(named)
        ),
        beside={
            "of": list(named),
            "change": change.tolist(),
            "change_ci_low": low.tolist(),
            "change_ci_high": high.tolist(),
            "p": p.tolist(),
            "q": q.tolist(),
        },
    )


def _exact_p(trials: BlockTrials, columns: list[int]) -> Array:
    """[2, K]: Fisher's exact p of either kind among the wrong answers of the baseline and of each condition."""

    def counted(column: int, code: int) -> tuple[int, int]:
        own = int((trials.codes[:, column] == code).sum())
        return own, int((~trials.right[:, column]).sum()) - own

    return np.array(
        [
            [fisher_exact(np.array([counted(0, code), counted(column, code)]))[1] for column in columns]
            for code in EVIDENCED
        ]
    )


def _among_errors(trials: BlockTrials, columns: list[int]) -> tuple[Array, Array]:
    """Shares [2, K] of evidenced calculation errors and of reversals among wrong answers; the same resampled [draws, 2, K]."""
    codes, n = trials.codes[:, columns], len(trials)
    kinds = np.stack([codes == code for code in EVIDENCED], axis=1).astype(np.float64)
    wrong = (~trials.right[:, columns]).astype(np.float64)
    weights = resample_weights(n, RESAMPLES, trials.seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        point = kinds.mean(axis=0) / wrong.mean(axis=0)
        drawn = (weights @ kinds.reshape(n, -1)).reshape(len(weights), *kinds.shape[1:]) / (weights @ wrong)[:, None]
    return point, drawn


def profile_changes_little() -> EffectTest[BlockTrials]:
    """Upper end of the interval of the distance between the class shares with and without the late thought."""
    return EffectTest(
        behaviour_study,
        _profile_changes_little,
        attainable=lambda trials: (narrowest(len(trials)), 1.0),
        ends_attained=True,
    )


def _profile_changes_little(trials: BlockTrials) -> Measurement:
    late = trials.thought(LATE)
    codes = trials.codes[:, [0, trials.names.index(block_name("both", late, trials.T))]]
    before, after = (
        np.stack([members(codes, name) for name in ERROR_CLASSES], axis=1).astype(np.float64).transpose(2, 0, 1)
    )
    change = after - before
    drawn = np.abs(resample_weights(len(change), RESAMPLES, trials.seed) @ change).sum(axis=1) / 2
    low, high = (float(end) for end in percentile_interval(drawn))
    # Where no answer changed the bootstrap has no width; so large a share may change and still none be seen among n.
    high = max(high, narrowest(len(change)))
    distance, moved = float(np.abs(change.mean(axis=0)).sum() / 2), int(change.any(axis=1).sum())
    return Measurement(
        high,
        interval=(low, high),
        answer=f"With CT{LATE} blocked {moved} of {len(change)} answers are of another class; the shares differ by "
        f"{distance:.3g} [{low:.3g}, {high:.3g}] in total variation",
        beside={"total_variation": distance, "problems_of_another_class": moved},
    )
