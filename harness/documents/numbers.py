"""Do the numbers of a document agree with the data it was made of? Read again from both, line by line."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any

_CITED = re.compile(r"\[([A-Z0-9]\.\d-[A-Za-z0-9-]+|run|counted|phase verdict)\]")
_SENTENCE = re.compile(r".*?(?:" + _CITED.pattern + r"|$)")
_NOT_TEXT = re.compile(r"^    .*|`[^`]*`|(?<!\\)!?\[[^\]]*\]\([^)]*\)|<!--.*?-->|^\s*(?:\d+\.|#+)\s")
_NAME = re.compile(
    r"\b[A-Za-z]+\d+(?:[A-Za-z]+\d+)*\b|\b[A-Z0-9]\.\d-[A-Za-z0-9-]+|\b\d{4}-\d\d-\d\d\b|\b16-bit\b"
    r"|\b[Ss]tory \d\.\d\b|\bPhase \d\b|\b95 % interval"
)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])(?: ?%)?")


EXACT = 3
"""Digits from which a number may stand rounded; one with a power of ten has one digit less."""


@dataclass(frozen=True)
class Known:
    """What a sentence may say.

    Attributes:
        texts: every number in one of these may stand as it is there.
        values: each may stand as it is, or rounded to three digits or more; in percent where it says so.
    """

    texts: Sequence[str] = ()
    values: Sequence[float] = ()
    _tokens: frozenset[str] = field(init=False)
    _sorted: list[float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tokens", frozenset(token for text in self.texts for token in numbers_in(text)))
        object.__setattr__(self, "_sorted", sorted(float(value) for value in self.values))

    def holds(self, token: str) -> bool:
        """Whether a number as it is written is one of them."""
        if token in self._tokens:
            return True
        number, percent, _ = token.replace(",", "").partition("%")
        scale = 100 if percent else 1
        return self._has(float(number) / scale, _half_unit(number.strip()) / scale)

    def _has(self, value: float, half: float) -> bool:
        # The slack is for numbers that lie half-way between two roundings, and for those that no binary fraction is.
        slack = half * (1 + 1e-9) + 1e-12 * abs(value)
        place = bisect_left(self._sorted, value - slack)
        return place < len(self._sorted) and self._sorted[place] <= value + slack


def numbers_in(text: str) -> list[str]:
    """Numbers of a line of Markdown as they are written; code, ways of links, dates and names such as L2H5 left out."""
    for pattern in (_NOT_TEXT, _CITED, _NAME):
        text = pattern.sub(" ", text)
    return [token.removeprefix("+").rstrip(",").replace(" ", "") for token in _NUMBER.findall(text.replace("\\", ""))]


def cited(line: str) -> list[str]:
    """What a line says it rests on: ids of criteria, ``run``, ``counted`` or ``phase verdict``."""
    return _CITED.findall(line)


def strangers(document: str, known: Callable[[Sequence[str], str], Known]) -> Iterator[tuple[str, str]]:
    """Numbers, each with its sentence, that are not in what ``known`` gives for what it cites, and for the sentence itself.

    A sentence ends with what it cites; a row of a table is one.
    """
    for line in document.splitlines():
        for part in [line] if line.startswith("|") else [found.group() for found in _SENTENCE.finditer(line)]:
            tokens = numbers_in(part)
            if tokens:
                allowed = known(cited(part), part)
                yield from ((token, part) for token in tokens if not allowed.holds(token))


def values_in(content: Any) -> Iterator[float]:
    """All numbers of a JSON value, wherever they are."""
    match content:
        case bool() | None:
            return
        case int() | float():
            yield float(content)
        case dict():
            for one in content.values():
                yield from values_in(one)
        case list() | tuple():
            for one in content:
                yield from values_in(one)


def texts_in(content: Any) -> Iterator[str]:
    """All texts of a JSON value, wherever they are."""
    match content:
        case str():
            yield content
        case dict():
            yield from _each(texts_in, content.values())
        case list() | tuple():
            yield from _each(texts_in, content)


def _each(of: Callable[[Any], Iterator[str]], contents: Iterable[Any]) -> Iterator[str]:
    for one in contents:
        yield from of(one)


def _half_unit(number: str) -> float:
    """Half of what the last digit of a number stands for; zeros at the end may have been left out."""
    mantissa, _, exponent = number.partition("e")
    _, _, decimals = mantissa.partition(".")
    own = int(exponent or 0) - len(decimals)
    value = abs(float(number))
    least = floor(log10(value)) + 1 - (EXACT - bool(exponent)) if value else own
    return float(0.5 * 10.0 ** min(own, least))
