"""For every hypothesis about ablated thoughts and heads: outcomes it must pass on, and outcomes it must fail on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.criteria.trials import HeadTrials, Trials

T = 6
SETS = tuple(number for number in range(1 << T) if number.bit_count() <= 3)


def trials(
    n: int = 100,
    *,
    accuracy: float = 0.9,
    loss: tuple[float, ...] = (0.0,) * T,
    follows: float = 0.0,
    layers: int = 4,
    seed: int = 0,
) -> Trials:
    """Problems of which each thought, ablated, loses a share ``loss``; several lose what any of them loses.

    ``follows`` is how much attention at the middle layer goes with what a thought is worth to its problem.
    """
    rng = np.random.default_rng(seed)
    right = rng.random(n) < accuracy
    needed = rng.random((n, T)) < np.array(loss)
    members = np.array([[number >> place & 1 for place in range(T)] for number in SETS], dtype=bool)
    lost = (needed[:, None, :] & members[None]).any(axis=2)
    outcome = right[:, None] & ~lost
    attention = rng.normal(1, 0.1, size=(n, layers, T))
    attention[:, layers // 2] += follows * (right[:, None] & needed)
    return Trials(
        T,
        SETS,
        outcome,
        np.where(outcome, -0.1, -3.0),
        right,
        np.where(right, -0.1, -3.0),
        np.tile([2, 3, 4, 5], n)[:n],
        seed,
        attention,
    )


def head_trials(*, loss: float, n: int = 100, heads: int = 32, sets: int = 200) -> HeadTrials:
    """Heads of which the first eight, ablated together, lose a share of the answers; random sets lose a little."""
    rng = np.random.default_rng(1)
    baseline = rng.random(n) < 0.95

    def kept(share: float, count: int) -> Any:
        return baseline[:, None] & (rng.random((n, count)) >= share)

    one = {fill: np.hstack([kept(loss, 1), kept(0.02, sets)]) for fill in ("mean", "zero", "resample")}
    single = np.hstack([kept(loss / 2, 8), kept(0.01, heads - 8)])
    return HeadTrials(baseline, baseline, one, single, np.linspace(1, 0, heads), tuple(range(8)), seed=0)


def at_the_early_layer() -> Trials:
    """Attention at the early layer goes with what a thought is worth."""
    found = trials(loss=(0.3,) * T, follows=1.0)
    assert found.attention is not None
    found.attention[:, 1] = found.attention[:, 2]
    return found


Case = Callable[[], Any]
CASES: dict[str, tuple[Case, Case]] = {
    "2.4-causal": (lambda: head_trials(loss=0.6), lambda: head_trials(loss=0.0)),
    "I.2-baseline": (trials, lambda: trials(accuracy=0.3)),
    "I.2-matters": (lambda: trials(loss=(0, 0, 0.3, 0, 0, 0)), trials),
    "I.2-last": (lambda: trials(loss=(0.1, 0, 0, 0, 0, 0.5)), lambda: trials(loss=(0.5, 0, 0, 0, 0, 0.5))),
    "I.4-mid": (
        lambda: trials(loss=(0.3,) * T, follows=1.0),
        lambda: trials(loss=(0.3,) * T),
    ),
    "I.4-early": (lambda: trials(loss=(0.3,) * T, n=400), at_the_early_layer),
    "I.4-late": (lambda: trials(loss=(0.3,) * T, follows=1.0), lambda: trials(loss=(0.3,) * T)),
}
