"""For every hypothesis about blocked thoughts: outcomes it must pass on, and outcomes it must fail on."""

from collections.abc import Callable

import numpy as np

from harness.behaviour import CODES
from harness.criteria.blocks import BlockTrials
from harness.interventions.designs import Readers
from tests.criteria.block_cases import block_trials

Make = Callable[[], BlockTrials]
CORRECT, REVERSAL, SLIP, LOGIC, UNEXPLAINED = (
    CODES.index(name) for name in ("CORRECT", "OPERATION_REVERSAL", "CALC_ERROR", "LOGIC_ERROR", "UNEXPLAINED")
)
N = 200


def solved(problem: int) -> bool:
    """Nine problems in ten."""
    return problem % 10 != 3


def losing(*positions: int, readers: tuple[Readers, ...] = ("both", "matched"), one_in: int = 3) -> BlockTrials:
    """Blocking one of some thoughts for some readers loses one problem in so many."""
    return block_trials(
        lambda problem, blocked, from_whom: (
            solved(problem) and not (blocked in positions and from_whom in readers and problem % one_in == 0)
        ),
        N,
    )


def untouched() -> BlockTrials:
    """Blocking changes no answer."""
    return losing()


def gaining() -> BlockTrials:
    """Blocking the first thought solves what was not."""
    return block_trials(lambda problem, blocked, readers: solved(problem) or blocked == 0, N)


def erring(before: Callable[[int], int], after: Callable[[int], int], *positions: int) -> BlockTrials:
    """One in five problems is wrong, two in five with a thought blocked; of which classes is said for each problem."""

    def code(problem: int, blocked: int | None, readers: Readers) -> int:
        if blocked in positions:
            return after(problem) if problem % 5 < 2 else CORRECT
        return before(problem) if problem % 5 == 0 else CORRECT

    return block_trials(lambda *where: code(*where) == CORRECT, N, code=code)


def mixed(problem: int) -> int:
    """Each class of error as often."""
    return (REVERSAL, SLIP, LOGIC, UNEXPLAINED)[problem // 5 % 4]


def reading(first: float, others: float) -> BlockTrials:
    """What the first thought and what the others read of the question's numbers, on average."""
    rng = np.random.default_rng(7)
    numbers = rng.normal(others, 0.05, (N, 6))
    numbers[:, 0] += first - others
    return block_trials(n=N, numbers=numbers)


CASES: dict[str, tuple[Make, Make]] = {
    "B.1-ct0": (lambda: losing(0), untouched),
    "B.1-specific": (lambda: losing(0), lambda: losing(0, readers=("both",))),
    "B.1-ct4": (lambda: losing(0), lambda: losing(4)),
    "B.2-shift": (lambda: erring(mixed, mixed, 0), lambda: erring(mixed, lambda problem: LOGIC, 0)),
    "B.2-shift-errors": (
        lambda: erring(lambda problem: LOGIC, lambda problem: REVERSAL, 0),
        lambda: erring(mixed, mixed, 0),
    ),
    "B.2-reversal": (
        lambda: erring(mixed, lambda problem: REVERSAL, 0),
        lambda: erring(mixed, lambda problem: SLIP, 0),
    ),
    "B.2-minimal": (lambda: erring(mixed, mixed, 0), lambda: erring(mixed, mixed, 4)),
    "B.5-aggregation": (lambda: reading(0.3, 0.2), lambda: reading(0.2, 0.2)),
}
"""Criterion id: (outcomes on which it passes, outcomes on which it fails)."""
