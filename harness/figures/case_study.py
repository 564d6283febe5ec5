"""One problem on one page: what its thoughts decode to, what they read, and how far they are from the baseline's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.figures.divergence import IDENTICAL, draw_distances, draw_scale, root_scale
from harness.figures.keys import draw_key, key_rows
from harness.figures.layers import round_up
from harness.figures.patterns import colour_bar
from harness.figures.shaded_text import SHADE
from harness.figures.style import ACCENT, FAINT, INK, MUTED, PATTERN_COLOURS, styled
from harness.figures.text import heading, in_house_font, shortened, shown, width_of, wrapped, written_out

WIDTH, EDGE, BOTTOM = 12.0, 0.3, 0.16
"""Inches: of the page, margins beside what is written, and below."""
TEXT, TEXT_LINE, PARAGRAPH, LABEL, TEXT_TOP = 8.0, 0.155, 0.05, 1.0, 0.62
"""Points of the question and the answers; inches from line to line, between paragraphs, before them, and above them."""
HEAD, BLOCK = 9.0, 0.34
"""Points of a block's heading; inches between two blocks."""
ROW, CELL, SIZE, NUMBER, PAD = 0.172, 1.5, 7.0, 6.0, 0.04
"""Inches: height of a token's row and the most that its cell is wide; points of token and probability; inches in a cell's
margins."""
KEY, NAMES, BETWEEN = 0.28, 0.2, 0.1
"""Inches: a row of explanations, the names of positions above the tokens, and between the two tables."""
MAPS_LEFT, MAP, CLOSE, BAR_GAP, BAR, AFTER, DEEP = 0.68, 2.05, 0.12, 0.08, 0.1, 0.64, 0.55
"""Inches: left of the maps, width of one, between baseline and condition; scale; from it to the next map; for the layers."""
POSITION, SHORTEST, TALLEST, NAME = 0.2, 1.7, 3.0, 1.5
"""Inches: height of a position in a map, of a map at least and at most, and what the name of a class may take."""
UPRIGHT = 8
"""More positions than these are named sideways."""
BOLD = 1.14
"""How much wider than regular type bold type is at most."""
DIFFERENCE = "RdBu_r"

COLUMNS = {"Condition": 1.75, "Answer": 3.1, "Class": 1.75, "Evidence": 3.7, "Gold answer's log p": 1.1}
"""Inches of each column of the table of answers."""
COLUMN_GAP = 0.12
CORRECT = "CORRECT"

Tokens = Sequence[Sequence[tuple[str, float]]]


@dataclass(frozen=True)
class Answer:
    """What was answered under a condition: text, its class, what that was told by, log-probability of the gold answer."""

    condition: str
    text: str
    error_class: str
    evidence: str
    gold_log_probability: float


@styled
def case_study_figure(
    *,
    lens_baseline: Tokens,
    lens_blocked: Tokens,
    attention_baseline: np.ndarray,
    attention_blocked: np.ndarray,
    classes: Sequence[str],
    divergence: np.ndarray,
    question: str,
    solution: str,
    answers: Sequence[Answer],
    note: str = "",
    title: str = "A case",
) -> Figure:
    """A problem with its solution and four blocks: answers, decoded tokens, attention, and distance from the baseline.

    ``answers`` are the baseline's, that of the condition that the other blocks show beside it, and any others. The first
    two stand in full, the others in a line each. ``note`` says below the title what the condition is. For P positions (the
    thoughts, then the end-of-thought token) ``lens_baseline`` and ``lens_blocked`` [P] hold the most probable tokens, each
    with its probability, in the baseline and under the condition; ``attention_baseline`` and ``attention_blocked`` [P, C]
    the weight on each of C ``classes`` of keys, mean over layers and heads; ``divergence`` [P, D] the relative L2 distance
    of the residual streams at D depths (the embedding, then after each layer). Tokens stand with their spaces and with
    escapes for what the font cannot draw.
    """
    positions = len(divergence)
    condition = in_house_font(answers[1].condition)
    texts = _paragraphs(question, solution)
    lines = sum(words.count("\n") + 1 for _, words in texts)
    rows = [_row(answer, in_full=place < 2) for place, answer in enumerate(answers)]
    names = [shortened(name, SIZE, NAME) for name in classes]
    below = max(width_of(name, SIZE) for name in names) + 0.12
    ranks = max(len(tokens) for tokens in (*lens_baseline, *lens_blocked))
    keys = _key()
    key = KEY + 0.19 * (len(key_rows([str(mark.get_label()) for mark in keys], WIDTH - 2 * EDGE)) - 1)
    table = NAMES + 2 * ranks * ROW + BETWEEN
    tall = min(TALLEST, max(SHORTEST, POSITION * positions))
    answered = TEXT_TOP + TEXT_LINE * lines + PARAGRAPH * len(texts) + BLOCK
    first = answered + 0.09 + TEXT_LINE * (1 + sum(map(_lines, rows))) + PARAGRAPH * len(rows) + BLOCK
    second = first + key + table + BLOCK + 0.1
    height = second + 0.25 + tall + max(below, 0.5) + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    heading(
        figure,
        in_house_font(title),
        in_house_font(note or f"Baseline beside {condition}."),
        EDGE,
    )
    _write(figure, texts)
    _block(figure, "What was answered", EDGE, answered)
    _write_answers(figure, answers, rows, answered + 0.09)
    _block(figure, "What each position decodes to", EDGE, first)
    draw_key(figure, keys, EDGE, first + 0.08, WIDTH - 2 * EDGE)
    axes = _axes(figure, EDGE, first + key, WIDTH - 2 * EDGE, table)
    _draw_tokens(axes, lens_baseline, lens_blocked, condition, ranks)
    _block(figure, "What it reads (means over layers and heads)", EDGE, second)
    x = _draw_attention(
        figure, (attention_baseline, attention_blocked), ("Baseline", condition), names, second + 0.25, tall
    )
    _block(figure, "How far it is from the baseline", x + DEEP - 0.35, second)
    axes = _axes(figure, x + DEEP, second + 0.25, WIDTH - x - DEEP - AFTER, tall)
    draw_scale(figure, axes, draw_distances(axes, divergence, root_scale(divergence)))
    axes.set_title("Relative L2 distance", loc="left")
    axes.set_ylabel("Depth (layer)")
    axes.tick_params(axis="x", labelrotation=90 if positions > UPRIGHT else 0, labelsize=SIZE)
    return figure


def _axes(figure: Figure, left: float, top: float, wide: float, tall: float) -> Axes:
    """Axes at so many inches from the left and upper edge, so wide and tall."""
    width, height = figure.get_size_inches()
    return figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))


def _paragraphs(question: str, solution: str) -> list[tuple[str, str]]:
    """Label and words in lines; those of the solution are its own."""
    width = WIDTH - 2 * EDGE - LABEL
    parts = (("Question", " ".join(question.split())), ("Solution", solution))
    return [(label, "\n".join(_wrapped(line, width) for line in _own_lines(text))) for label, text in parts]


def _own_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()] or [""]


def _wrapped(text: str, width: float) -> str:
    """``text`` in lines of at most ``width`` inches, with letters that can be drawn."""
    return wrapped(" ".join(_words(text, width)), TEXT, width)


def _row(answer: Answer, in_full: bool) -> list[str]:
    """Cells of an answer's row, each in lines that its column has room for, or in one line."""
    cells = (
        answer.condition,
        answer.text,
        answer.error_class,
        answer.evidence,
        shown(answer.gold_log_probability, ".3g"),
    )
    room = [width - COLUMN_GAP for width in COLUMNS.values()]
    if in_full:
        return [
            shortened(in_house_font(cells[0]), TEXT, room[0]),
            *(_wrapped(cell, width) if cell else "" for cell, width in zip(cells[1:], room[1:], strict=True)),
        ]
    return [
        shortened(in_house_font(" ".join(cell.split())), TEXT, width) for cell, width in zip(cells, room, strict=True)
    ]


def _lines(row: Sequence[str]) -> int:
    return max(cell.count("\n") + 1 for cell in row)


def _write_answers(figure: Figure, answers: Sequence[Answer], rows: Sequence[Sequence[str]], top: float) -> None:
    """The table of answers, a wrong one's class in colour."""
    width, height = figure.get_size_inches()
    lefts = EDGE + np.cumsum([0.0, *COLUMNS.values()])

    def write(column: int, down: float, line: str, colour: str) -> None:
        figure.text(
            lefts[column] / width,
            1 - down / height,
            line,
            fontsize=TEXT,
            color=colour,
            va="top",
            parse_math=False,
        )

    for column, name in enumerate(COLUMNS):
        write(column, top, name, MUTED)
    down = top + TEXT_LINE
    for answer, row in zip(answers, rows, strict=True):
        for column, cell in enumerate(row):
            wrong = column == 2 and answer.error_class != CORRECT
            for place, line in enumerate(cell.split("\n")):
                write(column, down + TEXT_LINE * place, line, ACCENT if wrong else MUTED if column == 0 else INK)
        down += TEXT_LINE * _lines(row) + PARAGRAPH


def _words(text: str, width: float) -> list[str]:
    """The words of ``text`` as they can be drawn; one that is wider than ``width`` inches in pieces that are not."""
    pieces: list[str] = []
    for word in text.split() or [""]:
        left = written_out(word)
        while left:
            fits = len(left)
            while width_of(left[:fits], TEXT) > width:
                fits = max(1, int(fits * 0.8))
            pieces.append(left[:fits])
            left = left[fits:]
    return pieces


def _write(figure: Figure, texts: Sequence[tuple[str, str]]) -> None:
    width, height = figure.get_size_inches()
    down = TEXT_TOP
    for label, words in texts:
        short = shortened(label, TEXT, LABEL - 0.1)
        figure.text(EDGE / width, 1 - down / height, short, fontsize=TEXT, color=MUTED, va="top", parse_math=False)
        for line in words.split("\n"):
            figure.text((EDGE + LABEL) / width, 1 - down / height, line, fontsize=TEXT, va="top", parse_math=False)
            down += TEXT_LINE
        down += PARAGRAPH


def _block(figure: Figure, words: str, left: float, top: float) -> None:
    width, height = figure.get_size_inches()
    figure.text(left / width, 1 - top / height, words, fontsize=HEAD, weight="bold", va="bottom")


def _key() -> list[Artist]:
    return [
        Patch(facecolor=SHADE(0.6), edgecolor="none", label="the darker, the more probable (number: probability)"),
        Line2D(
            [],
            [],
            linestyle="none",
            marker=r"$\mathbf{B}$",
            markersize=6,
            markeredgewidth=0,
            color=INK,
            label="bold: not the baseline's token of this rank",
        ),
        Patch(facecolor="white", edgecolor=ACCENT, linewidth=1.2, label="framed: not among the baseline's tokens here"),
        IDENTICAL,
    ]


def _draw_tokens(axes: Axes, baseline: Tokens, blocked: Tokens, condition: str, ranks: int) -> None:
    """Two tables in axes measured in inches, positions across and ranks down, the baseline's above."""
    width, height = WIDTH - 2 * EDGE, NAMES + 2 * ranks * ROW + BETWEEN
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    axes.set_xticks([])
    axes.set_yticks([])
    cell = min(CELL, (width - LABEL) / len(baseline))
    for position in range(len(baseline)):
        axes.text(
            LABEL + position * cell + PAD, NAMES - 0.07, _name(position, len(baseline)), color=MUTED, fontsize=SIZE
        )
    for lens, top, name in ((baseline, NAMES, "Baseline"), (blocked, NAMES + ranks * ROW + BETWEEN, condition)):
        axes.text(0, top + 0.12, shortened(name, TEXT, LABEL - 0.1), color=MUTED, fontsize=TEXT, parse_math=False)
        boxes, colours, frames = [], [], []
        for position, (tokens, known) in enumerate(zip(lens, baseline, strict=True)):
            for rank, (token, probability) in enumerate(tokens):
                left, upper = LABEL + position * cell, top + rank * ROW
                box = _box(left + 0.01, upper + 0.008, cell - 0.02, ROW - 0.016)
                boxes.append(box)
                colours.append(SHADE(probability))
                same = rank < len(known) and known[rank][0] == token
                if token not in [one for one, _ in known]:
                    frames.append(box)
                _write_token(axes, token, probability, (left, upper), cell, not same)
        label = name.lower() if name == "Baseline" else "condition"
        axes.add_collection(PolyCollection(boxes, facecolors=colours, edgecolors="none", zorder=0, label=label))
        axes.add_collection(
            PolyCollection(
                frames, facecolors="none", edgecolors=ACCENT, linewidths=1.1, zorder=2, label=f"new, {label}"
            )
        )


def _box(left: float, top: float, wide: float, tall: float) -> list[tuple[float, float]]:
    return [(left, top), (left + wide, top), (left + wide, top + tall), (left, top + tall)]


def _write_token(
    axes: Axes, token: str, probability: float, corner: tuple[float, float], cell: float, bold: bool
) -> None:
    left, top = corner
    foot = top + ROW - 0.052
    number = shown(probability, ".2f")
    room = cell - 3 * PAD - width_of(number, NUMBER)
    text = shortened(written_out(token), SIZE, room / (BOLD if bold else 1.03))
    axes.text(left + PAD, foot, text, fontsize=SIZE, weight="bold" if bold else "normal", parse_math=False, zorder=4)
    axes.text(left + cell - PAD, foot, number, fontsize=NUMBER, color=INK, ha="right", zorder=4)


def _name(position: int, positions: int) -> str:
    return "EOT" if position == positions - 1 else f"CT{position}"


def _draw_attention(
    figure: Figure,
    attention: tuple[np.ndarray, np.ndarray],
    titles: tuple[str, str],
    names: Sequence[str],
    top: float,
    tall: float,
) -> float:
    """Maps of both runs on one scale and of their difference; returns where they end, in inches from the left edge."""
    baseline, blocked = attention
    shared = root_scale(np.stack(attention))
    known = np.abs(blocked - baseline)[np.isfinite(blocked - baseline)]
    most = round_up(float(known.max(initial=0.0)))
    panels = (
        (baseline, shared, PATTERN_COLOURS, titles[0], CLOSE, False),
        (blocked, shared, PATTERN_COLOURS, titles[1], AFTER, True),
        (blocked - baseline, Normalize(-most, most), DIFFERENCE, "Difference", AFTER, True),
    )
    x = MAPS_LEFT
    for index, (values, scale, colours, title, after, last) in enumerate(panels):
        axes = _axes(figure, x, top, MAP, tall)
        mesh = _draw_map(axes, values, scale, colours, names)
        axes.set_title(shortened(title, 8.5, MAP), loc="left", parse_math=False)
        axes.tick_params(labelleft=index == 0)
        x += MAP
        if last and scale is shared:
            draw_scale(figure, axes, mesh)
        elif last:
            bar = _axes(figure, x + BAR_GAP, top, BAR, tall)
            colour_bar(figure, mesh, bar, "")
            bar.yaxis.set_major_locator(MaxNLocator(4))
            bar.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, "zg")))
        x += after
    return x


def _draw_map(axes: Axes, values: np.ndarray, scale: Normalize, colours: str, names: Sequence[str]) -> QuadMesh:
    positions, classes = values.shape
    mesh = axes.pcolormesh(
        np.arange(classes + 1) - 0.5,
        np.arange(positions + 1) - 0.5,
        np.ma.masked_invalid(values),
        cmap=colours,
        norm=scale,
        edgecolors="white",
        linewidth=0.3,
    )
    axes.set_ylim(positions - 0.5, -0.5)
    axes.set_xticks(range(classes), names, rotation=90, fontsize=SIZE, parse_math=False)
    axes.set_yticks(range(positions), [_name(position, positions) for position in range(positions)], fontsize=SIZE)
    axes.tick_params(bottom=False, left=False)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(FAINT)
    return mesh
