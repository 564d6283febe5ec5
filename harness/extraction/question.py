"""Which words of the question each thought reads: per class of token, and token by token for a few problems."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.engines.batches import in_batches
from harness.engines.work import Arrays, Engine
from harness.errors import HarnessError
from harness.extraction.capture import LatentRecorder
from harness.extraction.patterns import AUTO_BATCH_SIZE
from harness.extraction.question_patterns import QuestionAttention, WordAttention, question_layout
from harness.models.thoughts import ThoughtModel, prepared
from harness.models.transfer import to_device, to_host
from harness.problems import ProblemSet
from harness.problems.words import TOKEN_CLASSES, token_classes, token_texts
from harness.storage.progress import Progress, quiet


@dataclass(frozen=True)
class Prompt:
    """The K tokens of one prompt, ``<bot>`` last: their ids, their text, their classes."""

    ids: list[int]
    texts: list[str]
    classes: list[int]


def question_attention(
    model: ThoughtModel,
    problems: ProblemSet,
    *,
    folder: Path | None = None,
    batch_size: int = AUTO_BATCH_SIZE,
    progress: Progress = quiet,
    engine: Engine | None = None,
) -> QuestionAttention:
    """Attention of every latent query on the question by class of token, all layers and heads.

    With ``folder``, results stream to files there and a run that was cut off is continued; without, they stay in memory.
    ``engine`` runs the model; this process unless named.

    Errors: ``HarnessError`` for a question that does not fit the model's positions, a tokenizer that
    does not say where its tokens stand, or a folder that cannot be written.
    """
    prompts = [read_prompt(model, question) for question in problems.questions]
    arrays = in_batches(
        model,
        QuestionWork(prompts),
        [len(prompt.ids) for prompt in prompts],
        question_layout(len(prompts), model.n_layers, model.n_heads, model.n_latents),
        batch_size=batch_size,
        folder=folder,
        engine=engine,
        progress=progress,
        label="question words",
    )
    return QuestionAttention(**arrays, problem_ids=problems.ids)


def word_attention(model: ThoughtModel, problems: ProblemSet, rows: Sequence[int]) -> list[WordAttention]:
    """The problems in ``rows``, each alone: weight of every thought on every token, mean over heads.

    Errors: as :func:`question_attention`.
    """
    found = []
    for row in rows:
        prompt = read_prompt(model, problems[row].question)
        model.require_fit([len(prompt.ids)])
        length = len(prompt.ids)
        weights = [layer[0, :, :, :length].mean(0) for layer in _thought_rows(model, [prompt])]
        found.append(
            WordAttention(row, tuple(prompt.texts), tuple(prompt.classes), torch.stack(weights).float().cpu().numpy())
        )
    return found


def read_prompt(model: ThoughtModel, question: str) -> Prompt:
    """The prompt of ``question`` with the text and class of each token.

    Errors: ``HarnessError`` for a tokenizer that does not say where its tokens stand in the text.
    """
    text = prepared(question)
    try:
        spans = model.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    except NotImplementedError as error:
        raise HarnessError(
            f"The tokenizer of {model.name} ({type(model.tokenizer).__name__}) does not say where in the text its tokens "
            "stand, so words cannot be told apart. Put a tokenizer.json beside the base's config."
        ) from error
    ids = model.prompt_ids(question)
    names = [model.tokenizer.convert_ids_to_tokens(token) for token in ids[:-1]]
    spans = [*spans, *[(len(text), len(text))] * (len(ids) - len(spans))]
    return Prompt(ids, token_texts(text, spans, [*names, "<bot>"]), token_classes(text, spans))


@dataclass(frozen=True)
class QuestionWork:
    """Sums up by class of token what some of the ``prompts`` are read with."""

    prompts: Sequence[Prompt]

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        """The arrays of :class:`QuestionAttention` of the problems in ``rows``."""
        return _run(model, [self.prompts[row] for row in rows])


def _run(model: ThoughtModel, prompts: Sequence[Prompt]) -> Arrays:
    width = max(len(prompt.ids) for prompt in prompts)
    of_host = torch.zeros(len(prompts), width, len(TOKEN_CLASSES))
    for row, prompt in enumerate(prompts):
        # Left-padded as the prompts are; padding belongs to no class.
        of_host[row, range(width - len(prompt.ids), width), prompt.classes] = 1
    member = to_device(of_host, model.device)
    kept: dict[str, list[Tensor]] = {"by_class": [], "row_total": [], "latent_mass": []}
    for rows in _thought_rows(model, prompts):
        kept["by_class"].append(rows[..., :width] @ member[:, None])
        kept["row_total"].append(rows.sum(-1))
        kept["latent_mass"].append(rows[..., width:].sum(-1))
    arrays = to_host({name: torch.stack(layers, dim=1) for name, layers in kept.items()})
    return arrays | {"tokens": of_host.sum(1).numpy().astype(np.int32)}


def _thought_rows(model: ThoughtModel, prompts: Sequence[Prompt]) -> Iterator[Tensor]:
    """Of each layer, the weights of the latent queries [B, H, T, keys] on the padded question and the latents."""
    context = model.encode([prompt.ids for prompt in prompts])
    recorder = LatentRecorder(model, context)
    model.think(context, recorder=recorder)
    recorder.require_every_key()
    yield from (recorder.rows(layer) for layer in range(model.n_layers))
