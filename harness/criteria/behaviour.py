"""What blocking a thought for its later readers does to the answers, and what thoughts read of the question's numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.blocks import BlockTrials
from harness.criteria.criterion import Measurement
from harness.criteria.effects import ControlName, Effect, EffectTest, behaviour_study
from harness.criteria.sample import spread
from harness.interventions.designs import ALL_BLOCKED, HIDDEN, READERS, SEQUENTIAL
from harness.measures import NotApplicable
from harness.measures.importance import paired_drop
from harness.statistics import benjamini_hochberg, mcnemar_p, paired_drop_interval

Array = NDArray[Any]
FIRST, LATE = HIDDEN
READ: tuple[ControlName, ...] = ("random", "uniform-context", "contentless", "control-model")
"""Controls of what thoughts read without an intervention."""


def first_matters() -> EffectTest[BlockTrials]:
    """q of the answers lost with the first thought blocked; 1 where no more are lost than gained."""
    return EffectTest(
        behaviour_study,
        _first_matters,
        shortened=lambda trials: _lost_q(trials, FIRST)[0],
        attainable=lambda trials: (least_q(trials), 1.0),
    )


def least_q(trials: BlockTrials) -> float:
    """q were every right answer of the baseline lost with every thought blocked: no outcome gives a smaller one."""
    return float(min(1.0, 2.0 ** (1 - int(trials.of("right", "baseline").sum()))))


def _lost_q(trials: BlockTrials, position: int) -> tuple[float, Array, Array]:
    """q of a thought, 1 unless accuracy falls; p and q [T] of all thoughts."""
    p = mcnemar_p(trials.of("right", "baseline"), trials.blocked("right"))
    q = benjamini_hochberg(p)
    fell = trials.impact()[:, trials.thought(position)].sum() > 0
    return float(q[position]) if fell else 1.0, p, q


def _first_matters(trials: BlockTrials) -> Measurement:
    value, p, q = _lost_q(trials, FIRST)
    drop = trials.impact()
    low, high = drop_intervals(drop, trials.seed)
    means = drop.mean(axis=0)
    return Measurement(
        value,
        p_value=float(p[FIRST]),
        q_value=float(q[FIRST]),
        answer=f"Blocking CT{FIRST} costs {means[FIRST]:.3g} [{low[FIRST]:.3g}, {high[FIRST]:.3g}] of accuracy, blocking "
        f"CT{LATE} {means[LATE]:.3g} [{low[LATE]:.3g}, {high[LATE]:.3g}]"
        if trials.T > LATE
        else f"Blocking CT{FIRST} costs {means[FIRST]:.3g} [{low[FIRST]:.3g}, {high[FIRST]:.3g}] of accuracy",
        beside={
            "baseline_accuracy": float(trials.of("right", "baseline").mean()),
            "accuracy_drop": means.tolist(),
            "accuracy_drop_ci_low": low.tolist(),
            "accuracy_drop_ci_high": high.tolist(),
            "p": p.tolist(),
            "q": q.tolist(),
            "gold_log_probability_drop": paired_drop(trials.of("gold", "baseline"), trials.blocked("gold"))
            .mean(axis=0)
            .tolist(),
            "drop_for_latents_alone": trials.impact("latents").mean(axis=0).tolist(),
            "drop_with_readers_matched": trials.impact("matched").mean(axis=0).tolist(),
            "drop_with_all_blocked": _drop(trials, ALL_BLOCKED),
            "drop_with_predecessors_alone": _drop(trials, SEQUENTIAL),
        },
    )


def _drop(trials: BlockTrials, name: str) -> float:
    return float(paired_drop(trials.of("right", "baseline"), trials.of("right", name)[:, None]).mean())


def first_more_than_late() -> EffectTest[BlockTrials]:
    """What the first thought costs less what the late one does, as blocked and with readers matched: the smaller lower end."""
    return EffectTest(behaviour_study, _first_more_than_late, attainable=(-1.0, 1.0), ends_attained=True)


def _first_more_than_late(trials: BlockTrials) -> Measurement:
    late = trials.thought(LATE)
    compared = {
        "blocked for all later queries": "both",
        "blocked for the last thought and the answer": "matched",
    }
    impacts = [trials.impact(readers) for readers in READERS if readers in compared.values()]
    differences = np.stack([impact[:, FIRST] - impact[:, late] for impact in impacts], axis=1).astype(np.float64)
    low, high = spread(differences, trials.seed)
    means, least = differences.mean(axis=0), int(low.argmin())
    return Measurement(
        float(low[least]),
        interval=(float(low[least]), float(high[least])),
        answer=f"CT{FIRST} less CT{late}: {means[0]:.3g} [{low[0]:.3g}, {high[0]:.3g}] blocked for all later queries, "
        f"{means[1]:.3g} [{low[1]:.3g}, {high[1]:.3g}] with as many readers each",
        beside={
            "compared": list(compared),
            "differences": means.tolist(),
            "differences_ci_low": low.tolist(),
            "differences_ci_high": high.tolist(),
        },
    )


def drop_interval(drop: Array, seed: int) -> tuple[float, float]:
    """Ends of the 95 % interval of the mean of drops [n] in -1, 0, 1: bootstrap or score interval, whichever reaches farther.

    Where few answers change, resampled problems agree however few they are; the score interval then knows how few.
    """
    low, high = spread(drop, seed)
    score = paired_drop_interval(int((drop > 0).sum()), int((drop < 0).sum()), len(drop))
    # Sums of weights may miss 1 in the last digit.
    return max(-1.0, min(float(low), score[0])), min(1.0, max(float(high), score[1]))


def drop_intervals(drops: Array, seed: int) -> tuple[Array, Array]:
    """Low and high ends [k] of :func:`drop_interval` for each column of drops [n, k]."""
    ends = np.array([drop_interval(drop, seed) for drop in drops.T])
    return ends[:, 0], ends[:, 1]


def late_hardly_matters() -> EffectTest[BlockTrials]:
    """How far from 0 the farther end of the interval of what the late thought costs is."""
    return EffectTest(
        behaviour_study,
        _late_hardly_matters,
        attainable=lambda trials: (narrowest(len(trials)), 1.0),
        ends_attained=True,
    )


def narrowest(n: int) -> float:
    """How far from 0 the interval of a drop reaches on n problems of which none changes."""
    return paired_drop_interval(0, 0, n)[1]


def _late_hardly_matters(trials: BlockTrials) -> Measurement:
    drop = trials.impact()[:, trials.thought(LATE)].astype(np.float64)
    low, high = drop_interval(drop, trials.seed)
    lost, gained = int((drop > 0).sum()), int((drop < 0).sum())
    return Measurement(
        max(abs(low), abs(high)),
        interval=(low, high),
        answer=f"Blocking CT{LATE} costs {drop.mean():.3g} [{low:.3g}, {high:.3g}] of accuracy: {lost} answers lost, "
        f"{gained} gained, of {int(trials.of('right', 'baseline').sum())} that could be lost",
        beside={"point": float(drop.mean()), "lost": lost, "gained": gained},
    )


def numbers_read_first() -> Effect[BlockTrials]:
    """What the first thought reads of the question's numbers less the mean of what the others do."""

    def difference(values: Array) -> Array:
        return np.asarray(values[:, 0] - values[:, 1:].mean(axis=1))

    def attention(trials: BlockTrials) -> Array:
        if trials.T < 2:
            raise NotApplicable("needs at least 2 thoughts")
        return difference(trials.numbers)[:, None]

    def beside(trials: BlockTrials) -> dict[str, Any]:
        read = trials.numbers.mean(axis=0)
        adjusted = trials.numbers - trials.evenly
        low, high = spread(difference(adjusted), trials.seed)
        return {
            "attention_on_numbers": read.tolist(),
            "if_all_were_read_alike": trials.evenly.mean(axis=0).tolist(),
            "difference_if_all_were_read_alike": float(difference(trials.evenly).mean()),
            "difference_beyond_that": float(difference(adjusted).mean()),
            "difference_beyond_that_ci_low": float(low),
            "difference_beyond_that_ci_high": float(high),
            "over_even_reading": (read / trials.evenly.mean(axis=0)).tolist(),
        }

    return Effect(
        behaviour_study,
        attention,
        lambda means: means[..., 0],
        (-1.0, 1.0),
        end="low",
        controls=READ,
        beside=beside,
        answer=_numbers_in_words,
        evenly=BlockTrials.read_evenly,
        ends_attained=False,
    )


def _numbers_in_words(trials: BlockTrials) -> str:
    read, even = trials.numbers.mean(axis=0), trials.evenly.mean(axis=0)
    return (
        f"CT{FIRST} gives {read[0]:.3g} of its attention to the question's numbers, later thoughts {read[1:].mean():.3g} on "
        f"average, CT{1 + int(read[1:].argmax())} {read[1:].max():.3g}; reading all alike would give {even[0]:.3g} and "
        f"{even[1:].mean():.3g}"
    )
