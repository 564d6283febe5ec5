"""The number that a written answer ends in."""

import re

_NUMBER = re.compile(r"-?\d+\.?\d*")


def last_number(text: str) -> float | None:
    """The last number in a text, commas aside, or None: the answer as the reference implementation reads it."""
    numbers = _NUMBER.findall(text.replace(",", ""))
    return float(numbers[-1]) if numbers else None
