"""Interventions on latent thoughts: values that name them, and the engine that runs many at once."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from harness.interventions.answers import Answers, answer_conditions, record_reference
    from harness.interventions.engine import Outcome, Setting, run_batch
    from harness.interventions.patterns import ConditionPatterns, attention_under
    from harness.interventions.reference import Reference, Site

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

_WHERE = {
    "Answers": "answers",
    "ConditionPatterns": "patterns",
    "Outcome": "engine",
    "Reference": "reference",
    "Setting": "engine",
    "Site": "reference",
    "answer_conditions": "answers",
    "attention_under": "patterns",
    "record_reference": "answers",
    "run_batch": "engine",
}


def __getattr__(name: str) -> Any:
    # torch takes seconds to import; who only names conditions, or reads answers from the cache, does without.
    if name in _WHERE:
        return getattr(import_module(f"harness.interventions.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'harness.interventions' has no attribute {name!r}")
