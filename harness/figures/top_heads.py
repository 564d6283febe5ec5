"""Figure 1: the patterns of the strongest heads on one grid and one colour scale."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from harness.figures.patterns import Panel, causal_maximum, pattern_grid
from harness.figures.style import styled

ROWS, COLUMNS = 4, 5
LIMITS = (0.0, 1.0)


@styled
def top_heads_grid(
    mean: np.ndarray, heads: Sequence[tuple[int, int]], title: str = "Attention between thoughts, strongest heads"
) -> Figure:
    """Heatmaps of up to 20 heads, four rows of five; with fewer heads the last panels stay empty.

    ``mean``: attention weights [L, H, T, T] (query i, key j), averaged over problems. ``heads``:
    (layer, head), strongest first. Every panel shares the colour scale 0 to 1.0; cells above the
    diagonal are blank, since no query reads a later key.
    """
    if len(heads) > ROWS * COLUMNS:
        raise ValueError(f"the grid holds {ROWS * COLUMNS} heads, got {len(heads)}")
    panels = [
        Panel(mean[layer, head], f"L{layer}H{head} (max={causal_maximum(mean[layer, head]):.2f})")
        for layer, head in heads
    ]
    empty = ROWS * COLUMNS - len(panels)
    return pattern_grid(
        panels,
        ROWS,
        COLUMNS,
        LIMITS,
        title=title,
        note="Mean over problems. Row: the thought that reads; column: the thought that is read. "
        "One colour scale for all panels."
        + (f" {empty} of {ROWS * COLUMNS} panels empty: no more heads." if empty else ""),
        bar_label="Attention weight",
    )
