"""Files of predictions: what a model answered to which problems, under one condition or several."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import HarnessError
from harness.files import read_text
from harness.problems.files import Row, json_lines, kind, parse, quoted, told_apart
from harness.problems.rows import MARKER, gold_answer

TEXT_FIELDS = ("prediction", "answer_text", "output", "response", "generation")
"""Where a row may hold the model's text, the first that is there; else it is ``answer``, beside a ``solution``."""
SOLUTION_FIELD, ANSWER_FIELD, QUESTION_FIELD = "solution", "answer", "question"
ID_FIELDS = ("id", "problem_id")
CONDITION_FIELD = "condition"
LIST_FIELD, PROBLEMS_FIELD = "predictions", "problems"

_OTHERS = ", ".join(f'"{field}"' for field in TEXT_FIELDS)
BASELINE = "baseline"
"""What rows call the condition in which nothing was done."""
FORM = (
    f'a row needs "{QUESTION_FIELD}", "{SOLUTION_FIELD}" (worked, ending in "{MARKER} 42") and the model\'s text as '
    f'"{ANSWER_FIELD}" or one of {_OTHERS}; where it has one of these other names, the solution may also be called '
    f'"{ANSWER_FIELD}", as in GSM8K; "id" is optional, and so is "{CONDITION_FIELD}" where a file holds one'
)
"""What rows look like, for help and errors."""


class Prediction(NamedTuple):
    """A model's answer to one problem. ``id`` is None where the file has none, ``text`` where the model wrote nothing."""

    id: str | None
    question: str
    solution: str
    gold: float
    text: str | None


class Predictions(NamedTuple):
    """All predictions of one file under one condition."""

    path: Path
    condition: str
    """As its rows say, else the file, else the file's name without the ending."""
    rows: tuple[Prediction, ...]


def read_predictions(path: Path) -> list[Predictions]:
    """The predictions in a file: JSON (a list, or an object with the list under ``predictions``), JSONL or CSV.

    The ending of the name tells which. For the rows see ``FORM``; a row whose solution has no ``####`` may have the gold
    answer as a number in ``gold``. An object may name the ``condition``, and may hold question and solution of every ``id``
    once, under ``problems``. Where rows name conditions there is an element for each, in the order they first appear.

    Errors: ``HarnessError`` naming the file, the first row that cannot be used, and the remedy.
    """
    content = read_text(path, needed="a .json, .jsonl or .csv file of predictions")
    condition = path.stem
    match path.suffix.lower():
        case ".jsonl":
            rows: Iterable[Row] = json_lines(content)
        case ".csv":
            rows = _csv_rows(content, path)
        case ".json":
            listed, named = _listed(content, path)
            condition = named or condition
            rows = [Row(f"row {number}", row) for number, row in enumerate(listed, start=1)]
        case _:
            raise HarnessError(
                f"Cannot read predictions from {path}: the name must end in .json, .jsonl or .csv. Convert the file or "
                "rename it."
            )
    read = [_prediction(row, path) for row in rows]
    if not read:
        raise HarnessError(f"There are no predictions in {path}: {FORM}.")
    of_condition: dict[str | None, list[Prediction]] = {}
    for named, prediction in read:
        of_condition.setdefault(named, []).append(prediction)
    if None in of_condition and len(of_condition) > 1:
        number = next(number for number, (named, _) in enumerate(read, start=1) if named is None)
        raise HarnessError(
            f'{path} names a "{CONDITION_FIELD}" in some rows, but not in row {number}. Name it in every row or in none.'
        )
    return [Predictions(path, condition if named is None else named, tuple(of)) for named, of in of_condition.items()]


def matched(files: Sequence[Predictions]) -> list[Predictions]:
    """The files with their rows in the order of the first, so that the same place is the same problem in all.

    Rows belong together by ``id`` where every row of every file has one, else by question. Conditions of the same name are
    told apart by their files' names. Errors: ``HarnessError`` when a condition repeats a problem, has others than the first,
    or states one otherwise, naming the first difference; and when two files have the same name and condition.
    """
    names, called = _names(files), _called(files)
    conditions = [file.condition for file in files]
    if BASELINE in conditions[1:] and conditions[0] != BASELINE:
        raise HarnessError(
            f"{called[conditions.index(BASELINE)]} says that it is the {BASELINE}, but {called[0]} comes first, with which "
            "all others are compared. Name the baseline's file first."
        )
    by_id = all(row.id is not None for file in files for row in file.rows)
    what = "id" if by_id else "question"
    keyed = [_keyed(file, what) for file in files]
    first = keyed[0]
    for file, rows in zip(called[1:], keyed[1:], strict=True):
        for one, others, has, lacks in ((first, rows, called[0], file), (rows, first, file, called[0])):
            missing = next((key for key in one if key not in others), None)
            if missing is not None:
                raise HarnessError(
                    f"{file} does not have the same problems as {called[0]}: the {what} {quoted(missing)} is in "
                    f"{has} only, not in {lacks}. Give files with the same problems, or the same ids."
                )
        for key, row in rows.items():
            for field in ("question", "solution", "gold"):
                mine, other = getattr(row, field), getattr(first[key], field)
                if mine != other:
                    said = " instead of ".join(told_apart([str(mine), str(other)]))
                    raise HarnessError(
                        f"{file} does not have the same problems as {called[0]}: of the {what} {quoted(key)} the "
                        f"{field} is {said}. Give files with the same problems."
                    )
    return [
        Predictions(file.path, name, tuple(rows[key] for key in first))
        for file, rows, name in zip(files, keyed, names, strict=True)
    ]


def _names(files: Sequence[Predictions]) -> list[str]:
    """What to call the conditions: as they are; those of the same name by their files, by name or else by path."""
    conditions = [file.condition for file in files]
    for called in (conditions, _called(files, lambda path: path.stem), _called(files, str)):
        names = [one if conditions.count(one) == 1 else other for one, other in zip(conditions, called, strict=True)]
        if len(set(names)) == len(names):
            return names
    repeated = next(file.path for file, name in zip(files, names, strict=True) if names.count(name) > 1)
    raise HarnessError(f"{repeated} is named twice. Name each file of predictions once.")


def _called(files: Sequence[Predictions], name: Callable[[Path], str] = str) -> list[str]:
    """The files' names, with the condition where a file holds several."""
    paths = [file.path for file in files]
    return [
        name(file.path) if paths.count(file.path) == 1 else f"{name(file.path)} ({file.condition})" for file in files
    ]


def _keyed(file: Predictions, what: str) -> dict[str, Prediction]:
    keyed: dict[str, Prediction] = {}
    for number, row in enumerate(file.rows, start=1):
        key = str(getattr(row, what))
        if key in keyed:
            remedy = "Give one row per problem" + (", each with an id" if what == "question" else "")
            raise HarnessError(
                f"{file.path} has the {what} {quoted(key)} again in row {number} of the condition "
                f"{quoted(file.condition)}. {remedy}."
            )
        keyed[key] = row
    return keyed


def _listed(content: str, path: Path) -> tuple[list[Any], str | None]:
    """The rows of a JSON file, and the condition it names."""
    try:
        held = parse(content) if content.strip() else []
    except ValueError as error:
        raise HarnessError(
            f"{path} is not JSON: {error}. Mend the file; if it holds one object per line, let its name end in .jsonl."
        ) from error
    condition = held.get("condition") if isinstance(held, dict) else None
    rows = held.get(LIST_FIELD) if isinstance(held, dict) else held
    if not isinstance(rows, list):
        found = f" (found: {_fields(held)})" if isinstance(held, dict) else ""
        raise HarnessError(
            f'{path} holds no list of predictions: it is {kind(held)} without a list under "{LIST_FIELD}"{found}. Write a '
            f'list of objects, or put it under "{LIST_FIELD}"; {FORM}.'
        )
    problems = held.get(PROBLEMS_FIELD) if isinstance(held, dict) else None
    if isinstance(problems, list):
        rows = _with_problems(rows, problems, path)
    return rows, _encodable(condition) if isinstance(condition, str) and condition.strip() else None


def _with_problems(rows: list[Any], problems: list[Any], path: Path) -> list[Any]:
    """The rows with question and solution of the problem of their id, which stands once for the rows of all conditions."""
    known: dict[str, dict[str, Any]] = {}
    for problem in problems:
        name = _own_id(problem)
        if name in known:
            raise HarnessError(
                f'{path} has the id {quoted(name)} more than once under "{PROBLEMS_FIELD}". Give every problem once.'
            )
        if name is not None:
            # Beside a solution an answer would be taken for the model's text.
            solution = SOLUTION_FIELD if problem.get(SOLUTION_FIELD) is not None else ANSWER_FIELD
            known[name] = {field: problem[field] for field in (QUESTION_FIELD, solution, "gold") if field in problem}
    return [{**known.get(_own_id(row) or "", {}), **row} if isinstance(row, dict) else row for row in rows]


def _csv_rows(content: str, path: Path) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header = next(reader, [])
        repeated = next((name for name in header if header.count(name) > 1), None)
        if repeated is not None:
            raise HarnessError(f"{path} has the column {quoted(repeated)} more than once. Rename or remove one.")
        for cells in reader:
            where = f"line {reader.line_num}"
            if len(cells) == len(header):
                yield Row(where, dict(zip(header, cells, strict=True)))
            elif cells:
                yield Row(
                    where, None, f"{len(cells)} cells under {len(header)} columns; put texts with commas in quotes"
                )
    except csv.Error as error:
        raise HarnessError(f"{path} is not CSV: {error} in line {reader.line_num}. Mend the file.") from error


def _prediction(row: Row, path: Path) -> tuple[str | None, Prediction]:
    """The condition that a row names, and what it holds."""
    try:
        if row.fault:
            raise _RowFault(row.fault)
        return _read(row.content)
    except _RowFault as fault:
        raise HarnessError(f"{path}, {row.where}: {fault}.") from fault


class _RowFault(Exception):
    """What is wrong with a row and what to do."""


def _read(content: Any) -> tuple[str | None, Prediction]:
    if not isinstance(content, dict):
        raise _RowFault(f"{kind(content)} instead of an object; {FORM}")
    named = next((field for field in TEXT_FIELDS if field in content), None)
    has_solution = content.get(SOLUTION_FIELD) is not None
    text_field = named or (ANSWER_FIELD if has_solution else None)
    if text_field is None or text_field not in content:
        raise _RowFault(f"the model's text is missing (found: {_fields(content)}); {FORM}")
    solution_field = SOLUTION_FIELD if has_solution else ANSWER_FIELD
    question, solution = _text(content, QUESTION_FIELD), _text(content, solution_field)
    text = None if content[text_field] is None else _text(content, text_field)
    prediction = Prediction(
        _name(content, ID_FIELDS), question, solution, _gold(content, solution, solution_field), text
    )
    return _name(content, (CONDITION_FIELD,)), prediction


def _text(content: Mapping[str, Any], field: str) -> str:
    if field not in content:
        raise _RowFault(f'the field "{field}" is missing (found: {_fields(content)}); {FORM}')
    text = content[field]
    if not isinstance(text, str):
        raise _RowFault(f'the field "{field}" is {kind(text)}; write it as a text, in quotation marks')
    if _encodable(text) != text:
        raise _RowFault(f'the field "{field}" holds half a surrogate pair; write the character itself')
    return text


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _fields(content: Mapping[str, Any]) -> str:
    """The names of the fields that are there."""
    return ", ".join(map(quoted, content)) or "no fields"


def _name(content: Mapping[str, Any], fields: Sequence[str]) -> str | None:
    """The id or condition in the first of the fields that holds anything."""
    value = next((content[field] for field in fields if content.get(field) not in (None, "")), None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _RowFault(f"the {fields[0]} is {kind(value)}; give a text or a whole number, or none in all rows")
    return _encodable(str(value))


def _own_id(content: Any) -> str | None:
    """The id of a row; None where it has none that can be used, which is told when the row is read."""
    try:
        return _name(content, ID_FIELDS) if isinstance(content, dict) else None
    except _RowFault:
        return None


def _gold(content: Mapping[str, Any], solution: str, field: str) -> float:
    gold = content.get("gold")
    if MARKER not in solution and isinstance(gold, int | float) and not isinstance(gold, bool) and math.isfinite(gold):
        return float(gold)
    try:
        return gold_answer(solution)
    except HarnessError as error:
        raise _RowFault(
            f'the field "{field}" is no worked solution: {quoted(solution)} does not end in {MARKER} and a number, such as '
            f'"{MARKER} 42"'
        ) from error
