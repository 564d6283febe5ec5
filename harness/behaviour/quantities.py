"""The numbers that a question states, in digits or in words."""

import re
from fractions import Fraction
from typing import NamedTuple

from harness.behaviour.exact import LONGEST, Exact, exact, plain
from harness.problems.words import digit_places, number_word_places

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = {"dozen": 12, "dozens": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4, "fifth": 5,
    "fifths": 5, "tenth": 10, "tenths": 10,
}  # fmt: skip
_TIMES = {
    "twice": 2, "double": 2, "doubles": 2, "doubled": 2, "thrice": 3, "triple": 3, "triples": 3, "tripled": 3,
}  # fmt: skip
_COUNTS = {
    **{word: value for value, word in enumerate(_SMALL)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
}
_ORDER = frozenset(("third", "fourth", "fifth", "tenth"))
"""Words that also say which one it is of several."""

NUMBER_WORDS = frozenset((*_COUNTS, *_SCALES, *_PARTS, *_TIMES))
"""Every word whose value is known here."""

_PART_OF = re.compile(r"\s+(?:of|as|more|less|fewer)\b", re.IGNORECASE)
_PERCENT = re.compile(r"\s?(?:%|percent\b|per cent\b)", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_PLAIN = re.compile(r"\d*\.?\d+")
_BETWEEN = re.compile(r"\s+|\s*-\s*")
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


class Quantity(NamedTuple):
    """One number of a question. ``percent`` is set where a percent sign or word follows; the value is the one before it."""

    value: Exact
    percent: bool


class _Piece(NamedTuple):
    """A number in digits, or one word of a number; `word` is empty for digits."""

    start: int
    end: int
    value: Exact
    word: str


def quantities(question: str) -> tuple[Quantity, ...]:
    """Every number the question states, in order, repeated where it is repeated.

    Digits ("1,200", ".5", "1/2", "2 1/2") and words ("twenty-five", "two hundred", "two thirds", "half", "twice", "3
    dozen"). Left out are "one" alone, mostly a pronoun, "third", "fourth", "fifth" and "tenth" where they only order, and
    numbers of more than 15 digits. "2:30", "1/2/2020" and the like are numbers apart.
    """
    found: list[Quantity] = []
    number: list[_Piece] = []
    for piece in [*_pieces(question), None]:
        if piece is not None and number and _continues(question, number, piece):
            number.append(piece)
            continue
        if number and [one.word for one in number] != ["one"]:
            percent = _PERCENT.match(question, number[-1].end) is not None
            found.append(Quantity(_value(number), percent))
        number = [] if piece is None else [piece]
    return tuple(found)


def _pieces(question: str) -> list[_Piece]:
    pieces = [
        _Piece(start, end, value, "") for start, end in digit_places(question) for value in _values(question[start:end])
    ]
    for start, end in number_word_places(question):
        word = question[start:end].lower()
        value = _COUNTS.get(word) or _SCALES.get(word) or _TIMES.get(word) or 0
        pieces.append(_Piece(start, end, Fraction(1, _PARTS[word]) if word in _PARTS else value, word))
    pieces.sort(key=lambda piece: piece.start)
    return [
        piece for at, piece in enumerate(pieces) if piece.word not in _ORDER or _is_part(question, pieces[:at], piece)
    ]


def _values(digits: str) -> list[Exact]:
    """The numbers in a run of digits and separators, which are several where the separators make no single one."""
    parts = [_values_between_bars(part) for part in digits.split("/")]
    if len(parts) == 2 and all(len(part) == 1 for part in parts) and parts[1][0] != 0:
        return [plain(Fraction(parts[0][0]) / parts[1][0])]
    return [value for part in parts for value in part]


def _values_between_bars(digits: str) -> list[Exact]:
    known = _GROUPED.fullmatch(digits) or _PLAIN.fullmatch(digits)
    numerals = [digits] if known else [part for part in re.split(r"[,.]", digits) if part]
    return [exact(numeral) for numeral in numerals if sum(map(str.isdigit, numeral)) <= LONGEST]


def _is_part(question: str, before: list[_Piece], piece: _Piece) -> bool:
    """Whether "third" is a part: "one third", "two-third", "a third of", not "the third day" or "20 third graders"."""
    if _PART_OF.match(question, piece.end):
        return True
    between = question[before[-1].end : piece.start] if before else ""
    return between == "-" or (between.isspace() and before[-1].value == 1)


def _continues(question: str, number: list[_Piece], piece: _Piece) -> bool:
    """Whether a piece belongs to the number before it, as "five" does in "twenty-five" but not in "two five"."""
    last = number[-1]
    if not _BETWEEN.fullmatch(question, last.end, piece.start):
        hundreds = last.word in _SCALES and last.word not in ("dozen", "dozens") and piece.word in _COUNTS
        return hundreds and _AND.fullmatch(question, last.end, piece.start) is not None
    if last.word in _TIMES or piece.word in _TIMES:
        return False
    if last.value.denominator > 1 or last.word in _PARTS:
        return piece.word in _SCALES and len(number) == 1
    if piece.word in _SCALES:
        scale, large = _SCALES[piece.word], [_SCALES[one.word] for one in number if _SCALES.get(one.word, 0) >= 1000]
        multiplied = last.word not in _SCALES or _SCALES[last.word] < 1000 <= scale
        return multiplied and scale < min(large, default=scale + 1)
    if piece.word in _PARTS:
        return len(number) == 1 or last.word in _COUNTS
    if not piece.word:
        # A whole number and a fraction below 1, as in "2 1/2".
        return not last.word and len(number) == 1 and piece.value.denominator > 1 and piece.value < 1
    return (last.word in _TENS and 0 < piece.value < 10) or (
        last.word in _SCALES and piece.value < _SCALES[last.word] and last.word not in ("dozen", "dozens")
    )


def _value(number: list[_Piece]) -> Exact:
    """Hundreds and their like multiply what was counted since a larger one; parts multiply all; the rest is added."""
    total: Exact = 0
    counted: Exact | None = None
    for piece in number:
        if piece.word in _PARTS and counted is not None:
            counted *= piece.value
        elif piece.word not in _SCALES:
            counted = (counted or 0) + piece.value
        elif piece.value >= 1000:
            total, counted = total + (counted if counted is not None else 1) * piece.value, None
        else:
            counted = (counted if counted is not None else 1) * piece.value
    return plain(Fraction(total + (counted or 0)))
