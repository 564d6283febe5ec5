"""Story 4.1: the complete training set, cleaned, saved and entered in the inventory."""

from pathlib import PurePosixPath

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ProblemStudy
from harness.problems import duplicates, incomplete
from harness.problems.dataset_file import read_dataset, read_removed, save_dataset
from harness.problems.inventory import FIELDS, entry_id, inventory_entry, missing_fields, update_inventory

PATH = "data/attention_dataset_full_train.json"
INVENTORY = "docs/DATA_INVENTORY.md"


PUBLISHED = {("gsm8k", "train"): 7473, ("gsm8k", "test"): 1319}
"""Problems of splits that others have counted: a file that was cut off has fewer."""


def count(study: ProblemStudy) -> Measurement:
    """Problems kept and problems removed, against the size of the split."""
    full = study.full
    found = len(full.kept) + len(full.removed)
    size = PUBLISHED.get((full.kept.name, full.kept.split), full.kept.split_size)
    return Measurement(
        "== size of the split" if found == size else f"{found} of {size}",
        n_problems=len(full.kept),
        answer=f"{len(full.kept):,} of {size:,} problems are kept"
        + (f"; {len(full.removed)} removed: {_listed(full.removed)}" if full.removed else ", none had to be removed"),
        beside={
            "kept": len(full.kept),
            "removed": [f"{problem}: {reason}" for problem, reason in full.removed],
            "split_size": size,
        },
    )


def _listed(removed: tuple[tuple[int, str], ...], most: int = 5) -> str:
    shown = "; ".join(f"problem {problem} {reason}" for problem, reason in removed[:most])
    return shown + (f" and {len(removed) - most} more" if len(removed) > most else "")


def saved(study: ProblemStudy) -> Measurement:
    """The saved file, read back, with what was removed; and the inventory's entry."""
    full, path = study.full, study.absolute(PATH)
    save_dataset(full.kept, path, study.provenance, full.removed)
    wrong = []
    if read_dataset(path) != full.kept or read_removed(path) != full.removed:
        wrong.append("different from memory")
    key = entry_id(full.kept)
    folder = f" --gsm8k-path {study.options.gsm8k_path}" if study.options.gsm8k_path else ""
    entry = inventory_entry(
        full.kept,
        PurePosixPath("..") / PATH,
        purpose="Whether what 100 problems show holds on all of them (phase 4)",
        usage="Read by every criterion of stories 4.1 to 4.4",
        recipe=f"pytest checks/ --story 4.1 --dataset {study.dataset}{folder}",
        stratification="None",
        expected_time=study.expected_time(len(full.kept)),
    )
    written = update_inventory(study.absolute(INVENTORY), key, entry)
    required = (*FIELDS, "Expected time")
    missing = missing_fields(written.read_text(encoding="utf-8"), key, required, written.parent)
    wrong += [f"the inventory lacks {field}" for field in missing]
    return Measurement(
        "equal, present" if not wrong else ", ".join(wrong), n_problems=len(full.kept), artifacts=(PATH, INVENTORY)
    )


def sound(study: ProblemStudy) -> Measurement:
    """Problems of the saved file without a question, a solution or a number, and repeated questions."""
    kept = study.full.kept
    bad, repeated = incomplete(kept), duplicates(kept)
    return Measurement(
        len(bad) + len(repeated),
        n_problems=len(kept),
        beside={
            "corrupt": [f"{problem}: {lacks}" for problem, lacks in bad],
            "duplicates": [list(pair) for pair in repeated],
        },
    )


CRITERIA = (
    Criterion(
        "4.1-count",
        "acceptance",
        "The complete training set is loaded",
        "Problems kept and problems removed, each with the reason, together are as many as the split has: GSM8K's 7,473, or as "
        "many as the file holds.",
        Rule("is", "== size of the split"),
        count,
        scope="run",
    ),
    Criterion(
        "4.1-saved",
        "acceptance",
        "Full dataset saved and in the inventory",
        "data/attention_dataset_full_train.json, re-read, equals what is in memory and lists what was removed; the inventory's "
        "entry has source, sampling method (complete), size, purpose, usage, recipe, stratification None, expected time and a "
        "working link.",
        Rule("is", "equal, present"),
        saved,
        scope="run",
    ),
    Criterion(
        "4.1-clean",
        "validity",
        "No corrupt or duplicate problem",
        "Kept problems that lack a question, a solution or a finite number, and questions that equal an earlier one after "
        "folding case, spaces and punctuation.",
        Rule("==", 0),
        sound,
        scope="run",
    ),
)
