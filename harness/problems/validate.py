"""Is a set of problems fit for use: complete, free of duplicates, and disjoint from another split."""

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.problems.problem import Problem, ProblemSet

_MEANINGFUL = frozenset("-*/.%")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SIGN = re.compile(
    r"""(?P<kept>(?<=\d)\.(?=\d)             # decimal point
             | (?<![\w.-])(?:-\.?|\.)(?=\d)  # sign or point before a number
             | (?<=\d)\ *[-*/]\ *(?=\d)      # operator between two numbers
        ) | [-*/.]""",
    re.VERBOSE,
)
_IDLE_SPACE = re.compile(r"(?<!\d) +| +(?!\d)")


class _Folding(dict[int, str]):
    """Translation table filled as characters come: punctuation, separators and controls become spaces."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        idle = unicodedata.category(character)[0] in "PZC" and character not in _MEANINGFUL
        self[code] = " " if idle else character
        return self[code]


_FOLDING = _Folding({ord("\N{MINUS SIGN}"): "-"})


def fold(text: str) -> str:
    """What is left of a text when case, spaces, punctuation and Unicode's compatibility forms no longer matter.

    What makes numbers and formulas different is kept: decimal points, signs, operators, and one space between two
    numbers. Thousands separators go, so that 1,000 and 1000 are the same.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = _GROUPED.sub("", plain).translate(_FOLDING)
    return _IDLE_SPACE.sub("", _SIGN.sub(lambda found: (found["kept"] or " ").strip(" ") or " ", spaced))


def duplicates(problems: Iterable[Problem]) -> list[tuple[int, int]]:
    """(id, id of the first with the same folded question) of every problem that repeats an earlier one."""
    first: dict[str, int] = {}
    return [
        (problem.id, original)
        for problem in problems
        if (original := first.setdefault(fold(problem.question), problem.id)) != problem.id
    ]


def overlap(problems: Iterable[Problem], others: Iterable[Problem]) -> list[int]:
    """Ids of the problems whose folded question is also asked in ``others``."""
    asked = {fold(other.question) for other in others}
    return [problem.id for problem in problems if fold(problem.question) in asked]


def incomplete(problems: Iterable[Problem]) -> list[tuple[int, str]]:
    """(id, what it lacks) of every problem without a question, a solution or a finite numeric answer."""
    return [(problem.id, lacking) for problem in problems if (lacking := _lacking(problem))]


def _lacking(problem: Problem) -> str:
    lacks = {
        "question": not problem.question.strip(),
        "solution": not problem.solution.strip(),
        "numeric answer": not math.isfinite(problem.answer),
    }
    return ", ".join(f"no {part}" for part, absent in lacks.items() if absent)


@dataclass(frozen=True)
class Cleaned:
    """A set without its unusable problems, and those that were taken out."""

    kept: ProblemSet
    removed: tuple[tuple[int, str], ...]
    """(id, reason), in the order of ids."""


def clean(problems: ProblemSet) -> Cleaned:
    """Take out incomplete problems, then repetitions of earlier ones; ids and ``split_size`` stay as they were."""
    reasons = dict(incomplete(problems))
    usable = [problem for problem in problems if problem.id not in reasons]
    answers = {problem.id: problem.answer for problem in usable}
    reasons |= {
        repeated: f"repeats problem {original}"
        + ("" if answers[repeated] == answers[original] else " with another answer")
        for repeated, original in duplicates(usable)
    }
    kept = tuple(problem for problem in problems if problem.id not in reasons)
    return Cleaned(replace(problems, problems=kept), tuple(sorted(reasons.items())))
