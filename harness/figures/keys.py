"""Explanations of what is drawn, in as many rows as their words need."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from harness.figures.text import shortened, width_of

SIZE = 7.5
"""Points."""
LINE = 0.19
"""Inches from one row to the next."""
BESIDE = 3.6 * SIZE / 72
"""Inches that the mark of an explanation and the gaps around it take."""


def key_rows(labels: Sequence[str], width: float) -> list[list[int]]:
    """Indices of ``labels`` row by row, each row at most ``width`` inches wide unless one label alone is wider."""
    rows: list[list[int]] = []
    right = 0.0
    for index, label in enumerate(labels):
        wide = min(width_of(label, SIZE) + BESIDE, width)
        if not rows or right + wide > width + 1e-9:
            rows.append([])
            right = 0.0
        rows[-1].append(index)
        right += wide
    return rows


def draw_key(figure: Figure, handles: Sequence[Artist], left: float, top: float, width: float) -> None:
    """Explain ``handles`` by their labels, ``left`` and ``top`` inches from the edges, in rows of ``width`` inches.

    A label that is wider than a row is cut.
    """
    across, down = figure.get_size_inches()
    labels = [shortened(str(handle.get_label()), SIZE, width - BESIDE) for handle in handles]
    for row, indices in enumerate(key_rows(labels, width)):
        legend = figure.legend(
            handles=[handles[index] for index in indices],
            labels=[labels[index] for index in indices],
            loc="upper left",
            bbox_to_anchor=(left / across, 1 - (top + row * LINE) / down),
            ncols=len(indices),
            fontsize=SIZE,
            borderpad=0,
            borderaxespad=0,
            handlelength=1.5,
            handletextpad=0.5,
            columnspacing=1.5,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
