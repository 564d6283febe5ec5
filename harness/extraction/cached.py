"""Extractions by content: the same weights, problems and code are never extracted twice.

Nothing here imports torch until a model has to run, so a warm cache costs a few files to read. Processes
that want the same extraction wait for one another and then read what the first one made.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.errors import HarnessError
from harness.extraction.parts import DECOMPOSITION_ARRAYS, Decomposition
from harness.extraction.patterns import ARRAYS, AUTO_BATCH_SIZE, AttentionPatterns, Looks
from harness.extraction.question_patterns import QUESTION_ARRAYS, QuestionAttention, WordAttention
from harness.files import digest, file_digest, replacing, write_json, write_text
from harness.models.registry import ModelFiles
from harness.problems import ProblemSet
from harness.storage.blocks import Blocks
from harness.storage.checkpoints import write_checkpoint
from harness.storage.costs import Cost, read_costs
from harness.storage.locks import locked
from harness.storage.progress import Progress, quiet
from harness.storage.resumed import Resumed, continued
from harness.storage.store import kept_arrays, open_finished

if TYPE_CHECKING:
    from harness.engines.work import Engine
    from harness.models.thoughts import ThoughtModel

Variant = Literal["trained", "untrained", "contentless"]
UNTRAINED_SEED = 0
BATCHES_TRIED = 4
"""Batches of problems on which it is tried whether a run that was cut off ends as one that was not."""

_PACKAGE = Path(__file__).parents[1]
_CODE = ("attention.py", "models/*.py", "extraction/*.py", "problems/words.py")
_STORING = ("files.py", "storage/*.py", "engines/*.py")


@dataclass
class CachedExtraction:
    """All extractions of one model on one problem set.

    ``device`` and ``dtype`` are resolved names; ``batch_size`` is fixed before the first chunk.
    """

    files: ModelFiles
    problems: ProblemSet
    cache_dir: Path
    batch_size: int = AUTO_BATCH_SIZE
    device: str = "cpu"
    dtype: str = "float32"
    progress: Progress = quiet
    blocks: Blocks | None = None
    """For many problems: how they are run one after the other, and who is told."""
    engine: "Engine | None" = None
    """Who runs the model on batches of problems; this process unless named."""
    stored: Literal["float32", "float16"] = "float32"
    """What attention is kept in."""
    loaded: dict[bool, "ThoughtModel"] = field(default_factory=dict)
    """The model, and the untrained one under true, once built; shared by extractions of the same files."""
    _patterns: dict[Variant, AttentionPatterns] = field(default_factory=dict)

    @cached_property
    def model_fingerprint(self) -> str:
        """Content of the model: weights, base config, tokenizer, settings."""
        return self.files.fingerprint()

    def key(self, variant: Variant) -> str:
        """The content key of one extraction."""
        return digest(
            self.model_fingerprint,
            self.problems.fingerprint,
            variant,
            f"{self.batch_size}:{self.device}:{self.dtype}:{UNTRAINED_SEED}",
            code_version(),
            *([] if self.blocks is None else [f"{self.blocks.size}:{self.stored}"]),
        )[:32]

    def patterns(self, variant: Variant = "trained") -> AttentionPatterns:
        """The attention patterns of a variant, extracted if need be; checked against their checksums once."""
        if variant not in self._patterns:
            folder = self._folder(variant)
            with locked(folder):
                arrays = open_finished(folder, ARRAYS) if (folder / "about.json").is_file() else None
                if arrays is None:
                    self._extract(variant, folder)
                    arrays = open_finished(folder, ARRAYS)
                    if arrays is None:
                        raise HarnessError(f"The extraction in {folder} is damaged as soon as written; check the disk.")
            self._patterns[variant] = AttentionPatterns(**arrays, problem_ids=self.problems.ids)
        return self._patterns[variant]

    def looks(self) -> Looks:
        """The oracle's and the lone runs on a few problems."""
        patterns = self.patterns()
        path = self._folder("trained") / "oracle.npz"
        with locked(self._folder("trained")):
            known = _read_looks(path)
            if known is None:
                from harness.extraction.oracle import consult

                known = consult(self.model(), self.problems, patterns)
                with replacing(path) as temporary, temporary.open("wb") as file:
                    np.savez(file, rows=known.rows, raw=known.raw, later=known.later, lone=known.lone)
                write_text(path.with_suffix(".sha256"), file_digest(path))
        return known

    def question(self) -> QuestionAttention:
        """What the thoughts read in the question."""

        def make(folder: Path) -> object:
            from harness.extraction.question import question_attention

            return question_attention(
                self.model(), self.problems, folder=folder, progress=self.progress, engine=self.engine
            )

        return QuestionAttention(
            **kept_arrays(self._beside("question"), QUESTION_ARRAYS, make), problem_ids=self.problems.ids
        )

    def words(self, rows: Sequence[int]) -> list[WordAttention]:
        """What the thoughts read in some problems' questions, word by word."""
        path = self._beside(f"words {list(rows)}") / "words.json"
        with locked(path.parent):
            if not path.is_file():
                from harness.extraction.question import word_attention

                write_json(path, [asdict(one) for one in word_attention(self.model(), self.problems, rows)])
        content = json.loads(path.read_text(encoding="utf-8"))
        return [
            WordAttention(one["row"], tuple(one["tokens"]), tuple(one["classes"]), np.array(one["weights"], np.float32))
            for one in content
        ]

    def parts(self) -> Decomposition:
        """What the residual stream at each thought is made of."""

        def make(folder: Path) -> object:
            from harness.extraction.decompose import decompose

            return decompose(self.model(), self.problems, folder=folder, progress=self.progress, engine=self.engine)

        return Decomposition(
            **kept_arrays(self._beside("parts"), DECOMPOSITION_ARRAYS, make), problem_ids=self.problems.ids
        )

    def about(self) -> dict[str, Any]:
        """Facts about the model and its extraction: sizes, parameters, seconds."""
        self.patterns()
        content: dict[str, Any] = json.loads((self._folder("trained") / "about.json").read_text(encoding="utf-8"))
        return content

    def resumed(self) -> Resumed:
        """Extract the first few batches of problems, with a checkpoint of every block, then cut a copy of that off in its
        last batch and continue it."""
        folder = self._beside("resumed")
        path = folder / f"found-{self.stored}-{storing_code()[:12]}.json"
        with locked(folder):
            if not path.is_file():
                few = replace(self.problems, problems=self.problems.problems[: BATCHES_TRIED * self.batch_size])

                def run(place: Path) -> None:
                    from harness.extraction.extract import extract_attention

                    size = self.batch_size + self.batch_size // 2
                    extract_attention(
                        self.model(),
                        few,
                        self.batch_size,
                        folder=place,
                        blocks=Blocks(
                            size, lambda done, store: write_checkpoint(place, done, partial(store.read, "raw"))
                        ),
                        engine=self.engine,
                        stored=np.dtype(self.stored),
                    )

                with tempfile.TemporaryDirectory(prefix="whole-", dir=folder.parent) as temporary:
                    whole = Path(temporary) / "whole"
                    run(whole)
                    found = continued(whole, run)
                write_json(path, asdict(found))
        return Resumed(**json.loads(path.read_text(encoding="utf-8")))

    def costs(self) -> list[Cost]:
        """What each batch of the extraction cost."""
        self.patterns()
        return read_costs(self._folder("trained"))

    def is_cached(self, variant: Variant = "trained") -> bool:
        """Whether the extraction lies finished in the cache."""
        return (self._folder(variant) / "about.json").is_file()

    def check(self) -> None:
        """Load the model, tokenise every question, and try the shortest and the longest.

        Errors: ``HarnessError`` for anything that does not fit, such as an architecture whose attention cannot be captured.
        """
        from harness.extraction.extract import run_rows

        model = self.model()
        prompts = [model.prompt_ids(question) for question in self.problems.questions]
        model.require_fit([len(prompt) for prompt in prompts])
        lengths = [len(prompt) for prompt in prompts]
        try:
            run_rows(model, prompts, [lengths.index(min(lengths)), lengths.index(max(lengths))])
        except HarnessError as error:
            raise HarnessError(f"{self.files.name} cannot be studied: {error}") from error
        except Exception as error:  # an architecture can fail in its own way; what matters is which one and how
            raise HarnessError(
                f"{self.files.name} ({model.language.config.model_type}) cannot be run with its attention captured: "
                f"{type(error).__name__}: {error}. Known to work are models whose attention goes through transformers' "
                "attention interface, such as GPT-2, LLaMA, Qwen, Mistral, OPT and Gemma."
            ) from error

    def forget(self) -> None:
        """Remove this problem set's extractions from the cache."""
        self._patterns.clear()
        folders = [self._folder(variant) for variant in ("trained", "untrained", "contentless")]
        for folder in [*folders, *folders[0].parent.glob(f"{folders[0].name}-*/")]:
            with locked(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def model(self, *, untrained: bool = False) -> "ThoughtModel":
        """The model itself, built once per process."""
        if untrained not in self.loaded:
            import torch

            from harness.models.thoughts import ThoughtModel

            self.loaded[untrained] = ThoughtModel(
                self.files,
                device=self.device,
                dtype=getattr(torch, self.dtype),
                untrained_seed=UNTRAINED_SEED if untrained else None,
            )
        return self.loaded[untrained]

    def _extract(self, variant: Variant, folder: Path) -> None:
        from harness.extraction.extract import extract_attention

        fixed = None
        if variant == "contentless":
            fixed = self.patterns().latent_inputs.mean(axis=0, dtype=np.float64).astype(np.float32)
        model = self.model(untrained=variant == "untrained")
        started = time.monotonic()
        extract_attention(
            model,
            self.problems,
            self.batch_size,
            latent_inputs=fixed,
            folder=folder,
            progress=self.progress,
            label=None if variant == "trained" else f"control: {variant}",
            blocks=self.blocks,
            engine=self.engine,
            stored=np.dtype(self.stored),
        )
        seconds = time.monotonic() - started
        about = {
            "variant": variant,
            "n_layers": model.n_layers,
            "n_heads": model.n_heads,
            "n_latents": model.n_latents,
            "hidden_size": model.width,
            "n_parameters": model.n_parameters,
            "device": str(model.device),
            "dtype": self.dtype,
            "batch_size": self.batch_size,
            "n_problems": len(self.problems),
            "dataset_fingerprint": self.problems.fingerprint,
            "seconds": seconds,
        }
        write_json(folder / "about.json", about)

    def _beside(self, what: str) -> Path:
        folder = self._folder("trained")
        return folder.with_name(f"{folder.name}-{digest(what)[:8]}")

    def _folder(self, variant: Variant) -> Path:
        return self.cache_dir / "extractions" / self.key(variant)


def _read_looks(path: Path) -> Looks | None:
    """What was seen, or None when it was not kept or the file is damaged."""
    checksum = path.with_suffix(".sha256")
    if not (path.is_file() and checksum.is_file() and checksum.read_text(encoding="utf-8") == file_digest(path)):
        return None
    with np.load(path) as arrays:
        return Looks(**{name: arrays[name] for name in ("rows", "raw", "later", "lone")})


@cache
def code_version() -> str:
    """Digest of the code and packages that decide what an extraction contains."""
    return sources_digest(_CODE, ("torch", "transformers", "peft", "tokenizers"))


@cache
def storing_code() -> str:
    """Digest of the code that decides whether a run that was cut off ends as one that was not."""
    return sources_digest(_STORING, ())


def sources_digest(
    patterns: tuple[str, ...], packages: tuple[str, ...], of_file: Callable[[Path], str] = file_digest
) -> str:
    """Digest of the package's source files matching ``patterns`` and of installed versions.

    ``of_file`` says what of a file counts: all of it unless said otherwise.
    """
    sources = sorted(path for pattern in patterns for path in _PACKAGE.glob(pattern))
    return digest(
        *(f"{path.relative_to(_PACKAGE)}:{of_file(path)}" for path in sources),
        *(f"{package}:{version(package)}" for package in packages),
    )
