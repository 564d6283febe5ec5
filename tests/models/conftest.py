"""Recorded outputs of the reference implementation, and the models that produced them."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.models.registry import locate_files
from harness.models.thoughts import Padding, ThoughtModel

OWN = Path(__file__).parents[1] / "golden"
VARIANTS = ("ckpt_bin", "ckpt_safetensors", "ckpt_safetensors_dedup")


@dataclass(frozen=True)
class Golden:
    """One recorded model: arrays, description, where its files are, and the tolerances its README suggests."""

    folder: Path
    arrays: Any
    about: dict[str, Any]
    latents: float
    logits: float
    attention: float
    margin: float

    @property
    def questions(self) -> list[str]:
        return [problem["question"] for problem in self.about["problems"]]

    def model(self, variant: str = "ckpt_safetensors", padding: Padding = "masked") -> ThoughtModel:
        config = self.about["config"]
        files = locate_files(
            self.folder / variant,
            self.folder / "base",
            n_latents=config["num_latent"],
            lora_alpha=config["lora_alpha"],
            remove_eos=config["remove_eos"],
        )
        return ThoughtModel(files, padding=padding)


# latents and hidden states, logits, attention, and the margin below which a greedy choice is a near-tie
TOLERANCES = {
    ("own", "gpt2"): (1e-4, 1e-4, 1e-4, 1e-3),
    ("own", "llama"): (5e-3, 2e-3, 2e-3, 5e-3),
    ("gsm8k", "gpt2"): (1e-4, 1e-4, 1e-4, 1e-3),
    ("gsm8k", "llama"): (2e-3, 1e-3, 5e-4, 2e-3),
}


def _root(source: str) -> Path:
    if source == "own":
        return OWN
    place = os.environ.get("HARNESS_GOLDEN")
    if place is None:
        pytest.skip("HARNESS_GOLDEN is not set: the second set of recorded outputs is not here")
    assert Path(place).is_dir(), f"HARNESS_GOLDEN is {place}, which is not a folder"
    return Path(place)


@pytest.fixture(scope="session", params=list(TOLERANCES), ids="-".join)
def golden(request: pytest.FixtureRequest) -> Golden:
    source, architecture = request.param
    folder = _root(source) / architecture
    return Golden(
        folder,
        np.load(folder / "golden.npz"),
        json.loads((folder / "golden.json").read_text()),
        *TOLERANCES[request.param],
    )


@pytest.fixture(scope="session")
def golden_model(golden: Golden) -> ThoughtModel:
    return golden.model()
