"""The model computes what the reference implementation computed, from every file it may be saved in."""

import numpy as np
import pytest
import torch

from harness.extraction.capture import LatentRecorder
from harness.models.thoughts import ThoughtModel
from tests.models.conftest import VARIANTS, Golden

MAX_TOKENS = 24


def same_up_to_near_ties(found: list[int], recorded: np.ndarray, margins: np.ndarray, margin: float) -> bool:
    """Token ids agree up to the first step at which two candidates were all but equal."""
    close = np.flatnonzero(margins[: len(recorded)] < margin)
    upto = int(close[0]) if len(close) else len(recorded)
    return found[:upto] == recorded[:upto].tolist() and (upto < len(recorded) or len(found) == len(recorded))


def test_prompts_are_tokenised_as_recorded(golden: Golden, golden_model: ThoughtModel) -> None:
    for row, question in enumerate(golden.questions):
        length = golden.arrays["input_len"][row]
        assert golden_model.prompt_ids(question) == golden.arrays["input_ids"][row, :length].tolist()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_file_variant_gives_the_recorded_latents_logits_and_answers(golden: Golden, variant: str) -> None:
    model, arrays = golden.model(variant), golden.arrays
    context = model.encode([model.prompt_ids(question) for question in golden.questions])
    np.testing.assert_allclose(context.hidden, arrays["question_last_hidden"], atol=golden.latents, rtol=0)
    inputs, outputs = model.think(context)
    np.testing.assert_allclose(inputs, arrays["latent_in"], atol=golden.latents, rtol=0)
    np.testing.assert_allclose(outputs, arrays["latent_out_hidden"], atol=golden.latents, rtol=0)
    with torch.inference_mode():
        discarded = model.projection(outputs[:, -1])
    np.testing.assert_allclose(discarded, arrays["latent_discarded"], atol=golden.latents, rtol=0)
    model.end_thinking(context)
    np.testing.assert_allclose(model.logits(context.hidden), arrays["eot_logits"], atol=golden.logits, rtol=0)
    for row, ids in enumerate(model.answer(context, MAX_TOKENS)):
        recorded = arrays["gen_ids"][row, : arrays["gen_len"][row]]
        assert same_up_to_near_ties(ids, recorded, arrays["gen_margin"][row], golden.margin)
        if ids == recorded.tolist():
            assert model.decode(ids) == golden.about["problems"][row]["gen_text"]


def test_captured_rows_are_the_recorded_attention(golden: Golden, golden_model: ThoughtModel) -> None:
    model, arrays = golden_model, golden.arrays
    context = model.encode([model.prompt_ids(question) for question in golden.questions])
    recorder = LatentRecorder(model, context)
    inputs, _ = model.think(context, recorder=recorder)
    model.end_thinking(context, recorder=recorder)
    captured = recorder.arrays(inputs)
    np.testing.assert_allclose(captured["raw"], arrays["R"], atol=golden.attention, rtol=0)
    np.testing.assert_allclose(captured["answer_attention"], arrays["eot_attn_latent"], atol=golden.attention, rtol=0)
    longest = int(arrays["input_len"].max())
    rows = [recorder.rows(layer) for layer in range(model.n_layers)]
    for problem, length in enumerate(arrays["input_len"]):
        for step in range(model.n_latents):
            row = np.stack([layer[problem, :, step, longest - length : longest + step + 1] for layer in rows])
            recorded = arrays["latent_attn"][problem, step, :, :, : length + step + 1]
            np.testing.assert_allclose(row, recorded, atol=golden.attention, rtol=0)
            first, bot = captured["first_token"][problem, :, :, step], captured["bot"][problem, :, :, step]
            np.testing.assert_allclose(first, recorded[..., 0], atol=golden.attention, rtol=0)
            np.testing.assert_allclose(bot, recorded[..., length - 1], atol=golden.attention, rtol=0)
        answer = np.stack([layer[problem, :, model.n_latents, longest - length :] for layer in rows])
        recorded = arrays["eot_attn"][problem, :, :, : length + model.n_latents + 1]
        np.testing.assert_allclose(answer, recorded, atol=golden.attention, rtol=0)


def test_reference_padding_reproduces_the_recorded_padded_batch(golden: Golden) -> None:
    model, arrays = golden.model(padding="reference"), golden.arrays
    context = model.encode([model.prompt_ids(question) for question in golden.questions[:4]])
    recorder = LatentRecorder(model, context)
    inputs, outputs = model.think(context, recorder=recorder)
    model.end_thinking(context, recorder=recorder)
    np.testing.assert_allclose(inputs, arrays["batch_latent_in"], atol=golden.latents, rtol=0)
    np.testing.assert_allclose(outputs, arrays["batch_latent_out_hidden"], atol=golden.latents, rtol=0)
    captured = recorder.arrays(inputs)
    np.testing.assert_allclose(captured["raw"], arrays["batch_R"], atol=golden.attention, rtol=0)
    rows = [recorder.rows(layer) for layer in range(model.n_layers)]
    width = arrays["batch_input_ids"].shape[1]
    for step in range(model.n_latents):
        found = np.stack([layer[:, :, step, : width + step + 1] for layer in rows], axis=1)
        recorded = arrays["batch_latent_attn"][:, step, :, :, : width + step + 1]
        np.testing.assert_allclose(found, recorded, atol=golden.attention, rtol=0)
    np.testing.assert_allclose(model.logits(context.hidden), arrays["batch_eot_logits"], atol=golden.logits, rtol=0)
    for row, ids in enumerate(model.answer(context, MAX_TOKENS)):
        recorded = arrays["batch_gen_ids"][row, : arrays["batch_gen_len"][row]]
        assert same_up_to_near_ties(ids, recorded, arrays["batch_gen_margin"][row], golden.margin)


def test_by_default_padding_changes_nothing_where_the_reference_differs(
    golden: Golden, golden_model: ThoughtModel
) -> None:
    context = golden_model.encode([golden_model.prompt_ids(question) for question in golden.questions[:4]])
    inputs, _ = golden_model.think(context)
    np.testing.assert_allclose(inputs, golden.arrays["latent_in"][:4], atol=golden.latents, rtol=0)
    assert np.abs(inputs.numpy() - golden.arrays["batch_latent_in"]).max() > 0.1


def test_capturing_changes_no_byte_of_what_the_model_computes(golden: Golden, golden_model: ThoughtModel) -> None:
    prompts = [golden_model.prompt_ids(question) for question in golden.questions]
    plain = golden_model.encode(prompts)
    plain_inputs, _ = golden_model.think(plain)
    golden_model.end_thinking(plain)
    watched = golden_model.encode(prompts)
    recorder = LatentRecorder(golden_model, watched)
    inputs, _ = golden_model.think(watched, recorder=recorder)
    golden_model.end_thinking(watched, recorder=recorder)
    assert inputs.numpy().tobytes() == plain_inputs.numpy().tobytes()
    assert watched.hidden.numpy().tobytes() == plain.hidden.numpy().tobytes()


def test_generate_returns_answers_in_the_order_of_the_questions_whatever_the_batch(
    golden: Golden, golden_model: ThoughtModel
) -> None:
    recorded = [problem["gen_text"] for problem in golden.about["problems"]]
    for batch_size in (1, 5, 12):
        texts = golden_model.generate(golden.questions, batch_size=batch_size, max_tokens=MAX_TOKENS)
        agreeing = sum(found == text for found, text in zip(texts, recorded, strict=True))
        assert agreeing >= len(recorded) - 1
