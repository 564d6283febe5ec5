"""Story 4.2: attention on the complete training set, resumable, beside that on the first sample."""

from pathlib import Path

import numpy as np

from harness.criteria.complete import compared, moments, pearson_r
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.sample import AT_ONCE
from harness.files import file_digest, jsonable
from harness.measures import NotApplicable
from harness.statistics import shuffled
from harness.storage.checkpoints import checkpoints_of, wrong_checkpoints
from harness.storage.rows import RowFile

THREE_HOURS = 3 * 60 * 60
VALIDITY = ("4.1-clean", "4.2-sums", "4.2-resume")
CLOSE = 0.9


def shape(study: ModelStudy) -> Measurement:
    """Shape of the saved array, re-read."""
    complete = study.complete
    path, about = complete.raw, study.about
    T = about["n_latents"]
    expected = [len(complete.problems), about["n_layers"], about["n_heads"], T, T]
    saved, rounding = RowFile.open(study.absolute(path)), complete.rounding
    same = file_digest(saved.path) == file_digest(Path(complete.patterns.raw.filename))
    measured = "== [N, L, H, T, T]" if list(saved.shape) == expected else f"{list(saved.shape)}"
    kept = f"{list(saved.shape)}, kept as {saved.dtype}"
    return Measurement(
        measured if same else "other values than were extracted",
        n_problems=len(complete.problems),
        answer=kept if rounding == 0 else f"{kept}, at most {rounding:.2g} from what was extracted",
        beside={"shape": list(saved.shape), "kept as": str(saved.dtype), "largest rounding error": rounding},
        artifacts=(path,),
    )


def sums(study: ModelStudy) -> Measurement:
    """Largest distance of a whole row's total from one."""
    totals = study.complete.patterns.row_total
    rows = RowFile.open(Path(totals.filename))
    # numpy's maximum is NaN where any number is; Python's depends on their order.
    farthest = np.max(
        [
            np.abs(rows[slice(start, start + AT_ONCE)].astype(np.float64) - 1).max()
            for start in range(0, len(rows), AT_ONCE)
        ]
    )
    return Measurement(float(farthest), n_problems=len(rows))


def checkpoints(study: ModelStudy) -> Measurement:
    """Every checkpoint, re-read: checksum, and the attention of its problems."""
    complete = study.complete
    n = len(complete.problems)
    found = wrong_checkpoints(complete.checkpoint_folder, n, complete.rows)
    paths = complete.checkpoints
    wrong = wrong_checkpoints(complete.checkpoint_folder, n, complete.rows)
    return Measurement(
        "valid" if not wrong else f"wrong: {', '.join(wrong)}",
        n_problems=n,
        answer=f"missing or damaged, and written again: {', '.join(found)}" if found and not wrong else None,
        beside={"checkpoints": len(paths), "problems": [len(one) for one in checkpoints_of(n)], "written again": found},
        artifacts=paths,
    )


def resume(study: ModelStudy) -> Measurement:
    """Digests of an extraction that was cut off within its last batch and continued, against those of one that was not."""
    found = study.complete.extraction.resumed()
    different = [name for name, digest in found.before.items() if found.after.get(name) != digest]
    return Measurement(
        "equal" if not different else f"different: {', '.join(different)}",
        n_problems=sum(found.batches),
        answer=f"{sum(found.batches)} problems in {len(found.batches)} batches, cut off in the last one and run again: "
        f"{len(found.before)} files {'alike' if not different else 'compared'} byte for byte",
        beside={"batches": len(found.batches), "problems run again": found.repeated, "files": len(found.before)},
    )


def correlated(study: ModelStudy) -> Measurement:
    """Correlation of mean attention over causal cells, with that of the problems outside the sample beside it."""
    complete = study.complete
    found = compared(complete.first, complete.moments)
    rest = complete.rest
    raw = np.asarray(study.patterns.raw)
    mixed = moments(lambda: [shuffled(raw, study.options.seed, 0, False)])
    return Measurement(
        found["pearson_r"],
        attainable=(-1.0, 1.0),
        n_problems=complete.moments.n,
        answer=f"Mean attention on {found['n_first']} and on {found['n_full']:,} problems goes together with r = "
        f"{found['pearson_r']:.5f} over {found['cells']:,} cells; the largest difference is {found['largest_difference']:.2g}",
        beside={
            "without_the_sample_itself": float("nan") if rest is None else pearson_r(complete.first.mean, rest),
            "with_the_sample's_rows_shuffled": pearson_r(mixed.mean, complete.moments.mean),
            "largest_difference": found["largest_difference"],
            "mean_difference": found["mean_difference"],
        },
        artifacts=(complete.comparison,),
    )


def comparison(study: ModelStudy) -> Measurement:
    """The comparison's file, re-read and worked out again."""
    complete = study.complete
    path = complete.comparison
    content, expected = complete.read(path), jsonable(compared(complete.first, complete.moments))
    wrong = [name for name, value in expected.items() if name not in content or content[name] != value]
    return Measurement(
        "present and consistent" if not wrong else f"wrong: {', '.join(wrong)}",
        n_problems=complete.moments.n,
        beside={"pearson_r": expected["pearson_r"], "variance_reduction": expected["variance_reduction"]},
        artifacts=(path,),
    )


def variance(study: ModelStudy) -> Measurement:
    """Median over causal cells of the ratio of standard errors over the expected one."""
    complete = study.complete
    if complete.first.n < 2 or complete.moments.n <= complete.first.n:
        raise NotApplicable("needs a first sample of 2 and more problems, and more of them than that")
    found = compared(complete.first, complete.moments)
    return Measurement(
        found["over_expected_median"],
        n_problems=complete.moments.n,
        answer=f"Standard errors on {found['n_full']:,} problems are {found['standard_error_ratio_median']:.3g} of those on "
        f"{found['n_first']}, {found['expected_standard_error_ratio']:.3g} expected",
        beside={
            "standard_error_ratio": found["standard_error_ratio_median"],
            "expected": found["expected_standard_error_ratio"],
            "cells_without_variation": found["cells_without_variation"],
        },
    )


def seconds(study: ModelStudy) -> Measurement:
    """Sum of the time of all batches, whatever was interrupted between them."""
    costs = study.complete.all_costs
    total, n = sum(cost.seconds for cost in costs), sum(cost.problems for cost in costs)
    return Measurement(
        total,
        n_problems=n,
        answer=f"{n:,} problems in {total:.1f} s on {study.about['device']}, {n / total:.0f} per second",
        beside={"problems_per_second": n / total},
    )


def memory(study: ModelStudy) -> Measurement:
    """The most memory after the first 1,000 problems over the most before."""
    costs = study.complete.all_costs
    done = np.cumsum([cost.problems for cost in costs])
    early = [cost for cost, total in zip(costs, done, strict=True) if total <= 1000]
    late = [cost for cost, total in zip(costs, done, strict=True) if total > 1000]
    if not early or not late:
        raise NotApplicable("needs more than 1,000 problems")
    ratios = {
        what: max(getattr(cost, what) for cost in late) / max(getattr(cost, what) for cost in early)
        for what in ("resident", "on_device")
        if max(getattr(cost, what) for cost in early)
    }
    resident = max(cost.resident for cost in early)
    kept = sum(file.stat().st_size for file in study.complete.files) * (1 - 1000 / done[-1])
    return Measurement(
        max(ratios.values()),
        n_problems=int(done[-1]),
        answer=f"{_size(resident)} resident while the first 1,000 problems ran, {_size(max(cost.resident for cost in late))} "
        f"afterwards; to keep all that was written would have taken {_size(kept)} more",
        beside={
            "resident_bytes_at_1000": max(cost.resident for cost in early),
            "resident_bytes": max(cost.resident for cost in late),
            "device_bytes_at_1000": max(cost.on_device for cost in early),
            "device_bytes": max(cost.on_device for cost in late),
        },
    )


def _size(count: float) -> str:
    return f"{count / 1e6:,.0f} MB"


CRITERIA = (
    Criterion(
        "4.2-shape",
        "acceptance",
        "Full extraction",
        "Shape of attention_patterns_full_raw.npy, re-read, is [N, L, H, T, T]; where it is kept in half precision, the largest "
        "difference from what was extracted stands beside.",
        Rule("is", "== [N, L, H, T, T]"),
        shape,
    ),
    Criterion(
        "4.2-sums",
        "validity",
        "Attention sums to 1.0",
        "max |row_total - 1| over all problems, layers, heads and thoughts.",
        Rule("<=", 0.01),
        sums,
    ),
    Criterion(
        "4.2-checkpoints",
        "acceptance",
        "Checkpoints every 1000 problems",
        "checkpoints/attention_checkpoint_{k}.npy for every 1,000 problems done and for the last: the attention of the problems "
        "since the one before, as extracted, and its checksum.",
        Rule("is", "valid"),
        checkpoints,
    ),
    Criterion(
        "4.2-resume",
        "validity",
        "An interrupted run resumes to the same result",
        "Digests of every file of an extraction of the first problems that was cut off within a batch and continued, against "
        "those of the same extraction in one go.",
        Rule("is", "equal"),
        resume,
    ),
    Criterion(
        "4.2-correlated",
        "hypothesis",
        "Full patterns match the 100-sample",
        "Pearson correlation of mean attention over all causal cells of all heads, first sample and all problems. The sample is "
        "part of all problems; the value against the others stands beside. Any model that reads alike from problem to problem "
        "passes, trained or not.",
        Rule(">", CLOSE),
        correlated,
        rests_on=VALIDITY,
        null_should_pass=True,
    ),
    Criterion(
        "4.2-comparison",
        "acceptance",
        "Comparison saved",
        "100_vs_full_comparison.json has correlation, differences, standard errors and variance reduction; re-read and worked "
        "out again.",
        Rule("is", "present and consistent"),
        comparison,
    ),
    Criterion(
        "4.2-variance",
        "hypothesis",
        "Standard errors shrink as expected",
        "Standard error of each causal cell on all problems over that on the first sample, over sqrt(n/N); median over cells. "
        "Cells that do not vary are left out and counted.",
        Rule("between", (0.8, 1.25)),
        variance,
        rests_on=VALIDITY,
        null_should_pass=True,
    ),
    Criterion(
        "4.2-time",
        "hypothesis",
        "Extraction finishes in under three hours",
        "Seconds of all batches together, writing included.",
        Rule("<", THREE_HOURS),
        seconds,
        null_should_pass=True,
    ),
    Criterion(
        "4.2-memory",
        "hypothesis",
        "No memory problems",
        "The most memory the process had while it ran the problems after the first 1,000, over the most while it ran those; of "
        "host and accelerator the larger ratio.",
        Rule("<=", 1.1),
        memory,
        null_should_pass=True,
    ),
)
