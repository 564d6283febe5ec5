"""The error taxonomy of files of predictions: classified, written down, and as a table to read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.behaviour.errors import Classified, Classifier
from harness.behaviour.predictions import Predictions, matched
from harness.behaviour.shuffled import random_answers
from harness.criteria.taxonomy import PARTS, taxonomy_summary
from harness.files import file_digest, write_json
from harness.problems import last_number
from harness.provenance import provenance

DRAWS = 20
FULL, SUMMARY = "error_taxonomy_full.json", "error_taxonomy_summary.json"


def write_taxonomy(files: Sequence[Predictions], folder: Path, seed: int = 0) -> dict[str, Any]:
    """Classify the predictions of each condition, the baseline first, and write both files into ``folder``.

    ``error_taxonomy_full.json``: of every problem and condition the text, its number, the class and its evidence.
    ``error_taxonomy_summary.json``: `taxonomy_summary`, which is also returned. ``seed`` decides resamples and which problems
    exchange their (baseline) answers in the 20 draws of random ones.

    Errors: ``HarnessError`` when the files do not have the same problems or the folder cannot be written.
    """
    conditions = matched(files)
    baseline = conditions[0]
    classifiers = [Classifier(row.question, row.solution, row.gold) for row in baseline.rows]
    found = [
        [classifier.classify(row.text) for classifier, row in zip(classifiers, file.rows, strict=True)]
        for file in conditions
    ]
    codes = np.array([[one.code for one in classes] for classes in found], dtype=np.int8).T
    chance = random_answers(classifiers, [row.text for row in baseline.rows], DRAWS, seed)
    names = [file.condition for file in conditions]
    summary = taxonomy_summary(codes, names, chance, seed)
    origin = provenance(
        seed=seed,
        random_draws=DRAWS,
        files={
            name: {"file": file.path.name, "sha256": file_digest(file.path)}
            for name, file in zip(names, conditions, strict=True)
        },
    )
    problems = [
        {
            "id": row.id if row.id is not None else str(at),
            "question": row.question,
            "solution": row.solution,
            "gold": row.gold,
            "conditions": {
                name: _answer(file.rows[at].text, classes[at])
                for name, file, classes in zip(names, conditions, found, strict=True)
            },
        }
        for at, row in enumerate(baseline.rows)
    ]
    write_json(folder / FULL, {"conditions": names, "problems": problems, "provenance": origin})
    write_json(folder / SUMMARY, {**summary, "provenance": origin})
    return summary


def taxonomy_table(summary: dict[str, Any]) -> str:
    """The summary as text: a block for each condition, a line for each class that anything was found or tested in."""
    blocks = [
        f"{summary['n_problems']} problems. Of all: share of all problems. Errors: share of the wrong answers. Random: share "
        "of all\nwhen each problem gets the answer to another one. Change: from the baseline, 95 % interval over problems.\n"
        "p: McNemar. q: Benjamini-Hochberg over "
        + (f"{len(summary['family'])} x 9 tests." if summary["family"] else "nothing: there is no condition to test.")
    ]
    for name, condition in summary["conditions"].items():
        is_baseline = name == summary["baseline"]
        heading = f"{'class':<20} {'n':>5} {'of all':>7} {'errors':>7} {'random':>7}"
        lines = [
            f"{name}{' (baseline)' if is_baseline else ''}: {condition['n_errors']} wrong answers",
            heading if is_baseline else f"{heading}  {'change':>7} {'95 %':<18} {'p':>8} {'q':>8}",
        ]
        for error_class, numbers in condition["classes"].items():
            chance = summary["random"]["classes"][error_class]
            lines.append(_line(error_class, numbers, chance))
            if error_class == "CALC_ERROR":
                lines += [
                    _line(f"  {part}", condition["calc_error"][part], summary["random"]["calc_error"][part])
                    for part in PARTS
                ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _answer(text: str | None, found: Classified) -> dict[str, Any]:
    return {
        "answer": text,
        "number": None if text is None else last_number(text),
        "error_class": found.error_class,
        "evidence": found.evidence,
    }


def _line(name: str, numbers: dict[str, Any], chance: dict[str, Any]) -> str:
    shares = (numbers["share"]["value"], numbers["among_errors"]["value"], chance["share"])
    line = f"{name:<20} {numbers['count']:>5} " + " ".join(f"{_number(one):>7}" for one in shares)
    if "change" not in numbers:
        return line
    change = numbers["change"]
    interval = f"[{change['ci_low']:+.3f}, {change['ci_high']:+.3f}]"
    return f"{line}  {change['value']:>+7.3f} {interval:<18} {_p(numbers['p']):>8} {_p(numbers['q']):>8}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _p(value: float | None) -> str:
    return "-" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"
