"""Story S.2: the sweep over all sets of thoughts, validated on other problems, kept batch by batch, and summed up."""

import json
from collections import Counter
from typing import Any

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.remembered import remembered, statistics_code
from harness.criteria.steps_files import ALL, FILLS, mean_designs
from harness.criteria.steps_reread import wrong_designs, wrong_rows, wrong_summary
from harness.extraction.cached import storing_code
from harness.files import digest
from harness.problems import LEVELS, ProblemSet, level

MOST_APART = 500
"""Problems between two checkpoints."""


def files(study: ModelStudy) -> Measurement:
    """Three result files read again and counted again, and the figure."""
    own = study.steps_files
    paths = (own.validation, own.scores, own.summary)
    validation, scores, summary = (json.loads(study.absolute(path).read_text(encoding="utf-8")) for path in paths)
    sweep, other = own.problems("sweep"), own.problems("validation")
    zero, mean = FILLS
    wrong = [
        *(f"validation: {one}" for one in wrong_rows(validation, list(other), _answers(study, "validation", *FILLS))),
        *(f"scores: {one}" for one in wrong_rows(scores, list(sweep), _answers(study, "sweep", zero))),
    ]
    # Nothing can be counted again from rows that are not what was answered.
    wrong = wrong or [
        *(f"validation: {one}" for one in wrong_designs(validation)),
        *(f"scores: {one}" for one in wrong_designs(scores)),
        *(f"summary: {one}" for one in wrong_summary(summary, scores, study.options.seed)),
    ]
    wrong += [*_wrong_samples(sweep, other, study), *_wrong_figure(study, len(sweep))]
    validated = {fill: mean_designs(study.intervened.subsets("validation", fill=fill)) for fill in FILLS}
    named = ", ".join(
        f"CT{place} {one['value']:.3g} [{one['low']:.3g}, {one['high']:.3g}]"
        for place, one in enumerate(own.content["groups"][ALL]["accuracy"]["shapley"])
    )
    return Measurement(
        "present and consistent" if not wrong else f"wrong: {', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}",
        n_problems=len(sweep),
        answer=f"Accuracy owed to each thought (exact Shapley values): {named}. {own.content['chosen']}",
        beside={
            "validation_problems": len(other),
            "validation_shapley": validated[zero]["accuracy"]["shapley"].tolist(),
            "validation_shapley_mean_ablation": validated[mean]["accuracy"]["shapley"].tolist(),
        },
        artifacts=(*paths, *own.figure.paths),
    )


def _answers(study: ModelStudy, sample: Any, *fills: str) -> dict[str, Any]:
    answered = {fill: study.steps_files.answered(sample, fill) for fill in fills}
    return {fill: (one.numbers, one.gold_log_probability) for fill, one in answered.items()}


def _wrong_samples(sweep: ProblemSet, other: ProblemSet, study: ModelStudy) -> list[str]:
    """Both from the training split, without a common problem, as many as asked for and of each level alike."""
    wrong = [] if not set(sweep.ids) & set(other.ids) else ["problems in both samples"]
    asked = {"sweep": (sweep, study.options.sweep_problems), "validation": (other, study.options.n_problems)}
    for name, (problems, n) in asked.items():
        counts = Counter(level(problem) for problem in problems)
        alike = max(counts.values()) - min(counts[one] for one in LEVELS) < 2
        if problems.split != "train" or len(problems) != n or set(counts) - set(LEVELS) or not alike:
            wrong.append(f"the sample of the {name}")
    return wrong


def _wrong_figure(study: ModelStudy, n: int) -> list[str]:
    drawn = study.steps_files.figure
    titles = [panel.title for panel in drawn.facts.panels][:4]
    lines = {panel.series[:5] for panel in drawn.facts.panels}
    there = all(study.absolute(path).stat().st_size > 0 for path in drawn.paths)
    right = (
        there
        and (drawn.facts.rows, drawn.facts.columns, drawn.png.dpi) == (2, 4, 300)
        and titles == ["Nested", "Single", "Leave one in", "Exact Shapley"]
        and len(lines) == 1
        and f"all problems (n={n})" in next(iter(lines))
    )
    return [] if right else ["the figure"]


def resumes(study: ModelStudy) -> Measurement:
    """Whether a copy of the sweep, cut off in its last batch and continued, ends with the same files."""
    about, design = study.intervened.about("sweep"), study.intervened.sweep_design()
    conditions = list(design.values())
    study.steps_files.answered("sweep")
    key = digest(about.key(repr(conditions)), statistics_code(), storing_code(), "resumed")[:32]

    def measure() -> Measurement:
        found = about.resumed(conditions, f"{len(design)} conditions, sweep")
        differ = [name for name, before in found.before.items() if found.after[name] != before]
        apart = max(found.batches)
        value = "equal" if not differ else f"differ: {', '.join(differ)}"
        return Measurement(
            value if apart <= MOST_APART else f"{apart} problems between checkpoints",
            n_problems=sum(found.batches),
            beside={
                "checkpoints": len(found.batches),
                "most_problems_between_checkpoints": apart,
                "problems_run_again": found.repeated,
                "digest": digest(*found.after.values()),
            },
        )

    return remembered(study.options.cache_dir / "measurements" / f"{key}.json", measure)


CRITERIA = (
    Criterion(
        "S.2-files",
        "acceptance",
        "Result files",
        "step_importance_validation.json (as many problems as the other samples have, zero and mean ablation) and "
        "step_importance_scores.json (other problems, 1,000 unless asked otherwise), both of the training split with as many "
        "of 2, 3, 4 and 5 or more steps; step_importance_summary_stats.json (the four designs for each of these and all "
        "together, with intervals, and in words what each shows and what the nested one alone would have got wrong); "
        "step_importance as png at 300 DPI and pdf. Re-read, held against the answers, and counted again.",
        Rule("is", "present and consistent"),
        files,
    ),
    Criterion(
        "S.2-checkpoint",
        "validity",
        "The sweep resumes",
        f"Finished batches are kept at once, at most {MOST_APART} problems apart; a copy of the sweep whose last batch was "
        "overwritten and struck from the manifest is continued, and every array and the manifest end with the digest they had.",
        Rule("is", "equal"),
        resumes,
    ),
)
