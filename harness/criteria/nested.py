"""What a reader of the nested curve alone would have got wrong, held against designs that do not ablate more and more.

The nested curve at i is what is lost with thoughts 0..i-1 ablated. It can be read as a gradient over positions, or step by
step; every reading is held against the exact Shapley values, or against each thought ablated alone, with intervals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.criteria.sample import RESAMPLES
from harness.measures import NotApplicable
from harness.measures.subsets import (
    early_less_late,
    halves_of,
    nested_drop,
    nested_steps,
    shapley,
    single_drop,
    thoughts_in,
)
from harness.statistics import percentile_interval, resample_weights, simultaneous_interval

Array = NDArray[Any]

NOTHING = "nothing"
"""The only reading where all thoughts together are not worth anything."""
SMALL = 0.01
"""Share of what all thoughts are worth below which one thought's part is not spoken of."""
NAMED = 2
"""Thoughts that a sentence names; the numbers hold all."""
_TIE = 1e-9


class Estimate(NamedTuple):
    """A number and its 95 % interval over problems."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval leaves out 0 on that side, else 0."""
        return int(self.low > _TIE) - int(self.high < -_TIE)

    def __str__(self) -> str:
        value, low, high = (f"{round(one, 3) + 0.0:.3f}" for one in self)
        return f"{value} [{low}, {high}]"


@dataclass(frozen=True)
class Reading:
    """One way to read the nested curve: whether that would have been wrong, in words, with the numbers it rests on."""

    name: str
    wrong: bool
    sentence: str
    numbers: dict[str, Any]


class _Resampled:
    """Values of all subsets, [1 + draws, 2**T]: the mean over problems, then over resampled ones."""

    def __init__(self, values: Array, seed: int):
        if len(values) < 2:
            raise NotApplicable("needs at least 2 problems to resample")
        known = np.asarray(values, dtype=np.float64)
        self.means = np.concatenate([known.mean(axis=0)[None], resample_weights(len(known), RESAMPLES, seed) @ known])

    def one(self, drawn: Array) -> Estimate:
        low, high = percentile_interval(drawn[1:])
        return Estimate(float(drawn[0]), float(low), float(high))

    def several(self, drawn: Array) -> list[Estimate]:
        """Of [1 + draws, k], with intervals that hold together, as the largest are named."""
        ends = simultaneous_interval(drawn[0], drawn[1:])
        return [Estimate(*map(float, one)) for one in zip(drawn[0], *ends, strict=True)]


def readings(values: Array, seed: int) -> tuple[Reading, ...]:
    """All readings of values [n, 2**T], a metric of each problem under every set of ablated thoughts.

    Errors: ``TooFewLatents`` below two thoughts, ``NotApplicable`` for a single problem.
    """
    halves_of(thoughts_in(values))
    drawn = _Resampled(values, seed)
    total = drawn.one(drawn.means[:, 0] - drawn.means[:, -1])
    if total.sign == 0:
        return (
            Reading(
                NOTHING,
                False,
                f"All thoughts ablated together cost {total}: there is nothing to share out.",
                {"total": total},
            ),
        )
    return _gradient(drawn), _steps(drawn), _alone(drawn), _last(drawn)


def in_words(found: Sequence[Reading]) -> str:
    """What the nested design alone would have got wrong; everything it says where that is nothing."""
    if found[0].name == NOTHING:
        return found[0].sentence
    wrong = [one.sentence for one in found if one.wrong]
    if not wrong:
        return f"Read alone, the nested design would not have misled. {' '.join(one.sentence for one in found)}"
    return f"Read alone, the nested design would have misled. {' '.join(wrong)}"


def in_short(found: Sequence[Reading]) -> str:
    """The first thing it would have got wrong, and how many more there are."""
    if found[0].name == NOTHING:
        return found[0].sentence
    wrong = [one.sentence for one in found if one.wrong]
    if not wrong:
        return "Read alone, the nested design would not have misled."
    more = f" It would have misled in {len(wrong) - 1} more ways, named beside." if len(wrong) > 1 else ""
    return f"Read alone, the nested design would have misled. {wrong[0]}{more}"


def _gradient(drawn: _Resampled) -> Reading:
    """Its curve rises, so later thoughts matter more."""
    rise = drawn.one(-early_less_late(nested_drop(drawn.means)))
    values = shapley(drawn.means)
    worth, last = drawn.one(early_less_late(values)), values.shape[-1] - 1
    # After the ablated layer no later thought reads the last one, so its worth is small by the place of the ablation.
    early, late = halves_of(last + 1)
    others = values[:, early].mean(axis=1) - values[:, late[:-1] or late].mean(axis=1)
    without = drawn.one(others)
    against = f"Shapley values, early minus late half: {worth}, without CT{last}: {without}"
    if rise.sign <= 0:
        sentence = f"Its curve does not rise (late minus early half {rise}); {against}."
    elif worth.sign < 0:
        sentence = f"Its curve rises (late minus early half {rise}), as it had to, and later thoughts do matter more. {against}."
    elif worth.sign > 0:
        clear = "the earlier ones do" if without.sign > 0 else f"the earlier ones do, not clearly so without CT{last}"
        sentence = (
            f"Its curve rises (late minus early half {rise}) because more thoughts are gone, not because later ones matter more: "
            f"{clear}. {against}."
        )
    else:
        sentence = (
            f"Its curve rises (late minus early half {rise}) because more thoughts are gone; that later ones matter more is not "
            f"shown. {against}."
        )
    numbers = {
        "nested_late_minus_early": rise,
        "shapley_early_minus_late": worth,
        "shapley_early_minus_late_without_the_last": without,
    }
    return Reading("gradient", rise.sign > 0 and worth.sign >= 0, sentence, numbers)


def _steps(drawn: _Resampled) -> Reading:
    """Each step is what its thought is worth."""
    steps, worth = nested_steps(drawn.means), shapley(drawn.means)[:, :-1]
    beyond = drawn.several(steps - worth)
    wrong = _clear(beyond)
    if wrong:
        each = _named(wrong, lambda k: f"CT{k} {steps[0, k]:.3f} against {worth[0, k]:.3f} (difference {beyond[k]})")
        sentence = f"Its steps are not what thoughts are worth over all orders (Shapley): {each}."
    else:
        k = _largest(beyond)
        sentence = f"No step is clearly off the mean over all orders (most: CT{k}, by {beyond[k]})."
    numbers = {"nested_step": steps[0].tolist(), "shapley": worth[0].tolist(), "difference": beyond}
    return Reading("steps", bool(wrong), sentence, numbers)


def _alone(drawn: _Resampled) -> Reading:
    """Each step is what is lost when its thought alone is missing."""
    steps, alone = nested_steps(drawn.means), single_drop(drawn.means)[:, :-1]
    beyond = drawn.several(steps - alone)
    wrong = _clear(beyond)
    backed = [k for k in wrong if beyond[k].sign > 0]
    spent = [k for k in wrong if beyond[k].sign < 0]

    def said(k: int) -> str:
        return f"CT{k} {steps[0, k]:.3f} against {alone[0, k]:.3f} alone (difference {beyond[k]})"

    parts = []
    if backed:
        parts.append(f"A step costs more than its thought alone: {_named(backed, said)}.")
    if spent:
        parts.append(f"A step costs less than its thought alone: {_named(spent, said)}.")
    if not wrong:
        k = _largest(beyond)
        parts.append(f"No step clearly differs from what its thought alone costs (most: CT{k}, by {beyond[k]}).")
    together = drawn.one(drawn.means[:, 0] - drawn.means[:, -1])
    backup = drawn.one(drawn.means[:, 0] - drawn.means[:, -1] - single_drop(drawn.means).sum(axis=1))
    numbers = {
        "nested_step": steps[0].tolist(),
        "single": alone[0].tolist(),
        "difference": beyond,
        "all_ablated": together,
        "all_ablated_minus_sum_of_single": backup,
    }
    return Reading("alone", bool(wrong), " ".join(parts), numbers)


def _last(drawn: _Resampled) -> Reading:
    """What it shows is all there is."""
    worth = drawn.one(shapley(drawn.means)[:, -1])
    together = float(drawn.means[0, 0] - drawn.means[0, -1])
    last = thoughts_in(drawn.means) - 1
    sentence = f"It never ablates CT{last}, worth {worth} of {together:.3f} in all (Shapley)."
    return Reading(
        "last",
        worth.sign != 0 and abs(worth.value) >= SMALL * abs(together),
        sentence,
        {"shapley_of_the_last": worth, "all_ablated": together},
    )


def _clear(differences: Sequence[Estimate]) -> list[int]:
    """Positions whose difference is not 0, the largest first."""
    told = [k for k, one in enumerate(differences) if one.sign]
    return sorted(told, key=lambda k: -abs(differences[k].value))


def _largest(differences: Sequence[Estimate]) -> int:
    return max(range(len(differences)), key=lambda k: abs(differences[k].value))


def _named(positions: Sequence[int], said: Callable[[int], str]) -> str:
    more = len(positions) - NAMED
    return ", ".join(said(k) for k in positions[:NAMED]) + (f" and {more} more" if more > 0 else "")
