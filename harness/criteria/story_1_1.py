"""Story 1.1: a sample of training problems, validated, saved and entered in the inventory."""

from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.evidence import ProblemStudy
from harness.problems import duplicates, incomplete, overlap
from harness.problems.dataset_file import read_dataset
from harness.problems.inventory import entry_id, missing_fields


def count(study: ProblemStudy) -> Measurement:
    """How many problems there are, against how many were asked for."""
    found = len(study.problems)
    return Measurement(
        "== n_problems" if found == study.options.n_problems else f"{found}",
        beside={"problems": found, "n_problems": study.options.n_problems},
        n_problems=found,
    )


def seed(study: ProblemStudy) -> Measurement:
    """Two draws with the same seed, compared with each other and with the stated formula."""
    import random

    size, n = study.problems.split_size, len(study.problems)
    expected = sorted(random.Random(study.options.seed).sample(range(size), n))
    same = list(study.problems.ids) == expected == list(study.sample_again().ids)
    return Measurement("equal" if same else "different", beside={"seed": study.options.seed, "split size": size})


def fields(study: ProblemStudy) -> Measurement:
    """Share of problems with a question, a solution and a numeric answer."""
    bad = incomplete(study.problems)
    return Measurement(
        1 - len(bad) / len(study.problems), beside={"incomplete": [f"{one}: {lacks}" for one, lacks in bad]}
    )


def unique(study: ProblemStudy) -> Measurement:
    """Repeated questions after folding."""
    pairs = duplicates(study.problems)
    return Measurement(len(pairs), beside={"duplicate ids": [list(pair) for pair in pairs]})


def split(study: ProblemStudy) -> Measurement:
    """Problems whose folded question is in the test split."""
    if study.test_split.source == study.problems.source and study.dataset not in ("gsm8k", "synthetic"):
        raise NotMeasured(f"{study.dataset} is one file: it has no test split to compare with")
    shared = overlap(study.problems, study.test_split)
    return Measurement(len(shared), beside={"ids": shared, "test problems": len(study.test_split)})


def saved(study: ProblemStudy) -> Measurement:
    """The saved file, read back."""
    path = study.dataset_file
    same = read_dataset(study.absolute(path)) == study.problems
    return Measurement("equal to memory" if same else "different", artifacts=(path,))


def inventory(study: ProblemStudy) -> Measurement:
    """The inventory's entry on the sample, complete and with a working link."""
    path = study.inventory
    _ = study.dataset_file
    file = study.absolute(path)
    missing = missing_fields(file.read_text(encoding="utf-8"), entry_id(study.problems), folder=file.parent)
    return Measurement("present" if not missing else f"missing: {', '.join(missing)}", artifacts=(path,))


CRITERIA = (
    Criterion(
        "1.1-count",
        "acceptance",
        "The stated number of problems is sampled",
        "Number of problems in the sample equals --n-problems (100 in the study).",
        Rule("is", "== n_problems"),
        count,
        scope="run",
        from_results=True,
    ),
    Criterion(
        "1.1-seed",
        "acceptance",
        "The sample is reproducible from its seed",
        "Ids equal sorted(random.Random(seed).sample(range(len(split)), n)), drawn twice.",
        Rule("is", "equal"),
        seed,
        scope="run",
        from_results=True,
    ),
    Criterion(
        "1.1-fields",
        "validity",
        "Every problem has a question and a solution and a numeric answer",
        "Share of problems that have all three.",
        Rule("==", 1),
        fields,
        scope="run",
        from_results=True,
    ),
    Criterion(
        "1.1-unique",
        "validity",
        "No duplicates",
        "Problems whose question equals an earlier one after folding case, spaces and punctuation.",
        Rule("==", 0),
        unique,
        scope="run",
        from_results=True,
    ),
    Criterion(
        "1.1-split",
        "validity",
        "Training set only",
        "Problems whose folded question is in the test split.",
        Rule("==", 0),
        split,
        scope="run",
        from_results=True,
    ),
    Criterion(
        "1.1-saved",
        "acceptance",
        "The dataset is saved with its metadata",
        "data/attention_dataset_{n}_train.json, re-read, equals what is in memory.",
        Rule("is", "equal to memory"),
        saved,
        scope="run",
        from_results=True,
    ),
    Criterion(
        "1.1-inventory",
        "acceptance",
        "DATA_INVENTORY names the dataset",
        "Entry with source, sampling method, size, purpose, usage, recipe, stratification N/A and a working link.",
        Rule("is", "present"),
        inventory,
        scope="run",
        from_results=True,
    ),
)
