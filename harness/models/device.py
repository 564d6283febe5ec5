"""Where a model runs."""

import shutil
from pathlib import Path

from harness.errors import HarnessError


def resolve_device(device: str) -> str:
    """``auto`` becomes ``cuda`` where a GPU is at hand, else ``cpu``; anything else is checked.

    Errors: ``HarnessError`` for a device that torch does not know or cannot use here.
    """
    if device == "cpu":
        return device
    if device == "auto" and not Path("/proc/driver/nvidia").exists() and shutil.which("nvidia-smi") is None:
        return "cpu"
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise HarnessError(f"--device {device} cannot be used here: {reason}. Use auto, cpu or cuda.") from error
    return device
