"""Extract the attention of continuous thoughts, and judge what is claimed about it.

>>> import harness
>>> model = harness.load_model("tiny-llama")
>>> problems = harness.load_problems("synthetic", n=4)
>>> patterns = harness.extract_attention(model, problems)
>>> patterns.raw.shape  # problems, layers, query heads, query thought, key thought
(4, 4, 8, 6, 6)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.errors import HarnessError
    from harness.extraction.extract import extract_attention, extract_thoughts
    from harness.extraction.patterns import AttentionPatterns
    from harness.interventions.values import (
        AblateHeads,
        AblateInput,
        AblateThought,
        BiasAttention,
        BlockAttention,
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
    from harness.models.load import load_model
    from harness.problems import Problem, ProblemSet, load_problems
    from harness.tables import classify_errors, head_scores, run_conditions

_WHERE = {
    "AttentionPatterns": "harness.extraction.patterns",
    "HarnessError": "harness.errors",
    "Problem": "harness.problems",
    "ProblemSet": "harness.problems",
    "classify_errors": "harness.tables",
    "extract_attention": "harness.extraction.extract",
    "extract_thoughts": "harness.extraction.extract",
    "head_scores": "harness.tables",
    "load_model": "harness.models.load",
    "load_problems": "harness.problems",
    "run_conditions": "harness.tables",
    **dict.fromkeys(
        (
            "AblateHeads",
            "AblateInput",
            "AblateThought",
            "BiasAttention",
            "BlockAttention",
            "Itself",
            "Mean",
            "Noise",
            "Resample",
            "SequentialOnly",
            "Sham",
            "Shuffle",
            "Truncate",
            "Zero",
        ),
        "harness.interventions.values",
    ),
}

__all__ = [
    "AblateHeads",
    "AblateInput",
    "AblateThought",
    "AttentionPatterns",
    "BiasAttention",
    "BlockAttention",
    "HarnessError",
    "Itself",
    "Mean",
    "Noise",
    "Problem",
    "ProblemSet",
    "Resample",
    "SequentialOnly",
    "Sham",
    "Shuffle",
    "Truncate",
    "Zero",
    "classify_errors",
    "extract_attention",
    "extract_thoughts",
    "head_scores",
    "load_model",
    "load_problems",
    "run_conditions",
]


def __getattr__(name: str) -> Any:
    # torch and transformers take seconds to import; a name is fetched when it is first used.
    if name == "interventions":
        return import_module("harness.interventions")
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
