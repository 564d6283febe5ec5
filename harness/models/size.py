"""How large a language model is; its config alone tells, without weights."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from harness.models.checkpoint import base_config


def parameters_without_embeddings(language: PreTrainedModel) -> int:
    """Number of parameters outside the embedding tables and the output head."""
    tables = [module for module in language.modules() if isinstance(module, nn.Embedding)]
    left_out = {id(table.weight) for table in (*tables, language.get_output_embeddings())}
    return sum(weight.numel() for weight in language.parameters() if id(weight) not in left_out)


def n_parameters(base: Path) -> int:
    """The same number for the model that the config in the folder ``base`` describes; allocates no weight.

    Errors: ``HarnessError`` when the config cannot be read or is not a causal language model's.
    """
    return parameters_without_embeddings(_without_weights(base))


@dataclass(frozen=True)
class Sizes:
    """The numbers of a model that decide how much memory it needs."""

    parameters: int
    """Of the language model, embeddings included, a tied one once."""
    layers: int
    heads: int
    key_heads: int
    head_width: int
    width: int
    of_layer: int
    """Values per token that go into and come out of the products with one layer's weight matrices."""


def sizes(base: Path) -> Sizes:
    """Those of the model that the config in the folder ``base`` describes; allocates no weight.

    Errors: ``HarnessError`` when the config cannot be read or is not a causal language model's.
    """
    language = _without_weights(base)
    # Without weights an embedding and the output head tied to it are two until told again.
    language.tie_weights()
    config = language.config
    layers, heads, width = config.num_hidden_layers, config.num_attention_heads, config.hidden_size
    tables = {id(module.weight) for module in language.modules() if isinstance(module, nn.Embedding)}
    tables.add(id(language.get_output_embeddings().weight))
    matrices = [weight for weight in language.parameters() if weight.ndim == 2 and id(weight) not in tables]
    return Sizes(
        sum(weight.numel() for weight in language.parameters()),
        layers,
        heads,
        getattr(config, "num_key_value_heads", None) or heads,
        getattr(config, "head_dim", None) or width // heads,
        width,
        sum(sum(weight.shape) for weight in matrices) // layers,
    )


def _without_weights(base: Path) -> PreTrainedModel:
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        language: PreTrainedModel = AutoModelForCausalLM.from_config(base_config(base), trust_remote_code=False)
    return language
