"""What a run is asked to do, independent of who asks (pytest, the command line, a notebook)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path

from harness.errors import HarnessError

ControlChoice = Literal["all", "cheap", "none"]
EngineName = Literal["local", "ray"]
LogMode = Literal["off", "offline", "online"]


def default_cache_folder() -> Path:
    """The user's cache folder for extractions."""
    return user_cache_path("codi-harness", appauthor=False)


def checked_seed(seed: int) -> int:
    """The seed. Errors: ``HarnessError`` for one below 0."""
    if seed < 0:
        raise HarnessError(f"--seed is {seed}; a seed is a whole number from 0 on.")
    return seed


@dataclass(frozen=True)
class RunOptions:
    """The settings of one run."""

    models: tuple[str, ...] = ("tiny-llama",)
    dataset: str | None = None
    """``gsm8k``, ``synthetic``, a JSON/JSONL path, or None: what the models are studied on."""
    gsm8k_path: Path | None = None
    n_problems: int = 100
    seed: int = 42
    output: Path = Path("reports")
    cache_dir: Path = field(default_factory=default_cache_folder)
    refresh: bool = False
    """Extract again even if the cache has it."""
    batch_size: int | None = None
    """None: fixed by the harness before the first chunk."""
    device: str = "auto"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    store: Literal["float32", "float16"] = "float32"
    """What attention on all problems is kept in."""
    controls: ControlChoice = "all"
    """``cheap``: none that needs another extraction."""
    control_model: str | None = None
    checkpoints: dict[str, str] = field(default_factory=dict)
    """Where a model's checkpoint is, by name."""
    models_file: Path | None = None
    sweep_problems: int = 1000
    """Problems of the sweep over all sets of thoughts."""
    ablate_at: tuple[str, ...] = ()
    """Where single thoughts are ablated beside the middle layer: ``early``, ``late``, ``all``."""
    quick: bool = False
    engine: EngineName = "local"
    """Who runs the models: this process, or the workers of a Ray cluster. It decides no result."""
    ray_address: str | None = None
    """HOST:PORT of a cluster; None: one is started on this machine."""
    ray_workers: int | None = None
    """None: as many as the cluster has GPUs, or processors, for."""
    wandb: LogMode = "off"
    """Whether Weights & Biases keeps a log of the run, and sends it. It decides no result but that about the log."""
    from_results: Path | None = None
    """The output folder of an earlier run whose results are judged again, without its models."""
