"""Run problems through a model in batches of similar length and collect the attention of their thoughts."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.extraction.capture import LatentRecorder
from harness.extraction.patterns import AUTO_BATCH_SIZE, AttentionPatterns, array_layout
from harness.extraction.progress import Progress, quiet
from harness.extraction.store import ArrayStore
from harness.models.thoughts import ThoughtModel, length_batches
from harness.problems import ProblemSet


def extract_attention(
    model: ThoughtModel,
    problems: ProblemSet,
    batch_size: int = AUTO_BATCH_SIZE,
    *,
    latent_inputs: NDArray[np.float32] | None = None,
    folder: Path | None = None,
    progress: Progress = quiet,
    label: str | None = None,
) -> AttentionPatterns:
    """Attention of every latent and EOT query, all layers and heads.

    ``latent_inputs`` [T, d] replaces the recurrence by fixed inputs (the contentless control). With ``folder``,
    results stream to memory-mapped files there and a run that was cut off is continued; without, they stay in memory.

    Returns :class:`AttentionPatterns` in problem order. Errors: ``HarnessError`` for a question that does not fit the
    model's positions, or a folder that cannot be written.
    """
    prompts = [model.prompt_ids(question) for question in problems.questions]
    model.require_fit(prompts)
    plan = list(length_batches([len(prompt) for prompt in prompts], batch_size))
    layout = array_layout(len(prompts), model.n_layers, model.n_heads, model.n_latents, model.width)
    fixed = None if latent_inputs is None else torch.from_numpy(np.array(latent_inputs)).to(model.device)

    arrays: dict[str, NDArray[Any]]
    with progress(f"{model.name}: {label or 'extracting'}", len(prompts)) as advance:
        if folder is None:
            arrays = {name: np.zeros(shape, dtype) for name, (shape, dtype) in layout.items()}
            for rows in plan:
                for name, value in run_rows(model, prompts, rows, fixed).items():
                    arrays[name][rows] = value
                advance(len(rows))
        else:
            store = ArrayStore(folder, layout, plan)
            advance(len(prompts) - sum(len(store.rows(chunk)) for chunk in store.remaining))
            for chunk in store.remaining:
                store.write(chunk, run_rows(model, prompts, store.rows(chunk), fixed))
                advance(len(store.rows(chunk)))
            arrays = store.arrays()
    return AttentionPatterns(**arrays, problem_ids=problems.ids)


def extract_thoughts(
    model: ThoughtModel, problems: ProblemSet, batch_size: int = AUTO_BATCH_SIZE
) -> NDArray[np.float32]:
    """The continuous thoughts: the input embedding fed at every latent position, float32 [n, T, d]."""
    return extract_attention(model, problems, batch_size).latent_inputs


def run_rows(
    model: ThoughtModel,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[int],
    latent_inputs: torch.Tensor | None = None,
) -> dict[str, NDArray[Any]]:
    """One batch; when memory runs out it is done in halves, which changes nothing but the last bits."""
    try:
        return _run(model, [prompts[row] for row in rows], latent_inputs)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        if len(rows) == 1:
            raise HarnessError(
                f"Not even one problem ({len(prompts[rows[0]])} tokens) fits in the memory of {model.device}. Use another "
                "--device, or --dtype bfloat16."
            ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    half = len(rows) // 2
    parts = [run_rows(model, prompts, part, latent_inputs) for part in (rows[:half], rows[half:])]
    return _joined(parts)


def _run(
    model: ThoughtModel, prompts: Sequence[Sequence[int]], latent_inputs: torch.Tensor | None
) -> dict[str, NDArray[Any]]:
    context = model.encode(prompts)
    recorder = LatentRecorder(model, context)
    inputs, _ = model.think(context, recorder=recorder, latent_inputs=latent_inputs)
    model.end_thinking(context, recorder=recorder)
    return recorder.arrays(inputs)


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _joined(parts: Iterable[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    first, second = parts
    return {name: np.concatenate([first[name], second[name]]) for name in first}
