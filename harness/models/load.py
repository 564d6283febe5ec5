"""``load_model``: a CODI model by its registered name or from files."""

from pathlib import Path
from typing import Literal

import torch

from harness.errors import HarnessError
from harness.models.device import resolve_device
from harness.models.registry import locate, locate_files
from harness.models.thoughts import Padding, ThoughtModel


def load_model(
    name: str | None = None,
    *,
    checkpoint: str | Path | None = None,
    base: str | Path | None = None,
    n_latents: int | None = None,
    lora_alpha: float | None = None,
    remove_eos: bool | None = None,
    device: str = "auto",
    dtype: Literal["float32", "bfloat16", "float16"] = "float32",
    padding: Padding = "masked",
    models_file: Path | None = None,
) -> ThoughtModel:
    """A CODI model ready to think.

    Either ``name`` (registered; ``checkpoint`` may replace its place) or ``checkpoint`` with ``base`` (a folder or hub
    id of the base model's config and tokenizer). ``n_latents``, ``lora_alpha`` and ``remove_eos`` beat a ``codi.json``
    beside the state dict, which beats the registry. ``padding="reference"`` lets thoughts attend to the padding of a
    batch, as the published evaluation does; use it only to compare with published batch numbers.

    Errors: ``HarnessError`` for an unknown name, missing files, or a checkpoint that does not fit its base.
    """
    if name is not None:
        files = locate(name, models_file, None if checkpoint is None else str(checkpoint))
        files = files.overridden(n_latents=n_latents, lora_alpha=lora_alpha, remove_eos=remove_eos)
    elif checkpoint is not None and base is not None:
        files = locate_files(checkpoint, base, n_latents=n_latents, lora_alpha=lora_alpha, remove_eos=remove_eos)
    else:
        raise HarnessError("load_model needs a registered name, or a checkpoint together with its base.")
    return ThoughtModel(files, device=resolve_device(device), dtype=getattr(torch, dtype), padding=padding)
