"""Sizes of models, counted once: counting imports torch, reading the number back does not."""

import json
from contextlib import suppress
from pathlib import Path

from harness.errors import HarnessError
from harness.extraction.cached import sources_digest
from harness.files import digest, file_digest, write_json

_CODE = ("models/size.py", "models/checkpoint.py")


def cached_size(base: Path, cache_dir: Path) -> int:
    """Parameters, without embeddings, of the model whose config is in the folder ``base``; no weights are needed.

    Errors: ``HarnessError`` when the config is not a causal language model's.
    """
    key = digest(file_digest(base / "config.json"), sources_digest(_CODE, ("transformers",)))
    path = cache_dir / "measurements" / f"{key[:32]}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads(path.read_text(encoding="utf-8"))["n_parameters"])
    from harness.models.size import n_parameters

    counted = n_parameters(base)
    # A cache that cannot be written costs time at the next run, not this run's result.
    with suppress(HarnessError):
        write_json(path, {"n_parameters": counted})
    return counted
