"""Story B.2: of what kind wrong answers are, and whether blocking a thought changes it."""

import json
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES, ERROR_CLASSES
from harness.criteria.behaviour import FIRST
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.errors import BOTH, CALCULATION, REVERSAL, kind_changes, profile_changes_little, rises
from harness.criteria.evidence import ModelStudy
from harness.criteria.sorted_answers import out_of_reach
from harness.criteria.story_b_1 import BLOCK_VALIDITY

Array = NDArray[Any]


def classes(study: ModelStudy) -> Measurement:
    """Share of the saved predictions that have one of the nine classes, and a reason unless nothing explains them."""
    own = study.taxonomy_files
    rows = json.loads(study.absolute(own.full).read_text(encoding="utf-8"))["predictions"]
    fit = [
        row["error_class"] in ERROR_CLASSES and (row["evidence"] or row["error_class"] == CALCULATION) for row in rows
    ]
    n, conditions = study.intervened.classified().shape
    unexplained = sum(row["evidence"] is None for row in rows)
    return Measurement(
        sum(map(bool, fit)) / (n * conditions),
        n_problems=n,
        attainable=(0.0, 1.0),
        ends_attained=True,
        beside={"predictions": len(rows), "unexplained": unexplained},
        artifacts=(own.full,),
    )


def files(study: ModelStudy) -> Measurement:
    """The summary counted again from the classes of every prediction, and these from the answers themselves."""
    own = study.taxonomy_files
    full, summary = (json.loads(study.absolute(path).read_text(encoding="utf-8")) for path in (own.full, own.summary))
    wrong = []
    by_condition: dict[str, dict[int, str]] = {}
    for row in full["predictions"]:
        by_condition.setdefault(row["condition"], {})[row["id"]] = row["code"]
    design, codes = list(study.intervened.blocks_design()), study.intervened.classified()
    ids = study.intervened.problems("test").ids
    for column, name in enumerate(design):
        if by_condition.get(name) != dict(zip(ids, (CODES[code] for code in codes[:, column]), strict=True)):
            wrong.append(f"classes of {name}")
    rows = {row["class"]: row for row in summary["table"]}
    if not wrong:
        shown = ("baseline", *own.blocked)
        shares = {name: Counter(by_condition[name].values()) for name in shown}
        for name in shown:
            for code in CODES:
                share = shares[name][code] / len(ids)
                change = share - shares["baseline"][code] / len(ids)
                saved = rows[code]["baseline"] if name == "baseline" else rows[code]["conditions"][name]
                near = abs((saved if name == "baseline" else saved["share"]) - share) < 1e-9
                if not near or (name != "baseline" and abs(saved["change"] - change) > 1e-9):
                    wrong.append(f"share of {code} under {name}")
    if summary["out_of_reach"] != out_of_reach(full["problems"]):
        wrong.append("problems where classes are out of reach")
    wrong += [f"{path} is not as written" for path in (own.full, own.summary) if not own.as_written(path)]
    missing = [path for path in own.figures if not study.absolute(path).is_file()]
    return Measurement(
        "present and consistent" if not wrong + missing else f"wrong: {', '.join((wrong + missing)[:4])}",
        n_problems=len(ids),
        answer=_in_words(study, codes[:, design.index(own.blocked[0])], summary),
        beside={
            "accuracy": float(np.mean(codes[:, 0] == CODES.index("CORRECT"))),
            "no_step_states_gold": summary["out_of_reach"]["no_step_states_gold"],
            "no_steps": summary["out_of_reach"]["no_steps"],
        },
        artifacts=(own.full, own.summary, *own.figures),
    )


def _in_words(study: ModelStudy, codes: Array, summary: dict[str, Any]) -> str:
    """The two kinds of error that the study asks for, beside what nearness alone and chance would give."""
    wrong = codes[codes != CODES.index("CORRECT")]
    if not len(wrong):
        return f"With CT{FIRST} blocked there is no wrong answer"
    near = summary["near_answers"]["conditions"][study.taxonomy_files.blocked[0]]
    chance = summary["random"]
    parts = []
    for code, words, elsewhere in (
        (REVERSAL, "reversals", chance["classes"][REVERSAL]["among_errors"]),
        (CALCULATION, "evidenced calculation errors", chance["calc_error"]["evidenced"]["among_errors"]),
    ):
        shares = [float((wrong == CODES.index(code)).mean()), near[code], elsewhere]
        shown = ["unknown" if one is None else f"{one:.3g}" for one in shares]
        parts.append(
            f"{words} {shown[0]} ({shown[1]} of wrong answers as far from gold, {shown[2]} of answers to other problems)"
        )
    away = summary["distances"][study.taxonomy_files.blocked[0]]
    if away["share"] is not None:
        parts.append(f"{away['share']:.0%} of the wrong numbers are {away['most_common']:g} from gold")
    beyond = summary["out_of_reach"]["n_problems"]
    if beyond:
        parts.append(f"neither can occur in {beyond} of {len(codes)} problems, where no step states the gold answer")
    return f"Of {len(wrong)} wrong answers with CT{FIRST} blocked: {'; '.join(parts)}"


CRITERIA = (
    Criterion(
        "B.2-classes",
        "acceptance",
        "Every prediction has one of nine classes",
        "Share of all predictions, every condition's, that the saved file gives one of the nine classes, with the expression "
        "that produced the number unless it is an unexplained calculation error.",
        Rule("==", 1),
        classes,
    ),
    Criterion(
        "B.2-files",
        "acceptance",
        "Taxonomy files",
        "The classes of every prediction as the answers have them; shares under the baseline and with a thought blocked, and "
        "the change, counted again from them; the figures.",
        Rule("is", "present and consistent"),
        files,
    ),
    hypothesis(
        "B.2-shift",
        "Blocking CT0 raises calculation errors and reversals",
        "Share of CALC_ERROR (unexplained ones included) and OPERATION_REVERSAL together among all answers, with CT0 blocked "
        "and without. McNemar's exact two-sided test, Benjamini-Hochberg over every condition but the sham and every class, "
        "these two together being one more; 1 where the share does not rise. It rises whenever accuracy falls: "
        "B.2-shift-errors looks among errors.",
        Rule("<", 0.05),
        rises(BOTH),
        rests_on=BLOCK_VALIDITY,
        family="B.2-shift",
        shown=lambda study: study.taxonomy_files.figures,
    ),
    hypothesis(
        "B.2-shift-errors",
        "Blocking CT0 changes the kind of error",
        "Among wrong answers alone: the share of CALC_ERROR with evidence, and that of OPERATION_REVERSAL, with CT0 blocked "
        "less without. The larger of the two-sided bootstrap p over problems and Fisher's exact p, which also holds for few "
        "wrong answers; Benjamini-Hochberg over every condition but the sham and both classes; the smaller of the two.",
        Rule("<", 0.05),
        kind_changes(),
        rests_on=BLOCK_VALIDITY,
        family="B.2-shift-errors",
        shown=lambda study: study.taxonomy_files.figures,
    ),
    hypothesis(
        "B.2-reversal",
        "Blocking CT0 raises operation reversals",
        "Share of OPERATION_REVERSAL among all answers, with CT0 blocked and without; McNemar's exact two-sided test, "
        "Benjamini-Hochberg over every condition but the sham and every class; 1 where the share does not rise.",
        Rule("<", 0.05),
        rises(REVERSAL),
        rests_on=BLOCK_VALIDITY,
        family="B.2-reversal",
        shown=lambda study: study.taxonomy_files.figures,
    ),
    hypothesis(
        "B.2-minimal",
        "Blocking CT4 changes the error profile little",
        "Total variation between the shares of the nine classes with CT4 blocked and without; upper end of the 95 % bootstrap "
        "interval over problems, and no less than the share that may change while none of so many problems shows it (score "
        "interval). Resampling adds to a distance, so that it errs on the strict side.",
        Rule("<", 0.05),
        profile_changes_little(),
        rests_on=BLOCK_VALIDITY,
        null_should_pass=True,
        shown=lambda study: study.taxonomy_files.figures,
    ),
)
