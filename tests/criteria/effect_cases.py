"""For every hypothesis about ablated thoughts: outcomes it must pass on, and outcomes it must fail on."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.criteria.trials import Trials

Make = Callable[[], Trials]
T = 6
DIFFICULTY = np.tile([2, 3, 4, 5], 20)
EARLY, LATE = (0, 1, 2), (3, 4, 5)


def answered(right: Callable[[int, frozenset[int]], bool], n: int = len(DIFFICULTY), seed: int = 3) -> Trials:
    """Trials on all sets of thoughts from whether a problem is right with a set of thoughts gone; each difficulty alike."""
    sets = tuple(range(1 << T))
    gone = [frozenset(one for one in range(T) if number >> one & 1) for number in sets]
    table = np.array([[right(problem, ablated) for ablated in gone] for problem in range(n)])
    gold = np.where(table, -0.1, -4.0)
    return Trials(
        T=T,
        sets=sets,
        right=table,
        gold=gold,
        sham_right=table[:, 0],
        sham_gold=gold[:, 0],
        difficulty=np.resize(DIFFICULTY, n),
        seed=seed,
    )


def hard(problem: int) -> bool:
    return bool(DIFFICULTY[problem % len(DIFFICULTY)] >= 4)


def needing(*positions: int, when: Callable[[int], bool] = lambda problem: True) -> Trials:
    """Problems that need every one of some thoughts, the others being always right; two in forty are never right."""
    return answered(lambda problem, gone: problem % 20 != 7 and not (when(problem) and gone & set(positions)))


def one_each(positions: Sequence[int] = range(T), when: Callable[[int], bool] = lambda problem: True) -> Trials:
    """Every problem needs one of some thoughts, as many problems each."""
    return answered(lambda problem, gone: not (when(problem) and positions[problem % len(positions)] in gone))


def untouched(share: float = 0.9) -> Trials:
    """No ablation changes any answer; a share of the answers is right."""
    return answered(lambda problem, gone: problem % 20 < 20 * share)


def gaining() -> Trials:
    """Problems that are solved only where an early thought is gone."""
    return answered(lambda problem, gone: bool(gone & set(EARLY)))


CASES: dict[str, tuple[Make, Make]] = {
    "S.1-baseline": (untouched, lambda: untouched(0.6)),
    "S.1-complex": (lambda: needing(1), untouched),
    "S.1-complex-nested": (lambda: needing(1), lambda: needing(4)),
    "S.1-early-late": (lambda: needing(0), lambda: needing(5)),
    "S.1-difficulty": (lambda: needing(1, when=hard), lambda: needing(1)),
    "S.1-simple": (lambda: needing(1, when=hard), lambda: needing(1)),
}
"""Criterion id: (outcomes on which it passes, outcomes on which it fails)."""


class Planted:
    """Evidence whose outcomes are made up, by source; what is not given is like what the model itself did."""

    def __init__(self, trained: Trials, **others: Any):
        self.trials = {"trained": trained, **{name.replace("_", "-"): trials for name, trials in others.items()}}
        self.asked: list[str] = []

    def _of(self, source: str) -> Trials:
        self.asked.append(source)
        return self.trials.get(source, self.trials["trained"])

    def importance(self, source: str = "trained") -> Trials:
        return self._of(source)

    def sweep(self, source: str = "trained") -> Trials:
        return self._of(source)

    def validation(self, source: str = "trained") -> Trials:
        return self._of("validation")
