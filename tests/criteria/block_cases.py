"""Made-up outcomes of blocked thoughts."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES, FEATURES
from harness.criteria.blocks import BlockTrials
from harness.interventions.designs import READERS, Readers, block_name, blocks_design

Array = NDArray[Any]
Right = Callable[[int, int | None, Readers], bool]
"""Whether a problem is right with this thought, or None, blocked for these readers."""
Code = Callable[[int, int | None, Readers], int]


def always(problem: int, blocked: int | None, readers: Readers) -> bool:
    return True


def block_trials(
    right: Right = always,
    n: int = 120,
    T: int = 6,
    *,
    features: Mapping[str, Array] | None = None,
    code: Code | None = None,
    numbers: Array | None = None,
    evenly: Array | None = None,
    seed: int = 3,
) -> BlockTrials:
    """Outcomes of n problems from what each gives with each thought blocked.

    Each is asked for once. A sham is the baseline; with all thoughts blocked, or each reading only the one before, a problem is
    right when it is right with every single one blocked. ``features`` replace those of :func:`plain_features`, by name.
    ``code`` gives places in CODES, else right answers are CORRECT and others unexplained. ``numbers`` and ``evenly`` [n, T]:
    the same for every thought unless given.
    """
    names = tuple(blocks_design(T))
    places = {block_name(readers, position, T): (position, readers) for readers in READERS for position in range(T)}
    own: dict[str, tuple[int | None, Readers]] = {**places, "baseline": (None, "both"), "sham": (None, "both")}
    # A condition that stands for several is the one it is named after: blocked for both.
    own |= {block_name("both", position, T): (position, "both") for position in range(T)}
    single = [name for name in names if name in own]
    cells = {name: [right(problem, *own[name]) for problem in range(n)] for name in single if name != "sham"}
    cells["sham"] = cells["baseline"]
    every = np.all([cells[block_name("both", position, T)] for position in range(T)], axis=0)
    table = np.column_stack([cells.get(name, every) for name in names]).astype(bool)
    codes = np.where(table, CODES.index("CORRECT"), CODES.index("UNEXPLAINED")).astype(np.int8)
    if code is not None:
        for column, name in enumerate(names):
            if name in own:
                codes[:, column] = [code(problem, *own[name]) for problem in range(n)]
    given = {**plain_features(n, seed), **(features or {})}
    return BlockTrials(
        T=T,
        names=names,
        right=table,
        gold=np.where(table, -0.1, -4.0),
        codes=codes,
        features=np.column_stack([np.asarray(given[name], dtype=np.float64) for name in FEATURES]),
        numbers=np.full((n, T), 0.2) if numbers is None else numbers,
        evenly=np.full((n, T), 0.2) if evenly is None else evenly,
        seed=seed,
    )


def plain_features(n: int, seed: int = 3) -> dict[str, Array]:
    """Features that have nothing to do with each other, but for ``multi_step``; operations go from 1 to 6 in turn."""
    rng = np.random.default_rng(seed)
    operations = np.resize([1, 2, 3, 4, 5, 6], n)
    return {
        "n_tokens": rng.integers(20, 90, n),
        "n_operations": operations,
        "n_operation_types": rng.integers(1, 5, n),
        "max_number": rng.integers(5, 500, n),
        "multi_step": operations >= 3,
        "has_division": rng.random(n) < 0.5,
        "has_multiplication": rng.random(n) < 0.6,
        "has_fractions": rng.random(n) < 0.3,
    }
