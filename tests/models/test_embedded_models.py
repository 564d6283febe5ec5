"""The embedded models are what their cards say."""

import numpy as np
import pytest

import harness
from harness.extraction.extract import extract_thoughts
from harness.problems import last_number


@pytest.mark.parametrize(("name", "constant"), [("tiny-llama", False), ("tiny-llama-pause", True)])
def test_only_the_control_without_recurrence_is_fed_one_constant(name: str, constant: bool) -> None:
    model = harness.load_model(name)
    problems = harness.load_problems("synthetic", n=8, seed=1)
    fed = extract_thoughts(model, problems)
    assert bool(np.abs(fed - fed[0, 0]).max() < 1e-6) is constant
    assert np.abs(fed).max() > 0.1


def test_the_matched_control_has_the_architecture_of_its_model() -> None:
    ours, control = (harness.load_model(name) for name in ("tiny-llama", "tiny-llama-pause"))
    ours_has, control_has = (
        {key: tensor.shape for key, tensor in one.language.state_dict().items()} for one in (ours, control)
    )
    assert ours_has == control_has
    assert (ours.n_latents, ours.width) == (control.n_latents, control.width)


@pytest.mark.parametrize(("name", "least"), [("tiny-gpt2", 0.8), ("tiny-llama", 0.75), ("tiny-llama-pause", 0.68)])
def test_held_out_problems_are_answered_about_as_often_as_the_card_says(name: str, least: float) -> None:
    model = harness.load_model(name)
    problems = harness.load_problems("synthetic", split="test", n=100, seed=3)
    texts = model.generate([one.question for one in problems], max_tokens=12)
    right = [last_number(text) == one.answer for text, one in zip(texts, problems, strict=True)]
    assert np.mean(right) >= least
