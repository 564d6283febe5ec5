"""Do the top heads matter: ablated together beside random sets of heads, and every head alone."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.figures.panels import panel_grid, value_grid
from harness.figures.style import ACCENT, FAINT, INK, MUTED, NULL, styled
from harness.figures.text import equation, heading, shown, with_interval

LEFT, RIGHT, BOTTOM, TOP = 0.4, 0.2, 0.58, 0.92
PANELS, GAP, HEIGHT = (5.3, 5.2), 0.86, 3.5
"""Inches."""

DOTS, STACK, STEP = 90, 0.62, 0.055
"""Columns of dots across a panel; of the height of a fill's row, the share that stacked dots may take and that of one."""


@styled
def causal_heads_figure(
    *,
    random: Mapping[str, np.ndarray],
    chosen: Mapping[str, float],
    p: Mapping[str, float],
    composite: np.ndarray,
    effect: np.ndarray,
    effect_interval: np.ndarray,
    top: np.ndarray,
    relation: float,
    relation_interval: tuple[float, float],
    k: int,
    title: str = "Do critical heads matter",
) -> Figure:
    """Accuracy lost when the ``k`` top heads are ablated beside random sets of ``k``, and when each head is.

    By fill (what a head's output is replaced by): ``random`` [sets] the drops of random sets, ``chosen`` the drop of the
    top heads, ``p`` of the comparison. By head: ``composite`` [heads] its score, ``effect`` [heads] the drop when it is
    ablated alone with ``effect_interval`` [2, heads], ``top`` [heads] bool. ``relation``: rank correlation of the two,
    with its interval. Drops are shares of all problems (-1 to 1). NaN where undefined; such heads are counted, not drawn.
    """
    figure, ((sets, heads),) = panel_grid(
        PANELS, [HEIGHT], left=LEFT, right=RIGHT, bottom=BOTTOM, top=TOP, gap_across=GAP
    )
    _draw_sets(sets, random, chosen, p, k)
    _draw_heads(heads, composite, effect, effect_interval, top, k)
    missing = int((~np.isfinite(composite + effect)).sum())
    heads.set_title(
        f"Each head ablated alone ({next(iter(random))})" + (f" ({missing} n/a)" if missing else ""), loc="left"
    )
    heads.set_title(with_interval("Spearman r", relation, *relation_interval), loc="right")
    heading(
        figure,
        title,
        "Heads ranked on another sample of problems and ablated while thinking. p: (1 + sets that lose as much) / "
        "(1 + sets). Right: 95 % bootstrap intervals over problems.",
        LEFT,
    )
    return figure


def _draw_sets(
    axes: Axes, random: Mapping[str, np.ndarray], chosen: Mapping[str, float], p: Mapping[str, float], k: int
) -> None:
    """A row of stacked dots per fill, the first at the top, each 1 high with its words in the upper part."""
    values = np.concatenate([*random.values(), list(chosen.values()), [0.0]])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    pad = 0.06 * ((high - low) or 1.0)
    low, high = low - pad, high + pad
    axes.set_xlim(low, high)
    axes.axvline(0, color=NULL, linewidth=0.8, zorder=1)
    for row, (fill, drops) in enumerate(random.items()):
        floor = len(random) - 1 - row
        heights = _stacked(drops, (high - low) / DOTS)
        step = min(STEP, STACK / (1 + heights.max()))
        axes.axhline(floor, color=MUTED, linewidth=0.6, zorder=1)
        axes.plot(
            drops,
            floor + step * (heights + 0.5),
            linestyle="none",
            marker="o",
            markersize=3.4,
            color=NULL,
            markeredgewidth=0,
            label=f"random sets, {fill}",
        )
        axes.vlines([chosen[fill]], floor, floor + STACK, color=ACCENT, linewidth=1.6, zorder=1.5)
        axes.plot(
            [chosen[fill]],
            [floor + STACK],
            linestyle="none",
            marker="D",
            markersize=7,
            color=ACCENT,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=f"top {k}, {fill}",
        )
        axes.text(low, floor + 0.86, f" {fill.capitalize()}", weight="bold", ha="left", va="center")
        axes.text(
            high,
            floor + 0.86,
            f"top {k} heads {shown(chosen[fill], '.3f')}, random sets {shown(float(np.median(drops)), '.3f')} (median), "
            f"{equation('p', p[fill], '.3g')}",
            ha="right",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )
    axes.set_ylim(0, len(random))
    axes.yaxis.set_major_locator(FixedLocator([]))
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_xlabel(f"Accuracy drop, {k} heads ablated together")
    axes.set_title(f"Top {k} heads (diamond) and random sets of {k} (dots)", loc="left")


def _stacked(values: np.ndarray, width: float) -> np.ndarray:
    """How many earlier values share each one's column, ``width`` wide: the floor of a dot in its stack."""
    columns = np.floor(values / width)
    order = np.lexsort((values, columns))
    _, first = np.unique(columns[order], return_index=True)
    starts = np.zeros(len(values), dtype=np.int64)
    starts[first] = first
    heights = np.empty(len(values), dtype=np.int64)
    heights[order] = np.arange(len(values)) - np.maximum.accumulate(starts)
    return heights


def _draw_heads(
    axes: Axes, composite: np.ndarray, effect: np.ndarray, interval: np.ndarray, top: np.ndarray, k: int
) -> None:
    known = np.isfinite(composite) & np.isfinite(effect)
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    for label, these, colour, size, alpha, level in (
        (f"the other {int((known & ~top).sum())} heads", known & ~top, MUTED, 3.2, 0.55, 2),
        (f"top {k}", known & top, ACCENT, 5.5, 1.0, 3),
    ):
        axes.vlines(
            composite[these],
            interval[0][these],
            interval[1][these],
            color=colour,
            alpha=max(0.2, min(0.6, 40 / int(these.sum() or 1))),
            linewidth=0.9,
            zorder=level,
        )
        axes.plot(
            composite[these],
            effect[these],
            linestyle="none",
            marker="D" if level == 3 else "o",
            markersize=size,
            color=colour,
            alpha=alpha,
            markeredgecolor="white",
            markeredgewidth=0.4,
            label=label,
            zorder=level,
        )
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.1 * (high - low))
    value_grid(axes)
    axes.set_xlabel("Composite score")
    axes.set_ylabel("Accuracy drop")
    axes.legend(loc="upper left", ncols=3, handlelength=1.2, borderaxespad=0.1, columnspacing=1.4)
