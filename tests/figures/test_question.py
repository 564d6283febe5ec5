from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex

from harness.figures.inspect import facts
from harness.figures.question import CLASS_COLOURS, Words, question_figure
from harness.figures.shaded_text import SHADE, SPACE, broken_into_lines
from harness.figures.style import INK
from harness.figures.text import in_house_font, width_of

CLASSES = ("first token", "number", "operation word", "other", "bot")
LAYERS = ("Layer 1 (early)", "Layer 2 (middle)", "Layer 3 (late)")
TOKENS = (" <s> ", "Ben", " has", " 1", "2", " apples", ",", " eats", " $", "3", " each", " day", ".", " <bot> ")
KINDS = ("first token", "other", "other", "number", "number", "other", "other", "other", "other", "number",
         "operation word", "other", "other", "bot")  # fmt: skip


def _inputs(thoughts=6, seed=0):
    generator = np.random.default_rng(seed)
    mass = generator.dirichlet(np.ones(6), (3, thoughts))[..., :5]
    enrichment = generator.uniform(0.3, 5, (3, thoughts, 5))
    return {
        "classes": CLASSES,
        "layers": LAYERS,
        "mass": mass,
        "enrichment": enrichment,
        "enrichment_interval": np.stack([enrichment * 0.9, enrichment * 1.1]),
    }


def _words(thoughts=6, title="Problem 7: 2 steps"):
    weights = np.random.default_rng(1).uniform(0, 0.04, (thoughts, len(TOKENS)))
    weights[:, 0] = 0.6
    weights[-1, 4] = 0.19
    return Words(title, TOKENS, KINDS, weights)


def test_bars_stack_to_one_in_every_layer():
    inputs = _inputs()
    figure = question_figure(**inputs)
    for panel in range(3):
        bars = {container.get_label(): container for container in figure.axes[2 * panel].containers}
        assert set(bars) == {*CLASSES, "thoughts"}
        for place, name in enumerate(CLASSES):
            assert [bar.get_height() for bar in bars[name]] == pytest.approx(inputs["mass"][panel][:, place])
        tops = [bar.get_y() + bar.get_height() for bar in bars["thoughts"]]
        assert tops == pytest.approx([1.0] * 6)


def test_ratios_and_bounds_stand_at_their_values():
    inputs = _inputs()
    inputs["enrichment"][1, :, 2] = np.nan
    inputs["enrichment_interval"][:, 1, :, 2] = np.nan
    figure = question_figure(**inputs)
    for panel in range(3):
        axes = figure.axes[2 * panel + 1]
        lines = {line.get_label(): line for line in axes.lines}
        for place, name in enumerate(CLASSES):
            expected = inputs["enrichment"][panel][:, place]
            np.testing.assert_allclose(lines[name].get_ydata(), expected)
            assert lines[name].get_color() == CLASS_COLOURS[name]
            (bars,) = [one for one in axes.collections if to_hex(one.get_color()[0]) == CLASS_COLOURS[name]]
            bounds = [segment[:, 1] if len(segment) else [np.nan, np.nan] for segment in bars.get_segments()]
            np.testing.assert_allclose(np.transpose(bounds), inputs["enrichment_interval"][:, panel, :, place])
        low, high = axes.get_ylim()
        assert low < np.nanmin(inputs["enrichment_interval"])
        assert high > np.nanmax(inputs["enrichment_interval"])


def test_the_key_names_every_class_by_its_colour():
    legend = facts(question_figure(**_inputs())).legend
    assert legend == {name: to_hex(colour) for name, colour in CLASS_COLOURS.items()} | {"thoughts": legend["thoughts"]}


def test_every_thought_has_the_question_once_with_its_own_shades():
    words = _words()
    figure = question_figure(**_inputs(), words=[words], words_of="layer 2")
    area = figure.axes[-1]
    shown = [text.get_text() for text in area.texts]
    assert "Problem 7: 2 steps" in shown
    assert [text for text in shown if text.startswith("CT")] == [f"CT{thought}" for thought in range(6)]
    for token in TOKENS:
        assert shown.count(token.strip()) >= 6
    paragraphs = [boxes for boxes in area.collections if isinstance(boxes, PolyCollection)]
    paragraphs = [boxes for boxes in paragraphs if len(boxes.get_facecolors()) == len(TOKENS)]
    assert len(paragraphs) == 6
    for weights, boxes in zip(words.weights, paragraphs, strict=True):
        # 0.2 is the next round number above the largest weight on a token that is no sink.
        np.testing.assert_allclose(boxes.get_facecolors(), SHADE(np.minimum(weights / 0.2, 1)))


def test_numbers_and_operation_words_are_underlined_in_their_colours():
    figure = question_figure(**_inputs(), words=[_words()], words_of="layer 2")
    underlines = [lines for lines in figure.axes[-1].collections if isinstance(lines, LineCollection)]
    assert len(underlines) == 6
    for lines in underlines:
        colours = [to_hex(colour) for colour in lines.get_colors()]
        assert colours == [CLASS_COLOURS[kind] for kind in KINDS if kind in {"number", "operation word"}]


@pytest.mark.parametrize("thoughts", [1, 5, 6])
@pytest.mark.parametrize("repeats", [1, 12])
def test_no_word_overlaps_another_or_leaves_the_figure(thoughts, repeats):
    weights = np.full((thoughts, len(TOKENS) * repeats), 0.01)
    long = Words("long", TOKENS * repeats, KINDS * repeats, weights)
    figure = question_figure(**_inputs(thoughts), words=[long, _words(thoughts)], words_of="layer 2, mean over heads")
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [text.get_window_extent() for text in figure.axes[-1].texts]
    edges = np.array([box.extents for box in boxes])
    assert edges[:, 0].min() >= 0
    assert edges[:, 2].max() <= width
    assert edges[:, 1].min() >= 0
    assert edges[:, 3].max() <= height
    # Letters of neighbouring tokens may touch; more than a tenth of an inch is an overlap.
    across = np.minimum(edges[:, None, 2], edges[None, :, 2]) - np.maximum(edges[:, None, 0], edges[None, :, 0])
    down = np.minimum(edges[:, None, 3], edges[None, :, 3]) - np.maximum(edges[:, None, 1], edges[None, :, 1])
    np.fill_diagonal(across, 0)
    assert not ((across > 0.03 * figure.dpi) & (down > 0.03 * figure.dpi)).any()


@given(
    st.lists(st.sampled_from([" Ben", " has", "12", ",", " ", "", " <s> ", "x" * 30, " Zażółć", "\n"]), max_size=60),
    st.floats(2.2, 6),
)
def test_lines_hold_every_token_in_order_and_are_no_wider_than_asked(tokens, width):
    pieces = broken_into_lines(tokens, width, 7.0)
    assert [piece.token for piece in pieces] == [index for index, token in enumerate(tokens) if token.strip()]
    assert all(piece.left + piece.width <= width + 1e-9 for piece in pieces)
    for before, after in pairwise(pieces):
        assert after.line in {before.line, before.line + 1}
        gap = after.left - before.left - before.width
        assert after.left == 0 if after.line > before.line else -1e-9 <= gap <= SPACE + 1e-9


def test_a_word_in_pieces_stays_on_one_line_and_without_gaps():
    tokens = [" a", " b", " lon", "ge", "st"]
    width = width_of("a b longe", 7.0)
    *_, first, second, third = broken_into_lines(tokens, width, 7.0)
    assert first.line == second.line == third.line == 1
    assert (first.left, second.left) == (0, pytest.approx(first.width))
    assert third.left == pytest.approx(first.width + second.width)


def test_a_word_wider_than_a_line_is_broken_between_its_tokens():
    tokens = [" a", " 1", *["x" * 30] * 5, " b"]
    width = 2.5 * width_of("x" * 30, 7.0)
    pieces = broken_into_lines(tokens, width, 7.0)
    assert [(piece.line, piece.left == 0) for piece in pieces[1:]] == [
        (1, True),
        (1, False),
        (1, False),
        (2, True),
        (2, False),
        (3, True),
        (3, False),
    ]


def test_what_the_font_cannot_draw_is_replaced():
    assert in_house_font("Zażółć 🐍 $3") == "Zażółć \N{REPLACEMENT CHARACTER} $3"


def test_ink_is_readable_on_every_shade():
    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    ink = luminance([int(INK[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    for shade in np.linspace(0, 1, 21):
        assert (luminance(SHADE(shade)) + 0.05) / (ink + 0.05) > 4.5


def test_without_words_only_the_panels_are_drawn():
    figure = question_figure(**_inputs())
    assert len(figure.axes) == 6
    assert figure.get_size_inches()[1] < 6
