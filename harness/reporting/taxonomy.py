"""The error taxonomy of files of predictions: classified, written down, and as a table to read."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.behaviour import Classifier
from harness.behaviour.predictions import Prediction, Predictions, matched
from harness.criteria.sorted_answers import FULL, RANDOM_DRAWS, SUMMARY, Asked, SortedAnswers
from harness.criteria.taxonomy import PARTS
from harness.files import file_digest, write_json
from harness.provenance import provenance

_WHOLE = re.compile(r"(0|-?[1-9]\d{0,17})", re.ASCII)


def write_taxonomy(files: Sequence[Predictions], folder: Path, seed: int) -> dict[str, Any]:
    """Classify the predictions of each condition, the baseline first, and write both files into ``folder``.

    They hold what `SortedAnswers` says, as those of a study do, with every condition in the table of the summary; the summary
    is also returned. Problems have the ids of the first file, whole numbers where all of them are, or else their places,
    counted from 0. ``seed`` decides resamples and which problems exchange their answers.

    Errors: ``HarnessError`` when the files do not have the same problems or the folder cannot be written.
    """
    conditions = matched(files)
    baseline, names = conditions[0].rows, [file.condition for file in conditions]
    asked = [Asked(id, row.question, row.solution, row.gold) for id, row in zip(_ids(baseline), baseline, strict=True)]
    classifiers = [Classifier(*problem[1:]) for problem in asked]
    texts = [[row.text for row in rows] for rows in zip(*(file.rows for file in conditions), strict=True)]
    answers = SortedAnswers(asked, classifiers, names, texts)
    summary = answers.summary(names[1:], seed)
    origin = provenance(
        seed=seed,
        random_draws=RANDOM_DRAWS,
        files={
            name: {"file": file.path.name, "sha256": file_digest(file.path)}
            for name, file in zip(names, conditions, strict=True)
        },
    )
    write_json(folder / FULL, {"n_problems": len(asked), **answers.full(), "provenance": origin})
    write_json(folder / SUMMARY, {**summary, "provenance": origin})
    return summary


def taxonomy_table(summary: dict[str, Any]) -> str:
    """The summary as text: a block for each condition, a line for each class that anything was found or tested in."""
    blocks = [
        f"{summary['n_problems']} problems. Share: of all problems, or of the wrong answers. Random: the same share when the "
        "baseline's\nanswers are dealt to other problems. Change: of the share of all problems, from the baseline, 95 % "
        "interval over problems.\np: McNemar. q: Benjamini-Hochberg over "
        + (f"{len(summary['family'])} x 9 tests." if summary["family"] else "nothing: there is no condition to test."),
        _out_of_reach(summary["out_of_reach"]),
    ]
    for name, condition in summary["conditions"].items():
        is_baseline = name == summary["baseline"]
        heading = f"{'class':<20} {'n':>5}" + f"  {'share':>8} {'random':>7}" * 2
        lines = [
            f"{name}{' (baseline)' if is_baseline else ''}: {condition['n_errors']} wrong answers",
            f"{'':<26}  {'of all problems':>16}  {'of wrong answers':>16}",
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


def _ids(rows: Sequence[Prediction]) -> Sequence[int | str]:
    ids = [row.id for row in rows if row.id is not None]
    if len(set(ids)) < len(rows):
        return range(len(rows))
    return [int(id) for id in ids] if all(map(_WHOLE.fullmatch, ids)) else ids


def _out_of_reach(counts: dict[str, Any]) -> str:
    return (
        f"OPERATION_REVERSAL and evidenced CALC_ERROR cannot occur in {counts['n_problems']} problems: in "
        f"{counts['no_step_states_gold']} no step of the\nsolution states the gold answer, {counts['no_steps']} have no steps "
        "that can be read (nor can PARTIAL_ANSWER occur in these)."
    )


def _line(name: str, numbers: dict[str, Any], chance: dict[str, Any]) -> str:
    line = f"{name:<20} {numbers['count']:>5}"
    for base in ("share", "among_errors"):
        line += f"  {_number(numbers[base]['value']):>8} {_number(chance[base]):>7}"
    if "change" not in numbers:
        return line
    change = numbers["change"]
    interval = f"[{change['ci_low']:+.3f}, {change['ci_high']:+.3f}]"
    return f"{line}  {change['value']:>+7.3f} {interval:<18} {_p(numbers['p']):>8} {_p(numbers['q']):>8}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _p(value: float | None) -> str:
    return "-" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"
