"""Texts in messages: quoted on one line, and told apart where they would look the same."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.problems.files import parse, quoted, told_apart

LONG = "Tom counts his apples once more before he goes home. "


def test_texts_that_look_different_are_quoted_as_ever() -> None:
    texts = ["Tom has 5 apples.", "Ann" + LONG]
    assert told_apart(texts) == [quoted(text) for text in texts]
    assert told_apart([LONG, LONG]) == [quoted(LONG)] * 2


@pytest.mark.parametrize(
    ("one", "other", "first", "last"),
    [
        (LONG + "5!", LONG + "6!", '"... he goes home. 5!"', '"... he goes home. 6!"'),
        (LONG, LONG + "x", '"... he goes home. "', '"... he goes home. x"'),
        (LONG + "5" + LONG, LONG + "6", '"... he goes home. 5Tom counts his appl..."', '"... he goes home. 6"'),
        ("5 apples", "5  apples", '"5 apples"', '"5  apples"'),
        ("5 apples", "5\u00a0apples", '"5 apples"', '"5\\u00a0apples"'),
        ("5 apples", "5 ap\u200bples", '"5 apples"', '"5 ap\\u200bples"'),
        (LONG + "für 5", LONG + "für 6", '"...goes home. für 5"', '"...goes home. für 6"'),
        (LONG + "a\nb", LONG + "a b", '"...he goes home. a\\nb"', '"...he goes home. a b"'),
    ],
)
def test_texts_that_would_look_the_same_are_cut_where_they_part(one: str, other: str, first: str, last: str) -> None:
    part = next(at for at in range(1, 99) if one[:at] != other[:at])
    assert told_apart([one, other]) == [first, f"{last} (they part at character {part})"]


def test_letters_written_in_two_ways_are_told_apart() -> None:
    composed, decomposed = (unicodedata.normalize(form, "für 5") for form in ("NFC", "NFD"))
    assert told_apart([composed, decomposed]) == ['"f\\u00fcr 5"', '"fu\\u0308r 5" (they part at character 2)']


@given(st.text(max_size=80), st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5), st.text(max_size=60))
def test_different_texts_are_never_shown_alike(before: str, one: str, other: str, after: str) -> None:
    first, last = told_apart([before + one + after, before + other + after])
    if one != other:
        assert first != last.partition(" (they part at")[0]


def test_a_repeated_field_shows_where_its_values_part() -> None:
    with pytest.raises(ValueError, match=r'home\. 5" and .*home\. 6" \(they part at character 54\)'):
        parse(f'{{"question": {json.dumps(LONG + "5")}, "question": {json.dumps(LONG + "6")}}}')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('["x', "unterminated string starting at column 2"),
        ('["a\tb"]', "invalid control character at column 4"),
        ('[\n"x', "unterminated string starting at line 2, column 1"),
        ("[1,,2]", "expecting value at column 4"),
    ],
)
def test_a_place_is_said_with_one_at(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        parse(text)
