"""Uncertainty, corrections and controls for measures: pure functions on arrays, every seed explicit."""

from harness.statistics.bootstrap import (
    agreement,
    mean_patterns,
    percentile_interval,
    resample,
    resample_counts,
    resample_weights,
    simultaneous_interval,
    subset_counts,
    weighted_means,
)
from harness.statistics.controls import shuffled, shuffled_means, uniform, uniform_context
from harness.statistics.correction import benjamini_hochberg
from harness.statistics.correlation import least_p, within_problem_p
from harness.statistics.crossfit import halves
from harness.statistics.head_sets import random_head_sets
from harness.statistics.paired import mcnemar_p, paired_drop_interval
from harness.statistics.parallel import side_by_side
from harness.statistics.permutation import (
    drawn_p,
    group_difference_p,
    group_permutation_p,
    label_permutation_p,
    p_value,
    rearranged,
    sign_flip_p,
)
from harness.statistics.planted import Ground, plant
from harness.statistics.regression import Regression, regression
from harness.statistics.relations import (
    midranks,
    pairing_p,
    pearson,
    resampled_pearson,
    resampled_spearman,
    spearman,
)

__all__ = [
    "Ground",
    "Regression",
    "agreement",
    "benjamini_hochberg",
    "drawn_p",
    "group_difference_p",
    "group_permutation_p",
    "halves",
    "label_permutation_p",
    "least_p",
    "mcnemar_p",
    "mean_patterns",
    "midranks",
    "p_value",
    "paired_drop_interval",
    "pairing_p",
    "pearson",
    "percentile_interval",
    "plant",
    "random_head_sets",
    "rearranged",
    "regression",
    "resample",
    "resample_counts",
    "resample_weights",
    "resampled_pearson",
    "resampled_spearman",
    "shuffled",
    "shuffled_means",
    "side_by_side",
    "sign_flip_p",
    "simultaneous_interval",
    "spearman",
    "subset_counts",
    "uniform",
    "uniform_context",
    "weighted_means",
    "within_problem_p",
]
