"""How large a language model is; its config alone tells, without weights."""

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
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        language = AutoModelForCausalLM.from_config(base_config(base), trust_remote_code=False)
    return parameters_without_embeddings(language)
