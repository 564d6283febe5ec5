"""Story 4.3: what the sample showed, held against all problems, with effect sizes beside every test."""

import re
from collections.abc import Sequence
from math import factorial
from pathlib import Path

import numpy as np
from scipy.stats import false_discovery_control, ttest_1samp

from harness.criteria.complete import moments, pearson_r
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import undefined
from harness.criteria.sample import AT_ONCE
from harness.criteria.story_4_2 import VALIDITY
from harness.criteria.validation import PERMUTATIONS, TOP, Correlation, HubComparison, shared
from harness.files import jsonable
from harness.measures import bounds
from harness.statistics import agreement
from harness.storage.rows import RowFile

STABLE = Rule(">", 0.70)
SIGNIFICANT = 0.001


def overlap(study: ModelStudy) -> Measurement:
    """Share of the ten heads of largest composite score that are the same on the sample and on all problems."""
    first, full = study.sample, study.complete.whole.sample
    value = float(shared(first.mean, full.mean))
    again = shared(full.subsets(len(first.raw)), full.mean)
    low, high = np.quantile(again, [0.025, 0.975])
    layers, heads = first.mean.shape[:2]
    rest = study.complete.rest
    return Measurement(
        value,
        interval=(float(low), float(high)),
        confidence=agreement(again, STABLE.holds, STABLE.holds(value)),
        attainable=bounds.overlap(layers, heads, first.mean.shape[-1], TOP),
        ends_attained=True,
        n_problems=len(full.raw),
        beside={
            "overlap by chance": min(TOP, layers * heads) / (layers * heads),
            "with the sample's own problems left out": None if rest is None else float(shared(first.mean, rest)),
        },
        artifacts=(study.complete.validation,),
    )


def confirmed(study: ModelStudy) -> Measurement:
    """Share of the hypotheses of phases 1 and 2 with the same verdict on all problems as on the sample."""
    both, left = [], []
    for first, full in study.complete.verdicts:
        if first.verdict in ("pass", "fail") and full.verdict != "skipped":
            both.append((first, full))
        else:
            left.append(f"{first.id}: {full.reason or f'{first.verdict} on the sample'}")
    if not both:
        return undefined("no hypothesis was judged on both")
    changed = [
        f"{first.id}: {first.verdict} on the sample, {full.verdict} on all"
        for first, full in both
        if first.verdict != full.verdict
    ]
    same = [full.verdict for first, full in both if first.verdict == full.verdict]
    return Measurement(
        len(same) / len(both),
        attainable=(0.0, 1.0),
        ends_attained=True,
        n_problems=len(study.complete.problems),
        answer=f"{len(same)} of {len(both)} verdicts are the same on all {len(study.complete.problems):,} problems "
        f"({same.count('pass')} passes, {same.count('fail')} fails)" + (f"; {'; '.join(changed)}" if changed else ""),
        beside={"compared": len(both), "changed": changed, "not compared": left},
        artifacts=(study.complete.validation,),
    )


def significant(study: ModelStudy) -> Measurement:
    """Largest q of the correlations between the sample and all problems over heads."""
    found = study.complete.correlations
    largest = _largest_q(found)
    if not np.isfinite(largest):
        return undefined("a score does not vary over heads")
    heads = study.n_layers * study.n_heads
    rest = study.complete.rest
    return Measurement(
        largest,
        p_value=max(one.p for one in found),
        q_value=largest,
        attainable=bounds.p_value(PERMUTATIONS, factorial(min(heads, 20))),
        n_problems=len(study.complete.problems),
        answer="; ".join(f"{one.of} r {one.r:.3f} [{one.ci_low:.3f}, {one.ci_high:.3f}], {one.size}" for one in found),
        beside={
            **{one.of: [one.r, one.p, one.q] for one in found},
            "patterns, the sample's own problems left out": None
            if rest is None
            else pearson_r(study.sample.mean, rest),
        },
        artifacts=(study.complete.validation,),
    )


def _largest_q(found: list[Correlation]) -> float:
    return float(np.max([one.q for one in found]))


def hubs(study: ModelStudy) -> Measurement:
    """Largest q of the sample's hub against every other position, on the problems outside the sample."""
    hub, against = study.complete.hubs
    largest = float(np.max([one.q for one in against]))
    if not np.isfinite(largest):
        return undefined("on some problem a position has no reader with attention to earlier latents")
    return Measurement(
        largest,
        p_value=max(one.p for one in against),
        q_value=largest,
        attainable=(0.0, 1.0),
        n_problems=int(study.complete.outside.sum()),
        answer=_hub_in_words(hub, against),
        beside={
            "hub": hub,
            "positions": [one.position for one in against],
            "difference": [one.difference for one in against],
            "interval low": [one.ci_low for one in against],
            "interval high": [one.ci_high for one in against],
            "Cohen's d": [one.d for one in against],
            "q": [one.q for one in against],
        },
        artifacts=(study.complete.validation,),
    )


def _hub_in_words(hub: int, against: Sequence[HubComparison]) -> str:
    """What is shown, what is not, and how large it is."""

    def listed(some: Sequence[HubComparison]) -> str:
        return ", ".join(f"CT{one.position} ({one.difference:+.3g}, d {one.d:+.2f}, {one.size})" for one in some)

    shown = [one for one in against if one.q < SIGNIFICANT]
    rest = [one for one in against if one not in shown]
    parts = [f"is read more than {listed(shown)}"] if shown else []
    if rest:
        parts.append(f"is not shown to be read more than {listed(rest)}")
    return f"Beyond what causality gives, CT{hub}, which the sample puts first, {'; '.join(parts)} (in shares of even reading)"


def hubs_paired(study: ModelStudy) -> Measurement:
    """The comparison over heads in the validation report, re-read and worked out again from the averages."""
    complete = study.complete
    path = complete.validation
    rows = complete.read(path)["hub_scores_over_heads"]
    expected = []
    for one, other in _plain_enrichment(study):
        differences = np.array(one) - np.array(other)
        spread = differences.std(ddof=1)
        t, p = ttest_1samp(differences, 0) if spread > 0 else (np.nan, np.nan)
        d = differences.mean() / spread if spread > 0 else np.nan
        expected.append({"sample": np.mean(one), "full": np.mean(other), "t": t, "p": p, "d": d})
    found = np.array([float(one["p"]) for one in expected])
    q = np.full(len(found), np.nan) if np.isnan(found).any() else false_discovery_control(found)
    wrong = [
        f"{name} of CT{row['position']}"
        for row, plain, corrected in zip(rows, expected, q, strict=True)
        for name, value in {**plain, "q": corrected}.items()
        if not np.isclose(np.nan if row[name] is None else row[name], value, rtol=1e-6, equal_nan=True)
    ]
    return Measurement(
        "present" if rows and not wrong else f"wrong: {', '.join(wrong) or 'no test'}",
        n_problems=len(complete.problems),
        beside={f"CT{row['position']}": [row["sample"], row["full"], row["d"], row["q"]] for row in rows},
        artifacts=(path,),
    )


def _plain_enrichment(study: ModelStudy) -> list[tuple[list[float], list[float]]]:
    """Of each position but the last: enrichment of every head on the sample and on all problems, cell by cell."""
    found = []
    means = study.sample.mean, study.complete.whole.sample.mean
    T = means[0].shape[-1]
    for key in range(T - 1):
        both: tuple[list[float], list[float]] = ([], [])
        for values, mean in zip(both, means, strict=True):
            for head in mean.reshape(-1, T, T):
                readers = [query for query in range(max(2, key + 1), T) if head[query, :query].sum() > 0]
                given = sum(head[query, key] / head[query, :query].sum() for query in readers)
                values.append(given / sum(1 / query for query in readers))
        found.append(both)
    return found


def hub_se(study: ModelStudy) -> Measurement:
    """Largest ratio of standard errors of hub scores, all problems over the sample."""
    ratios = {name: values for name, values in study.complete.errors.items() if len(values)}
    if not ratios:
        return undefined("no hub score varies from problem to problem")
    n, N = len(study.problems), len(study.complete.problems)
    largest = max(float(values.max()) for values in ratios.values())
    return Measurement(
        largest,
        n_problems=N,
        answer=f"The largest ratio of any hub score is {largest:.3g}, the median "
        f"{np.median(np.concatenate(list(ratios.values()))):.3g}; {np.sqrt(n / N):.3g} is expected",
        beside={
            "expected": float(np.sqrt(n / N)),
            **{f"{name}, largest": float(values.max()) for name, values in ratios.items()},
            **{f"{name}, median": float(np.median(values)) for name, values in ratios.items()},
        },
        artifacts=(study.complete.validation,),
    )


def intervals(study: ModelStudy) -> Measurement:
    """Median ratio of the widths of intervals, all problems over the sample."""
    ratios = {name: values for name, values in study.complete.widths.items() if len(values)}
    if not ratios:
        return undefined("no interval has any width")
    n, N = len(study.problems), len(study.complete.problems)
    median = float(np.median(np.concatenate(list(ratios.values()))))
    return Measurement(
        median,
        n_problems=N,
        answer=f"The median interval on all problems is {median:.3g} times as wide as on the sample; {np.sqrt(n / N):.3g} is "
        "expected",
        beside={
            "expected": float(np.sqrt(n / N)),
            **{f"{name}, median": float(np.median(values)) for name, values in ratios.items()},
            "wider on all problems": sum(int((values >= 1).sum()) for values in ratios.values()),
        },
        artifacts=(study.complete.validation,),
    )


def report(study: ModelStudy) -> Measurement:
    """The validation report, re-read: as it was worked out, and its parts in agreement with one another and with the averages."""
    complete = study.complete
    path = complete.validation
    content, expected = complete.read(path), jsonable(complete.validation_content())
    wrong = [name for name, value in expected.items() if content.get(name) != value]
    first, full = ({tuple(head) for head in content[f"top_10_{which}"]} for which in ("first", "full"))
    if not np.isclose(content["overlap"], len(first & full) / len(first)):
        wrong.append("overlap and top tens")
    for name, rows in (("correlations", content["correlations"]), ("hub", content["hub"]["against"])):
        p = [row["p"] for row in rows]
        if None not in p and not np.allclose([row["q"] for row in rows], false_discovery_control(p)):
            wrong.append(f"q of {name}")
    saved = RowFile.open(study.absolute(complete.raw))
    mean = moments(lambda: (saved[slice(start, start + AT_ONCE)] for start in range(0, len(saved), AT_ONCE))).mean
    known, tolerance = pearson_r(study.sample.mean, mean), 1e-6 if saved.dtype == np.float32 else 1e-3
    if not np.isclose(known, content["correlations"][0]["r"], atol=tolerance):
        wrong.append("correlation of patterns and the saved arrays")
    return Measurement(
        "present and consistent" if not wrong else f"wrong: {', '.join(wrong)}",
        n_problems=len(complete.problems),
        artifacts=(path,),
    )


def figures(study: ModelStudy) -> Measurement:
    """The figures of all problems, drawn anew: every title says how many problems it is about."""
    complete = study.complete
    drawn = complete.figures
    label = re.compile(rf"\bN={len(complete.problems)}\b")
    wrong = [Path(one.paths[0]).name for one in drawn if not any(map(label.search, one.facts.texts))]
    here = {Path(path).name for one in drawn for path in one.paths}
    folder = study.absolute(f"figures/{complete.whole.name}")
    wrong += sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".pdf") and path.name not in here)
    return Measurement(
        "contain N={N}" if not wrong else f"wrong: {', '.join(wrong)}",
        n_problems=len(complete.problems),
        beside={"figures": len(drawn)},
        artifacts=tuple(path for one in drawn for path in one.paths),
    )


CRITERIA = (
    Criterion(
        "4.3-overlap",
        "hypothesis",
        "Top heads are stable",
        "Share of the ten heads of largest composite score on the sample that are among the ten on all problems. The "
        "sample is part of all problems; the share with its own problems left out stands beside, and what as many heads "
        "share by chance; the interval is what 95 % of samples as large, drawn from all problems, give. Any model that reads "
        "alike from problem to problem passes, trained or not.",
        STABLE,
        overlap,
        rests_on=VALIDITY,
        null_should_pass=True,
    ),
    Criterion(
        "4.3-confirmed",
        "hypothesis",
        "Findings confirmed with stronger evidence",
        "Share of the phase 1 and 2 hypotheses about one model whose verdict on all problems is that on the sample. What "
        "needs a second sample of problems, or answers under ablation, is not judged on all problems and is named. A fail that "
        "stays a fail counts as one that passes twice does.",
        Rule("==", 1),
        confirmed,
        rests_on=VALIDITY,
        null_should_pass=True,
    ),
    Criterion(
        "4.3-significant",
        "hypothesis",
        "All reported correlations are significant",
        "Pearson correlations between the sample and all problems of mean patterns over causal cells, and of flow, hub, "
        "skip and composite scores over heads; two-sided p over 9,999 random pairings of the heads, corrected over the "
        "five (Benjamini-Hochberg); largest q. Beside stand r, what 95 % of samples as large, drawn from all problems, give, "
        "and Cohen's word for it.",
        Rule("<", SIGNIFICANT),
        significant,
        rests_on=VALIDITY,
        null_should_pass=True,
    ),
    Criterion(
        "4.3-hubs",
        "hypothesis",
        "Hub differences are significant",
        "The position of largest enrichment on the sample, against each other position on the problems outside the "
        "sample: paired t-tests of the problems' enrichment, one-sided, corrected over positions (Benjamini-Hochberg); "
        "largest q; a p below 1e-200 counts as that. The mean difference in standard deviations (Cohen's d) and his word for "
        "it stand beside.",
        Rule("<", SIGNIFICANT),
        hubs,
        rests_on=VALIDITY,
    ),
    Criterion(
        "4.3-hubs-paired",
        "acceptance",
        "Hub scores of 100 and full are compared",
        "The validation report has, for each position, the paired t-test over heads of enrichment on the sample against "
        "all problems, with its size; re-read and worked out again cell by cell.",
        Rule("is", "present"),
        hubs_paired,
    ),
    Criterion(
        "4.3-hub-se",
        "hypothesis",
        "Hub standard errors are smaller",
        "Bootstrap standard error on all problems over that on the sample, of incoming attention and enrichment of each "
        "position and of each head's hub score; the largest.",
        Rule("<", 1),
        hub_se,
        rests_on=VALIDITY,
        null_should_pass=True,
    ),
    Criterion(
        "4.3-intervals",
        "hypothesis",
        "Confidence intervals are tighter",
        "Width of the 95 % bootstrap interval on all problems over that on the sample, of incoming attention and "
        "enrichment of each position and of each head's composite score; the median.",
        Rule("<", 1),
        intervals,
        rests_on=VALIDITY,
        null_should_pass=True,
    ),
    Criterion(
        "4.3-report",
        "acceptance",
        "Validation report",
        "The validation report holds both top tens, their overlap, verdicts, intervals and tests, as they were worked "
        "out; its parts agree with one another and with the saved arrays.",
        Rule("is", "present and consistent"),
        report,
    ),
    Criterion(
        "4.3-figures",
        "acceptance",
        "Figures labelled with N",
        "Every figure of all problems says in its title how many they are, and no other figure lies beside them.",
        Rule("is", "contain N={N}"),
        figures,
    ),
)
