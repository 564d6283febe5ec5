"""Reading a figure back: what was drawn, and what the file holds, so that a check can compare both with a plan."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, Container
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from harness.errors import HarnessError
from harness.figures.patterns import COLOUR_BAR


@dataclass(frozen=True)
class PanelFacts:
    """One panel as drawn; ``colour_limits``, cell counts and limits are None or 0 where there is no heatmap."""

    row: int
    column: int
    title: str
    xlabel: str
    ylabel: str
    empty: bool
    """True for a panel that is present in the grid with nothing drawn into it, its axes off."""
    colour_limits: tuple[float, float] | None
    cells: int
    """Heatmap cells that carry a value."""
    blank_cells: int
    """Heatmap cells that are masked."""
    series: tuple[str, ...]
    """Labels of the lines, bars and points drawn."""
    border: str | None
    """Colour of the frame as ``#rrggbb``; None unless all four sides are drawn in one colour."""
    bars: dict[str, tuple[float, ...]]
    """Lengths of each set of bars, by label."""
    annotations: dict[tuple[int, int], str]
    """What is written on a heatmap's cells, by (query, key)."""
    outlined: dict[str, tuple[tuple[int, int], ...]]
    """Cells (query, key) of a heatmap inside each outline, by label."""


@dataclass(frozen=True)
class FigureFacts:
    """A whole figure as drawn; ``panels`` run row by row."""

    rows: int
    columns: int
    panels: tuple[PanelFacts, ...]
    colour_scales: tuple[tuple[float, float], ...]
    """The different colour limits in use, in order of appearance."""
    colour_bars: int
    texts: tuple[str, ...]
    """Text that belongs to the figure and to no panel: its title and notes."""
    legend: dict[str, str]
    """Colour ``#rrggbb`` of the frames that the figure's legend explains, by label; lines and points are left out."""


@dataclass(frozen=True)
class PngFacts:
    """Size of a png in pixels and its resolution in dots per inch, None when the file does not say."""

    width: int
    height: int
    dpi: int | None


def facts(figure: Figure) -> FigureFacts:
    """What ``figure`` shows, read from its artists. A panel is any axes placed on a grid but a colour bar."""
    bars = [axes for axes in figure.axes if axes.get_label() == COLOUR_BAR]
    panels = [_panel(axes) for axes in figure.axes if axes not in bars and axes.get_subplotspec() is not None]
    panels.sort(key=lambda panel: (panel.row, panel.column))
    scales = dict.fromkeys(panel.colour_limits for panel in panels if panel.colour_limits is not None)
    return FigureFacts(
        rows=1 + max((panel.row for panel in panels), default=-1),
        columns=1 + max((panel.column for panel in panels), default=-1),
        panels=tuple(panels),
        colour_scales=tuple(scales),
        colour_bars=len(bars),
        texts=tuple(text.get_text() for text in figure.texts),
        legend={
            text.get_text(): to_hex(handle.get_edgecolor())
            for legend in figure.legends
            for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
            if isinstance(handle, Patch)
        },
    )


def png_facts(path: Path) -> PngFacts:
    """Pixel size and resolution of a png. Errors: ``HarnessError`` when it is missing or no image."""
    try:
        with Image.open(path) as picture:
            dpi = picture.info.get("dpi")
            return PngFacts(picture.width, picture.height, round(dpi[0]) if dpi else None)
    except OSError as error:
        raise HarnessError(f"Cannot read the figure {path}: {error}. Draw it again by running its check.") from error


def _panel(axes: Axes) -> PanelFacts:
    place = axes.get_subplotspec()
    assert place is not None
    heatmap = next((artist for artist in axes.collections if isinstance(artist, QuadMesh)), None)
    values = np.ma.asarray(heatmap.get_array()) if heatmap is not None else np.ma.asarray([])
    limits = heatmap.get_clim() if heatmap is not None else None
    drawn: list[Artist | Container] = [*axes.containers, *axes.lines, *axes.collections, *axes.patches]
    labels = dict.fromkeys(str(artist.get_label()) for artist in drawn)
    return PanelFacts(
        row=place.rowspan.start,
        column=place.colspan.start,
        title=axes.get_title() or axes.get_title(loc="left"),
        xlabel=axes.get_xlabel(),
        ylabel=axes.get_ylabel(),
        empty=not axes.axison and not drawn,
        colour_limits=None if limits is None else (float(limits[0]), float(limits[1])),
        cells=int(values.count()),
        blank_cells=int(values.size - values.count()),
        series=tuple(label for label in labels if label and not label.startswith("_")),
        border=_border(axes),
        bars={
            str(bars.get_label()): tuple(np.asarray(bars.datavalues, dtype=np.float64).tolist())
            for bars in axes.containers
            if isinstance(bars, BarContainer)
        },
        annotations={} if heatmap is None else {_cell(*text.get_position()): text.get_text() for text in axes.texts},
        outlined={} if heatmap is None else {str(patch.get_label()): _cells(patch) for patch in axes.patches},
    )


def _border(axes: Axes) -> str | None:
    colours = {to_hex(side.get_edgecolor()) if side.get_visible() else None for side in axes.spines.values()}
    return colours.pop() if axes.axison and len(colours) == 1 else None


def _cell(x: float, y: float) -> tuple[int, int]:
    return round(y), round(x)


def _cells(outline: Patch) -> tuple[tuple[int, int], ...]:
    """The heatmap cells whose centres an outline encloses; a cell's centre has its indices for coordinates."""
    left, top, right, bottom = outline.get_path().get_extents(outline.get_patch_transform()).extents
    return tuple(
        (query, key)
        for query in range(math.ceil(top), math.floor(bottom) + 1)
        for key in range(math.ceil(left), math.floor(right) + 1)
    )
