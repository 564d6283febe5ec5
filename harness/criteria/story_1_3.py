"""Story 1.3: averages over problems, the strongest heads, and how steady they are."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import MeanMeasure, Selection
from harness.criteria.sample import Sample
from harness.criteria.select import count_of_heads, smallest_of_top
from harness.criteria.story_1_2 import HIGH, RAW_VALIDITY
from harness.measures import across_problem_std, bounds, causal_cells, head_max, problem_std, structure, unstable_share

STRUCTURED = 0.25
TOP = 20
UNSTABLE = 0.2


def moments(raw: NDArray[Any]) -> NDArray[np.float64]:
    """[n, 2, L, H, T, T]: weights and their squares."""
    both = np.empty((len(raw), 2, *raw.shape[1:]))
    both[:, 0] = raw
    np.square(both[:, 0], out=both[:, 1])
    return both


def _shuffled_moments(sample: Sample) -> NDArray[np.float64]:
    """[1000, 2, L, H, T, T]: means over problems of draws' weights and of their squares."""
    return np.stack([sample.draw_means("rows", power) for power in (1, 2)], axis=1)


def _unstable(both: NDArray[Any]) -> NDArray[np.bool_]:
    """Moments [..., 2, L, H, T, T] to [..., L, H, cells]: cells whose deviation over problems is at least 0.2."""
    return problem_std(both[..., 0, :, :, :, :], both[..., 1, :, :, :, :]) >= UNSTABLE


def averages(study: ModelStudy) -> Measurement:
    """The saved averages, re-read and compared with a running mean over the saved raw patterns."""
    path = study.files.averages()
    saved = np.load(study.absolute(path))
    total = np.zeros(study.patterns.raw.shape[1:])
    for one in np.load(study.absolute(study.files.raw()), mmap_mode="r"):
        total += one
    same = saved.shape == total.shape and np.allclose(saved, total / len(study.problems), rtol=0, atol=1e-12)
    return Measurement("equal" if same else "different", beside={"shape": list(saved.shape)}, artifacts=(path,))


def statistics(study: ModelStudy) -> Measurement:
    """The statistics file, re-read and held against direct counting on the raw patterns."""
    path = study.files.statistics()
    content = json.loads(study.absolute(path).read_text(encoding="utf-8"))
    raw = study.patterns.raw.astype(np.float64)
    cells = list(zip(*causal_cells(raw.shape[-1]), strict=True))
    wrong = []
    for entry in content["per_position"]:
        weights = raw[..., entry["query"], entry["key"]]
        expected = (weights.mean(), weights.std(), weights.min(), weights.max())
        if not np.allclose([entry[key] for key in ("mean", "std", "min", "max")], expected, atol=1e-9):
            wrong.append(f"per_position {entry['query']},{entry['key']}")
    if [(entry["query"], entry["key"]) for entry in content["per_position"]] != cells:
        wrong.append("per_position cells")
    mean = raw.mean(axis=0)
    largest = np.array(
        [
            [max(mean[layer, head][cell] for cell in cells) for head in range(mean.shape[1])]
            for layer in range(mean.shape[0])
        ]
    )
    if not np.allclose(content["head_max"], largest, atol=1e-9):
        wrong.append("head_max")
    ranked = sorted(np.ndindex(*largest.shape), key=lambda head: (-largest[head], head))[:TOP]
    if [(entry["layer"], entry["head"]) for entry in content["top_heads"]] != ranked:
        wrong.append("top_heads")
    if not np.isclose(
        content["variance_over_problems"], np.mean([raw[..., i, j].var(axis=0).mean() for i, j in cells])
    ):
        wrong.append("variance_over_problems")
    value = "present and consistent" if not wrong else f"wrong: {', '.join(wrong)}"
    return Measurement(value, artifacts=(path,))


CRITERIA = (
    Criterion(
        "1.3-mean",
        "acceptance",
        "Averaged patterns are saved",
        "attention_patterns_avg.npy is the mean over problems of attention_patterns_raw.npy, shape [L, H, T, T].",
        Rule("is", "equal"),
        averages,
    ),
    hypothesis(
        "1.3-consistent",
        "Patterns are consistent across problems",
        "across_problem_std: mean over layers, heads and causal cells of the population standard deviation over problems.",
        Rule("<", 0.2),
        MeanMeasure(
            of_mean=lambda both: across_problem_std(both[..., 0, :, :, :, :], both[..., 1, :, :, :, :]),
            per_problem=moments,
            shuffled=_shuffled_moments,
            bounds=bounds.across_problem_std,
        ),
        rests_on=RAW_VALIDITY,
        null_should_pass=True,
    ),
    hypothesis(
        "1.3-consistent-cells",
        "No unstable cells",
        "Share of (head, causal cell) whose standard deviation over problems is at least 0.2.",
        Rule("<=", 0.05),
        MeanMeasure(
            of_mean=lambda both: unstable_share(both[..., 0, :, :, :, :], both[..., 1, :, :, :, :], UNSTABLE),
            per_problem=moments,
            shuffled=_shuffled_moments,
            bounds=lambda L, H, T: bounds.unstable_share(L, H, T, UNSTABLE),
            selection=Selection(_unstable, lambda both, chosen: (_unstable(both) & chosen).mean(axis=(-3, -2, -1))),
        ),
        rests_on=RAW_VALIDITY,
        null_should_pass=True,
    ),
    hypothesis(
        "1.3-structured",
        "At least three heads show clear structure",
        "Heads with structure >= 0.25: mean total variation between the row-normalised mean pattern and the uniform causal "
        "pattern, rows 1..T-1.",
        Rule(">=", 3),
        count_of_heads(
            lambda mean: structure(mean) >= STRUCTURED, lambda L, H, T: bounds.structured_heads(L, H, T, STRUCTURED)
        ),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "1.3-top",
        "Top heads have max attention > 0.4",
        "Smallest head_max among the 20 heads with the largest (all heads when there are fewer).",
        Rule(">", HIGH),
        smallest_of_top(head_max, TOP, bounds.head_max),
        rests_on=RAW_VALIDITY,
    ),
    hypothesis(
        "1.3-top3",
        "The three strongest heads have max attention > 0.4",
        "Smallest head_max among the three heads with the largest.",
        Rule(">", HIGH),
        smallest_of_top(head_max, 3, bounds.head_max),
        rests_on=RAW_VALIDITY,
    ),
    Criterion(
        "1.3-stats",
        "acceptance",
        "Statistics are complete",
        "attention_stats.json: mean, std, min and max per position, variance over problems, top 20 heads, head_max of "
        "every head; re-read and recomputed.",
        Rule("is", "present and consistent"),
        statistics,
    ),
)
