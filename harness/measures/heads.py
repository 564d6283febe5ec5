"""The scores that rank or describe single heads, by name."""

from collections.abc import Callable
from typing import Any

from harness.measures.composite import composite_normalised, composite_score
from harness.measures.flow import flow, forward_mass, sequential_share, skip
from harness.measures.hubs import concentration, hub_score
from harness.measures.patterns import Array, head_max, head_max_cross, structure, within_head_std

HEAD_SCORES: dict[str, Callable[[Any], Array]] = {
    "head_max": head_max,
    "head_max_cross": head_max_cross,
    "within_head_std": within_head_std,
    "structure": structure,
    "flow": flow,
    "forward_mass": forward_mass,
    "sequential_share": sequential_share,
    "skip": skip,
    "hub_score": hub_score,
    "concentration": concentration,
    "composite_score": composite_score,
    "composite_normalised": composite_normalised,
}
"""Each maps mean patterns `[..., L, H, T, T]` to one score per head `[..., L, H]`."""
