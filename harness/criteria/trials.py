"""What n problems gave under the conditions of an intervention study, and the controls that can be made of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measures.subsets import positions_of, subset_of

Array = NDArray[Any]
Metric = str
"""``right`` or ``gold``: the answer is right, or the log-probability of the gold answer."""


@dataclass(frozen=True)
class Trials:
    """Problems answered with sets of thoughts ablated.

    A set is a number whose bit j is set when thought j is ablated; ``sets`` [C] are those tried, 0 first. Sets of a size are
    either all tried or none. ``right`` [n, C] and ``gold`` [n, C] are whether the answer is right and the log-probability
    of the gold answer; ``sham_right`` and ``sham_gold`` [n] the same under a sham. ``difficulty`` [n] counts calculated
    steps. ``attention`` [n, L, T]: what the first answer position reads of each thought, mean over heads, where it is known.
    """

    T: int
    sets: tuple[int, ...]
    right: Array
    gold: Array
    sham_right: Array
    sham_gold: Array
    difficulty: Array
    seed: int
    attention: Array | None = None
    draws = 200

    def __len__(self) -> int:
        return len(self.right)

    def of(self, metric: Metric, *positions: int) -> Array:
        """[n]: a metric with these thoughts ablated; of the baseline without any."""
        return np.asarray(getattr(self, metric))[:, self.sets.index(subset_of(positions))]

    def singles(self, metric: Metric) -> Array:
        """[n, T]: a metric with each thought ablated alone."""
        return np.stack([self.of(metric, position) for position in range(self.T)], axis=1)

    def subsets(self, metric: Metric) -> Array:
        """[n, 2**T]: a metric under every set, in the order of their numbers."""
        order = [self.sets.index(number) for number in range(1 << self.T)]
        return np.asarray(getattr(self, metric))[:, order]

    def where(self, members: Array) -> "Trials":
        """Only the problems of a mask [n]."""
        return replace(
            self,
            right=self.right[members],
            gold=self.gold[members],
            sham_right=self.sham_right[members],
            sham_gold=self.sham_gold[members],
            difficulty=self.difficulty[members],
            attention=None if self.attention is None else self.attention[members],
        )

    def sham(self) -> "Trials":
        """A sham in place of every ablation."""
        return replace(
            self,
            right=np.column_stack([self.right[:, :1], *[self.sham_right] * (len(self.sets) - 1)]),
            gold=np.column_stack([self.gold[:, :1], *[self.sham_gold] * (len(self.sets) - 1)]),
        )

    def drawn(self, draw: int) -> "Trials":
        """As many thoughts at random places: in every problem the thoughts change places in an order of its own."""
        rng = np.random.default_rng((self.seed, draw, 5))
        orders = rng.permuted(np.tile(np.arange(self.T), (len(self), 1)), axis=1)
        members = np.array([[number >> place & 1 for place in range(self.T)] for number in self.sets])
        moved = (members[None] * (1 << orders)[:, None]).sum(axis=2)
        column = np.zeros(1 << self.T, dtype=np.int64)
        column[list(self.sets)] = np.arange(len(self.sets))
        columns = column[moved]
        return replace(
            self,
            right=np.take_along_axis(self.right, columns, axis=1),
            gold=np.take_along_axis(self.gold, columns, axis=1),
        )


@dataclass(frozen=True)
class HeadTrials:
    """Problems answered with sets of heads ablated.

    ``baseline`` [n] and ``sham_right`` [n]: right or wrong. ``sets`` maps each fill, the study's own first, to [n, 1 + R]:
    the heads that the ranking puts first, then R random sets as large; ``single`` [n, L * H]: each head alone.
    ``composite`` [L * H]: the score that ranked them, measured on other problems; ``chosen`` are the places of the first
    heads in it. ``layered`` says whether the random sets have as many heads of every layer as the chosen one.
    """

    baseline: Array
    sham_right: Array
    sets: dict[str, Array]
    single: Array
    composite: Array
    chosen: tuple[int, ...]
    seed: int
    layered: bool = True

    def __len__(self) -> int:
        return len(self.baseline)

    def sham(self) -> "HeadTrials":
        """A sham in place of every ablation."""

        def like(right: Array) -> Array:
            return np.repeat(self.sham_right[:, None], right.shape[1], axis=1)

        return replace(self, sets={fill: like(right) for fill, right in self.sets.items()}, single=like(self.single))

    @property
    def draws(self) -> int:
        """Number of random sets with the study's own fill."""
        return next(iter(self.sets.values())).shape[1] - 1

    def drawn(self, draw: int) -> "HeadTrials":
        """One of the random sets in place of the chosen heads, with the study's own fill."""
        fill, right = next(iter(self.sets.items()))
        order = [1 + draw, *(place for place in range(1, self.draws + 1) if place != 1 + draw)]
        return replace(self, sets={fill: right[:, order]})


def named(positions: tuple[int, ...]) -> str:
    """``CT0+CT2``."""
    return "+".join(f"CT{position}" for position in positions)


def set_name(number: int, T: int) -> str:
    """The thoughts of a set, ``CT0+CT2``; ``none`` for the empty one."""
    return named(positions_of(number, T)) or "none"
