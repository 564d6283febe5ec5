"""The residual stream taken apart: parts equal those of one plain eager forward, in every kind of layer."""

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.extraction.additions import Additions
from harness.extraction.decompose import decompose, read_parts, sizes
from harness.extraction.extract import extract_attention
from harness.extraction.parts import DECOMPOSITION_ARRAYS, part_names
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet, load_problems
from harness.storage.store import open_finished
from tests.extraction.conftest import CutOffError, cut_off

Build = Callable[..., ThoughtModel]

# Architecture, options, and the modules of a layer whose outputs are added, with the factor they are multiplied by.
ADDED: dict[str, tuple[dict[str, Any], str, str, float]] = {
    "gpt2": ({}, "attn", "mlp", 1),
    "llama": ({}, "self_attn", "mlp", 1),
    "qwen2": ({}, "self_attn", "mlp", 1),
    "qwen3": ({"head_dim": 8}, "self_attn", "mlp", 1),
    "mistral": ({}, "self_attn", "mlp", 1),
    "opt": ({"ffn_dim": 48, "word_embed_proj_dim": 32}, "self_attn", "fc2", 1),
    "gemma": ({"head_dim": 8}, "self_attn", "mlp", 1),
    "gemma2": (
        {"head_dim": 8, "attn_logit_softcapping": None},
        "post_attention_layernorm",
        "post_feedforward_layernorm",
        1,
    ),
    "gemma3_text": ({"head_dim": 8}, "post_attention_layernorm", "post_feedforward_layernorm", 1),
    "olmo2": ({}, "post_attention_layernorm", "post_feedforward_layernorm", 1),
    "phi": ({}, "self_attn", "mlp", 1),
    "gpt_neox": ({}, "attention", "mlp", 1),
    "cohere": ({"use_qk_norm": False}, "self_attn", "mlp", 1),
    "granite": ({"residual_multiplier": 0.3, "embedding_multiplier": 7.0}, "self_attn", "mlp", 0.3),
}


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return load_problems("synthetic", n=7, seed=3)


@pytest.fixture(scope="module", params=list(ADDED))
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(tiny: Build, architecture: str) -> ThoughtModel:
    return tiny(architecture, **ADDED[architecture][0])


@pytest.fixture(scope="module")
def llama(tiny: Build) -> ThoughtModel:
    return tiny("llama")


def plain_parts(
    model: ThoughtModel, architecture: str, prompt: list[int], latents: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Parts [T, P, d] and stream behind each layer [T, L, d] from one eager forward over the whole sequence."""
    _, attention, mlp, factor = ADDED[architecture]
    seen: list[Tensor] = []

    def keep(module: nn.Module, args: Any, output: Any) -> None:
        output = output[0] if isinstance(output, tuple) else output
        seen.append(output.reshape(-1, model.width)[-len(latents) :])

    language = model.language
    hooks = []
    for layer in model.decoder_layers:
        hooks.append(layer.register_forward_pre_hook(lambda module, args: seen.append(args[0][0, -len(latents) :])))
        hooks += [attrgetter(name)(layer).register_forward_hook(keep) for name in (attention, mlp)]
    embedded = language.get_input_embeddings()(torch.tensor([prompt]))
    # In model precision; the recorded inputs were rounded to single.
    inputs = torch.cat([embedded, torch.from_numpy(latents).to(embedded)[None]], dim=1)
    language.set_attn_implementation("eager")
    try:
        with torch.inference_mode():
            language.base_model(inputs_embeds=inputs, use_cache=False)
    finally:
        language.set_attn_implementation("thoughts")
        for hook in hooks:
            hook.remove()
    entering, attentions, mlps = seen[0::3], seen[1::3], seen[2::3]
    added = [factor * part for pair in zip(attentions, mlps, strict=True) for part in pair]
    leaving = [*entering[1:], entering[-1] + added[-2] + added[-1]]
    return torch.stack([entering[0], *added], dim=1).float(), torch.stack(leaving, dim=1).float()


def test_parts_equal_those_of_one_plain_eager_forward(
    model: ThoughtModel, architecture: str, problems: ProblemSet
) -> None:
    prompts = [model.prompt_ids(question) for question in problems.questions]
    parts, leaving = read_parts(model, prompts)
    thoughts = extract_attention(model, problems).latent_inputs
    for row, prompt in enumerate(prompts):
        expected, stream = plain_parts(model, architecture, prompt, thoughts[row])
        torch.testing.assert_close(parts[row], expected, atol=2e-4, rtol=2e-4)
        torch.testing.assert_close(leaving[row], stream, atol=2e-4, rtol=2e-4)
        assert all(expected[:, part].norm(dim=-1).min() > 0.01 for part in range(expected.shape[1]))


def test_parts_sum_to_the_stream_that_leaves_every_layer(model: ThoughtModel, problems: ProblemSet) -> None:
    found = decompose(model, problems, batch_size=3)
    assert found.norms.shape == (7, model.n_latents, len(part_names(model.n_layers)))
    assert found.layer_error.max() < 1e-5
    assert found.error.max() < 1e-5
    np.testing.assert_array_equal(found.error, found.layer_error[..., -1])
    np.testing.assert_allclose(found.shares.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("doubled", range(7))
def test_a_doubled_part_is_noticed_from_its_layer_on(llama: ThoughtModel, problems: ProblemSet, doubled: int) -> None:
    parts, leaving = read_parts(llama, [llama.prompt_ids(problems.questions[0])])
    parts[:, :, doubled] *= 2
    wrong = sizes(parts, leaving)
    layer = max(doubled - 1, 0) // 2
    assert wrong["error"].min() > 1e-2
    assert wrong["layer_error"][..., layer:].min() > 1e-2
    assert wrong["layer_error"][..., :layer].numel() == 0 or wrong["layer_error"][..., :layer].max() < 1e-5


def test_what_a_layer_adds_beside_its_modules_is_noticed(
    llama: ThoughtModel, problems: ProblemSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = llama.decoder_layers[1]
    plain = layer.forward

    def twice(hidden: Tensor, **kwargs: Any) -> Tensor:
        output = plain(hidden, **kwargs)
        return output + (output - hidden)

    monkeypatch.setattr(layer, "forward", twice)
    wrong = decompose(llama, problems)
    assert wrong.layer_error[..., 0].max() < 1e-5
    assert wrong.layer_error[..., 1:].min() > 1e-2
    assert wrong.error.min() > 1e-2


def test_sizes_are_lengths_and_projections() -> None:
    parts = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, -4.0]])
    found = sizes(parts, torch.tensor([[4.0, 0.0]]))
    assert found["norms"].tolist() == [5, 1, 4]
    assert found["shares"].tolist() == [0.75, 0.25, 0]
    assert found["error"].item() == 0
    assert sizes(parts, torch.tensor([[4.0, 3.0]]))["error"].item() == pytest.approx(3 / 5)


def test_the_model_answers_the_same_while_it_is_watched(llama: ThoughtModel, problems: ProblemSet) -> None:
    prompts = [llama.prompt_ids(question) for question in problems.questions]
    plain, _ = llama.think(llama.encode(prompts))
    additions = Additions(llama.decoder_layers, "llama")
    context = llama.encode(prompts)
    with additions.watching():
        watched, _ = llama.think(context, recorder=additions)
    assert torch.equal(plain, watched)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in llama.language.modules())


def test_a_run_that_was_cut_off_ends_with_the_same_bytes(
    llama: ThoughtModel, problems: ProblemSet, tmp_path: Path
) -> None:
    whole = decompose(llama, problems, folder=tmp_path / "whole", batch_size=2)
    with pytest.raises(CutOffError):
        decompose(llama, problems, folder=tmp_path / "cut", batch_size=2, progress=cut_off)
    assert open_finished(tmp_path / "cut", DECOMPOSITION_ARRAYS) is None
    resumed = decompose(llama, problems, folder=tmp_path / "cut", batch_size=2)
    for file in (tmp_path / "whole").iterdir():
        assert (tmp_path / "cut" / file.name).read_bytes() == file.read_bytes()
    np.testing.assert_array_equal(resumed.norms, whole.norms)
    arrays = open_finished(tmp_path / "cut", DECOMPOSITION_ARRAYS)
    assert arrays is not None
    np.testing.assert_array_equal(arrays["shares"], decompose(llama, problems, batch_size=2).shares)


def test_a_stream_that_is_normed_after_every_addition_is_refused(tiny: Build, problems: ProblemSet) -> None:
    model = tiny("opt", ffn_dim=48, word_embed_proj_dim=32, do_layer_norm_before=False)
    with pytest.raises(
        HarnessError, match=r"layer 0 of this opt model .* one output behind its attention.*found 1 and 2"
    ):
        decompose(model, problems)


def test_layers_without_an_mlp_are_refused_by_name(
    llama: ThoughtModel, problems: ProblemSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = llama.decoder_layers[2]

    def attention_only(hidden: Tensor, **kwargs: Any) -> Tensor:
        output: Tensor = hidden + layer.self_attn(layer.input_layernorm(hidden), **kwargs)[0]  # type: ignore[operator]
        return output

    monkeypatch.setattr(layer, "forward", attention_only)
    with pytest.raises(HarnessError, match=r"layer 2 of this llama model .*self_attn, mlp.*found 1 and 0"):
        decompose(llama, problems)
    assert not any(module._forward_hooks for module in llama.language.modules())
