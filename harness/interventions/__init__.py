"""Interventions on latent thoughts: values that name them, and the engine that runs many at once."""

from harness.interventions.answers import Answers, answer_conditions, record_reference
from harness.interventions.engine import Outcome, Setting, run_batch
from harness.interventions.patterns import ConditionPatterns, attention_under
from harness.interventions.reference import Reference, Site
from harness.interventions.values import (
    BASELINE,
    AblateHeads,
    AblateInput,
    AblateThought,
    BiasAttention,
    BlockAttention,
    Condition,
    Fill,
    Intervention,
    Itself,
    Mean,
    Noise,
    Resample,
    SequentialOnly,
    Sham,
    Shuffle,
    Truncate,
    Zero,
)

__all__ = [
    "BASELINE",
    "AblateHeads",
    "AblateInput",
    "AblateThought",
    "Answers",
    "BiasAttention",
    "BlockAttention",
    "Condition",
    "ConditionPatterns",
    "Fill",
    "Intervention",
    "Itself",
    "Mean",
    "Noise",
    "Outcome",
    "Reference",
    "Resample",
    "SequentialOnly",
    "Setting",
    "Sham",
    "Shuffle",
    "Site",
    "Truncate",
    "Zero",
    "answer_conditions",
    "attention_under",
    "record_reference",
    "run_batch",
]
