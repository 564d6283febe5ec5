"""What the study of steps measures: whether complex problems depend on early thoughts, and simple ones do not."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Measurement
from harness.criteria.effects import Effect, EffectTest, sweep_study, validation_study
from harness.criteria.importance import CONTROL_DRAWS, DRAWS
from harness.criteria.sample import RESAMPLES, spread
from harness.criteria.trials import Metric, Trials
from harness.measures import EmptyGroup
from harness.measures.importance import paired_drop
from harness.measures.subsets import early_less_late, halves_of, most_early_less_late, nested_drop, shapley
from harness.statistics import group_difference_p, mcnemar_p, percentile_interval, resample_weights, sign_flip_p

Array = NDArray[Any]

COMPLEX = 4
"""Fewest calculated steps of a complex problem; simple ones have fewer."""


def complex_ones(trials: Trials) -> Trials:
    """Problems of 4 and more steps. Errors: ``EmptyGroup`` where there are none."""
    return _some(trials, trials.difficulty >= COMPLEX, "complex")


def simple_ones(trials: Trials) -> Trials:
    """Problems of 1 to 3 steps. Errors: ``EmptyGroup`` where there are none."""
    return _some(trials, (trials.difficulty >= 1) & (trials.difficulty < COMPLEX), "simple")


def _some(trials: Trials, members: Array, kind: str) -> Trials:
    if not members.any():
        raise EmptyGroup(f"no {kind} problem in the sample")
    return trials.where(members)


def half_drop(trials: Trials, metric: Metric = "right", late: bool = False) -> Array:
    """[n]: what is lost with a thought of the early half, or of the late one, ablated alone; mean over that half."""
    half = halves_of(trials.T)[late]
    return np.asarray(paired_drop(trials.of(metric), trials.singles(metric))[:, half].mean(axis=1))


def without_half(trials: Trials, metric: Metric = "right", late: bool = False) -> Array:
    """[n]: a metric with the whole early half, or the late one, ablated together."""
    return trials.of(metric, *halves_of(trials.T)[late])


def early_less_late_worth(trials: Trials, metric: Metric = "right") -> Array:
    """[n]: mean Shapley value of early thoughts less that of late ones."""
    return early_less_late(shapley(trials.subsets(metric)))


def complex_need_early() -> EffectTest[Trials]:
    """p of what an early thought, ablated alone, costs complex problems; 1 where it costs nothing on average."""
    return EffectTest(
        sweep_study,
        _complex_need_early,
        shortened=lambda trials: _signed(half_drop(complex_ones(trials)), CONTROL_DRAWS, trials.seed)[0],
        again=validation_study,
    )


def _signed(drop: Array, draws: int, seed: int) -> tuple[float, float]:
    """p of a mean drop, 1 where it is none, and the two-sided p whatever its sign."""
    p = float(sign_flip_p(drop, draws, seed))
    return (p if drop.mean() > 0 else 1.0), p


def _complex_need_early(trials: Trials) -> Measurement:
    few = complex_ones(trials)
    drop, other = half_drop(few), half_drop(few, late=True)
    p, two_sided = _signed(drop, DRAWS, trials.seed)
    low, high = interval(drop, trials.seed)
    return Measurement(
        p,
        p_value=p,
        n_problems=len(few),
        answer=f"At {COMPLEX} and more steps a lone early thought costs {drop.mean():.3g} [{low:.3g}, {high:.3g}] of accuracy, "
        f"a late one {other.mean():.3g}: p = {p:.3g}",
        beside={
            "early_drop": float(drop.mean()),
            "early_drop_ci_low": low,
            "early_drop_ci_high": high,
            "late_drop": float(other.mean()),
            "two_sided_p": two_sided,
            "early_gold_log_probability_drop": float(half_drop(few, "gold").mean()),
            "baseline_accuracy": float(few.of("right").mean()),
        },
    )


def complex_need_early_half() -> EffectTest[Trials]:
    """McNemar's p of complex problems with the early half ablated; 1 where accuracy does not fall."""
    return EffectTest(
        sweep_study,
        _complex_need_early_half,
        shortened=lambda trials: _half_p(complex_ones(trials))[0],
        again=validation_study,
    )


def _half_p(trials: Trials) -> tuple[float, float]:
    """p of accuracy that falls without the early half, 1 where it does not, and the two-sided p whatever happens."""
    before, after = trials.of("right"), without_half(trials)
    p = float(mcnemar_p(before, after))
    return (p if before.mean() > after.mean() else 1.0), p


def _complex_need_early_half(trials: Trials) -> Measurement:
    few = complex_ones(trials)
    p, two_sided = _half_p(few)
    drop, other = (paired_drop(few.of("right"), without_half(few, late=late)) for late in (False, True))
    low, high = interval(drop, trials.seed)
    return Measurement(
        p,
        p_value=p,
        n_problems=len(few),
        answer=f"At {COMPLEX} and more steps accuracy falls by {drop.mean():.3g} [{low:.3g}, {high:.3g}] without the early half, "
        f"by {other.mean():.3g} without the late one: p = {p:.3g}",
        beside={
            "early_half_drop": float(drop.mean()),
            "early_half_drop_ci_low": low,
            "early_half_drop_ci_high": high,
            "late_half_drop": float(other.mean()),
            "two_sided_p": two_sided,
            "baseline_accuracy": float(few.of("right").mean()),
        },
    )


def early_matter_more() -> Effect[Trials]:
    """Mean Shapley value of early less late thoughts on complex problems."""

    def attainable(trials: Trials) -> tuple[float, float]:
        most = most_early_less_late(trials.T)
        return -most, most

    return Effect(
        sweep_study,
        lambda trials: early_less_late_worth(complex_ones(trials))[:, None],
        lambda means: means[..., 0],
        attainable,
        end="low",
        beside=_beside_early_less_late,
        again=validation_study,
    )


def _beside_early_less_late(trials: Trials) -> dict[str, Any]:
    few = complex_ones(trials)
    # The last thought's stream after the ablated layer is read by the layers above alone, and by no later thought.
    worth = shapley(few.subsets("right"))
    early, late = halves_of(trials.T)
    others = (
        worth[:, early].mean(axis=1) - worth[:, late[:-1]].mean(axis=1) if len(late) > 1 else np.full(len(few), np.nan)
    )
    low, high = percentile_interval(resample_weights(len(few), RESAMPLES, few.seed) @ others)
    return {
        "without_the_last_thought": float(others.mean()),
        "without_the_last_thought_ci_low": float(low),
        "without_the_last_thought_ci_high": float(high),
        "gold_log_probability": float(early_less_late_worth(few, "gold").mean()),
        "nested_late_less_early": -float(early_less_late(nested_drop(few.subsets("right"))).mean()),
    }


def importance_depends_on_difficulty() -> EffectTest[Trials]:
    """p of what an early thought costs complex problems less what it costs simple ones."""
    return EffectTest(
        sweep_study,
        _by_difficulty,
        shortened=lambda trials: _difference_p(trials, CONTROL_DRAWS),
        again=validation_study,
    )


def _of_known_difficulty(trials: Trials) -> Trials:
    complex_ones(trials), simple_ones(trials)
    return trials.where(trials.difficulty >= 1)


def _difference_p(trials: Trials, draws: int) -> float:
    known = _of_known_difficulty(trials)
    return group_difference_p(half_drop(known), known.difficulty >= COMPLEX, draws, trials.seed)


def _by_difficulty(trials: Trials) -> Measurement:
    known = _of_known_difficulty(trials)
    drop, hard = half_drop(known), known.difficulty >= COMPLEX
    p = _difference_p(trials, DRAWS)
    weights = resample_weights(len(drop), RESAMPLES, trials.seed)
    with np.errstate(invalid="ignore"):
        drawn = weights @ (drop * hard) / (weights @ hard) - weights @ (drop * ~hard) / (weights @ ~hard)
    low, high = percentile_interval(drawn)
    nested = paired_drop(known.of("right"), without_half(known))
    return Measurement(
        p,
        p_value=p,
        n_problems=len(known),
        answer=f"A lone early thought costs {drop[hard].mean():.3g} of an accuracy of {known.of('right')[hard].mean():.3g} at "
        f"{COMPLEX} and more steps, {drop[~hard].mean():.3g} of {known.of('right')[~hard].mean():.3g} below: p = {p:.3g}",
        beside={
            "difference": float(drop[hard].mean() - drop[~hard].mean()),
            "difference_ci_low": float(low),
            "difference_ci_high": float(high),
            "complex": float(drop[hard].mean()),
            "simple": float(drop[~hard].mean()),
            "baseline_accuracy_complex": float(known.of("right")[hard].mean()),
            "baseline_accuracy_simple": float(known.of("right")[~hard].mean()),
            "early_half_complex": float(nested[hard].mean()),
            "early_half_simple": float(nested[~hard].mean()),
        },
    )


def simple_are_robust() -> Effect[Trials]:
    """Accuracy of simple problems with the early half ablated, over that without an intervention."""

    def features(trials: Trials) -> Array:
        few = simple_ones(trials)
        return np.stack([without_half(few), few.of("right")], axis=1)

    def ratio(means: Array) -> Array:
        after, before = means[..., 0], means[..., 1]
        return np.divide(after, before, out=np.full(after.shape, np.nan), where=before > 0)

    def beside(trials: Trials) -> dict[str, Any]:
        few = simple_ones(trials)
        return {
            "baseline_accuracy": float(few.of("right").mean()),
            "without_the_early_half": float(without_half(few).mean()),
            "without_the_late_half": float(without_half(few, late=True).mean()),
        }

    return Effect(
        sweep_study, features, ratio, (0.0, np.inf), beside=beside, ends_attained=False, again=validation_study
    )


def interval(values: Array, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of values [n] over problems; NaN for a single problem."""
    low, high = spread(values, seed)
    return float(low), float(high)
