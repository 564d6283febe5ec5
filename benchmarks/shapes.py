"""Models of a given shape with random weights, made where they run: nothing of their size is written or downloaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast

from harness.models.registry import ModelFiles
from harness.models.thoughts import ThoughtModel

LATENTS = 6
WORDS = 3000
"""Tokens that are learned from the questions; GSM8K's 7,473 have then 0.27 of them for a character."""


@dataclass(frozen=True)
class Shape:
    """A LLaMA: heads of width 64, four query heads to a key head, an MLP of four times the width."""

    layers: int
    hidden: int
    vocabulary: int

    @property
    def heads(self) -> int:
        """Query heads."""
        return self.hidden // 64

    @property
    def key_heads(self) -> int:
        """Key heads."""
        return max(1, self.heads // 4)


SHAPES = {"llama-1b": Shape(16, 2048, 128_256)}
"""Those with a name: LLaMA-3.2-1B."""


def shaped_model(
    folder: Path, name: str, shape: Shape, questions: Sequence[str], device: str, dtype: torch.dtype
) -> ThoughtModel:
    """A CODI model of that shape with random weights on ``device``; its config and a tokenizer lie in ``folder``."""
    base = folder / "base"
    LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=4 * shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads,
        head_dim=64,
        max_position_embeddings=131_072,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 500_000.0,
            "factor": 32.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    ).save_pretrained(base)
    _tokenizer(questions).save_pretrained(base)
    weights = folder / "model.safetensors"
    # Only its shape is read: the width within the projection.
    save_file({"prj.1.weight": torch.zeros(shape.hidden, 1)}, weights)
    files = ModelFiles(name, weights, base, LATENTS, 32.0, True)
    with torch.device(device):
        return ThoughtModel(files, device=device, dtype=dtype, untrained_seed=0)


def _tokenizer(questions: Sequence[str]) -> PreTrainedTokenizerFast:
    """Byte pairs of the questions themselves."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        questions,
        trainers.BpeTrainer(vocab_size=WORDS, special_tokens=["<eos>"], initial_alphabet=alphabet, show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>")
