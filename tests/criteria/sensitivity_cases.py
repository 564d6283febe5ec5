"""For every hypothesis about problems that suffer from a blocked thought: outcomes it must pass on, and ones it must fail on."""

from collections.abc import Callable

import numpy as np

from harness.criteria.blocks import BlockTrials
from harness.interventions.designs import Readers
from tests.criteria.block_cases import block_trials, plain_features

N = 240
OPERATIONS = plain_features(N)["n_operations"]
Chance = Callable[[int], float]
"""Number of operations to a probability."""


def suffering(
    lost: Chance, solved: Chance = lambda operations: 0.9, n: int = N, positions: tuple[int, ...] = (0,), seed: int = 5
) -> BlockTrials:
    """The baseline solves a share of the problems; blocking one of some thoughts loses a share of those solved."""
    rng = np.random.default_rng(seed)
    fate, luck = rng.random(n), rng.random((n, 8))

    def right(problem: int, blocked: int | None, readers: Readers) -> bool:
        operations = int(OPERATIONS[problem % N])
        before = bool(fate[problem] < solved(operations))
        return before and not (blocked in positions and luck[problem, blocked or 0] < lost(operations))

    return block_trials(right, n)


def growing(n: int = N) -> BlockTrials:
    """The more operations, the more is lost."""
    return suffering(lambda operations: 0.15 * (operations - 1), n=n)


def shrinking() -> BlockTrials:
    """The more operations, the less is lost."""
    return suffering(lambda operations: 0.9 - 0.15 * (operations - 1))


def alike(n: int = N) -> BlockTrials:
    """As much is lost whatever the number of operations."""
    return suffering(lambda operations: 0.4, n=n)


def solved_alone() -> BlockTrials:
    """As much is lost of what is solved, but problems of more operations are solved more often."""
    return suffering(lambda operations: 0.5, lambda operations: operations / 6)


def unharmed() -> BlockTrials:
    """Blocking a thought never changes an answer."""
    return suffering(lambda operations: 0.0)


CASES: dict[str, tuple[Callable[[], BlockTrials], Callable[[], BlockTrials]]] = {
    "B.3-operations": (growing, alike),
    "B.3-multistep": (growing, alike),
    "B.3-single": (lambda: growing(2 * N), lambda: alike(2 * N)),
}
"""Criterion id: (outcomes on which it passes, outcomes on which it fails)."""
