"""Read a CODI state dict, check it against its base model, and merge LoRA into plain weights.

The layout is the official CODI module's (arXiv 2502.21074): a PEFT LoRA causal LM under ``codi`` and the
projection of the recurrence under ``prj``. The file holds the base weights too, so the base model is
built empty and no weight is allocated twice.
"""

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.pytorch_utils import Conv1D

from harness.errors import HarnessError
from harness.models.registry import ModelFiles

ADDED_TOKENS = 3
"""Rows that CODI appends to the embedding: pad, bot and eot, in this order."""

_PROJECTION_KEYS = {"1.weight", "1.bias", "3.weight", "3.bias", "ln.weight", "ln.bias"}
_MOST_NAMED = 6


class Projection(nn.Module):
    """``prj``: last hidden state to the next latent's input embedding, [..., d] to [..., d]."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, eps=1e-5)

    def forward(self, hidden: Tensor) -> Tensor:
        """Linear, exact GELU, Linear, LayerNorm."""
        projected: Tensor = self.norm(self.down(nn.functional.gelu(self.up(hidden))))
        return projected


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` or ``.bin`` file, memory-mapped where the format allows it.

    Errors: ``HarnessError`` when the file is missing, damaged, not a state dict, or a pickle that would
    need code to be run.
    """
    if not path.is_file():
        raise HarnessError(f"The checkpoint {path} does not exist.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise HarnessError(
            f"The checkpoint {path} was refused: it is damaged, or its pickle asks for code to be run and only "
            "plain tensors are accepted. Save the state dict with safetensors or torch.save(model.state_dict())."
        ) from error
    except Exception as error:  # the readers raise many types for a damaged file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HarnessError(
            f"The checkpoint {path} cannot be read: {reason}. The file is damaged or incomplete; fetch it again."
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise HarnessError(
            f"The checkpoint {path} is not a state dict (a mapping of names to tensors). "
            "Save it with torch.save(model.state_dict())."
        )
    return dict(state)


def base_config(base: Path) -> PretrainedConfig:
    """The base model's config as its folder states it (vocabulary not yet enlarged).

    Errors: ``HarnessError`` when it cannot be read or is not a causal language model's.
    """
    try:
        config = AutoConfig.from_pretrained(base, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # transformers raises many types for a bad config
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HarnessError(f"The base config in {base} cannot be read: {reason}") from error
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING or not isinstance(getattr(config, "vocab_size", None), int):
        raise HarnessError(
            f"The base in {base} is a {config.model_type} model, which is no causal language model. "
            "Give the base model the checkpoint was trained from."
        )
    return config


def _with_fused_gelu(config: PretrainedConfig) -> PretrainedConfig:
    """Name the one-kernel version of GPT-2's GELU: the same function, written out in transformers as eight passes."""
    if getattr(config, "activation_function", None) == "gelu_new":
        config.activation_function = "gelu_pytorch_tanh"
    return config


def build(files: ModelFiles, attention: str, dtype: torch.dtype) -> tuple[PreTrainedModel, Projection]:
    """The merged language model and the projection, weights from the checkpoint, on the CPU.

    Errors: ``HarnessError`` naming the file and what is wrong with it: missing, unexpected or misshapen
    tensors, NaN or infinite weights, a base that does not fit.
    """
    from accelerate import init_empty_weights
    from peft import LoraConfig, get_peft_model

    state = read_state_dict(files.weights)
    config = _with_fused_gelu(base_config(files.base))
    vocabulary = int(config.vocab_size)
    config.vocab_size = vocabulary + ADDED_TOKENS
    _require_finite(files, state)
    language = {key.removeprefix("codi."): value for key, value in state.items() if key.startswith("codi.")}
    projection = _projection(
        files,
        int(config.hidden_size),
        {key.removeprefix("prj."): v for key, v in state.items() if key.startswith("prj.")},
    )
    stray = [key for key in state if not key.startswith(("codi.", "prj."))]
    if stray:
        raise HarnessError(f"{files.weights} holds tensors outside `codi` and `prj`: {_some(stray)}.")
    if not language:
        raise HarnessError(f"{files.weights} holds no tensor under `codi`: it is not a CODI checkpoint.")

    with init_empty_weights(include_buffers=False):
        plain = _architecture(files, config, attention)
    _require_same_architecture(files, language, plain)
    rank, targets = _lora_shape(files, language)
    with init_empty_weights(include_buffers=False), _without_peft_deprecations():
        wrapped = get_peft_model(
            plain,
            LoraConfig(
                r=rank,
                lora_alpha=files.lora_alpha,
                target_modules=targets,
                fan_in_fan_out=any(isinstance(module, Conv1D) for module in plain.modules()),
                task_type="CAUSAL_LM",
            ),
        )
    language = _complete_tied(files, language, plain)
    _require_fit(files, language, wrapped.state_dict(), plain, vocabulary)
    # One copy per tensor, so that an embedding tied to the output head stays one tensor.
    single = {id(value): value.to(torch.float32) for value in language.values()}
    wrapped.load_state_dict({key: single[id(value)] for key, value in language.items()}, strict=True, assign=True)
    plain.tie_weights()
    with _without_peft_deprecations():
        merged: PreTrainedModel = wrapped.merge_and_unload()
    return merged.to(dtype).eval(), projection.to(dtype).eval()


def _architecture(files: ModelFiles, config: PretrainedConfig, attention: str) -> PreTrainedModel:
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            config, attn_implementation=attention, trust_remote_code=False
        )
    except (KeyError, ValueError) as error:
        raise HarnessError(
            f"The base in {files.base} is a {config.model_type} model, whose attention does not go through transformers' "
            f"attention interface and so cannot be captured ({type(error).__name__}: {error})."
        ) from error
    return model


@contextmanager
def _without_peft_deprecations() -> Iterator[None]:
    """peft reads an attribute that transformers has renamed; its users can do nothing about the warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def build_untrained(
    files: ModelFiles, attention: str, dtype: torch.dtype, seed: int
) -> tuple[PreTrainedModel, Projection]:
    """The same architecture with freshly initialised weights, drawn from ``seed``."""
    config = _with_fused_gelu(base_config(files.base))
    config.vocab_size = int(config.vocab_size) + ADDED_TOKENS
    inner = read_state_dict(files.weights)["prj.1.weight"].shape[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        language = _architecture(files, config, attention)
        projection = Projection(int(config.hidden_size), int(inner))
    return language.to(dtype).eval(), projection.to(dtype).eval()


def _projection(files: ModelFiles, width: int, tensors: dict[str, Tensor]) -> Projection:
    if set(tensors) != _PROJECTION_KEYS:
        missing, extra = sorted(_PROJECTION_KEYS - set(tensors)), sorted(set(tensors) - _PROJECTION_KEYS)
        raise HarnessError(
            f"{files.weights}: the projection `prj` does not have the official layout"
            + (f"; missing: {_some(missing)}" if missing else "")
            + (f"; unexpected: {_some(extra)}" if extra else "")
            + "."
        )
    inner = len(tensors["1.weight"])
    projection = Projection(width, inner)
    names = {"1": "up", "3": "down", "ln": "norm"}
    renamed = {f"{names[key.split('.')[0]]}.{key.split('.')[1]}": value.float() for key, value in tensors.items()}
    try:
        projection.load_state_dict(renamed)
    except RuntimeError as error:
        raise HarnessError(
            f"{files.weights}: the projection `prj` does not fit a base of width {width} ({files.base}): "
            + "; ".join(line.strip() for line in str(error).splitlines()[1:])
        ) from error
    return projection


def _lora_shape(files: ModelFiles, language: dict[str, Tensor]) -> tuple[int, list[str]]:
    pattern = re.compile(r"([^.]+)\.lora_A\.default\.weight$")
    factors = {key: value for key, value in language.items() if pattern.search(key)}
    if not factors:
        raise HarnessError(f"{files.weights} holds no LoRA factors (`*.lora_A.default.weight`).")
    ranks = {int(value.shape[0]) for value in factors.values()}
    if len(ranks) > 1:
        raise HarnessError(f"{files.weights}: LoRA factors of different rank {sorted(ranks)}; one rank is expected.")
    targets = sorted({match.group(1) for key in factors if (match := pattern.search(key))})
    return ranks.pop(), targets


def _plain_name(key: str) -> str:
    return key.removeprefix("base_model.model.").replace(".base_layer.", ".")


def _require_same_architecture(files: ModelFiles, language: dict[str, Tensor], plain: PreTrainedModel) -> None:
    expected = {name for name, _ in plain.named_parameters()}
    found = {_plain_name(key) for key in language if ".lora_" not in key}
    if len(expected & found) < len(found) / 2:
        raise HarnessError(
            f"{files.weights} does not belong to the base in {files.base}: that is a {plain.config.model_type} model "
            f"with tensors like {min(expected - found)}, the checkpoint has {_some(sorted(found - expected), 1)}. Give the "
            "right base."
        )


def _complete_tied(files: ModelFiles, language: dict[str, Tensor], plain: PreTrainedModel) -> dict[str, Tensor]:
    """Fill in whichever of embedding and output head the file leaves out, when the config ties them."""
    if not plain.config.tie_word_embeddings:
        return language
    table, head = _vocabulary_keys(plain)
    if head in language and table in language:
        same = language[head].shape == language[table].shape and torch.equal(language[head], language[table])
        if not same:
            raise HarnessError(
                f"{files.weights}: embedding and output head differ although the base config ties them "
                f"({_plain_name(table)}, {_plain_name(head)}). Give a base config with tie_word_embeddings false."
            )
    known = language.get(head, language.get(table))
    return language if known is None else language | {head: known, table: known}


def _vocabulary_keys(plain: PreTrainedModel) -> tuple[str, str]:
    """Names in the state dict of the embedding and of the output head."""
    named = {id(module): name for name, module in plain.named_modules()}
    modules = (plain.get_input_embeddings(), plain.get_output_embeddings())
    table, head = (f"base_model.model.{named[id(module)]}.weight" for module in modules)
    return table, head


def _require_fit(
    files: ModelFiles,
    language: dict[str, Tensor],
    expected: Mapping[str, Tensor],
    plain: PreTrainedModel,
    vocabulary: int,
) -> None:
    missing, extra = sorted(set(expected) - set(language)), sorted(set(language) - set(expected))
    if missing or extra:
        raise HarnessError(
            f"{files.weights} does not fit the base in {files.base}"
            + (f"; {len(missing)} missing: {_some([_plain_name(key) for key in missing])}" if missing else "")
            + (f"; {len(extra)} unexpected: {_some([_plain_name(key) for key in extra])}" if extra else "")
            + ". The checkpoint is incomplete or the base is the wrong one."
        )
    rows = vocabulary + ADDED_TOKENS
    for key in _vocabulary_keys(plain):
        if len(language[key]) != rows:
            raise HarnessError(
                f"{files.weights}: {_plain_name(key)} has {len(language[key])} rows, but the base in {files.base} has a "
                f"vocabulary of {vocabulary} and CODI adds {ADDED_TOKENS} (pad, bot, eot): {rows} are expected. The base is "
                "the wrong one, or the embedding was enlarged differently."
            )
    wrong = [
        f"{_plain_name(key)} {tuple(language[key].shape)} instead of {tuple(value.shape)}"
        for key, value in expected.items()
        if language[key].shape != value.shape
    ]
    if wrong:
        raise HarnessError(
            f"{files.weights}: {len(wrong)} tensors have another shape than the base in {files.base} says: {_some(wrong)}."
        )


def _require_finite(files: ModelFiles, state: dict[str, Tensor]) -> None:
    bad = [key for key, value in state.items() if not torch.isfinite(value).all()]
    if bad:
        raise HarnessError(
            f"{files.weights}: NaN or infinite values in {len(bad)} tensors: {_some(bad)}. "
            "The checkpoint is damaged; nothing measured on it would mean anything."
        )


def _some(names: list[str], most: int = _MOST_NAMED) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
