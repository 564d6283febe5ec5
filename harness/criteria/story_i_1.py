"""Story I.1: problems of the test split, as many of each difficulty."""

from collections import Counter

from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.evidence import ProblemStudy
from harness.errors import HarnessError
from harness.problems import LEVELS, level
from harness.problems.dataset_file import read_dataset, save_dataset

BALANCED = "as many of each"


def balanced(study: ProblemStudy) -> Measurement:
    """The saved sample, read back: how many problems of each level it holds."""
    try:
        problems = study.importance
    except HarnessError as error:
        raise NotMeasured(str(error)) from error
    path = f"results/full_dataset_{len(problems)}.json"
    save_dataset(problems, study.absolute(path), study.provenance)
    saved = read_dataset(study.absolute(path))
    found = Counter(level(problem) for problem in saved)
    counts = [found[one] for one in LEVELS]
    names = [f"{one}+" if one == LEVELS[-1] else str(one) for one in LEVELS]
    said = ", ".join(f"{count} of {name}" for name, count in zip(names, counts, strict=True))
    right = (
        saved == problems and sum(counts) == len(saved) == study.options.n_problems and max(counts) - min(counts) < 2
    )
    return Measurement(
        BALANCED if right else said,
        n_problems=len(saved),
        beside={"by_difficulty": counts, "fingerprint": saved.fingerprint},
        artifacts=(path,),
    )


CRITERIA = (
    Criterion(
        "I.1-balanced",
        "acceptance",
        "25 problems of each difficulty",
        "Problems of the test split with 2, 3, 4 and 5 or more calculated steps in full_dataset_{n}.json, drawn with "
        "Random(seed).sample from each; 25 each where 100 are asked for, else equal but for at most one; re-read.",
        Rule("is", BALANCED),
        balanced,
        scope="run",
        from_results=True,
    ),
)
