"""What is seen inside under conditions is what an eager forward of one problem says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import harness
from harness.extraction.question import read_prompt
from harness.interventions import BASELINE, BlockAttention, Condition, SequentialOnly, Setting, Sham
from harness.interventions.follow import Followed, follow, follow_batch
from harness.interventions.keys import KEY_CLASSES, TOKEN_KEYS, key_names
from harness.models.thoughts import ThoughtModel
from tests.interventions.oracle import look_inside
from tests.interventions.test_engine import QUESTIONS, T, block, model

__all__ = ["model"]

CASES = {
    "baseline": (BASELINE, {}),
    "the first thought hidden": ((BlockAttention((0,)),), {"scores": block([0], True, True)}),
    "a late thought hidden": ((BlockAttention((4,)),), {"scores": block([4], True, True)}),
    "hidden from latents": ((BlockAttention((1,), "latents"),), {"scores": block([1], True, False)}),
}
CONDITIONS = [condition for condition, _ in CASES.values()]


def followed(model: ThoughtModel, conditions: Sequence[Condition] = CONDITIONS) -> Followed:
    prompts = [read_prompt(model, question) for question in QUESTIONS]
    numbers = range(len(QUESTIONS))
    return follow_batch(model, prompts, numbers, conditions, Setting([str(one) for one in numbers]))


@pytest.fixture(scope="module")
def together(model: ThoughtModel) -> Followed:
    return followed(model)


@pytest.mark.parametrize("name", CASES)
def test_weights_on_each_class_of_keys_are_those_of_an_eager_forward(
    model: ThoughtModel, together: Followed, name: str
) -> None:
    for problem, question in enumerate(QUESTIONS):
        prompt = read_prompt(model, question)
        weights = look_inside(model, prompt.ids, **CASES[name][1]).weights.numpy()  # type: ignore[arg-type]
        classes = np.array([TOKEN_KEYS[one] for one in prompt.classes])
        question_part = [weights[..., : len(classes)][..., classes == one].sum(-1) for one in range(len(KEY_CLASSES))]
        expected = np.concatenate([np.stack(question_part, axis=-1), weights[..., len(classes) :]], axis=-1)
        np.testing.assert_allclose(together.weights[problem, list(CASES).index(name)], expected, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_distances_from_the_baseline_are_those_of_the_states_of_two_eager_forwards(
    model: ThoughtModel, together: Followed, name: str
) -> None:
    for problem, question in enumerate(QUESTIONS):
        prompt = read_prompt(model, question).ids
        before, after = look_inside(model, prompt).states, look_inside(model, prompt, **CASES[name][1]).states  # type: ignore[arg-type]
        relative = (after - before).norm(dim=-1) / before.norm(dim=-1)
        cosine = 1 - torch.nn.functional.cosine_similarity(after, before, dim=-1)
        column = list(CASES).index(name)
        np.testing.assert_allclose(together.relative[problem, column], relative, atol=1e-5)
        np.testing.assert_allclose(together.cosine[problem, column], cosine, atol=1e-5)


def test_what_a_position_decodes_to_are_the_likeliest_tokens_of_the_output_head(
    model: ThoughtModel, together: Followed
) -> None:
    for problem, question in enumerate(QUESTIONS):
        prompt = read_prompt(model, question).ids
        for column, (_, ways) in enumerate(CASES.values()):
            logits = look_inside(model, prompt, **ways).logits[:, : model.eot_id]  # type: ignore[arg-type]
            shares = torch.softmax(logits, -1)
            best = shares.topk(5, dim=-1)
            np.testing.assert_allclose(together.probability[problem, column], best.values, atol=1e-5)
            own = shares.gather(1, torch.from_numpy(together.tokens[problem, column]).long())
            np.testing.assert_allclose(own, best.values, atol=1e-5)


def test_nothing_differs_up_to_the_hidden_thought_in_any_bit_and_something_after(together: Followed) -> None:
    for column, hidden in ((1, 0), (2, 4)):
        for distance in (together.relative, together.cosine):
            assert not distance[:, column, : hidden + 1].any()
        assert (together.relative[:, column, hidden + 1 : T, 1:] > 0).all()
    assert not together.relative[:, 0].any()


def test_every_row_of_weights_sums_to_one_and_none_lies_on_what_is_hidden(together: Followed) -> None:
    np.testing.assert_allclose(together.weights.sum(-1, dtype=np.float64), 1, atol=1e-6)
    assert not together.weights[:, 1, :, :, 1:, key_names(T).index("CT0")].any()
    assert not together.weights[:, 2, :, :, 5:, key_names(T).index("CT4")].any()


def test_tokens_of_each_class_are_counted(model: ThoughtModel, together: Followed) -> None:
    for problem, question in enumerate(QUESTIONS):
        classes = [TOKEN_KEYS[one] for one in read_prompt(model, question).classes]
        assert together.counts[problem].tolist() == [classes.count(one) for one in range(len(KEY_CLASSES))]


def test_a_sham_is_the_baseline_in_every_bit(model: ThoughtModel) -> None:
    found = followed(model, [BASELINE, (Sham(),)])
    for name, values in found.__dict__.items():
        if name != "counts":
            assert values[:, 0].tobytes() == values[:, 1].tobytes()


def test_conditions_that_are_run_in_parts_are_kept_in_their_places(
    model: ThoughtModel, together: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.interventions.engine.MOST_ROWS", 10)
    for name, values in followed(model).__dict__.items():
        np.testing.assert_allclose(values, getattr(together, name), atol=1e-5)


def test_a_run_that_was_cut_off_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, problems = harness.load_model("tiny-llama"), harness.load_problems("synthetic", split="test", n=12)
    conditions: list[Condition] = [BASELINE, (SequentialOnly(),)]
    whole = follow(model, problems, conditions, folder=tmp_path / "whole", batch_size=4)
    runs = []

    def cut(*args: object) -> Followed:
        runs.append(1)
        if len(runs) == 2:
            raise KeyboardInterrupt
        return follow_batch(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as torn:
        torn.setattr("harness.interventions.follow.follow_batch", cut)
        with pytest.raises(KeyboardInterrupt):
            follow(model, problems, conditions, folder=tmp_path / "torn", batch_size=4)
    again = follow(model, problems, conditions, folder=tmp_path / "torn", batch_size=4)
    for name, values in whole.__dict__.items():
        assert values.tobytes() == getattr(again, name).tobytes()
