"""Slips against column arithmetic written out by hand."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.behaviour.slips import (
    lost_in_addition,
    lost_in_multiplication,
    lost_in_subtraction,
    replaced_digits,
    slips,
)

NUMBERS = st.integers(0, 99_999)


def columns(number: int, width: int) -> list[int]:
    return [number // 10**column % 10 for column in range(width)]


def added(a: int, b: int, forget: int | None) -> tuple[int, bool]:
    """The sum column by column; the carry out of column `forget` is not noted. Whether there was one to forget."""
    width = len(str(max(a, b)))
    total, carry, forgot = 0, 0, False
    for column, (x, y) in enumerate(zip(columns(a, width), columns(b, width), strict=True)):
        written = x + y + carry
        carry = written // 10
        if column == width - 1:
            total += written * 10**column
            break
        total += written % 10 * 10**column
        if column == forget:
            carry, forgot = 0, carry > 0
    return total, forgot


def subtracted(a: int, b: int, forget: int | None) -> tuple[int, bool]:
    width = len(str(a))
    total, borrow, forgot = 0, 0, False
    for column, (x, y) in enumerate(zip(columns(a, width), columns(b, width), strict=True)):
        left = x - borrow - y
        borrow = int(left < 0)
        total += (left + 10 * borrow) * 10**column
        if column == forget:
            borrow, forgot = 0, borrow > 0
    return total, forgot


def multiplied(a: int, b: int, forget: tuple[int, int]) -> tuple[int, bool]:
    """Each digit of b times a, in columns; the carry out of column `forget[1]` in row `forget[0]` is not noted."""
    total, forgot = 0, False
    for row, digit in enumerate(columns(b, len(str(b)))):
        carry, width = 0, len(str(a))
        for column, x in enumerate(columns(a, width)):
            written = x * digit + carry
            carry = written // 10
            if column == width - 1:
                total += written * 10 ** (row + column)
                break
            total += written % 10 * 10 ** (row + column)
            if (row, column) == forget:
                carry, forgot = 0, forgot or carry > 0
    return total, forgot


@settings(max_examples=300, deadline=None)
@given(NUMBERS, NUMBERS)
def test_lost_carries_of_a_sum_are_those_of_column_addition(a: int, b: int) -> None:
    assert added(a, b, None)[0] == a + b
    expected = {total for total, forgot in (added(a, b, column) for column in range(6)) if forgot}
    assert {a + b - short for short in lost_in_addition(a, b)} == expected


@settings(max_examples=300, deadline=None)
@given(NUMBERS, NUMBERS)
def test_lost_borrows_of_a_difference_are_those_of_column_subtraction(a: int, b: int) -> None:
    a, b = max(a, b), min(a, b)
    assert subtracted(a, b, None)[0] == a - b
    expected = {total for total, forgot in (subtracted(a, b, column) for column in range(6)) if forgot}
    assert {a - b + over for over in lost_in_subtraction(a, b)} == expected


@settings(max_examples=300, deadline=None)
@given(NUMBERS, NUMBERS)
def test_lost_carries_of_a_product_are_those_of_long_multiplication(a: int, b: int) -> None:
    tries = [multiplied(x, y, (row, column)) for x, y in ((a, b), (b, a)) for row in range(5) for column in range(5)]
    assert {a * b - short for short in lost_in_multiplication(a, b)} == {total for total, forgot in tries if forgot}


@pytest.mark.parametrize(
    ("symbol", "left", "right", "wrong", "name"),
    [
        ("+", 57, 48, 106, "off by 1"),
        ("+", 57, 48, 103, "off by 2"),
        ("+", 57, 48, 95, "off by 10"),
        ("+", 57, 48, 175, "a digit replaced"),
        ("+", 982, 57, 939, "a carry lost"),
        ("+", Fraction("98.2"), Fraction("905.7"), Fraction("903.9"), "a carry lost"),
        ("-", 1039, 57, 1082, "a borrow lost"),
        ("-", 57, 1039, -1082, "a borrow lost"),
        ("*", 47, 26, 1222 - 40, "a carry lost"),
        ("*", 67, 15, 705, "a carry lost"),
        ("*", Fraction("6.7"), 15, Fraction("70.5"), "a carry lost"),
        ("*", -67, 15, -705, "a carry lost"),
        ("+", 982, -1039, -157, "a borrow lost"),
        ("+", -982, -57, -939, "a carry lost"),
    ],
)
def test_slips_have_their_names(symbol: str, left: Fraction, right: Fraction, wrong: Fraction, name: str) -> None:
    result = {"+": left + right, "-": left - right, "*": left * right}[symbol]
    assert dict(slips(symbol, left, right, result))[wrong] == name


@pytest.mark.parametrize("wrong", [112, 99, 120, 1050, 0, 5])
def test_other_wrong_results_are_no_slips(wrong: int) -> None:
    assert wrong not in dict(slips("+", 57, 48, 105))


def test_a_digit_is_replaced_only_where_others_remain() -> None:
    assert replaced_digits(7) == []
    assert replaced_digits(Fraction(1, 2)) == []
    assert replaced_digits(Fraction(1, 3)) == []
    assert len(replaced_digits(72)) == 8 + 9
    assert 2 not in replaced_digits(72)
    assert set(replaced_digits(-12)) == {*(-10 * x - 2 for x in range(2, 10)), -10, -11, *range(-19, -12)}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from("+-*"), st.decimals(-999, 999, places=1), st.decimals(-999, 999, places=1))
def test_no_slip_gives_the_right_result_and_none_is_named_twice(symbol: str, a: object, b: object) -> None:
    left, right = Fraction(str(a)), Fraction(str(b))
    result = {"+": left + right, "-": left - right, "*": left * right}[symbol]
    values = [slip.value for slip in slips(symbol, left, right, result)]
    assert result not in values
    assert len(values) == len(set(values))
