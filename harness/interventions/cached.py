"""Answers under conditions by content: the same weights, problems, conditions and code never run twice."""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.extraction.cached import CachedExtraction, sources_digest
from harness.files import digest, write_json
from harness.interventions.values import Condition, Mean, Resample, Shuffle
from harness.storage.locks import locked
from harness.storage.resumed import Resumed, continued
from harness.storage.store import finished_rows, kept_arrays, open_finished

if TYPE_CHECKING:
    from harness.interventions.answers import Answers

Variant = Literal["trained", "contentless"]

_CODE = (
    "attention.py",
    "models/*.py",
    "extraction/*.py",
    "interventions/*.py",
    "problems/answers.py",
    "problems/words.py",
)
_ANSWERS = ("tokens", "gold_log_probability", "gold_length", "divergence", "numbers")
_REFERENCE = ("inputs", "thoughts", "heads")
_FOLLOWED = ("weights", "cosine", "relative", "tokens", "probability", "counts")


@dataclass(frozen=True)
class Answered:
    """What n problems were answered under K conditions, as it lies in the cache; see :class:`Answers` for the arrays.

    ``about``: seconds, the problems that were run in them, and the process' peak memory in bytes.
    """

    tokens: NDArray[np.int32]
    gold_log_probability: NDArray[np.float32]
    gold_length: NDArray[np.int32]
    divergence: NDArray[np.float32]
    numbers: NDArray[np.float64]
    about: dict[str, Any]


@dataclass
class CachedAnswers:
    """All that one model answers about the problems of an extraction.

    ``variant`` *contentless* feeds the mean over the problems of each thought's input instead of the thoughts.
    """

    extraction: CachedExtraction
    seed: int
    variant: Variant = "trained"
    _known: dict[str, Answered] = field(default_factory=dict)

    def key(self, what: str, code: Sequence[str] = ()) -> str:
        """The content key of answers, or of the baseline's activations; ``code``: further code that decides what is kept."""
        extraction = self.extraction
        return digest(
            extraction.model_fingerprint,
            extraction.problems.fingerprint,
            self.variant,
            f"{extraction.batch_size}:{extraction.device}:{extraction.dtype}:{self.seed}",
            what,
            conditions_code(),
            *code,
        )[:32]

    def answers(self, conditions: Sequence[Condition], label: str) -> Answered:
        """The answers under every condition, run if need be; checked against their checksums once."""
        what = repr(list(conditions))
        if what not in self._known:
            folder = self._folder(what)
            with locked(folder):
                arrays = open_finished(folder, _ANSWERS) if (folder / "about.json").is_file() else None
                if arrays is None:
                    arrays = self._run(conditions, folder, label)
            about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            self._known[what] = Answered(**arrays, about=about)
        return self._known[what]

    def texts(self, conditions: Sequence[Condition], label: str) -> list[list[str]]:
        """[n][K]: the answers as text."""
        answered = self.answers(conditions, label)
        path = self._folder(repr(list(conditions))) / "texts.json"
        if not path.is_file():
            tokens = answered.tokens.reshape(-1, answered.tokens.shape[-1])
            model, known = self.extraction.model(), dict[bytes, str]()
            for row in tokens:
                if row.tobytes() not in known:
                    known[row.tobytes()] = model.decode((row[row > 0] - 1).tolist())
            texts = np.array([known[row.tobytes()] for row in tokens], dtype=object)
            write_json(path, texts.reshape(answered.tokens.shape[:2]).tolist())
        content: list[list[str]] = json.loads(path.read_text(encoding="utf-8"))
        return content

    def forget(self) -> None:
        """Remove all answers of this model about these problems from the cache."""
        self._known.clear()
        for folder in self._about_these.parent.glob(f"{self._about_these.name}-*/"):
            with locked(folder):
                shutil.rmtree(folder)

    def resumed(self, conditions: Sequence[Condition], label: str) -> Resumed:
        """Cut a copy of the finished run off in its last batch and continue it, in as many threads as it had."""
        import torch

        self.answers(conditions, label)
        folder = self._folder(repr(list(conditions)))
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        threads = torch.get_num_threads()
        torch.set_num_threads(about["threads"])
        try:
            return continued(folder, lambda copy: self._answer(conditions, copy, "a run cut off is continued"))
        finally:
            torch.set_num_threads(threads)

    def read_back(self, conditions: Sequence[Condition]) -> dict[str, float]:
        """What was found where the conditions replace thoughts; the fields of a :class:`ReadBack`."""
        path = self._folder(f"read back {list(conditions)!r}", [readback_code()]) / "found.json"
        with locked(path.parent):
            if not path.is_file():
                from harness.interventions.readback.fills import read_back
                from harness.interventions.reference import Reference

                reference = Reference(**self.reference_arrays()) if needs_reference(conditions) else None
                model, problems = self.extraction.model(), self.extraction.problems
                write_json(path, asdict(read_back(model, problems, conditions, reference, self.seed)))
        content: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return content

    def read_back_blocks(self, conditions: Sequence[Condition]) -> dict[str, float]:
        """What was found where the conditions block attention; the fields of a :class:`BlockReadBack`."""
        path = self._folder(f"read back blocks {list(conditions)!r}", [readback_code()]) / "found.json"
        with locked(path.parent):
            if not path.is_file():
                from harness.interventions.readback.blocks import read_back_blocks

                model, problems = self.extraction.model(), self.extraction.problems
                found = read_back_blocks(model, problems, conditions, self._batch_size)
                write_json(path, asdict(found))
        content: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return content

    def reference_arrays(self) -> dict[str, NDArray[Any]]:
        """The baseline's activations, as the arrays of a :class:`Reference`."""

        def make(folder: Path) -> None:
            from harness.interventions.answers import record_reference

            record_reference(
                self.extraction.model(),
                self.extraction.problems,
                folder=folder,
                batch_size=self._batch_size,
                latent_inputs=self.latent_inputs(),
                progress=self.extraction.progress,
                engine=self.extraction.engine,
            )

        return kept_arrays(self._folder("reference"), _REFERENCE, make)

    def followed(self, conditions: Sequence[Condition], label: str) -> dict[str, NDArray[Any]]:
        """What happens inside under the conditions, as the arrays of a :class:`Followed`."""

        def make(folder: Path) -> None:
            from harness.interventions.follow import follow

            follow(
                self.extraction.model(),
                self.extraction.problems,
                conditions,
                folder=folder,
                seed=self.seed,
                batch_size=self._batch_size,
                latent_inputs=self.latent_inputs(),
                progress=self.extraction.progress,
                engine=self.extraction.engine,
                label=self._labelled(label),
            )

        return kept_arrays(self._folder(f"followed {list(conditions)!r}"), _FOLLOWED, make)

    def token_texts(self, tokens: NDArray[np.integer]) -> dict[int, str]:
        """How each of the tokens is written."""
        wanted = sorted({int(token) for token in tokens.flat})
        path = self._folder(f"tokens {wanted}") / "texts.json"
        with locked(path.parent):
            if not path.is_file():
                decode = self.extraction.model().tokenizer.decode
                write_json(path, [decode([token]) for token in wanted])
        return dict(zip(wanted, json.loads(path.read_text(encoding="utf-8")), strict=True))

    def latent_inputs(self) -> NDArray[np.float32] | None:
        """[T, d]: what is fed instead of the thoughts; None where they think."""
        if self.variant == "trained":
            return None
        inputs = self.extraction.patterns().latent_inputs
        return np.asarray(inputs.mean(axis=0, dtype=np.float64), dtype=np.float32)

    @property
    def _batch_size(self) -> int:
        from harness.interventions.answers import BATCH_SIZE

        return min(self.extraction.batch_size, BATCH_SIZE)

    def _run(self, conditions: Sequence[Condition], folder: Path, label: str) -> dict[str, NDArray[Any]]:
        import torch

        from harness.engines.local import LocalEngine

        model, engine = self.extraction.model(), self.extraction.engine or LocalEngine()
        before = finished_rows(folder)
        started = time.monotonic()
        answers = self._answer(conditions, folder, label)
        write_json(
            folder / "about.json",
            {
                "model": model.name,
                "variant": self.variant,
                "conditions": [repr(one) for one in conditions],
                "n_problems": len(self.extraction.problems),
                "problems_run": len(self.extraction.problems) - before,
                "seconds": time.monotonic() - started,
                "peak_memory_bytes": engine.peak_memory(model.device.type),
                "device": str(model.device),
                "threads": torch.get_num_threads(),
            },
        )
        return {name: getattr(answers, name) for name in _ANSWERS}

    def _answer(self, conditions: Sequence[Condition], folder: Path, label: str) -> "Answers":
        from harness.interventions.answers import answer_conditions
        from harness.interventions.reference import Reference

        return answer_conditions(
            self.extraction.model(),
            self.extraction.problems,
            conditions,
            folder=folder,
            reference=Reference(**self.reference_arrays()) if needs_reference(conditions) else None,
            seed=self.seed,
            batch_size=self._batch_size,
            latent_inputs=self.latent_inputs(),
            progress=self.extraction.progress,
            engine=self.extraction.engine,
            label=self._labelled(label),
        )

    def _labelled(self, label: str) -> str:
        return label if self.variant == "trained" else f"{label} (control: {self.variant})"

    def _folder(self, what: str, code: Sequence[str] = ()) -> Path:
        return self._about_these.with_name(f"{self._about_these.name}-{self.key(what, code)}")

    @property
    def _about_these(self) -> Path:
        """What the names of all folders about this model and these problems begin with."""
        these = digest(self.extraction.model_fingerprint, self.extraction.problems.fingerprint)[:12]
        return self.extraction.cache_dir / "conditions" / these


def needs_reference(conditions: Sequence[Condition]) -> bool:
    """Whether any condition puts the baseline's activations in other places."""
    fills = [getattr(intervention, "fill", None) for condition in conditions for intervention in condition]
    return any(isinstance(fill, Mean | Resample | Shuffle) for fill in fills)


@cache
def conditions_code() -> str:
    """Digest of the code and packages that decide what is answered under conditions."""
    return sources_digest(_CODE, ("torch", "transformers", "peft", "tokenizers"))


@cache
def readback_code() -> str:
    """Digest of the code that looks at whether conditions act; it has no part in what is answered."""
    return sources_digest(("interventions/readback/*.py",), ())
