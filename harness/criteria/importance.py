"""What the importance study measures: the worth of each thought, and whether attention says it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Measurement
from harness.criteria.effects import UNTOUCHED, Effect, EffectTest, Where, importance_study
from harness.criteria.hypothesis import SPLITS, Selection, undefined
from harness.criteria.sample import RESAMPLES
from harness.criteria.trials import Metric, Trials
from harness.measures import NotApplicable, NotFinite
from harness.measures.importance import correlation, correlation_parts, importance, paired_drop
from harness.statistics import (
    benjamini_hochberg,
    halves,
    least_p,
    mcnemar_p,
    percentile_interval,
    resample_weights,
    within_problem_p,
)

Array = NDArray[Any]

PROBES = ("early", "middle", "late")
DRAWS = 9999
CONTROL_DRAWS = 499
"""Permutations for each draw of a control."""


def probe_layers(L: int) -> tuple[int, int, int]:
    """The early, middle and late layer that the study looks at."""
    return L // 4, L // 2, 7 * L // 8


def drops(trials: Trials, metric: Metric = "right") -> Array:
    """[n, T]: what is lost with each thought ablated alone."""
    return paired_drop(trials.of(metric), trials.singles(metric))


def attention_at(trials: Trials, place: str) -> Array:
    """[n, T]: what the first answer position reads of each thought at a probe layer."""
    if trials.attention is None:
        raise NotFinite("no attention of these problems is known")
    return np.asarray(trials.attention[:, probe_layers(trials.attention.shape[1])[PROBES.index(place)]])


def correlation_features(*where: str) -> Callable[[Trials], Array]:
    """What the correlations at some probe layers are made of, [n, 3 * layers]."""
    return lambda trials: np.concatenate(
        [correlation_parts(attention_at(trials, place), drops(trials)) for place in where], axis=1
    )


def accuracy(where: Where[Trials] = importance_study, again: Where[Trials] | None = None) -> Effect[Trials]:
    """Share of problems that the model answers rightly without an intervention."""
    return Effect(
        where,
        lambda trials: trials.of("right")[:, None],
        lambda means: means[..., 0],
        (0.0, 1.0),
        controls=UNTOUCHED,
        again=again,
    )


def some_position_matters() -> EffectTest[Trials]:
    """q of the position with the largest importance."""
    return EffectTest(importance_study, _largest_q)


def _largest_q(trials: Trials) -> Measurement:
    baseline, ablated = trials.of("right"), trials.singles("right")
    worth = importance(baseline, ablated).mean(axis=0)
    p = mcnemar_p(baseline, ablated)
    q = benjamini_hochberg(p)
    largest = int(worth.argmax())
    gained = drops(trials)[:, largest].mean() <= 0
    return Measurement(
        1.0 if gained else float(q[largest]),
        p_value=float(p[largest]),
        q_value=float(q[largest]),
        biased=True,
        cross_fitted=_p_on_other_half(baseline, ablated, trials.seed) if len(trials) > 1 else None,
        answer=_largest_in_words(largest, float(worth[largest]), float(q[largest])),
        beside={
            "importance": worth.tolist(),
            "accuracy_drop": drops(trials).mean(axis=0).tolist(),
            "gold_log_probability_drop": drops(trials, "gold").mean(axis=0).tolist(),
            "p": p.tolist(),
            "q": q.tolist(),
        },
    )


def _p_on_other_half(baseline: Array, ablated: Array, seed: int) -> float:
    """Mean p over splits of the position that one half of the problems chooses, tested on the other."""
    found = []
    for chosen_on, measured_on in zip(*(weights > 0 for weights in halves(len(baseline), SPLITS, seed)), strict=True):
        place = int(importance(baseline[chosen_on], ablated[chosen_on]).mean(axis=0).argmax())
        found.append(float(mcnemar_p(baseline[measured_on], ablated[measured_on, place])))
    return float(np.mean(found))


def _largest_in_words(position: int, worth: float, q: float) -> str:
    if worth == 0:
        return "No problem is lost without any one thought"
    more = "more than chance" if q < 0.05 else "no more than chance"
    return f"Most problems, {worth:.3g} of all, are lost without CT{position}: {more} (q = {q:.3g}, each thought against none)"


def last_less_largest_other() -> Effect[Trials]:
    """What the last thought is worth less what the best of the others is."""

    def choose(means: Array) -> Array:
        return means[..., :-1].argmax(axis=-1, keepdims=True)

    def at(means: Array, other: Array) -> Array:
        return means[..., -1] - np.take_along_axis(means, other, axis=-1)[..., 0]

    return Effect(
        importance_study,
        _several_drops,
        lambda means: at(means, choose(means)),
        (-1.0, 1.0),
        end="low",
        selection=Selection(choose, at),
    )


def _several_drops(trials: Trials) -> Array:
    if trials.T < 2:
        raise NotApplicable("needs at least 2 thoughts")
    return drops(trials)


def attention_predicts() -> EffectTest[Trials]:
    """p of the correlation at the middle layer; 1 where it is not positive."""
    return EffectTest(
        importance_study,
        lambda trials: _correlated(trials, DRAWS),
        shortened=lambda trials: _judged(_correlated(trials, CONTROL_DRAWS, beside=False)),
        attainable=lambda trials: (least_p(trials.T, DRAWS), 1.0),
    )


def _r_without_last(attention: Array, effect: Array) -> float:
    """The correlation of the thoughts that a later thought can read."""
    return float(correlation(correlation_parts(attention[:, :-1], effect[:, :-1]).mean(axis=0)))


def _judged(measured: Measurement) -> float:
    return float("nan") if measured.value is None else float(measured.value)  # type: ignore[arg-type]


def _correlated(trials: Trials, draws: int, beside: bool = True) -> Measurement:
    attention, effect = attention_at(trials, "middle"), drops(trials)
    r = float(correlation(correlation_parts(attention, effect).mean(axis=0)))
    if not np.isfinite(r):
        return undefined("attention or importance does not vary within problems")
    p = within_problem_p(attention, effect, draws, trials.seed)
    measured = Measurement(
        p if r > 0 else 1.0, p_value=p, answer=f"Middle layer: r = {r:.2g} within problems, p = {p:.3g}"
    )
    if not beside:
        return measured
    low, high = correlation_interval(attention, effect, trials.seed)
    gold = drops(trials, "gold")
    return replace(
        measured,
        beside={
            "r": r,
            "r_ci_low": low,
            "r_ci_high": high,
            "r_without_the_last_thought": _r_without_last(attention, effect),
            "r_gold_log_probability": float(correlation(correlation_parts(attention, gold).mean(axis=0))),
            "p_gold_log_probability": within_problem_p(attention, gold, draws, trials.seed),
        },
    )


def correlation_interval(attention: Array, effect: Array, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval over problems of the correlation within problems; NaN for a single problem."""
    if len(attention) < 2:
        return float("nan"), float("nan")
    parts = correlation_parts(attention, effect)
    low, high = percentile_interval(correlation(resample_weights(len(parts), RESAMPLES, seed) @ parts))
    return float(low), float(high)


def early_predicts_nothing() -> Effect[Trials]:
    """Size of the correlation at the early layer."""
    return Effect(
        importance_study,
        correlation_features("early"),
        lambda means: np.abs(correlation(means)),
        (0.0, 1.0),
        beside=lambda trials: {
            "r_without_the_last_thought": _r_without_last(attention_at(trials, "early"), drops(trials))
        },
    )


def middle_less_late() -> Effect[Trials]:
    """Correlation at the middle layer less that at the late one."""
    return Effect(
        importance_study,
        correlation_features("middle", "late"),
        lambda means: correlation(means[..., :3]) - correlation(means[..., 3:]),
        (-2.0, 2.0),
        end="low",
    )
