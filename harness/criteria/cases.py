"""Which problems are shown as cases: chosen by a rule that says how, not by what makes a good story."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES
from harness.problems import LEVELS

WANTED = 12
RULE = (
    "The classes of the answers with CT0 blocked take turns, in the order of the classes. In its turn a class gives the problem "
    "whose gold answer lost most log-probability, among those of the difficulty (calculated steps, 5 and more together) that "
    f"fewest of the cases so far have. Until there are {WANTED}, or no problem is left."
)


@dataclass(frozen=True)
class Case:
    """A chosen problem: its row in the sample, the class with the thought blocked, its level of difficulty, what it lost."""

    row: int
    code: int
    level: int
    drop: float


def choose(codes: NDArray[np.integer], difficulty: NDArray[np.integer], drop: NDArray[np.floating]) -> list[Case]:
    """Cases from classes, difficulties and losses [n], by :data:`RULE`."""
    levels = np.minimum(difficulty, LEVELS[-1])
    left = [int(row) for row in np.argsort(-drop, kind="stable")]
    given: Counter[int] = Counter()
    cases: list[Case] = []
    while left and len(cases) < WANTED:
        for code in range(len(CODES)):
            own = [row for row in left if codes[row] == code]
            if own and len(cases) < WANTED:
                # Of equally rare difficulties the one that lost most: rows come in that order.
                row = min(own, key=lambda one: given[int(levels[one])])
                left.remove(row)
                given[int(levels[row])] += 1
                cases.append(Case(row, code, int(levels[row]), float(drop[row])))
    return cases
