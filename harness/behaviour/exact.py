"""Numbers without rounding error: read, calculated with, and written."""

from fractions import Fraction

Exact = int | Fraction
"""A whole number is an ``int``, which calculates many times faster; the two compare and hash alike."""

LONGEST = 15
"""Digits of the longest number that is read as a quantity; what is longer is a name, such as that of an account."""
LARGEST = 10**40
"""Where calculation ends, as nothing that a problem is about is as large, or has as fine a denominator."""
MOST_DECIMALS = 10
"""What needs more decimals is written as a fraction."""

SYMBOLS = {"+": "+", "-": "-", "*": "x", "/": "/", "**": "^"}
"""How operators are written."""


def exact(numeral: str) -> Exact:
    """The value of a number in digits, "0.2" being 1/5; thousands commas aside. Errors: ``ValueError``."""
    return plain(Fraction(numeral.replace(",", "")))


def plain(value: Exact) -> Exact:
    """The same number, as an ``int`` where it is whole."""
    return value.numerator if value.denominator == 1 else value


def calculated(symbol: str, left: Exact | None, right: Exact | None) -> Exact | None:
    """One operation, + - * / or **; None when it is undefined, too large, or an operand is None.

    Powers are defined for exponents that are whole, from 0 to 10.
    """
    if left is None or right is None:
        return None
    if symbol == "**":
        return _power(left, right)
    if symbol == "/":
        if right == 0:
            return None
        value = _quotient(left, right)
    else:
        value = left + right if symbol == "+" else left - right if symbol == "-" else left * right
    return value if abs(value.numerator) < LARGEST > value.denominator else None


def _quotient(left: Exact, right: Exact) -> Exact:
    if isinstance(left, int) and isinstance(right, int):
        return Fraction(left, right) if left % right else left // right
    return plain(Fraction(left) / right)


def _power(base: Exact, exponent: Exact) -> Exact | None:
    if exponent not in range(11):
        return None
    value: Exact | None = 1
    for _ in range(int(exponent)):
        value = calculated("*", value, base)
    return value


def decimals_of(value: Exact) -> int | None:
    """How many decimals the number has when written out; None when they do not end, or are more than 10."""
    for places in range(MOST_DECIMALS + 1):
        if 10**places % value.denominator == 0:
            return places
    return None


def written(value: Exact) -> str:
    """A number as a person writes it: 1200, -0.5, and 1/3 where the decimals do not end."""
    places = decimals_of(value)
    if places is None:
        return str(value)
    if places == 0:
        return str(int(value))
    digits = str(abs(int(value * 10**places))).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
