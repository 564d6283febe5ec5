"""What thoughts read in the question: equal to one plain eager forward, summed by class over exactly its tokens."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.extraction.extract import extract_attention
from harness.extraction.question import question_attention, read_prompt, word_attention
from harness.extraction.question_patterns import QUESTION_ARRAYS
from harness.models.registry import locate_files
from harness.models.thoughts import ThoughtModel
from harness.problems import Problem, ProblemSet, load_problems
from harness.problems.words import BOT, FIRST, NUMBER, TOKEN_CLASSES
from harness.storage.store import open_finished
from tests.extraction.conftest import CutOffError, cut_off

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return load_problems("synthetic", n=9, seed=3)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request: pytest.FixtureRequest) -> ThoughtModel:
    folder = GOLDEN / request.param
    return ThoughtModel(locate_files(folder / "ckpt_safetensors", folder / "base", lora_alpha=16), dtype=torch.float64)


def eager_rows(model: ThoughtModel, prompt: list[int], latents: np.ndarray) -> np.ndarray:
    """Weights [L, H, T, K] of the latent queries on the prompt's tokens, from one forward without cache."""
    question = model.language.get_input_embeddings()(torch.tensor([prompt]))
    inputs = torch.cat([question, torch.from_numpy(np.array(latents)).to(question)[None]], dim=1)
    model.language.set_attn_implementation("eager")
    try:
        with torch.inference_mode():
            output = model.language.base_model(inputs_embeds=inputs, output_attentions=True, use_cache=False)
    finally:
        model.language.set_attn_implementation("thoughts")
    return np.stack([layer[0, :, len(prompt) :, : len(prompt)].numpy() for layer in output.attentions])


def test_sums_by_class_equal_those_of_one_plain_eager_forward(model: ThoughtModel, problems: ProblemSet) -> None:
    found = question_attention(model, problems, batch_size=4)
    thoughts = extract_attention(model, problems).latent_inputs
    for row, question in enumerate(problems.questions):
        prompt = read_prompt(model, question)
        weights = eager_rows(model, prompt.ids, thoughts[row])
        for kind in range(len(TOKEN_CLASSES)):
            members = [place for place, one in enumerate(prompt.classes) if one == kind]
            np.testing.assert_allclose(found.by_class[row, ..., kind], weights[..., members].sum(-1), atol=1e-5)
            assert found.tokens[row, kind] == len(members)
    assert found.problem_ids == problems.ids


def test_classes_sum_to_what_a_row_leaves_to_the_question(model: ThoughtModel, problems: ProblemSet) -> None:
    found = question_attention(model, problems, batch_size=4)
    assert found.largest_gap < 1e-5
    attention = extract_attention(model, problems)
    np.testing.assert_allclose(found.latent_mass, attention.latent_mass, atol=1e-5)
    np.testing.assert_allclose(found.row_total, 1, atol=1e-5)
    np.testing.assert_allclose(found.by_class[..., FIRST], attention.first_token, atol=1e-5)
    np.testing.assert_allclose(found.by_class[..., BOT], attention.bot, atol=1e-5)


def test_a_class_that_is_left_out_opens_the_gap(model: ThoughtModel, problems: ProblemSet) -> None:
    found = question_attention(model, problems)
    found.by_class[..., NUMBER] = 0
    assert found.largest_gap > 1e-3


def test_words_are_the_same_weights_token_by_token(model: ThoughtModel, problems: ProblemSet) -> None:
    found = question_attention(model, problems, batch_size=4)
    chosen = [6, 0]
    for words, row in zip(word_attention(model, problems, chosen), chosen, strict=True):
        assert words.row == row
        assert words.weights.shape == (model.n_layers, model.n_latents, len(words.tokens))
        text = "".join(word for word, kind in zip(words.tokens, words.classes, strict=True) if kind != BOT)
        assert text.removeprefix(f" {model.tokenizer.bos_token} ") == problems[row].question
        assert words.tokens[-1] == " <bot> "
        for kind in range(len(TOKEN_CLASSES)):
            members = [place for place, one in enumerate(words.classes) if one == kind]
            by_class = found.by_class[row, ..., kind].mean(axis=1)
            np.testing.assert_allclose(words.weights[..., members].sum(-1), by_class, atol=1e-5)


def test_prompts_have_the_ids_that_the_model_is_fed(model: ThoughtModel) -> None:
    for question in ("  Ben has  3 apples.   How many? ", "Zażółć 12 🐍 jaźń", "x" * 60):
        prompt = read_prompt(model, question)
        assert prompt.ids == model.prompt_ids(question)
        assert len(prompt.ids) == len(prompt.texts) == len(prompt.classes)


def test_a_run_that_was_cut_off_ends_with_the_same_bytes(
    model: ThoughtModel, problems: ProblemSet, tmp_path: Path
) -> None:
    question_attention(model, problems, folder=tmp_path / "whole", batch_size=2)
    with pytest.raises(CutOffError):
        question_attention(model, problems, folder=tmp_path / "cut", batch_size=2, progress=cut_off)
    assert open_finished(tmp_path / "cut", QUESTION_ARRAYS) is None
    resumed = question_attention(model, problems, folder=tmp_path / "cut", batch_size=2)
    for file in (tmp_path / "whole").iterdir():
        assert (tmp_path / "cut" / file.name).read_bytes() == file.read_bytes()
    np.testing.assert_array_equal(resumed.by_class, question_attention(model, problems, batch_size=2).by_class)


def test_a_question_too_long_for_the_model_is_refused(model: ThoughtModel) -> None:
    long = ProblemSet("long", "train", (Problem(0, "How many? " * model.max_positions, "#### 1", 1.0),), 1, None, "-")
    for run in (lambda: question_attention(model, long), lambda: word_attention(model, long, [0])):
        with pytest.raises(HarnessError, match="Leave out questions of more than"):
            run()


def test_a_tokenizer_that_does_not_say_where_tokens_stand_is_refused(
    model: ThoughtModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        def __call__(self, text: str, return_offsets_mapping: bool = False) -> object:
            raise NotImplementedError

    monkeypatch.setattr(model, "tokenizer", Slow())
    with pytest.raises(HarnessError, match=r"\(Slow\) does not say where in the text its tokens stand"):
        read_prompt(model, "How many?")


def test_a_question_that_outgrows_the_attention_window_is_refused(tiny: Callable[..., ThoughtModel]) -> None:
    short = load_problems("synthetic", n=1, seed=3)
    model = tiny("mistral", sliding_window=8)
    with pytest.raises(HarnessError, match="longer than the model's attention window"):
        question_attention(model, short)
    assert question_attention(tiny("mistral", sliding_window=128), short).largest_gap < 1e-5
