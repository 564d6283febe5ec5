"""What the residual stream at each thought is made of: embedding, attention and MLP of every layer."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.figures.style import ACCENT, FAINT, MEASURED, MUTED, NULL, styled
from harness.figures.text import heading

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 12.0, 0.66, 0.2, 1.0, 0.5
ACROSS, DOWN, PANEL, BLOCK = 0.14, 0.14, 1.75, 0.62
"""Inches: margins, gaps between panels, their height, gap between blocks of two rows."""
MOST_ACROSS = 6
KINDS = {"embedding": (NULL, "s"), "attention": (MEASURED, "o"), "MLP": (ACCENT, "D")}


@styled
def decomposition_figure(
    *,
    share: np.ndarray,
    share_interval: np.ndarray,
    norm: np.ndarray,
    norm_interval: np.ndarray,
    error: float,
    title: str = "What each thought's residual stream is made of",
) -> Figure:
    """One column per thought: above, each part's share of the final residual stream; below, its length.

    For T thoughts and P = 1 + 2 L parts (the embedding, then attention and MLP of each layer) ``share`` and ``norm`` are
    [T, P], means over problems, their intervals [2, T, P]. A share is the part's component along the final stream,
    relative to that stream: a thought's shares sum to 1, negative ones are taken away. ``error`` is the largest relative
    error of the parts' sum over all problems and thoughts.
    """
    latents, parts = share.shape
    layers = parts // 2
    columns = min(latents, MOST_ACROSS)
    blocks = -(-latents // columns)
    height = TOP + blocks * (2 * PANEL + DOWN) + (blocks - 1) * BLOCK + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    panel_width = (WIDTH - LEFT - RIGHT - (columns - 1) * ACROSS) / columns
    for thought in range(latents):
        block, column = divmod(thought, columns)
        for row, (values, interval) in enumerate(((share, share_interval), (norm, norm_interval))):
            above = block * (2 * PANEL + DOWN + BLOCK) + row * (PANEL + DOWN)
            left, bottom = LEFT + column * (panel_width + ACROSS), height - TOP - above - PANEL
            axes = figure.add_axes((left / WIDTH, bottom / height, panel_width / WIDTH, PANEL / height))
            _draw(axes, values[thought], interval[:, thought])
            axes.set_ylim(*_limits(interval))
            axes.tick_params(labelbottom=row == 1, labelleft=column == 0)
            if row == 0:
                axes.set_title(f"CT{thought}", loc="left")
            else:
                axes.set_xlabel(f"Layer (0-{layers - 1})")
            if column == 0:
                axes.set_ylabel("Length of the part" if row else "Share of the final stream")
    _key(figure, height)
    note = (
        "Means over problems with 95 % bootstrap intervals. The shares of a thought sum to 1; the parts' sum misses the stream "
        f"by at most {error:.1g} of its length."
    )
    heading(figure, title, note, LEFT)
    return figure


def _draw(axes: Axes, values: np.ndarray, interval: np.ndarray) -> None:
    layers = np.arange(len(values) // 2)
    first = -max(1.0, len(layers) / 7)
    places = {
        "embedding": (np.array([first]), np.array([0])),
        "attention": (layers - 0.1, layers * 2 + 1),
        "MLP": (layers + 0.1, layers * 2 + 2),
    }
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
    for name, (x, parts) in places.items():
        colour, marker = KINDS[name]
        axes.vlines(x, *interval[:, parts], color=colour, linewidth=1.3)
        axes.plot(
            x,
            values[parts],
            color=colour,
            marker=marker,
            markersize=4.2,
            markeredgecolor="white",
            markeredgewidth=0.5,
            linewidth=1.0,
            label=name,
        )
    step = -(-len(layers) // 8)
    axes.set_xlim(1.5 * first, len(layers) - 0.5)
    axes.xaxis.set_major_locator(FixedLocator([first, *layers[::step]]))
    axes.set_xticklabels(["emb.", *map(str, layers[::step])])
    axes.grid(axis="y", color=FAINT, linewidth=0.5)


def _limits(interval: np.ndarray) -> tuple[float, float]:
    low, high = min(0.0, float(interval.min())), float(interval.max())
    return low - 0.06 * (high - low) * (low < 0), high + 0.06 * (high - low)


def _key(figure: Figure, height: float) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.axes[0].legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(LEFT / WIDTH, 1 - 0.58 / height),
        bbox_transform=figure.transFigure,
        ncols=len(labels),
        borderaxespad=0,
        borderpad=0,
        columnspacing=1.6,
        fontsize=8,
    )
