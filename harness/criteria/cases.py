"""Which problems are shown as cases: chosen by a rule that says how, not by what makes a good story."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES
from harness.problems import LEVELS

WANTED = 12
CORRECT = CODES.index("CORRECT")
RULE = (
    "The classes of the answers with CT0 blocked take turns, in the order of the classes. In its turn a class gives the problem "
    "whose gold answer lost most log-probability, among those of the difficulty (calculated steps, 5 and more together) that "
    f"fewest of the cases so far have. Until there are {WANTED}, or no problem is left. If none of them was gained (wrong "
    "under the baseline, right with CT0 blocked), the gained one whose gold answer won most log-probability comes last."
)


@dataclass(frozen=True)
class Case:
    """A chosen problem: its row in the sample, the class with the thought blocked, its level of difficulty, what it lost."""

    row: int
    code: int
    level: int
    drop: float


def choose(
    codes: NDArray[np.integer],
    difficulty: NDArray[np.integer],
    drop: NDArray[np.floating],
    solved: NDArray[np.bool_],
) -> list[Case]:
    """Cases from classes, difficulties and losses [n], and whether the baseline solves them [n], by :data:`RULE`."""
    levels = np.minimum(difficulty, LEVELS[-1])
    left = [int(row) for row in np.argsort(-drop, kind="stable")]
    given: Counter[int] = Counter()
    cases: list[Case] = []

    def take(row: int) -> None:
        left.remove(row)
        given[int(levels[row])] += 1
        cases.append(Case(row, int(codes[row]), int(levels[row]), float(drop[row])))

    while left and len(cases) < WANTED:
        for code in range(len(CODES)):
            own = [row for row in left if codes[row] == code]
            if own and len(cases) < WANTED:
                # Of equally rare difficulties the one that lost most: rows come in that order.
                take(min(own, key=lambda one: given[int(levels[one])]))
    gained = [row for row in left if codes[row] == CORRECT and not solved[row]]
    if gained and all(case.code != CORRECT or solved[case.row] for case in cases):
        take(min(gained, key=lambda row: float(drop[row])))
    return cases
