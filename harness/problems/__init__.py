"""Word problems: loading, sampling and validation."""

from harness.problems.answers import last_number
from harness.problems.load import load_problems, load_split, second_sample
from harness.problems.problem import Problem, ProblemSet
from harness.problems.validate import Cleaned, clean, duplicates, fold, incomplete, overlap

__all__ = [
    "Cleaned",
    "Problem",
    "ProblemSet",
    "clean",
    "duplicates",
    "fold",
    "incomplete",
    "last_number",
    "load_problems",
    "load_split",
    "overlap",
    "second_sample",
]
