"""Where a model runs."""

import shutil
from pathlib import Path


def resolve_device(device: str) -> str:
    """``auto`` becomes ``cuda`` where a GPU is at hand, else ``cpu``."""
    if device != "auto":
        return device
    if not Path("/proc/driver/nvidia").exists() and shutil.which("nvidia-smi") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
