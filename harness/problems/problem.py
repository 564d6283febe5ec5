"""A word problem with its worked solution, and an ordered set of them that knows where it came from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from harness.files import digest

ANNOTATION = re.compile(r"<<[^<>]*>>")
"""A calculation marked in a worked solution."""


@dataclass(frozen=True)
class Problem:
    """One word problem in the form of GSM8K (Cobbe et al., arXiv 2110.14168)."""

    id: int
    """0-based row in its split."""
    question: str
    solution: str
    """The worked solution as the data has it, calculator annotations and the line of the answer included."""
    answer: float
    """The gold answer: the number after ``####``, thousands separators removed."""

    @property
    def difficulty(self) -> int:
        """Number of ``<<...>>`` annotations in the solution, that is of calculated steps; 0 when unknown."""
        return len(ANNOTATION.findall(self.solution))


@dataclass(frozen=True)
class ProblemSet:
    """Problems of one split, in the order of their ids. Two sets are equal when all their fields are."""

    name: str
    """``gsm8k``, ``synthetic``, or the stem of the user's file."""
    split: str
    problems: tuple[Problem, ...]
    split_size: int
    """Number of problems in the split they were taken from."""
    seed: int | None
    """Seed of the sample; None when nothing was drawn."""
    source: str
    """Where the problems come from and under which licence, in words."""
    licence: str = "not stated"
    stratified: bool = False
    """Whether as many of each level of difficulty were drawn, rather than from all alike."""

    def __len__(self) -> int:
        return len(self.problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    def __getitem__(self, index: int) -> Problem:
        return self.problems[index]

    @property
    def ids(self) -> tuple[int, ...]:
        """The problems' rows in their split."""
        return tuple(problem.id for problem in self.problems)

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions, as the data has them."""
        return tuple(problem.question for problem in self.problems)

    @property
    def sampling(self) -> str:
        """How the problems were chosen, exactly enough to choose them again."""
        if self.stratified:
            return f"of each difficulty 2, 3, 4 and 5+: random.Random({self.seed}).sample(its problems, its share of {len(self)})"
        if self.seed is not None:
            return f"sorted(random.Random({self.seed}).sample(range({self.split_size}), {len(self)}))"
        if len(self) == self.split_size:
            return f"the complete split, {self.split_size} problems"
        return f"{len(self)} of the {self.split_size} problems of the split, none drawn at random"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over name, split, ids, texts and answers: equal exactly when those are."""
        rows = (
            part
            for problem in self.problems
            for part in (str(problem.id), problem.question, problem.solution, repr(problem.answer))
        )
        return digest(self.name, self.split, *rows)
