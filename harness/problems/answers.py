"""The number that a written answer ends in."""

import re

_NUMBER = re.compile(r"-?\d+\.?\d*")


def last_number(text: str) -> float | None:
    """The last number in a text, commas aside, or None: the answer as the reference implementation reads it."""
    numeral = last_numeral(text)
    return None if numeral is None else float(numeral)


def last_numeral(text: str) -> str | None:
    """The last number in a text as it is written there, commas aside, or None."""
    numerals = _NUMBER.findall(text.replace(",", ""))
    return numerals[-1] if numerals else None
