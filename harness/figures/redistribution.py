"""Where the attention goes that a blocked thought can no longer take: measured beside what the other weights predict."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from harness.figures.keys import draw_key
from harness.figures.layers import round_up
from harness.figures.panels import LEGEND, spread
from harness.figures.patterns import colour_bar
from harness.figures.style import ACCENT, FAINT, INK, MEASURED, MUTED, PATTERN_COLOURS, styled
from harness.figures.text import heading, shortened, shown, width_of

WIDTH, RIGHT, TOP, EDGE = 12.0, 0.25, 1.12, 0.3
"""Inches: of the figure, and margins; ``EDGE`` stands left of the words at the left."""
COLUMNS, ACROSS, DOWN, ROW = 4, 0.22, 0.34, 0.145
"""Panels side by side at most; inches between them, across and down, and height of a class in them."""
AXIS, BETWEEN, LAYERS, HEADS = 0.5, 0.62, 0.62, 1.5
"""Inches: room below the last panels; from there to the maps; left of each map; width of a map, as shares, and more."""
MAP, SHORTEST, TALLEST, BAR, BAR_GAP, BAR_WORDS = 0.11, 2.2, 5.0, 0.1, 0.07, 0.45
"""Inches: height of a head in the maps, of the whole at least and at most; of their scales width, gap, and numbers."""
NAME, SIZE = 1.6, 7.0
"""Inches that the name of a class may take, and points."""
HEAD_SIZE, HEAD_LINE, HEAD_NAME, LEADER = 6.0, 0.1, 0.5, 0.14
"""Of the heads named beside their map: points, inches from one to the next, for a name, and from the map to it."""
MOST_NAMED = 16
"""Heads that are named where there is no room for all."""
DIFFERENCE = "RdBu_r"
"""Blue below, red above, white at 0: apart in all three kinds of colour blindness."""
SHIFT = 0.17
"""Of a row, how far measured and predicted stand from its middle."""


@styled
def redistribution_figure(
    *,
    removed: np.ndarray,
    gained: np.ndarray,
    predicted: np.ndarray,
    by_head: np.ndarray,
    interval: np.ndarray,
    classes: Sequence[str],
    title: str = "Where the blocked attention goes",
) -> Figure:
    """A panel per layer with what each class of keys gains, and maps of the weight removed and of gained less predicted.

    For L layers, Q queries (the thoughts from CT1 on, then the end-of-thought token), C ``classes`` of keys and H heads,
    all in shares of a query's attention, means over problems: ``removed`` [L, Q] the weight on what is blocked;
    ``gained`` and ``predicted`` [L, Q, C], the latter the removed weight divided in proportion to the remaining weights;
    ``interval`` [2, L, C] low and high of ``gained`` averaged over queries; ``by_head`` [L, H, C] gained less predicted,
    averaged over queries. Maps: ``removed`` by layer and query, the difference by layer and class, and by head and class.
    Where not all heads can be named beside their map, those are whose difference is farthest from 0 for some class.
    """
    layers, heads, count = by_head.shape
    queries = removed.shape[1]
    names = [shortened(name, SIZE, NAME) for name in classes]
    words = max(width_of(name, SIZE) for name in names) + 0.1
    left = EDGE + words
    columns = min(COLUMNS, layers)
    rows = -(-layers // columns)
    panel = (WIDTH - left - RIGHT - ACROSS * (columns - 1)) / columns
    tall, below = ROW * count, min(TALLEST, max(SHORTEST, MAP * layers * heads, 0.15 * layers))
    bottom = words + 0.2
    height = TOP + rows * tall + (rows - 1) * DOWN + AXIS + BETWEEN + below + bottom
    figure = Figure(figsize=(WIDTH, height))
    means, expected = gained.mean(axis=1), predicted.mean(axis=1)
    limits = _limits(means, expected, interval)
    for layer in range(layers):
        row, column = divmod(layer, columns)
        top = TOP + row * (tall + DOWN)
        axes = figure.add_axes(
            (
                (left + column * (panel + ACROSS)) / WIDTH,
                1 - (top + tall) / height,
                panel / WIDTH,
                tall / height,
            )
        )
        _draw_layer(axes, means[layer], expected[layer], interval[:, layer], limits)
        axes.set_title(f"Layer {layer}: {removed[layer].mean():.3f} removed", loc="left")
        axes.set_yticks(range(count), names if column == 0 else [""] * count, fontsize=SIZE, parse_math=False)
        axes.tick_params(labelbottom=layer + columns >= layers)
        if layer + columns >= layers:
            axes.set_xlabel("Weight gained")
    _draw_maps(figure, removed, means - expected, by_head, names, (bottom, below))
    heading(
        figure,
        title,
        f"Means over problems, heads and {queries} quer{'ies' if queries > 1 else 'y'}, with 95 % bootstrap intervals over "
        "problems. Predicted: in proportion to the weights that remain.",
        EDGE,
    )
    marks: list[Artist] = [
        Line2D([], [], linestyle="none", marker="o", markersize=4.5, color=MEASURED, label="weight gained"),
        Line2D(
            [], [], linestyle="none", marker="D", markersize=4, color=ACCENT, markerfacecolor="white", label="predicted"
        ),
    ]
    draw_key(figure, marks, EDGE, LEGEND, WIDTH - EDGE - RIGHT)
    return figure


def _limits(means: np.ndarray, expected: np.ndarray, interval: np.ndarray) -> tuple[float, float]:
    everything = np.concatenate([np.ravel(part) for part in (means, expected, interval)])
    known = everything[np.isfinite(everything)]
    low, high = float(known.min(initial=0.0)), float(known.max(initial=0.0))
    pad = 0.05 * ((high - low) or 1.0)
    return low - pad, high + pad


def _draw_layer(
    axes: Axes, gained: np.ndarray, predicted: np.ndarray, interval: np.ndarray, limits: tuple[float, float]
) -> None:
    rows = np.arange(len(gained))
    for row in rows[::2]:
        axes.axhspan(row - 0.5, row + 0.5, color="#f3f5f7", linewidth=0, zorder=0)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    axes.hlines(rows - SHIFT, *interval, color=MEASURED, linewidth=1.2, zorder=3)
    for name, values, shift, look in (
        (
            "predicted",
            predicted,
            SHIFT,
            {"marker": "D", "color": ACCENT, "markerfacecolor": "white", "markersize": 3.2},
        ),
        ("gained", gained, -SHIFT, {"marker": "o", "color": MEASURED, "markersize": 3.8}),
    ):
        axes.plot(values, rows + shift, linestyle="none", label=name, zorder=4, markeredgewidth=0.8, **look)  # type: ignore[arg-type]
    axes.set_xlim(*limits)
    axes.set_ylim(len(gained) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(_number())
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)


def _number() -> FuncFormatter:
    """Numbers in full: the factor that is set apart where they are small would stand in the way of other words."""
    return FuncFormatter(lambda value, _: shown(value, "zg"))


def _draw_maps(
    figure: Figure,
    removed: np.ndarray,
    difference: np.ndarray,
    by_head: np.ndarray,
    names: Sequence[str],
    place: tuple[float, float],
) -> None:
    """The three maps side by side, as wide as they have columns, ``place`` their lower edge and height in inches."""
    layers, heads, count = by_head.shape
    queries = [*(f"CT{query}" for query in range(1, removed.shape[1])), "EOT"]
    width, height = figure.get_size_inches()
    bottom, tall = place
    maps = (
        (removed, queries, "Weight removed", 1, False),
        (difference, names, "Gained less predicted, by layer", 1, True),
        (by_head.reshape(layers * heads, count), names, "Gained less predicted, by head", heads, True),
    )
    named = [0.0, 0.0, LEADER + HEAD_NAME]
    beside = LAYERS + BAR_GAP + BAR + BAR_WORDS
    shares = np.array([max(len(columns), 4) for _, columns, *_ in maps], dtype=float)
    wide = shares / shares.sum() * (width - RIGHT - len(maps) * beside - sum(named))
    x = LAYERS
    for (values, columns, words, depth, signed), across, room in zip(maps, wide.tolist(), named, strict=True):
        axes = figure.add_axes((x / width, bottom / height, across / width, tall / height))
        mesh = _draw_map(axes, values, depth, signed)
        axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=SIZE, parse_math=False)
        axes.set_title(words, loc="left")
        if room:
            _name_heads(axes, values, heads, (across, tall))
        axes.set_ylabel(f"Layer ({depth} heads each)" if depth > 1 else "Layer")
        bar = figure.add_axes(((x + across + room + BAR_GAP) / width, bottom / height, BAR / width, tall / height))
        colour_bar(figure, mesh, bar, "")
        bar.yaxis.set_major_locator(MaxNLocator(4))
        bar.yaxis.set_major_formatter(_number())
        x += across + room + beside


def named_heads(values: np.ndarray, tall: float) -> np.ndarray:
    """Rows of heads [L * H, C] whose names fit beside a map ``tall`` inches high, ascending: all, or the farthest from 0."""
    if len(values) * HEAD_LINE <= tall:
        return np.arange(len(values))
    farthest = np.abs(np.nan_to_num(values)).max(axis=1)
    return np.sort(np.argsort(-farthest, kind="stable")[:MOST_NAMED])


def _name_heads(axes: Axes, values: np.ndarray, heads: int, size: tuple[float, float]) -> None:
    """``L2H5`` right of the map of that ``size`` in inches, joined by a line to the row of the head."""
    across, tall = size
    rows = named_heads(values, tall)
    per_inch = len(values) / tall
    places = spread((rows + 0.5) / per_inch, HEAD_LINE, tall) * per_inch - 0.5
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        axes.plot(
            [1 + 0.02 / across, 1 + 0.3 * LEADER / across, 1 + 0.75 * LEADER / across],
            [row, row, place],
            transform=axes.get_yaxis_transform(),
            color=MUTED,
            linewidth=0.4,
            clip_on=False,
            label="_leader",
        )
        axes.text(
            1 + 0.9 * LEADER / across,
            place,
            f"L{row // heads}H{row % heads}",
            transform=axes.get_yaxis_transform(),
            fontsize=HEAD_SIZE,
            va="center",
        )


def _draw_map(axes: Axes, values: np.ndarray, depth: int, signed: bool) -> QuadMesh:
    """A map of [rows, columns] whose rows are ``depth`` to a layer, with colours around 0 or from 0 on."""
    rows, columns = values.shape
    known = np.abs(values[np.isfinite(values)])
    end = round_up(float(known.max(initial=0.0)))
    mesh = axes.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        np.ma.masked_invalid(values),
        cmap=DIFFERENCE if signed else PATTERN_COLOURS,
        vmin=-end if signed else 0.0,
        vmax=end,
        edgecolors="face" if depth > 1 else "white",
        linewidth=0.1 if depth > 1 else 0.3,
    )
    axes.set_ylim(-0.5, rows - 0.5)
    if depth > 1:
        axes.hlines(np.arange(depth, rows, depth) - 0.5, -0.5, columns - 0.5, color=INK, linewidth=0.4)
    layers = range(0, rows // depth, -(-(rows // depth) // 16))
    axes.yaxis.set_major_locator(FixedLocator([layer * depth + (depth - 1) / 2 for layer in layers]))
    axes.set_yticklabels([str(layer) for layer in layers])
    axes.tick_params(bottom=False, left=False)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)
    return mesh
