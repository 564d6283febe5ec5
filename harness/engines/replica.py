"""What a worker does: it builds the driver's model once more and does batches of work on it."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from harness.engines.local import within_memory
from harness.engines.work import Done, Work
from harness.errors import HarnessError
from harness.files import digest, file_digest
from harness.models.registry import ModelFiles
from harness.models.thoughts import Padding, ThoughtModel
from harness.storage.costs import Peak, peak_on_device

_PACKAGE = Path(__file__).parents[1]
_DECIDING = ("torch", "transformers", "peft", "tokenizers", "numpy")


def code_here() -> dict[str, str]:
    """Version of everything that decides the bytes of a result, by name; the harness' is a digest of its sources."""
    sources = sorted(_PACKAGE.rglob("*.py"))
    harness = digest(*(f"{path.relative_to(_PACKAGE)}:{file_digest(path)}" for path in sources))
    return {"codi-harness": harness[:12], **{name: version(name) for name in _DECIDING}}


def require_same_code(node: str, code: Mapping[str, str]) -> None:
    """Errors: ``HarnessError`` where the ``code`` on a node is not what it is here."""
    for name, here in code_here().items():
        if code.get(name) != here:
            raise HarnessError(
                f"{name} is {code.get(name)} on {node} and {here} here, so results could differ. Install the same on every "
                "node of the Ray cluster."
            )


@dataclass(frozen=True)
class Recipe:
    """All it takes to build a model again elsewhere, where the same files lie at the same paths."""

    files: ModelFiles
    fingerprint: str
    device: str
    dtype: torch.dtype
    padding: Padding
    untrained_seed: int | None

    @classmethod
    def of(cls, model: ThoughtModel) -> "Recipe":
        """The recipe of a model that was built here. What was changed in it since is not part of it."""
        files = replace(model.files, weights=model.files.weights.absolute(), base=model.files.base.absolute())
        return cls(files, model.fingerprint, model.device.type, model.dtype, model.padding, model.untrained_seed)

    def build(self) -> ThoughtModel:
        """The model. Errors: ``HarnessError`` where the files are not here, or are others."""
        files, node = self.files, socket.gethostname()
        for path in (files.weights, files.base):
            if not path.exists():
                raise HarnessError(
                    f"{path} is not on {node}: the files of {files.name} must lie at the same path on every node of the "
                    "cluster. Copy them there, or put them into a folder that all nodes share."
                )
        if files.fingerprint() != self.fingerprint:
            raise HarnessError(
                f"{files.weights} and {files.base} hold another model on {node} than on the machine that asks; copy the "
                "same files to every node of the cluster."
            )
        return ThoughtModel(
            files, device=self.device, dtype=self.dtype, padding=self.padding, untrained_seed=self.untrained_seed
        )


@dataclass(frozen=True)
class Job:
    """What one run is about: the ``work``, the ``lengths`` of all prompts in tokens, and how many ``threads`` to use."""

    work: Work
    lengths: Sequence[int]
    threads: int


class Replica:
    """A copy of the model, kept from one run to the next; another model takes its place."""

    def __init__(self) -> None:
        self._recipe: Recipe | None = None
        self._model: ThoughtModel | None = None
        self._job: Job | None = None

    def hello(self) -> tuple[str, dict[str, str]]:
        """The node's name, and the versions of the code there."""
        return socket.gethostname(), code_here()

    def begin(self, recipe: Recipe, job: Job) -> None:
        """A run starts. Errors: as :meth:`Recipe.build`."""
        # The last bits of a sum depend on how many threads share it.
        torch.set_num_threads(job.threads)
        if recipe != self._recipe:
            # Before the next one is built: there may not be room for two.
            self._recipe = self._model = None
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self._model = recipe.build()
            self._recipe = recipe
        self._job = job

    def run(self, chunk: int, rows: Sequence[int]) -> Done:
        """Do one chunk. Errors: what the work raises."""
        model, job = self._model, self._job
        assert model is not None
        assert job is not None
        device, peak = model.device.type, Peak()
        # Forgets what was before.
        peak_on_device(device)
        try:
            arrays = within_memory(partial(job.work, model), rows, model.device, job.lengths)
            return Done(chunk, arrays, peak.take(), peak_on_device(device))
        finally:
            peak.stop()

    def end(self) -> None:
        """The run is over; what it was about is let go."""
        self._job = None
