"""Numbers of a document, read again, against those it may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.documents.numbers import Known, cited, numbers_in, strangers, texts_in, values_in
from harness.documents.phrases import number


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("CT1 is read 0.0551 times, L2H5 not; 7,473 problems.", ["0.0551", "7,473"]),
        (r"value 0.293 \[0.267, 0.321\]* \> 0.25", ["0.293", "0.267", "0.321", "0.25"]),
        ("q = 8e-22, d +1.33, minus -0.17", ["8e-22", "1.33", "-0.17"]),
        ("54 % and 61% of 2.4-named [1.5-ratio]", ["54%", "61%"]),
        ("![5_head](../1_top.png) [2](3.md) `pytest 7` on 2026-11-22", []),
        ("3. The third of 4", ["4"]),
        ("| 12 | 0.5 |", ["12", "0.5"]),
        ("    pytest checks/ --seed 42", []),
    ],
)
def test_numbers_are_those_a_reader_would_take_for_some(line: str, found: list[str]) -> None:
    assert numbers_in(line) == found


def test_a_line_says_what_it_rests_on() -> None:
    assert cited("a [1.5-hub-confidence] and [B.2-shift] [counted] [0.1, 0.2] [phase verdict]") == [
        "1.5-hub-confidence",
        "B.2-shift",
        "counted",
        "phase verdict",
    ]


@given(st.floats(-1e6, 1e6, allow_nan=False).filter(lambda value: abs(value) > 1e-9))
def test_any_value_may_stand_as_the_report_writes_it(value: float) -> None:
    assert all(Known(values=[value]).holds(token) for token in numbers_in(f"x {number(value)}."))


@given(st.floats(0.001, 0.999), st.integers(1, 6))
def test_a_digit_that_is_off_is_noticed(value: float, digits: int) -> None:
    text = f"{value + 1.02 * 10**-digits:.{digits}f}"
    assert not Known(values=[value + 1000]).holds(text)
    assert not Known(values=[value]).holds(text)


def test_a_value_may_stand_in_percent_and_rounded_to_three_digits_but_not_with_another_sign() -> None:
    known = Known(values=[0.5361, -0.17, 3.57e-7])
    assert all(map(known.holds, ("0.536", "0.5361", "53.6%", "-0.17", "3.6e-07")))
    assert not any(map(known.holds, ("0.54", "54%", "0.5", "0.536%", "0.17", "4e-07")))


def test_numbers_of_texts_may_stand_as_they_are_only() -> None:
    known = Known(texts=["p = 0.876; rank correlation -0.1"])
    assert known.holds("0.876")
    assert not known.holds("0.88")


def test_each_sentence_is_held_against_what_it_cites() -> None:
    known = {"1.2-max": Known(values=[0.5]), "1.3-top": Known(values=[0.7])}
    document = "first 0.5 [1.2-max] second 0.5 [1.3-top]\n| 0.7 | [1.3-top] | 0.5 |\nthird, no number\n"
    assert list(strangers(document, lambda ids, part: known[ids[0]])) == [
        ("0.5", " second 0.5 [1.3-top]"),
        ("0.5", "| 0.7 | [1.3-top] | 0.5 |"),
    ]


def test_all_numbers_and_texts_of_json_are_found() -> None:
    content = {"a": [1, 2.5, {"b": "7 of 9"}], "c": True, "d": None, "e": "x"}
    assert list(values_in(content)) == [1.0, 2.5]
    assert list(texts_in(content)) == ["7 of 9", "x"]
