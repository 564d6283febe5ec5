"""Word problems: loading, sampling and validation."""

from harness.problems.answers import last_number
from harness.problems.load import LEVELS, level, load_problems, load_split, second_sample, stratified_sample
from harness.problems.problem import Problem, ProblemSet
from harness.problems.validate import Cleaned, clean, duplicates, fold, incomplete, overlap

__all__ = [
    "LEVELS",
    "Cleaned",
    "Problem",
    "ProblemSet",
    "clean",
    "duplicates",
    "fold",
    "incomplete",
    "last_number",
    "level",
    "load_problems",
    "load_split",
    "overlap",
    "second_sample",
    "stratified_sample",
]
