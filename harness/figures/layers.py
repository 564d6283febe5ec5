"""Figure 2: every layer's attention pattern, averaged over its heads."""

import math

import numpy as np
from matplotlib.figure import Figure

from harness.figures.patterns import Panel, Sizes, causal_maximum, pattern_grid
from harness.figures.style import styled


@styled
def layers_grid(mean: np.ndarray, title: str = "Attention between thoughts, by layer") -> Figure:
    """One heatmap per layer: the mean over heads of ``mean`` [L, H, T, T], averaged over problems.

    Averages over heads are far below 1, so the shared colour scale ends at the next round number
    above the largest of them; the figure says so.
    """
    layers, heads = mean.shape[:2]
    aggregate = mean.mean(axis=1)
    maxima = [causal_maximum(pattern) for pattern in aggregate]
    top = round_up(max(maxima))
    rows, columns = grid_shape(layers)
    panels = [
        Panel(pattern, f"Layer {layer} (max={maximum:.2f})")
        for layer, (pattern, maximum) in enumerate(zip(aggregate, maxima, strict=True))
    ]
    note = f"Mean over {heads} head{'s' if heads > 1 else ''} and all problems. "
    note += f"Colour scale fitted to these means (0 to {top:g})"
    note += "." if top == 1.0 else "; not the 0 to 1.0 scale of single heads."
    return pattern_grid(
        panels,
        rows,
        columns,
        (0.0, top),
        title=title,
        note=note,
        bar_label="Mean attention weight",
        sizes=_sizes(columns),
    )


def grid_shape(layers: int) -> tuple[int, int]:
    """Rows and columns for so many panels: 2 x 1 ... 4 x 4 up to 16, then six and eight columns."""
    columns = min(layers, 4) if layers <= 16 else 6 if layers <= 24 else 8
    return -(-layers // columns), columns


def round_up(value: float) -> float:
    """The smallest of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten that is at least ``value``."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return float(next(step * unit for step in steps if step * unit >= value * (1 - 1e-12)))


def _sizes(columns: int) -> Sizes:
    if columns <= 4:
        return Sizes(panel=1.85)
    if columns == 6:
        return Sizes(panel=1.55, title_font=8)
    return Sizes(panel=1.35, title_font=7.5, label_font=5.8, tick_font=5.5)
