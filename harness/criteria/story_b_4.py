"""Story B.4: single problems, chosen by rule, with all that was seen of them."""

import json

import numpy as np

from harness.criteria.cases import choose
from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.evidence import ModelStudy

CASES = Rule("between", (10, 15))
NEEDED = ("question", "solution", "answers", "decodes_to", "attention", "relative_distance", "narrative", "figure")


def studies(study: ModelStudy) -> Measurement:
    """Cases in the saved file that are the rule's, in its order, with everything a case has to show."""
    own, least = study.case_files, CASES.threshold[0]
    if len(own.problems) < least:
        raise NotMeasured(f"needs {least} problems to choose from, there are {len(own.problems)}")
    content = json.loads(study.absolute(own.studies).read_text(encoding="utf-8"))
    problems, trials = study.intervened.problems("test"), study.intervened.blocks()
    difficulty = np.array([problem.difficulty for problem in problems])
    drop = trials.of("gold", "baseline") - trials.of("gold", content["blocked"])
    cases = choose(trials.of("codes", content["blocked"]), difficulty, drop, trials.of("right", "baseline"))
    ruled = [problems[case.row] for case in cases]
    whole = [
        one
        for one, problem in zip(content["cases"], ruled, strict=False)
        if (one["problem_id"], one["question"]) == (problem.id, problem.question)
        and all(one[name] for name in NEEDED)
        and all(len(of_position) == 2 for of_position in one["decodes_to"].values())
        and all(study.absolute(path).is_file() for path in one["figure"])
    ]
    sound = len(whole) == len(ruled) == len(content["cases"]) and own.as_written(own.studies)
    kinds = {one["chosen_as"]["error_class"] for one in whole}
    return Measurement(
        len(whole) if sound else 0,
        reason=None if sound else f"{len(whole)} of {len(ruled)} cases are whole, or the file is not as it was written",
        n_problems=len(problems),
        attainable=(0, len(problems)),
        ends_attained=True,
        answer=f"{len(whole)} cases of {len(kinds)} classes: problems {', '.join(str(one['problem_id']) for one in whole)}",
        beside={"classes": sorted(kinds)},
        artifacts=(own.studies, *(path for paths in own.figures for path in paths)),
    )


CRITERIA = (
    Criterion(
        "B.4-cases",
        "acceptance",
        "Case studies",
        "Cases of case_studies.json that the rule written there chooses again from the answers, in its order, each with "
        "question, solution, answers per condition, what every thought decodes to with and without CT0 blocked, attention, "
        "distances, a narrative made of these numbers, and its figure. 0 where any of them lacks something or differs from "
        "what was measured.",
        CASES,
        studies,
        rests_on=("B.1-sham", "B.1-readback"),
    ),
)
