"""The file a problem set is kept in: its metadata, and every problem in full."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import HarnessError
from harness.files import read_text, write_json
from harness.problems.files import parse
from harness.problems.problem import Problem, ProblemSet

_REMEDY = "Run the story that writes it again."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Metadata(_Strict):
    name: str
    source: str
    licence: str
    split: str
    split_size: int
    sampling: str
    seed: int | None
    n: int
    fingerprint: str
    stratified: bool = False
    provenance: dict[str, Any]


class _Row(_Strict):
    id: int
    question: str
    solution: str
    answer: float
    difficulty: int


class _Removed(_Strict):
    id: int
    reason: str


class _Dataset(_Strict):
    metadata: _Metadata
    problems: list[_Row]
    removed: list[_Removed] = []


def save_dataset(
    problems: ProblemSet, path: Path, provenance: Mapping[str, Any], removed: Sequence[tuple[int, str]] = ()
) -> Path:
    """Write ``problems`` with their metadata as JSON, atomically; returns ``path``.

    ``provenance`` is stored as it is: what made the file, with which versions, and when. ``removed`` are id and reason of
    problems that were taken out.
    """
    return write_json(
        path,
        {
            "metadata": {
                "name": problems.name,
                "source": problems.source,
                "licence": problems.licence,
                "split": problems.split,
                "split_size": problems.split_size,
                "sampling": problems.sampling,
                "seed": problems.seed,
                "n": len(problems),
                "fingerprint": problems.fingerprint,
                "stratified": problems.stratified,
                "provenance": dict(provenance),
            },
            "problems": [
                {
                    "id": problem.id,
                    "question": problem.question,
                    "solution": problem.solution,
                    "answer": problem.answer,
                    "difficulty": problem.difficulty,
                }
                for problem in problems
            ],
            **({"removed": [{"id": problem, "reason": reason} for problem, reason in removed]} if removed else {}),
        },
    )


def read_dataset(path: Path) -> ProblemSet:
    """The set that `save_dataset` wrote to ``path``, equal to the one that was saved.

    Errors: ``HarnessError`` when the file is missing, not of this form, or was changed after it was saved.
    """
    dataset = _read(path)
    metadata = dataset.metadata
    problems = ProblemSet(
        metadata.name,
        metadata.split,
        tuple(Problem(row.id, row.question, row.solution, row.answer) for row in dataset.problems),
        metadata.split_size,
        metadata.seed,
        metadata.source,
        metadata.licence,
        metadata.stratified,
    )
    stored = [row.difficulty for row in dataset.problems]
    computed = [problem.difficulty for problem in problems]
    if (metadata.n, metadata.fingerprint, stored) != (len(problems), problems.fingerprint, computed):
        raise HarnessError(
            f"{path} was changed after it was saved: its problems do not match its fingerprint. {_REMEDY}"
        )
    return problems


def read_removed(path: Path) -> tuple[tuple[int, str], ...]:
    """Id and reason of the problems that were taken out before the set in ``path`` was saved. Errors: as `read_dataset`."""
    return tuple((one.id, one.reason) for one in _read(path).removed)


def _read(path: Path) -> _Dataset:
    try:
        return _Dataset.model_validate(parse(read_text(path, "a .json file of problems")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise HarnessError(f"{path} is not a saved problem set: {field}: {first['msg']}. {_REMEDY}") from error
    except ValueError as error:
        raise HarnessError(f"{path} is not JSON: {error}. {_REMEDY}") from error
