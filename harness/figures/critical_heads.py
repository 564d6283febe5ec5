"""Figure 4: the heads with the largest composite scores, each framed in the colour of its functional type."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from harness.figures.layers import round_up
from harness.figures.patterns import Panel, Sizes, causal_maximum, pattern_grid
from harness.figures.style import TYPE_COLOURS, styled

ROWS, COLUMNS = 3, 4
SIZES = Sizes(panel=1.95, gap_across=0.58, gap_down=0.62, top=1.06, title_font=7.8, border=2.2)


@styled
def critical_heads_grid(
    mean: np.ndarray,
    heads: Sequence[tuple[int, int]],
    types: Sequence[str],
    scores: Sequence[float],
    title: str = "Attention between thoughts, most critical heads",
) -> Figure:
    """Heatmaps of up to 12 heads, three rows of four; with fewer heads the last panels stay empty.

    ``mean``: attention weights [L, H, T, T] (query i, key j), averaged over problems. ``heads``: (layer, head), the
    most critical first; ``types`` the functional type of each, a key of ``TYPE_COLOURS``; ``scores`` its composite
    score. Every panel shares one colour scale, which ends at the next round number above their largest weight.
    """
    if len(heads) > ROWS * COLUMNS:
        raise ValueError(f"the grid holds {ROWS * COLUMNS} heads, got {len(heads)}")
    panels = [
        Panel(mean[layer, head], f"L{layer}H{head}: {kind} (score={score:.2f})", TYPE_COLOURS[kind])
        for (layer, head), kind, score in zip(heads, types, scores, strict=True)
    ]
    largest = round_up(max(causal_maximum(panel.weights) for panel in panels))
    empty = ROWS * COLUMNS - len(panels)
    figure = pattern_grid(
        panels,
        ROWS,
        COLUMNS,
        (0.0, largest),
        title=title,
        note="Mean over problems. Row: the thought that reads; column: the thought that is read. Score: composite of "
        f"flow, hub and skip. Frame: functional type. Colours: 0 to {largest:g}."
        + (f" {empty} of {ROWS * COLUMNS} panels empty: no more heads." if empty else ""),
        bar_label="Attention weight",
        sizes=SIZES,
    )
    width, height = figure.get_size_inches()
    figure.legend(
        handles=[
            Patch(facecolor="white", edgecolor=colour, linewidth=SIZES.border, label=kind)
            for kind, colour in TYPE_COLOURS.items()
        ],
        loc="upper left",
        bbox_to_anchor=(SIZES.left / width, 1 - 0.56 / height),
        ncols=len(TYPE_COLOURS),
        borderpad=0,
        borderaxespad=0,
        handlelength=1.3,
        handleheight=1.0,
        columnspacing=2.0,
    )
    return figure
