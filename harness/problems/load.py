"""Problems by name: GSM8K (hub or local folder), the synthetic set, or the user's own file; all of them or a sample."""

import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from operator import index
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.problems.files import Row, read_rows
from harness.problems.problem import Problem, ProblemSet
from harness.problems.rows import problems_of

SPLITS = ("train", "test")
HUB_DATASET = ("openai/gsm8k", "main")


def load_problems(
    dataset: str | Path = "gsm8k",
    split: str = "train",
    n: int | None = None,
    seed: int = 42,
    path: str | Path | None = None,
) -> ProblemSet:
    """``n`` problems of a split drawn with ``seed``, in the order of the split; all of them when ``n`` is None.

    ``dataset`` is ``gsm8k``, ``synthetic`` or a ``.json``/``.jsonl`` file, every split of which is the file itself.
    ``path`` is a folder with ``train.jsonl`` and ``test.jsonl`` for ``gsm8k``, which otherwise comes from the hub
    through ``datasets``; the other datasets ignore it. The rows drawn are
    ``sorted(random.Random(seed).sample(range(split_size), n))``.

    A row has a ``question`` and an ``answer``: a worked solution ending in ``#### 42``, or the number alone with an
    optional ``solution`` beside it. A JSON file is a list of rows, or an object holding it under ``data``.

    Errors: ``HarnessError`` when the data is not found, is malformed (naming line and field) or has fewer than ``n``
    rows.
    """
    if n is not None:
        n = _whole(n, "The number of problems")
        if n < 1:
            raise HarnessError(f"The number of problems is {n}; ask for at least 1.")
        seed = _whole(seed, "The seed")
    everything = load_split(dataset, split, path)
    if n is None:
        return everything
    if n > len(everything):
        raise HarnessError(
            f"{n} problems were asked for, but {_described(everything)} has {len(everything)}. "
            f"Ask for at most {len(everything)} (--n-problems)."
        )
    drawn = sorted(random.Random(seed).sample(range(len(everything)), n))
    return ProblemSet(
        everything.name,
        everything.split,
        tuple(everything[row] for row in drawn),
        everything.split_size,
        seed,
        everything.source,
        everything.licence,
    )


def second_sample(first: ProblemSet, dataset: str | Path, seed: int, path: str | Path | None = None) -> ProblemSet:
    """As many problems of the same split again, none of them in ``first``.

    The rows drawn are ``sorted(random.Random(seed + 1).sample(remaining, n))``. Errors: ``HarnessError`` when fewer
    than ``len(first)`` remain.
    """
    everything = load_split(dataset, first.split, path)
    taken = set(first.ids)
    remaining = [problem.id for problem in everything if problem.id not in taken]
    if len(remaining) < len(first):
        raise HarnessError(f"needs {len(first)} more problems, {_described(everything)} has {len(remaining)} left")
    drawn = sorted(random.Random(seed + 1).sample(remaining, len(first)))
    return replace(everything, problems=tuple(everything[row] for row in drawn), seed=seed + 1)


LEVELS = (2, 3, 4, 5)
"""Levels of difficulty that samples are balanced over: as many calculated steps, the last one or more of them."""


def level(problem: Problem) -> int:
    """The level a problem belongs to: its difficulty, 5 for 5 and more; 0 and 1 belong to none."""
    return min(problem.difficulty, LEVELS[-1])


def stratified_sample(
    dataset: str | Path, split: str, n: int, seed: int, path: str | Path | None = None, without: Collection[int] = ()
) -> ProblemSet:
    """``n`` problems, as many of each level as can be (the easier levels have one more where n is no multiple of four).

    Of every level ``random.Random(seed).sample(its rows, count)``, in the order of the split; rows ``without`` are not
    drawn. Errors: ``HarnessError`` naming the level that has too few problems.
    """
    everything = load_split(dataset, split, path)
    drawn: list[Problem] = []
    for place, one in enumerate(LEVELS):
        count = n // len(LEVELS) + (place < n % len(LEVELS))
        members = [problem for problem in everything if level(problem) == one and problem.id not in without]
        if len(members) < count:
            raise HarnessError(
                f"needs {count} problems of difficulty {one}{'+' if one == LEVELS[-1] else ''} (calculations marked <<...>> in "
                f"the solution), {_described(everything)} has {len(members)} to draw from; ask for fewer problems"
            )
        drawn += random.Random(seed).sample(members, count)
    in_order = tuple(sorted(drawn, key=lambda problem: problem.id))
    return replace(everything, problems=in_order, seed=seed, stratified=True)


def load_split(dataset: str | Path, split: str, path: str | Path | None = None) -> ProblemSet:
    """Every problem of a split; arguments and errors as for `load_problems`."""
    if split not in SPLITS:
        raise HarnessError(f'There is no split "{split}"; choose {" or ".join(SPLITS)}.')
    if dataset == "gsm8k":
        return _gsm8k(split, Path(path) if path is not None else None)
    if dataset == "synthetic":
        return _synthetic(split)
    file = Path(dataset)
    if not file.suffix:
        raise HarnessError(
            f'There is no dataset "{dataset}"; choose gsm8k (its local folder goes in --gsm8k-path), synthetic, or the '
            "path of a .json or .jsonl file."
        )
    problems = problems_of(read_rows(file), str(file))
    source = f"{file.name}, a file of the user's own, licence not stated"
    return ProblemSet(file.stem, split, problems, len(problems), None, source)


def _gsm8k(split: str, folder: Path | None) -> ProblemSet:
    hub, config = HUB_DATASET
    if folder is None:
        problems = problems_of(_numbered(_from_hub(split)), f"{hub} ({config}, {split})")
    else:
        problems = _from_folder(split, folder)
    source = f"GSM8K (Cobbe et al., arXiv 2110.14168; {hub}, {config}), {split} split, MIT licence"
    return ProblemSet("gsm8k", split, problems, len(problems), None, source, "MIT")


def _from_folder(split: str, folder: Path) -> tuple[Problem, ...]:
    file = folder / f"{split}.jsonl"
    try:
        present = file.is_file()
    except OSError as error:
        raise HarnessError(f"Cannot look for {file}: {error.strerror}. Check the path and its permissions.") from error
    if not present:
        missing = f"it has no {file.name}" if folder.is_dir() else "there is no such folder"
        raise HarnessError(
            f"GSM8K was looked for in {folder}, but {missing}. Name a folder that holds train.jsonl and test.jsonl "
            "with --gsm8k-path, or leave it out to load GSM8K from the hub."
        )
    return problems_of(read_rows(file), str(file))


def _from_hub(split: str) -> Iterable[Mapping[str, Any]]:
    hub, config = HUB_DATASET
    try:
        import datasets

        rows: Iterable[Mapping[str, Any]] = datasets.load_dataset(hub, config, split=split)
    # The hub client fails with errors of many unrelated types (network, proxy, cache, missing dataset).
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise HarnessError(
            f"GSM8K ({hub}, {config}, {split}) cannot be loaded from the hub: {reason.rstrip('.')}. Check the network, "
            "or name a folder that holds train.jsonl and test.jsonl with --gsm8k-path."
        ) from error
    return rows


def _synthetic(split: str) -> ProblemSet:
    from harness.problems.synthetic import generate_split

    problems = problems_of(_numbered(generate_split("train" if split == "train" else "test")), f"synthetic ({split})")
    source = f"synthetic arithmetic word problems generated by the harness, {split} split, MIT licence"
    return ProblemSet("synthetic", split, problems, len(problems), None, source, "MIT")


def _numbered(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    return [Row(f"row {number}", dict(row)) for number, row in enumerate(rows, start=1)]


def _described(problems: ProblemSet) -> str:
    if problems.name in ("gsm8k", "synthetic"):
        return f"the {problems.split} split of {problems.name}"
    return problems.source.partition(",")[0]


def _whole(value: int, what: str) -> int:
    try:
        return index(value)
    except TypeError as error:
        raise HarnessError(f"{what} is {value!r}; give a whole number.") from error
