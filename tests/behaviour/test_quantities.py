"""The numbers of a question, in digits and in words."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.behaviour.quantities import NUMBER_WORDS, Quantity, quantities
from harness.problems import words


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("She has 16 eggs, eats 3 and 3.", [16, 3, 3]),
        ("$1,200.50 and .5 and 1/2", [Fraction("1200.5"), Fraction(1, 2), Fraction(1, 2)]),
        ("2 1/2 cups", [Fraction(5, 2)]),
        ("twenty-five and two hundred and fifty", [25, 250]),
        ("two million three hundred thousand and six", [2300006]),
        ("three thousand two hundred", [3200]),
        ("hundred of them", [100]),
        ("two thirds of it", [Fraction(2, 3)]),
        ("three-quarters", [Fraction(3, 4)]),
        ("half a dozen, half dozen, 3 dozen", [Fraction(1, 2), 12, 6, 36]),
        ("twice as many, triple", [2, 3]),
        ("three two-liter bottles", [3, 2]),
        ("the third day with 20 third graders", [20]),
        ("a third of them, one third", [Fraction(1, 3), Fraction(1, 3)]),
        ("one of them", []),
        ("at 2:30 on 1/2/2020", [2, 30, 1, 2, 2020]),
        ("1/0 and 1,2,3 and 5.30.2", [1, 0, 1, 2, 3, 5, 30, 2]),
        ("account 12345678901234567", []),
        ("five million billion", [5000000, 1000000000]),
        ("none", []),
    ],
)
def test_numbers_are_read_in_order(question: str, values: list[Fraction]) -> None:
    assert [quantity.value for quantity in quantities(question)] == values


def test_percentages_are_marked() -> None:
    assert quantities("20% of 50, 5 percent") == (Quantity(20, True), Quantity(50, False), Quantity(5, True))


def test_every_number_word_that_questions_are_read_for_has_a_value() -> None:
    assert NUMBER_WORDS == words.NUMBER_WORDS


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(sorted(NUMBER_WORDS)) | st.sampled_from(["3", "1/2", "1,000", ".5", "%", "and", "of"])))
def test_no_sequence_of_numbers_breaks_anything(parts: list[str]) -> None:
    for joint in (" ", "-", ""):
        assert all(0 <= quantity.value < 10**40 for quantity in quantities(joint.join(parts)))
