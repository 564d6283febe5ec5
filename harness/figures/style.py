"""The one look of every figure: type, ink, colours that survive colour blindness, and their colour maps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
from matplotlib.figure import Figure

INK = "#20242c"
"""Text and the model's own values."""
MUTED = "#6b7280"
"""Axis labels, reference lines: readable on white and on near-black."""
FAINT = "#d4d7dd"
"""Frames and grid lines."""

MEASURED = "#0072b2"
NULL = "#9a9fa8"
ACCENT = "#d55e00"
SECOND = "#009e73"
"""Blue, grey, vermilion and bluish green (Okabe and Ito, *Color Universal Design*, 2008)."""

PATTERN_COLOURS = "viridis"
"""Perceptually uniform, and ordered by lightness alone when printed without colour."""

TYPE_COLOURS = {
    "Forward Flow": "#b2182b",
    "Hub Aggregator": "#4477dd",
    "Skip Connection": "#7fbf3f",
    "Multi-Purpose": "#aa4499",
    "None": "#8c8c8c",
}
"""Red, blue, green, purple and grey, in shades that stay apart in all three kinds of colour blindness."""

FILLS = {
    "zero": ("o", MEASURED),
    "mean": ("D", SECOND),
    "noise 0.5": ("o", "#f5dc8c"),
    "noise 1": ("o", "#e69f00"),
    "noise 2": ("o", "#7a4b00"),
    "resample": ("X", "#cc79a7"),
    "shuffle": ("^", "#56b4e9"),
    "blocked": ("v", INK),
    "input zero": ("s", NULL),
}
"""Marker and colour of what an ablated activation is replaced by; more noise is darker."""

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "text.color": INK,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.titlesize": 11.0,
    "axes.titlesize": 8.5,
    "axes.titlepad": 4.0,
    "axes.labelsize": 8.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.2,
    "hatch.linewidth": 0.5,
    "image.cmap": PATTERN_COLOURS,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "codi-harness",
}

P = ParamSpec("P")


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with ``STYLE`` over matplotlib's defaults, whatever a user's ``matplotlibrc`` says."""
    with matplotlib.rc_context():
        matplotlib.rcParams.update(_DEFAULTS)
        matplotlib.rcParams.update(STYLE)
        yield


def styled(build: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a figure function draw in the house style."""

    @wraps(build)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with house_style():
            return build(*args, **kwargs)

    return drawn


# Setting these two would choose a backend or an interactive mode for the whole process.
_DEFAULTS: Any = {
    key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith(("backend", "interactive"))
}
