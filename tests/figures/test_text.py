import itertools

import pytest
from matplotlib.figure import Figure

from harness.figures.style import styled
from harness.figures.text import (
    NOTE,
    TITLE,
    equation,
    fitted_size,
    heading,
    in_house_font,
    shortened,
    shown,
    width_of,
    with_interval,
    wrapped,
    written_out,
)


@styled
def _drawn(text, size):
    figure = Figure(figsize=(20, 2), dpi=300)
    figure.text(0, 0.5, text, fontsize=size, parse_math=False)
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("text", ["hub score 0.1234", "WWW iii $x_1$", "Ünïcode"])
@pytest.mark.parametrize("size", [6, 8.5, 12])
def test_a_line_is_as_wide_as_it_is_drawn(text, size):
    (line,) = _drawn(text, size).texts
    assert width_of(text, size) == pytest.approx(line.get_window_extent().width / 300, rel=0.04)


def test_text_is_broken_between_words_and_only_where_it_must():
    text = "one two three four five six seven eight nine ten " * 5
    lines = wrapped(text, 8, 2.0).split("\n")
    assert " ".join(lines) == text.strip()
    assert all(width_of(line, 8) <= 2.0 for line in lines)
    for line, following in itertools.pairwise(lines):
        assert width_of(f"{line} {following.split()[0]}", 8) > 2.0


def test_a_word_that_is_too_wide_has_a_line_of_its_own():
    assert wrapped(f"a {'w' * 80} b", 8, 2.0).split("\n") == ["a", "w" * 80, "b"]


def test_a_heading_keeps_its_size_where_it_fits_and_shrinks_where_it_does_not():
    @styled
    def build(title):
        figure = Figure(figsize=(6, 3), dpi=300)
        heading(figure, title, "a note", 0.5)
        figure.draw_without_rendering()
        return figure

    title, note = build("A title").texts
    assert (title.get_fontsize(), note.get_fontsize()) == (TITLE, NOTE)
    long, note = build("a very long name of a model\nwith $dollars$ " * 5).texts
    assert long.get_fontsize() < TITLE and note.get_fontsize() == NOTE
    assert long.get_window_extent().x1 <= 6 * 300
    assert "\n" not in long.get_text() and "$dollars$" in long.get_text()


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.416, "z.2f", "0.42"),
        (-0.416, "z.2f", "−0.42"),
        (-0.004, "z.2f", "0.00"),
        (0.0000123, ".3g", "1.23e−05"),
        (float("nan"), "z.2f", "n/a"),
        (float("inf"), ".3g", "n/a"),
    ],
)
def test_numbers_have_a_true_minus_no_negative_zero_and_say_when_undefined(value, form, text):
    assert shown(value, form) == text


def test_an_undefined_value_or_interval_is_no_equation():
    nan = float("nan")
    assert (equation("p", 0.012, ".3g"), equation("p", nan)) == ("p = 0.012", "p n/a")
    assert (shown(-0.004), equation("r", -0.004)) == ("0.00", "r = 0.00")
    assert with_interval("r", 0.41, -0.224, 0.55) == "r = 0.41 [−0.22, 0.55]"
    assert with_interval("r", 0.41, nan, 0.55) == "r = 0.41"
    assert with_interval("r", nan, nan, nan) == "r n/a"


@pytest.mark.parametrize("width", [0.01, 0.2, 1.0, 3.0, 50.0])
def test_a_shortened_line_fits_and_loses_no_more_than_it_must(width):
    text = "what is left of it $5 " * 3
    short = shortened(text, 8, width)
    if short != text:
        assert short.endswith("…") and text.startswith(short[:-1])
        assert short == "…" or width_of(short, 8) <= width
        assert width_of(text[: len(short)] + "…", 8) > width
    else:
        assert width_of(text, 8) <= width


def test_a_fitted_line_takes_the_width_it_has_and_never_grows():
    assert fitted_size("short", 8, 5) == 8
    assert width_of("W" * 80, fitted_size("W" * 80, 8, 2)) < 2
    assert fitted_size("", 8, 2) == 8


def test_every_character_of_a_token_is_visible_and_tells_which_it_was():
    seen = [written_out(token) for token in (" 12", "\n", "\\n", "$", " ", "", "\t\x00", "中", "🐍", "é", "\u200b")]
    assert seen == [
        "␣12", "\\n", "\\\\n", "$", "␣", "(empty)", "\\t\\x00", "\\u4e2d", "\\U0001f40d", "é", "\\u200b",
    ]  # fmt: skip
    assert all(in_house_font(text) == text for text in seen)
