"""The functions of the library are called as the interface says, and say what they take and give."""

import inspect
import re
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest

import harness
from harness.models.thoughts import ThoughtModel

MODEL, PROBLEMS, PATTERNS = "model", "problems", "patterns"
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("load_model", ("tiny-llama",), {}),
    ("load_model", (), {"checkpoint": "PATH", "base": "ID", "n_latents": 6, "lora_alpha": 32, "remove_eos": True}),
    ("load_model", ("llama",), {"device": "cuda", "dtype": "bfloat16", "padding": "reference"}),
    ("load_problems", ("gsm8k",), {"split": "train", "n": 100, "seed": 42, "path": None}),
    ("load_problems", ("mine.jsonl",), {}),
    ("extract_attention", (MODEL, PROBLEMS), {"batch_size": 32}),
    ("extract_thoughts", (MODEL, PROBLEMS), {}),
    ("run_conditions", (MODEL, PROBLEMS, [harness.Sham(), harness.BlockAttention(keys=(0,))]), {}),
    ("head_scores", (PATTERNS,), {}),
    ("classify_errors", (["q"], ["s"], ["a"]), {}),
]
FUNCTIONS = sorted({name for name, _, _ in CALLS})


@pytest.mark.parametrize(("name", "given", "named"), CALLS)
def test_a_function_takes_what_the_interface_gives_it(name: str, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    bound = inspect.signature(getattr(harness, name)).bind(*given, **named)
    assert set(named) <= set(bound.arguments)


def test_defaults_are_those_of_the_interface() -> None:
    defaults = {
        name: {key: one.default for key, one in inspect.signature(getattr(harness, name)).parameters.items()}
        for name in FUNCTIONS
    }
    assert {"split": "train", "seed": 42, "n": None, "path": None}.items() <= defaults["load_problems"].items()
    assert {"dtype": "float32", "device": "auto", "padding": "masked"}.items() <= defaults["load_model"].items()
    assert {defaults["load_model"][name] for name in ("n_latents", "lora_alpha", "remove_eos")} == {None}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("load_model", ThoughtModel),
        ("load_problems", harness.ProblemSet),
        ("extract_attention", harness.AttentionPatterns),
        ("run_conditions", pd.DataFrame),
        ("head_scores", pd.DataFrame),
        ("classify_errors", pd.DataFrame),
    ],
)
def test_a_function_gives_what_the_interface_says(name: str, kind: type) -> None:
    said = inspect.signature(getattr(harness, name)).return_annotation
    assert said is kind or said in (kind.__name__, f"pd.{kind.__name__}")


def test_patterns_have_the_arrays_of_the_interface() -> None:
    for name in ("raw", "row_total", "latent_mass", "answer_attention", "problem_ids"):
        assert name in get_type_hints(harness.AttentionPatterns) or hasattr(harness.AttentionPatterns, name)


def test_a_model_answers_in_texts() -> None:
    signature = inspect.signature(ThoughtModel.generate)
    signature.bind("self", ["a question"])
    assert signature.return_annotation == list[str]


@pytest.mark.parametrize("name", [name for name in harness.__all__ if name != "HarnessError"])
def test_every_public_name_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(harness, name))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "extract_thoughts"])
def test_a_function_says_its_errors(name: str) -> None:
    assert re.search(r"Errors: ", inspect.getdoc(getattr(harness, name)) or "")


def test_numbers_come_with_shapes_and_units() -> None:
    assert "[n, T, d]" in (inspect.getdoc(harness.extract_thoughts) or "")
    assert "[n, L, H, T, T]" in inspect.getsource(harness.AttentionPatterns)
    assert "nats" in (inspect.getdoc(harness.run_conditions) or "")


def test_thoughts_are_single_precision() -> None:
    said = inspect.signature(harness.extract_thoughts).return_annotation
    assert np.dtype(np.float32).type in (getattr(said.__args__[1], "__args__", (None,)))
