"""Story B.3: which problems suffer when a thought is blocked for what comes after it."""

import json
from collections.abc import Callable
from typing import Any

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.evidence import ModelStudy
from harness.criteria.remembered import remembered, statistics_code
from harness.criteria.sensitivity import (
    HARDLY,
    impact_grows_with_operations,
    multistep_suffer_more,
    single_step_hardly_suffer,
)
from harness.criteria.sensitivity_files import FEATURE_WORDS, SCATTER, TYPES
from harness.criteria.sensitivity_reread import Content, wrong_high, wrong_rows, wrong_summary
from harness.files import digest
from harness.interventions.designs import HIDDEN

GROUNDS = ("B.1-sham", "B.1-readback")
FAMILY = "feature x condition"
IMPACT = (
    "Impact: right under the baseline less right with the thought blocked for all later queries (-1, 0 or 1), on the test "
    "split; problems whose solution does not say how many operations it takes are left out and counted beside."
)
CORRECTED = (
    "p over 9,999 pairings of problems, Benjamini-Hochberg over every feature with every blocked thought (an undefined test "
    "counts as p = 1); {none} counts as 1. Draws of the random control use fewer pairings. The value among problems that the "
    "baseline solves stands beside: the others cannot lose an answer, so impact follows whatever being solved follows."
)


def tables(study: ModelStudy) -> Measurement:
    """Both result files read again and counted again, and both figures."""
    full, summary = _read(study)
    files, seed = study.sensitivity_files, study.options.seed
    # Nothing can be counted again from rows that are not what was answered.
    wrong = wrong_rows(full, files.trials, files.ids) or _once(study, wrong_summary, full, summary, seed)
    paths = [path for name in (SCATTER, TYPES) for path in files.figures[name]]
    wrong += [f"no {path}" for path in paths if not study.absolute(path).is_file()]
    told = [one for one in summary["all"]["relations"] if (one["spearman"]["q"] or 1) < 0.05]
    solved = [one for one in summary["baseline_right"]["relations"] if (one["spearman"]["q"] or 1) < 0.05]
    tests = len(summary["all"]["relations"])
    return Measurement(
        "present and consistent" if not wrong else f"wrong: {', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}",
        n_problems=summary["all"]["n_problems"],
        answer=f"Of {tests} pairs of feature and blocked thought {len(told)} go together (Spearman, q < 0.05), "
        f"{len(solved)} among the {summary['baseline_right']['n_problems']} problems that the baseline solves",
        beside={"tests": tests, "significant": len(told), "significant_where_solved": len(solved)},
        artifacts=(files.full, files.summary, *paths),
    )


def high(study: ModelStudy) -> Measurement:
    """Means of every feature over problems of high impact and the rest, counted again."""
    full, summary = _read(study)
    wrong = _once(study, wrong_high, full, summary, study.options.seed)
    found = summary["all"]["high_impact"]
    counts = [
        f"blocking {name} loses {one['n_high']} of {one['n_high'] + one['n_rest']}" for name, one in found.items()
    ]
    apart = [
        f"{FEATURE_WORDS[row['feature']].lower()} ({name}: {row['high']:.3g} against {row['rest']:.3g}, q = {row['q']:.2g})"
        for name, one in found.items()
        for row in one["features"]
        if (row["q"] or 1) < 0.05
    ]
    return Measurement(
        "present" if not wrong else f"wrong: {', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}",
        n_problems=summary["all"]["n_problems"],
        answer=f"Of the problems, {' and '.join(counts)}; these differ from the rest in {', '.join(apart) or 'no feature'}",
        beside={name: one["n_high"] for name, one in found.items()},
        artifacts=(study.sensitivity_files.summary, study.sensitivity_files.full),
    )


def _once(
    study: ModelStudy, count: Callable[[Content, Content, int], list[str]], full: Content, summary: Content, seed: int
) -> list[str]:
    """What ``count`` finds in the files, kept on disk by what they hold."""
    held = [{name: value for name, value in one.items() if name != "provenance"} for one in (full, summary)]
    key = digest(count.__name__, json.dumps(held), str(seed), statistics_code())[:32]
    path = study.options.cache_dir / "measurements" / f"{key}.json"
    wrong = remembered(path, lambda: Measurement(count(full, summary, seed))).value
    assert isinstance(wrong, list)
    return wrong


def _read(study: ModelStudy) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both files. Errors: ``NotApplicable`` where the model has not both thoughts that they are about."""
    files = study.sensitivity_files
    files.trials.thought(HIDDEN[-1])
    full, summary = (
        json.loads(study.absolute(path).read_text(encoding="utf-8")) for path in (files.full, files.summary)
    )
    return full, summary


def _figure(name: str) -> Callable[[ModelStudy], tuple[str, ...]]:
    return lambda study: study.sensitivity_files.figures.get(name, ())


CRITERIA = (
    hypothesis(
        "B.3-operations",
        "Impact grows with the number of operations",
        f"Spearman's correlation of n_operations and the impact of blocking CT0. {IMPACT} "
        f"{CORRECTED.format(none='a correlation that is not above 0')}",
        Rule("<", 0.05),
        impact_grows_with_operations(),
        rests_on=GROUNDS,
        family=FAMILY,
        shown=_figure(SCATTER),
    ),
    hypothesis(
        "B.3-multistep",
        "CT0 hits multi-step problems harder",
        f"Mean impact of blocking CT0 at 3 and more operations less that at fewer. {IMPACT} "
        f"{CORRECTED.format(none='a difference that is not above 0')} Of a feature that is 0 or 1 a pairing says the same as "
        "a permutation of who belongs to which group.",
        Rule("<", 0.05),
        multistep_suffer_more(),
        rests_on=GROUNDS,
        family=FAMILY,
        shown=_figure(TYPES),
    ),
    hypothesis(
        "B.3-single",
        "Single-step problems are hardly affected",
        "Mean impact of blocking CT0 over problems of exactly one operation; upper end of the 95 % interval over problems, by "
        f"bootstrap or by score (Tango 1998), whichever is larger: where few answers change the bootstrap has hardly any width, "
        f"however few the problems are. Skipped where they are so few that no upper end below 0.05 could be had without "
        f"answers gained. {IMPACT}",
        Rule("<", HARDLY),
        single_step_hardly_suffer(),
        rests_on=GROUNDS,
        null_should_pass=True,
        shown=_figure(TYPES),
    ),
    Criterion(
        "B.3-tables",
        "acceptance",
        "Sensitivity files and figures",
        "problem_sensitivity_full.json (every problem: features, impact of every blocked thought, whether the baseline solves "
        "it), problem_sensitivity_summary.json (correlations of every feature with every thought, impact by type of problem, "
        "regression on all features; of all problems, and of those that the baseline solves) and both figures. Re-read, held "
        "against the answers, and counted again: correlations by scipy, intervals from problems written out as often as drawn, "
        "p against other random pairings, regression by the normal equations.",
        Rule("is", "present and consistent"),
        tables,
    ),
    Criterion(
        "B.3-high",
        "acceptance",
        "High-impact problems are described",
        "problem_sensitivity_summary.json holds, for CT0 and CT4, the mean of every feature over problems of impact above 0.5 "
        "and over the rest, the difference with its interval, p by permutation and q; re-read and counted again from the rows.",
        Rule("is", "present"),
        high,
    ),
)
