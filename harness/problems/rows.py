"""From the rows of a data file to problems, refusing every row that is not one."""

import math
import re
from collections.abc import Sequence
from typing import Any

from harness.errors import HarnessError
from harness.problems.files import Row, kind, quoted
from harness.problems.problem import Problem

MARKER = "####"
"""What stands before the gold answer in a GSM8K solution."""

LISTED_FAULTS = 5

_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", re.ASCII)


def problems_of(rows: Sequence[Row], place: str) -> tuple[Problem, ...]:
    """The problems of all rows; ids count the rows from 0. ``place`` names the rows' origin in errors.

    A row has a ``question`` and an ``answer``. The answer is either a worked solution that ends in ``####`` and the
    number (GSM8K's form), or the number alone; a worked solution may then stand in ``solution``. Other fields are
    ignored.

    Errors: ``HarnessError`` naming the first rows that are no problems, the field, what was found, what to do, and how
    many more there are.
    """
    problems = []
    faults = []
    for index, row in enumerate(rows):
        try:
            if row.fault:
                raise _RowError(row.fault)
            problems.append(_problem(index, row.content))
        except _RowError as fault:
            faults.append(f"{row.where}: {fault}")
    if faults:
        listed = "; ".join(faults[:LISTED_FAULTS])
        rest = len(faults) - LISTED_FAULTS
        raise HarnessError(
            f"{place} has {_count(len(faults))} of {len(rows)} that cannot be used. {listed}"
            + (f"; and {rest} more." if rest > 0 else ".")
        )
    return tuple(problems)


def gold_answer(solution: str) -> float:
    """The number after ``####`` in a worked solution.

    Errors: ``HarnessError`` saying what stands there instead, or that the mark is repeated.
    """
    try:
        return _gold(solution, "solution")
    except _RowError as fault:
        raise HarnessError(f"The gold answer cannot be read: {fault}.") from fault


class _RowError(Exception):
    """What is wrong with a row and what to do."""


def _count(faults: int) -> str:
    return "1 row" if faults == 1 else f"{faults} rows"


def _problem(index: int, content: Any) -> Problem:
    if not isinstance(content, dict):
        raise _RowError(f'{kind(content)} instead of an object; write {{"question": "...", "answer": "..."}}')
    question = _text(content, "question")
    if not question.strip():
        raise _RowError('the field "question" is empty; write the question or remove the row')
    if content.get("answer") is None:
        raise _RowError('the field "answer" is missing; give the solution ending in "#### 42", or the number alone')
    solution, answer = _solved(content)
    return Problem(index, question, solution, answer)


def _solved(content: dict[str, Any]) -> tuple[str, float]:
    """Solution and number of a row that has an answer."""
    answer = content["answer"]
    if isinstance(answer, str) and MARKER in answer:
        solution = _text(content, "answer")
        return solution, _gold(solution, "answer")
    solution = _text(content, "solution") if content.get("solution") is not None else ""
    number = _bare(answer)
    if MARKER in solution and _gold(solution, "solution") != number:
        raise _RowError(
            f'the field "solution" ends in {quoted(solution.rpartition(MARKER)[2].strip())} but "answer" is '
            f"{answer}; make them agree"
        )
    return solution, number


def _text(content: dict[str, Any], field: str) -> str:
    text = content.get(field)
    if text is None:
        raise _RowError(f'the field "{field}" is missing; add it')
    if not isinstance(text, str):
        raise _RowError(f'the field "{field}" is {kind(text)}; a text is needed')
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _RowError(f'the field "{field}" holds half a surrogate pair; write the character itself') from error
    return text


def _gold(solution: str, field: str) -> float:
    if solution.count(MARKER) > 1:
        raise _RowError(f'the field "{field}" holds {MARKER} {solution.count(MARKER)} times; keep the last one only')
    return _number(solution.partition(MARKER)[2].strip(), f'after {MARKER} in the field "{field}"')


def _bare(answer: Any) -> float:
    """The number of an answer that is no worked solution."""
    if isinstance(answer, str):
        if not answer.strip():
            raise _RowError('the field "answer" is empty; give the solution ending in "#### 42", or the number alone')
        if not _NUMBER.fullmatch(answer.strip()):
            raise _RowError(
                f'the field "answer" has no {MARKER} and is no number: {quoted(answer)}; end it with "{MARKER} 42"'
            )
        return _number(answer.strip(), 'in the field "answer"')
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        raise _RowError(f'the field "answer" is {kind(answer)}; a number or a text ending in "{MARKER} 42" is needed')
    return _finite(answer, 'in the field "answer"')


def _number(text: str, where: str) -> float:
    if not _NUMBER.fullmatch(text):
        found = quoted(text) if text else "nothing"
        raise _RowError(f"{where} stands {found} instead of a number; write it plainly, like 1234, 1,234 or -2.5")
    return _finite(text.replace(",", ""), where)


def _finite(number: str | int | float, where: str) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise _RowError(f"{where} stands a number that is not finite ({value}); correct it")
    return value
