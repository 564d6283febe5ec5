"""What n problems gave with thoughts blocked for their readers, and the controls that can be made of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.trials import Metric
from harness.interventions.designs import READERS, Readers, block_name
from harness.measures import NotApplicable

Array = NDArray[Any]


@dataclass(frozen=True)
class BlockTrials:
    """Problems answered with thoughts blocked for later queries (see ``blocks_design`` for the conditions).

    ``names`` are the C conditions, the baseline first and a sham second. ``right`` [n, C]: the answer is right; ``gold``
    [n, C]: log-probability of the gold answer; ``codes`` [n, C]: error class of the answer, a place in
    ``harness.behaviour.CODES``. ``features`` [n, F]: what the problems are like, a column for each of
    ``harness.behaviour.FEATURES``. ``numbers`` [n, T]: what each thought reads of the question's numbers in the baseline, mean
    over layers and heads; ``evenly`` [n, T] the same if it read all its context alike.
    """

    T: int
    names: tuple[str, ...]
    right: Array
    gold: Array
    codes: Array
    features: Array
    numbers: Array
    evenly: Array
    seed: int
    draws = 200

    def __len__(self) -> int:
        return len(self.right)

    def of(self, metric: Metric, name: str) -> Array:
        """[n]: a metric, or ``codes``, under one condition."""
        return np.asarray(getattr(self, metric))[:, self.names.index(name)]

    def blocked(self, metric: Metric, readers: Readers = "both") -> Array:
        """[n, T]: a metric, or ``codes``, with each thought blocked for these readers."""
        return np.asarray(getattr(self, metric))[:, self._columns(readers)]

    def impact(self, readers: Readers = "both") -> Array:
        """[n, T] in -1, 0, 1: right under the baseline less right with each thought blocked."""
        return self.right[:, :1].astype(np.int64) - self.blocked("right", readers).astype(np.int64)

    def thought(self, position: int) -> int:
        """The position itself. Errors: ``NotApplicable`` when the model has no such thought with a reader after it."""
        if position > self.T - 2:
            raise NotApplicable(f"needs {position + 2} thoughts")
        return position

    def where(self, members: Array) -> "BlockTrials":
        """Only the problems of a mask, or with these numbers."""
        names = ("right", "gold", "codes", "features", "numbers", "evenly")
        return replace(self, **{name: getattr(self, name)[members] for name in names})

    def sham(self) -> "BlockTrials":
        """A sham in place of every block."""
        return self._with(np.array([0, *[1] * (len(self.names) - 1)]))

    def read_evenly(self) -> "BlockTrials":
        """Every thought reads all its context alike."""
        return replace(self, numbers=self.evenly)

    def drawn(self, draw: int) -> "BlockTrials":
        """Other thoughts blocked for like readers, at random and the same in all problems: they change places in a circle.

        None keeps its place, or the thought in question would be its own control in one draw of T.
        """
        circle = np.random.default_rng((self.seed, draw, 6)).permutation(self.T)
        order = np.empty_like(circle)
        order[circle] = np.roll(circle, 1)
        columns = np.arange(len(self.names))
        for readers in READERS:
            own = np.array(self._columns(readers))
            # Conditions that stand for another one are not moved in its name.
            named = [position for position in range(self.T) if self._is_own(readers, position)]
            columns[own[named]] = own[order[named]]
        moved = self._with(columns)
        return replace(
            moved,
            numbers=self.numbers[:, order],
            evenly=self.evenly[:, order],
        )

    def _columns(self, readers: Readers) -> list[int]:
        return [self.names.index(block_name(readers, position, self.T)) for position in range(self.T)]

    def _is_own(self, readers: Readers, position: int) -> bool:
        name = block_name(readers, position, self.T)
        return readers == "both" or (name != "sham" and name != block_name("both", position, self.T))

    def _with(self, columns: Array) -> "BlockTrials":
        """Conditions [C] in place of those that were run."""
        return replace(self, right=self.right[:, columns], gold=self.gold[:, columns], codes=self.codes[:, columns])
