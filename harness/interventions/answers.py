"""What a model answers under many conditions: run in batches, streamed to disk, continued where it was cut off."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.engines.batches import in_batches
from harness.engines.work import Arrays, Engine
from harness.files import digest
from harness.interventions.engine import Setting, run_batch
from harness.interventions.gold import gold_tokens
from harness.interventions.plan import Rows
from harness.interventions.reference import Reference, Site
from harness.interventions.sound import Sizes, as_conditions
from harness.interventions.values import Condition, Intervention
from harness.models.thoughts import MAX_ANSWER_TOKENS, ThoughtModel
from harness.problems import ProblemSet, last_number
from harness.storage.progress import Progress, quiet
from harness.storage.store import Layout

Array = NDArray[Any]

BATCH_SIZE = 32
"""Problems whose questions are encoded at once."""


@dataclass(frozen=True)
class Answers:
    """Answers of n problems under K conditions.

    ``tokens`` [n, K, m] int32: ids of the answer plus 1, 0 after its end. ``gold_log_probability`` [n, K] float32: of all
    tokens of the gold answer; ``gold_length`` [n]: how many they are. ``divergence`` [n, K] float32: Kullback-Leibler
    divergence of the first answer token's distribution from the baseline's, in nats. ``numbers`` [n, K]: the number each
    answer ends in, NaN for none.
    """

    conditions: tuple[Condition, ...]
    tokens: NDArray[np.int32]
    gold_log_probability: NDArray[np.float32]
    gold_length: NDArray[np.int32]
    divergence: NDArray[np.float32]
    numbers: NDArray[np.float64]

    @cached_property
    def gold_perplexity(self) -> Array:
        """[n, K]: perplexity of the gold answer's tokens."""
        return np.exp(-self.gold_log_probability.astype(np.float64) / self.gold_length[:, None])

    def ids(self, problem: int, condition: int) -> list[int]:
        """Token ids of one answer, EOS included."""
        tokens = self.tokens[problem, condition]
        return (tokens[tokens > 0] - 1).tolist()

    def texts(self, model: ThoughtModel) -> list[list[str]]:
        """[n][K]: texts."""
        n, conditions = self.tokens.shape[:2]
        return [[model.decode(self.ids(row, place)) for place in range(conditions)] for row in range(n)]


def answer_conditions(
    model: ThoughtModel,
    problems: ProblemSet,
    conditions: Sequence[Condition | Intervention],
    *,
    folder: Path,
    reference: Reference | None = None,
    seed: int = 0,
    max_tokens: int = MAX_ANSWER_TOKENS,
    batch_size: int = BATCH_SIZE,
    latent_inputs: NDArray[np.float32] | None = None,
    progress: Progress = quiet,
    label: str = "conditions",
    engine: Engine | None = None,
) -> Answers:
    """Answers under every condition, in files in ``folder``; a run of the same that was cut off there is continued.

    ``latent_inputs`` [T, d] are fed instead of the thoughts, to the baseline too (the contentless control). ``engine`` runs
    the model; this process unless named.

    Errors: ``HarnessError`` for a condition that cannot act on the model, a question that does not fit its positions, or a
    folder that cannot be written.
    """
    conditions = as_conditions(conditions, model.name, Sizes(model.n_layers, model.n_heads, model.n_latents))
    prompts = [model.prompt_ids(question) for question in problems.questions]
    fixed = None if latent_inputs is None else torch.from_numpy(np.array(latent_inputs))
    setting = Setting([str(one) for one in problems.ids], reference, seed, max_tokens, latent_inputs=fixed)
    arrays = in_batches(
        model,
        AnswerWork(problems, prompts, conditions, setting),
        [len(prompt) for prompt in prompts],
        _layout(len(prompts), len(conditions), max_tokens),
        batch_size=batch_size,
        folder=folder,
        content=content_of(model, problems, f"{list(conditions)!r}:{seed}:{max_tokens}", latent_inputs),
        engine=engine,
        progress=progress,
        label=label,
    )
    return Answers(tuple(conditions), **arrays)


@dataclass(frozen=True)
class AnswerWork:
    """Answers some of the problems under every condition; ``prompts`` are the token ids of all questions."""

    problems: ProblemSet
    prompts: Sequence[Sequence[int]]
    conditions: Sequence[Condition]
    setting: Setting

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        """The arrays of :class:`Answers` of the problems in ``rows``."""
        return answer_batch(model, self.problems, self.prompts, rows, self.conditions, self.setting)


def content_of(model: ThoughtModel, problems: ProblemSet, what: str, latent_inputs: Array | None = None) -> str:
    """What decides the arrays of a store: two runs with the same content may go on from one another."""
    fixed = b"" if latent_inputs is None else np.ascontiguousarray(latent_inputs).tobytes()
    return digest(model.fingerprint, problems.fingerprint, what, str(model.dtype), fixed)


def _layout(problems: int, conditions: int, tokens: int) -> Layout:
    return {
        "tokens": ((problems, conditions, tokens), np.dtype(np.int32)),
        "gold_log_probability": ((problems, conditions), np.dtype(np.float32)),
        "gold_length": ((problems,), np.dtype(np.int32)),
        "divergence": ((problems, conditions), np.dtype(np.float32)),
        "numbers": ((problems, conditions), np.dtype(np.float64)),
    }


def answer_batch(
    model: ThoughtModel,
    problems: ProblemSet,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[int],
    conditions: Sequence[Condition],
    setting: Setting,
) -> dict[str, Array]:
    """The arrays of :class:`Answers` for some ``rows`` of all problems; ``prompts`` are the token ids of all questions."""
    scored: list[list[int]] = []

    def gold(answers: Sequence[Sequence[int]]) -> list[list[int]]:
        worded = [model.decode(ids) for ids in answers]
        scored[:] = gold_tokens(model.tokenizer, worded, [problems[row].answer for row in rows])
        return scored

    outcome = run_batch(model, [prompts[row] for row in rows], gold, rows, conditions, setting)
    tokens = np.zeros((len(rows), len(conditions), setting.max_tokens), dtype=np.int32)
    numbers = np.full((len(rows), len(conditions)), np.nan)
    # Most conditions give one of a few answers.
    read: dict[tuple[int, ...], float] = {}
    for problem, of_problem in enumerate(outcome.ids):
        for condition, ids in enumerate(of_problem):
            tokens[problem, condition, : len(ids)] = np.array(ids, dtype=np.int32) + 1
            known = tuple(ids)
            if known not in read:
                number = last_number(model.decode(ids))
                read[known] = np.nan if number is None else number
            numbers[problem, condition] = read[known]
    return {
        "tokens": tokens,
        "gold_log_probability": outcome.gold_log_probability.numpy(),
        "gold_length": np.array([len(ids) for ids in scored], dtype=np.int32),
        "divergence": outcome.divergence.numpy(),
        "numbers": numbers,
    }


def record_reference(
    model: ThoughtModel,
    problems: ProblemSet,
    *,
    folder: Path,
    batch_size: int = BATCH_SIZE,
    latent_inputs: NDArray[np.float32] | None = None,
    progress: Progress = quiet,
    engine: Engine | None = None,
) -> Reference:
    """Activations of the baseline at every place that an intervention can fill, in files in ``folder``.

    ``latent_inputs`` and ``engine`` as for :func:`answer_conditions`.

    Errors: as :func:`answer_conditions`.
    """
    prompts = [model.prompt_ids(question) for question in problems.questions]
    n, latents, layers, heads = len(prompts), model.n_latents, model.n_layers, model.n_heads
    layout: Layout = {
        "inputs": ((n, latents, model.width), np.dtype(np.float32)),
        "thoughts": ((n, latents, layers, model.width), np.dtype(np.float32)),
        "heads": ((n, latents, layers, heads, model.head_width), np.dtype(np.float32)),
    }
    fixed = None if latent_inputs is None else torch.from_numpy(np.array(latent_inputs))
    arrays = in_batches(
        model,
        ReferenceWork(prompts, layout, fixed),
        [len(prompt) for prompt in prompts],
        layout,
        batch_size=batch_size,
        folder=folder,
        content=content_of(model, problems, "reference", latent_inputs),
        engine=engine,
        progress=progress,
        label="baseline activations",
    )
    return Reference(**arrays)


@dataclass(frozen=True)
class ReferenceWork:
    """Records the baseline's activations on some of the ``prompts``."""

    prompts: Sequence[Sequence[int]]
    layout: Layout
    latent_inputs: torch.Tensor | None

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        """The arrays of :class:`Reference` of the problems in ``rows``."""
        return _recorded(model, [self.prompts[row] for row in rows], self.layout, self.latent_inputs)


def _recorded(
    model: ThoughtModel, prompts: Sequence[Sequence[int]], layout: Layout, latent_inputs: torch.Tensor | None
) -> Arrays:
    arrays = {name: np.zeros((len(prompts), *shape[1:]), dtype) for name, (shape, dtype) in layout.items()}

    def observe(site: Site, activations: torch.Tensor, rows: Rows) -> None:
        first = (rows.conditions == 0).nonzero().flatten()
        order = rows.problems[first].cpu().numpy()
        found = activations[first].float().cpu().numpy()
        name, index = site.place
        arrays[name][(order, *index)] = found

    count = len(prompts)
    setting = Setting([""] * count, max_tokens=1, observer=observe, latent_inputs=latent_inputs)
    run_batch(model, prompts, lambda answers: [[0]] * count, range(count), [], setting)
    return arrays
