"""What the study of behaviour measures about problems: which of them suffer most from a blocked thought.

Impact of a thought on a problem is -1, 0 or 1: right under the baseline less right with the thought blocked for all later
queries. A problem that the baseline gets wrong has no positive impact whatever the thought does, so whatever goes with being
solved goes with impact. Beside every value stands the one among problems that the baseline solves.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import FEATURES
from harness.criteria.behaviour import FIRST, drop_interval, narrowest
from harness.criteria.blocks import BlockTrials
from harness.criteria.criterion import Measurement
from harness.criteria.effects import EffectTest, behaviour_study
from harness.criteria.hypothesis import undefined
from harness.criteria.importance import DRAWS
from harness.criteria.sample import RESAMPLES
from harness.measures import EmptyGroup, NotApplicable
from harness.statistics import (
    benjamini_hochberg,
    midranks,
    pairing_p,
    pearson,
    percentile_interval,
    resample_weights,
    resampled_spearman,
)

Array = NDArray[Any]
HARDLY = 0.05
"""Accuracy lost that counts as hardly any."""

DRAWS_PER_TEST = 40
"""Pairings for each draw of a control and each test of its family, so that q of a lone small p can be half of 0.05."""


def feature(trials: BlockTrials, name: str) -> Array:
    """[n]: one feature of the problems."""
    return np.asarray(trials.features[:, FEATURES.index(name)])


def known_ones(trials: BlockTrials) -> BlockTrials:
    """Problems whose solution says how many operations it takes. Errors: ``EmptyGroup`` where there are none."""
    members = feature(trials, "n_operations") > 0
    if not members.any():
        raise EmptyGroup("no problem with a known number of operations")
    return trials.where(members)


def solved_ones(trials: BlockTrials) -> BlockTrials:
    """Problems that the baseline solves; there may be none."""
    return trials.where(trials.of("right", "baseline").astype(bool))


def single_step_ones(trials: BlockTrials) -> BlockTrials:
    """Problems of exactly one operation. Errors: ``EmptyGroup`` where there are none."""
    members = feature(trials, "n_operations") == 1
    if not members.any():
        raise EmptyGroup("no problem with exactly one operation")
    return trials.where(members)


def first_impact(trials: BlockTrials) -> Array:
    """[n]: what blocking the first thought costs each problem. Errors: ``NotApplicable`` where nothing reads it."""
    return trials.impact()[:, trials.thought(FIRST)]


def corrected(p: Array) -> Array:
    """q-values of all p [F, K] as one family; a test without a p counts as one with 1."""
    return benjamini_hochberg(p.ravel()).reshape(p.shape)


def impact_grows_with_operations() -> EffectTest[BlockTrials]:
    """q of the rank correlation of operations and the first thought's impact; 1 where it is not positive."""
    return EffectTest(
        behaviour_study,
        _by_operations,
        shortened=lambda trials: _judged(trials, "n_operations", ranked=True)[0],
        on_each_draw=lambda trials: _on_each_draw(trials, "n_operations", ranked=True),
        attainable=(1 / (1 + DRAWS), 1.0),
    )


def multistep_suffer_more() -> EffectTest[BlockTrials]:
    """q of the first thought's impact at several operations less that at few; 1 where it is not larger."""
    return EffectTest(
        behaviour_study,
        _by_multistep,
        shortened=lambda trials: _judged(_both_kinds(trials), "multi_step", ranked=False)[0],
        on_each_draw=lambda trials: _on_each_draw(_both_kinds(trials), "multi_step", ranked=False),
        attainable=(1 / (1 + DRAWS), 1.0),
    )


def single_step_hardly_suffer() -> EffectTest[BlockTrials]:
    """Upper end of the interval of the first thought's impact on problems of one operation."""
    return EffectTest(behaviour_study, _single_step, attainable=(-1.0, 1.0), ends_attained=True)


def _judged(trials: BlockTrials, name: str, ranked: bool) -> tuple[float, float, float, float]:
    """q, 1 where the correlation is not positive; the correlation itself, its p, and its q whatever the sign.

    The family is every feature with every blocked thought. All NaN where the feature or the impact does not vary.
    """
    few = known_ones(trials)
    one, other = few.features, few.impact()
    if ranked:
        one, other = midranks(one), midranks(other)
    place = FEATURES.index(name), trials.thought(FIRST)
    p = pairing_p(one, other, DRAWS, trials.seed)
    r, own_p, own_q = (float(table[place]) for table in (pearson(one, other), p, corrected(p)))
    return _with_direction(r, own_q), r, own_p, own_q


def _with_direction(r: Any, q: Any) -> Any:
    """q where the correlation is positive, else 1; NaN where there is none."""
    return np.where(np.isnan(r), np.nan, np.where(np.asarray(r) > 0, q, 1.0))[()]


def _on_each_draw(trials: BlockTrials, name: str, ranked: bool) -> Array:
    """[draws]: the judged q on every draw of the random control, all with the same, fewer pairings."""
    place, thought = FEATURES.index(name), trials.thought(FIRST)
    one = known_ones(trials).features
    impacts = np.stack([known_ones(trials.drawn(draw)).impact() for draw in range(trials.draws)], axis=1)
    n, draws, T = impacts.shape
    other = impacts.reshape(n, -1)
    if ranked:
        one, other = midranks(one), midranks(other)
    p = pairing_p(one, other, DRAWS_PER_TEST * len(FEATURES) * T, trials.seed).reshape(-1, draws, T)
    q = np.stack([corrected(p[:, draw]) for draw in range(draws)])[:, place, thought]
    r = pearson(one[:, [place]], other.reshape(n, draws, T)[:, :, thought])[0]
    return np.asarray(_with_direction(r, q))


def _by_operations(trials: BlockTrials) -> Measurement:
    value, rho, p, q = _judged(trials, "n_operations", ranked=True)
    if np.isnan(rho):
        return undefined(_constant("the number of operations"))
    few = known_ones(trials)
    low, high = _rho_interval(few)
    solved = solved_ones(few)
    among = _rho(solved)
    return Measurement(
        value,
        p_value=p,
        q_value=q,
        n_problems=len(few),
        answer=f"Impact of blocking CT{FIRST} and number of operations: rho = {rho:.2g} [{low:.2g}, {high:.2g}], q = {q:.3g}; "
        f"among problems that the baseline solves rho = {among:.2g}",
        beside={
            "rho": rho,
            "rho_ci_low": low,
            "rho_ci_high": high,
            "pearson_r": float(pearson(feature(few, "n_operations")[:, None], first_impact(few)[:, None])[0, 0]),
            **_where_solved("rho", among, _rho_interval(solved), solved),
            "p_where_solved": _p(midranks(feature(solved, "n_operations")[:, None]), midranks(_column(solved)), trials),
            "rho_of_operations_and_being_solved": float(
                pearson(midranks(feature(few, "n_operations")[:, None]), _solved_column(few))[0, 0]
            ),
            "operations_unknown": len(trials) - len(few),
        },
    )


def _by_multistep(trials: BlockTrials) -> Measurement:
    few = _both_kinds(trials)
    value, r, p, q = _judged(few, "multi_step", ranked=False)
    if np.isnan(r):
        return undefined(_constant("the kind of problem"))
    several, impact = feature(few, "multi_step") > 0, first_impact(few)
    difference, low, high = difference_of_means(impact, several, trials.seed)
    solved = solved_ones(few)
    many = feature(solved, "multi_step") > 0
    among, *ends = difference_of_means(first_impact(solved), many, trials.seed)
    return Measurement(
        value,
        p_value=p,
        q_value=q,
        n_problems=len(few),
        answer=f"Blocking CT{FIRST} costs {impact[several].mean():.3g} at 3 and more operations, {impact[~several].mean():.3g} "
        f"below: difference {difference:.3g} [{low:.3g}, {high:.3g}], q = {q:.3g}; among problems that the baseline solves "
        f"{among:.3g}",
        beside={
            "difference": difference,
            "difference_ci_low": low,
            "difference_ci_high": high,
            "multi_step": float(impact[several].mean()),
            "fewer_steps": float(impact[~several].mean()),
            "problems_multi_step": int(several.sum()),
            "problems_fewer_steps": int((~several).sum()),
            **_where_solved("difference", among, (ends[0], ends[1]), solved),
            "p_where_solved": _p(many[:, None].astype(float), _column(solved), trials),
            "baseline_accuracy_multi_step": float(few.of("right", "baseline")[several].mean()),
            "baseline_accuracy_fewer_steps": float(few.of("right", "baseline")[~several].mean()),
            "operations_unknown": len(trials) - len(known_ones(trials)),
        },
    )


def _single_step(trials: BlockTrials) -> Measurement:
    few = single_step_ones(trials)
    impact, solved = first_impact(few), solved_ones(few)
    if narrowest(len(few)) >= HARDLY:
        raise NotApplicable(
            f"{len(few)} problems of exactly one operation are too few to show that hardly any is affected: with none changed "
            f"the interval would reach {narrowest(len(few)):.3g}"
        )
    low, high = drop_interval(impact, trials.seed)
    lost, gained = int((impact > 0).sum()), int((impact < 0).sum())
    among = first_impact(solved)
    ends = drop_interval(among, trials.seed) if len(among) else (np.nan, np.nan)
    return Measurement(
        high,
        interval=(low, high),
        n_problems=len(few),
        answer=f"Of {len(few)} problems with one operation blocking CT{FIRST} loses {lost} and gains {gained}: "
        f"{impact.mean():.3g} [{low:.3g}, {high:.3g}] of accuracy; the baseline solves {len(solved)} of them",
        beside={
            "point": float(impact.mean()),
            "baseline_accuracy": float(few.of("right", "baseline").mean()),
            "lost": lost,
            "gained": gained,
            **_where_solved("impact", mean_or_nan(among), ends, solved),
        },
    )


def _both_kinds(trials: BlockTrials) -> BlockTrials:
    """Problems of a known number of operations. Errors: ``EmptyGroup`` unless some have several and some have few."""
    few = known_ones(trials)
    several = feature(few, "multi_step") > 0
    if several.all() or not several.any():
        raise EmptyGroup(f"{'all' if several.all() else 'no'} problems have 3 or more operations")
    return few


def difference_of_means(values: Array, members: Array, seed: int) -> tuple[float, float, float]:
    """Mean of values [n] over members [n] less that over the others, and its 95 % bootstrap interval over problems.

    NaN where there are none of one kind; the interval also where a resample of the problems has none.
    """
    inside, outside = members.sum(), (~members).sum()
    if not inside or not outside:
        return np.nan, np.nan, np.nan
    weights = resample_weights(len(values), RESAMPLES, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = weights @ (values * members) / (weights @ members) - weights @ (values * ~members) / (
            weights @ ~members
        )
    low, high = percentile_interval(drawn)
    return float(values[members].mean() - values[~members].mean()), float(low), float(high)


def _rho(trials: BlockTrials) -> float:
    if len(trials) < 2:
        return np.nan
    return float(pearson(midranks(feature(trials, "n_operations")[:, None]), midranks(_column(trials)))[0, 0])


def _rho_interval(trials: BlockTrials) -> tuple[float, float]:
    if len(trials) < 2:
        return np.nan, np.nan
    weights = resample_weights(len(trials), RESAMPLES, trials.seed)
    drawn = resampled_spearman(feature(trials, "n_operations")[:, None], _column(trials), weights)
    low, high = percentile_interval(drawn[:, 0, 0])
    return float(low), float(high)


def _p(one: Array, other: Array, trials: BlockTrials) -> float:
    return float(pairing_p(one, other, DRAWS, trials.seed)[0, 0]) if len(one) > 1 else np.nan


def _column(trials: BlockTrials) -> Array:
    return first_impact(trials)[:, None]


def _solved_column(trials: BlockTrials) -> Array:
    return trials.of("right", "baseline")[:, None].astype(np.float64)


def mean_or_nan(values: Array) -> float:
    """The mean of values [n]; NaN of none."""
    return float(values.mean()) if len(values) else np.nan


def _where_solved(name: str, value: float, ends: tuple[float, float], solved: BlockTrials) -> dict[str, Any]:
    """A value among the problems that the baseline solves, with its interval and their number."""
    return {
        f"{name}_where_solved": value,
        f"{name}_where_solved_ci_low": ends[0],
        f"{name}_where_solved_ci_high": ends[1],
        "problems_solved": len(solved),
    }


def _constant(what: str) -> str:
    return f"{what} or the impact is the same for all problems"
