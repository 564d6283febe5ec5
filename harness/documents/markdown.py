"""Text of data and models in Markdown, shown letter for letter."""

import re
from collections.abc import Iterator, Sequence

_OWN = re.compile(r"([\\`*_{}\[\]<>&#|~])")


def plain(text: str) -> str:
    """Text on one line, with nothing in it that Markdown would take for its own."""
    return _OWN.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text as a code span, whatever backticks it holds."""
    line = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; what stands in cells is Markdown already."""
    for row in (heading, ["---"] * len(heading), *rows):
        yield f"| {' | '.join(row)} |"
