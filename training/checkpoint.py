"""Writing and reading an embedded model in CODI's official layout.

``base/`` holds configuration and tokenizer, ``codi/`` the state dict of CODI's module: a PEFT LoRA model under ``codi``
and the projection under ``prj``, with the base weights included, in float16.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GenerationConfig, GPT2Config, LlamaConfig, PretrainedConfig

from training.codi import Vocabulary
from training.network import NORM_EPS, ROPE_BASE, Shape, Weights

LORA_RANK = 128
LORA_ALPHA = 32
LORA_SCALE = LORA_ALPHA / LORA_RANK
LATENTS = 6

_MODEL = "codi.base_model.model"
_MODULES = {
    "gpt2": {
        "layer": "transformer.h",
        "embedding": "transformer.wte",
        "norm": "transformer.ln_f",
        "norm1": "ln_1",
        "norm2": "ln_2",
        "qkv": "attn.c_attn",
        "out": "attn.c_proj",
        "up": "mlp.c_fc",
        "down": "mlp.c_proj",
    },
    "llama": {
        "layer": "model.layers",
        "embedding": "model.embed_tokens",
        "norm": "model.norm",
        "norm1": "input_layernorm",
        "norm2": "post_attention_layernorm",
        "q": "self_attn.q_proj",
        "k": "self_attn.k_proj",
        "v": "self_attn.v_proj",
        "out": "self_attn.o_proj",
        "gate": "mlp.gate_proj",
        "up": "mlp.up_proj",
        "down": "mlp.down_proj",
    },
}


def base_config(shape: Shape, vocabulary: Vocabulary) -> PretrainedConfig:
    """Return transformers' configuration of the base model, before the three tokens are added."""
    tokenizer = vocabulary.tokenizer
    common = {
        "vocab_size": vocabulary.size,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "tie_word_embeddings": True,
        "dtype": "float16",
    }
    if shape.family == "gpt2":
        return GPT2Config(
            architectures=["GPT2LMHeadModel"],
            n_positions=shape.positions,
            n_embd=shape.width,
            n_layer=shape.layers,
            n_head=shape.heads,
            n_inner=shape.mlp,
            layer_norm_epsilon=NORM_EPS,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **common,
        )
    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        hidden_size=shape.width,
        intermediate_size=shape.mlp,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_width,
        max_position_embeddings=shape.positions,
        rms_norm_eps=NORM_EPS,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_BASE},
        **common,
    )


def _official(shape: Shape, name: str, layer: int | None) -> str:
    """Return the official key of a weight of ours; ``lora_A`` and ``lora_B`` follow the name of their matrix."""
    modules = _MODULES[shape.family]
    if name == "positions":
        return f"{_MODEL}.transformer.wpe.weight"
    role, _, part = name.partition(".")
    if layer is None:
        return f"{_MODEL}.{modules[role]}.{part or 'weight'}"
    module = f"{_MODEL}.{modules['layer']}.{layer}.{modules[role]}"
    if part.startswith("lora"):
        return f"{module}.{part}.default.weight"
    adapted = ".base_layer" if role in shape.matrices() else ""
    return f"{module}{adapted}.{part or 'weight'}"


def _keys(shape: Shape, name: str) -> list[tuple[str, int | None]]:
    layered = name not in ("embedding", "positions", "norm", "norm.bias")
    layers = list(range(shape.layers)) if layered else [None]
    return [(_official(shape, name, layer), layer) for layer in layers]


def _stored(shape: Shape, name: str, tensor: Tensor) -> Tensor:
    """Turn a base matrix between our [output, input] and GPT-2's [input, output]; leave everything else."""
    return tensor.T if shape.family == "gpt2" and name in shape.matrices() else tensor


def official_state(shape: Shape, base: Weights, lora: Weights, prj: Weights) -> Weights:
    """Return the official state dict in float16."""
    state = dict(prj)
    for name, tensor in {**base, **lora}.items():
        for key, layer in _keys(shape, name):
            state[key] = _stored(shape, name, tensor if layer is None else tensor[layer])
    state[f"{_MODEL}.lm_head.weight"] = base["embedding"]
    return {key: value.detach().half().clone().contiguous() for key, value in state.items()}


def save_model(
    folder: Path, name: str, shape: Shape, vocabulary: Vocabulary, *, base: Weights, lora: Weights, prj: Weights
) -> None:
    """Write ``base/`` and ``codi/`` into a folder."""
    config = base_config(shape, vocabulary)
    config.save_pretrained(folder / "base")
    vocabulary.tokenizer.save_pretrained(folder / "base")
    GenerationConfig.from_model_config(config).save_pretrained(folder / "base")
    (folder / "codi").mkdir(parents=True, exist_ok=True)
    save_file(official_state(shape, base, lora, prj), folder / "codi" / "model.safetensors", metadata={"format": "pt"})
    settings = {
        "lora_r": LORA_RANK,
        "lora_alpha": LORA_ALPHA,
        "prj_dim": prj["prj.1.weight"].shape[0],
        "num_latent": LATENTS,
        "remove_eos": True,
        "base": name,
    }
    (folder / "codi" / "codi.json").write_text(json.dumps(settings, indent=2) + "\n")


def load_model(folder: Path, shape: Shape) -> tuple[Weights, Weights]:
    """Read a saved model in float32.

    Returns:
        the network's weights with LoRA merged, and the projection's weights.
    """
    state = {key: value.float() for key, value in load_file(folder / "codi" / "model.safetensors").items()}
    prj = {key: value for key, value in state.items() if key.startswith("prj.")}
    names = ["embedding", "norm", "norm1", "norm2", *shape.matrices()]
    if shape.family == "gpt2":
        names += ["positions", *(f"{name}.bias" for name in ("norm", "norm1", "norm2", *shape.matrices()))]

    def stacked(name: str) -> Tensor:
        parts = [_stored(shape, name, state[key]) for key, _ in _keys(shape, name)]
        return parts[0] if name in ("embedding", "positions", "norm", "norm.bias") else torch.stack(parts)

    base = {name: stacked(name) for name in names}
    lora = {f"{name}.{part}": stacked(f"{name}.{part}") for name in shape.matrices() for part in ("lora_A", "lora_B")}
    return merge_lora(shape, base, lora), prj


def merge_lora(shape: Shape, base: Weights, lora: Weights) -> Weights:
    """Add every adapter's product, scaled by alpha / rank, to its matrix."""
    merged = dict(base)
    for name in shape.matrices():
        merged[name] = base[name] + LORA_SCALE * lora[f"{name}.lora_B"] @ lora[f"{name}.lora_A"]
    return merged
