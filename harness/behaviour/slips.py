"""The wrong results that a slip gives in one operation whose operands are right."""

from fractions import Fraction
from typing import NamedTuple

from harness.behaviour.exact import Exact, calculated, decimals_of, plain

OFF_BY = (1, 2, 10)


class Slip(NamedTuple):
    """A wrong result and what went wrong: ``off by 1``, ``a digit replaced``, ``a carry lost`` or ``a borrow lost``."""

    value: Exact
    name: str


def slips(symbol: str, left: Exact, right: Exact, result: Exact) -> tuple[Slip, ...]:
    """Every wrong result of ``left symbol right`` that one slip explains, each once, under the first name that fits.

    ``result`` is the right one, as the solution states it (which may be rounded).

    - Off by 1, 2 or 10, up or down.
    - One digit replaced by another, in a result of two or more digits (0.5 has one, 10 has two): in a single digit nothing
      of the result would be left. The first digit is not replaced by 0.
    - A carry lost in column-wise addition or multiplication, or a borrow in subtraction, for operands whose decimals end.
    """
    found: dict[Exact, str] = {}
    for value, name in (
        *((result + sign * by, f"off by {by}") for by in OFF_BY for sign in (1, -1)),
        *((value, "a digit replaced") for value in replaced_digits(result)),
        *_carries(symbol, left, right, result),
    ):
        if value != result:
            found.setdefault(value, name)
    return tuple(Slip(value, name) for value, name in found.items())


def replaced_digits(result: Exact) -> list[Exact]:
    """The number with one of its digits replaced, in every way; empty where it has only one digit or endless decimals."""
    places = decimals_of(result)
    if places is None:
        return []
    digits = str(abs(int(result * 10**places)))
    if len(digits) < 2:
        return []
    sign = -1 if result < 0 else 1
    return [
        calculated("/", sign * int(digits[:at] + digit + digits[at + 1 :]), 10**places) or 0
        for at in range(len(digits))
        for digit in "0123456789"
        if digit != digits[at] and (at or digit != "0")
    ]


def lost_in_addition(a: int, b: int) -> list[int]:
    """What the sum of two whole numbers >= 0 is short of when one carry into a column with digits is lost."""
    columns = [10 ** (column + 1) for column in range(_columns(a, b))]
    return [column for column in columns if a % column + b % column >= column]


def lost_in_subtraction(a: int, b: int) -> list[int]:
    """What a - b, a >= b >= 0, is too large by when one borrow is not paid back."""
    columns = [10 ** (column + 1) for column in range(_columns(a, b))]
    return [column for column in columns if a % column < b % column]


def lost_in_multiplication(a: int, b: int) -> list[int]:
    """What a x b is short of when, in multiplying one number by a digit of the other, one carry into a column is lost."""
    short = []
    for top, below in ((a, b), (b, a)):
        for place, digit in enumerate(map(int, reversed(str(below)))):
            carry = 0
            for column, one in enumerate(map(int, reversed(str(top)[1:]))):
                carry = (one * digit + carry) // 10
                if carry:
                    short.append(carry * 10 ** (column + 1 + place))
    return short


def _columns(a: int, b: int) -> int:
    """Columns from which a carry goes into one with digits: what comes out of the last is written down, not carried."""
    return max(len(str(a)), len(str(b))) - 1


def _carries(symbol: str, left: Exact, right: Exact, result: Exact) -> list[tuple[Exact, str]]:
    above, below = decimals_of(left), decimals_of(right)
    if symbol not in ("+", "-", "*") or above is None or below is None:
        return []
    if symbol == "*":
        a, b = int(left * 10**above), int(right * 10**below)
        unit = Fraction(1 if (a < 0) == (b < 0) else -1, 10 ** (above + below))
        return [(plain(result - short * unit), "a carry lost") for short in lost_in_multiplication(abs(a), abs(b))]
    shift = 10 ** max(above, below)
    a, b = int(left * shift), int(right * shift) * (1 if symbol == "+" else -1)
    larger, smaller = (a, b) if abs(a) >= abs(b) else (b, a)
    unit = Fraction(-1 if larger < 0 else 1, shift)
    # Signs decide which of the two is done in columns: 7 + -5 is a subtraction, -7 - 5 an addition.
    if larger * smaller < 0:
        lost = lost_in_subtraction(abs(larger), abs(smaller))
        return [(plain(result + short * unit), "a borrow lost") for short in lost]
    return [(plain(result - short * unit), "a carry lost") for short in lost_in_addition(abs(larger), abs(smaller))]
