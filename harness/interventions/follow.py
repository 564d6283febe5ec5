"""What happens inside while conditions act: what is read, how far states part from the baseline's, what they decode to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.engines.batches import in_batches
from harness.engines.work import Arrays, Engine
from harness.extraction.question import Prompt, read_prompt
from harness.interventions.answers import BATCH_SIZE, content_of
from harness.interventions.branching import Attended
from harness.interventions.engine import Batch, Setting, together
from harness.interventions.keys import KEY_CLASSES, SHOWN_TOKENS, TOKEN_KEYS, key_names
from harness.interventions.plan import Rows
from harness.interventions.reference import Site
from harness.interventions.sound import Sizes, as_conditions
from harness.interventions.values import BASELINE, Condition, Intervention
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet
from harness.storage.progress import Progress, quiet
from harness.storage.store import Layout


@dataclass(frozen=True)
class Followed:
    """n problems under K conditions at P = T + 1 positions: the thoughts, then EOT.

    ``weights`` [n, K, L, H, P, C] float32: attention of each position on C classes of keys, those of
    :func:`~harness.interventions.keys.key_names`. ``cosine`` and ``relative`` [n, K, P, L + 1]
    float32: distance of the residual stream from the baseline's, 1 less the cosine, and the length of the difference over
    that of the baseline's; depth 0 is what is fed, depth l + 1 what leaves layer l. Exactly 0 where the states are equal.
    ``tokens`` [n, K, P, 5] int32 and ``probability``: the likeliest tokens when the output head reads the position.
    ``counts`` [n, 4] int32: tokens of the prompt in each of ``KEY_CLASSES``.
    """

    weights: NDArray[np.float32]
    cosine: NDArray[np.float32]
    relative: NDArray[np.float32]
    tokens: NDArray[np.int32]
    probability: NDArray[np.float32]
    counts: NDArray[np.int32]


def follow(
    model: ThoughtModel,
    problems: ProblemSet,
    conditions: Sequence[Condition | Intervention],
    *,
    folder: Path,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    latent_inputs: NDArray[np.float32] | None = None,
    progress: Progress = quiet,
    label: str = "inside, under conditions",
    engine: Engine | None = None,
) -> Followed:
    """Follow problems from the first thought to EOT, in files in ``folder``; a run of the same that was cut off goes on.

    ``latent_inputs`` [T, d] are fed instead of the thoughts (the contentless control). ``engine`` runs the model; this
    process unless named.

    Errors: ``HarnessError`` for a condition that cannot act on the model, a question that does not fit its positions, a
    tokenizer that does not say where its tokens stand, or a folder that cannot be written. ``Truncate`` is not followed.
    """
    conditions = as_conditions(conditions, model.name, Sizes(model.n_layers, model.n_heads, model.n_latents))
    prompts = [read_prompt(model, question) for question in problems.questions]
    fixed = None if latent_inputs is None else torch.from_numpy(np.array(latent_inputs))
    setting = Setting([str(one) for one in problems.ids], seed=seed, latent_inputs=fixed)
    content = content_of(model, problems, f"followed {conditions!r}:{seed}", latent_inputs)
    arrays = in_batches(
        model,
        FollowWork(prompts, conditions, setting),
        [len(prompt.ids) for prompt in prompts],
        _layout(model, len(prompts), len(conditions)),
        batch_size=batch_size,
        folder=folder,
        content=content,
        engine=engine,
        progress=progress,
        label=label,
    )
    return Followed(**arrays)


@dataclass(frozen=True)
class FollowWork:
    """Follows some of the ``prompts``."""

    prompts: Sequence[Prompt]
    conditions: Sequence[Condition]
    setting: Setting

    def __call__(self, model: ThoughtModel, rows: Sequence[int]) -> Arrays:
        """The arrays of :class:`Followed` of the problems in ``rows``."""
        found = follow_batch(model, [self.prompts[row] for row in rows], rows, self.conditions, self.setting)
        return dict(found.__dict__)


@torch.inference_mode()
def follow_batch(
    model: ThoughtModel,
    prompts: Sequence[Prompt],
    numbers: Sequence[int],
    conditions: Sequence[Condition],
    setting: Setting,
) -> Followed:
    """Follow one batch; ``numbers`` say which problems of the sample they are. Nothing is answered."""
    context = model.encode([prompt.ids for prompt in prompts])
    members = _members(prompts, context.mask)
    layout = _layout(model, len(prompts), len(conditions))
    arrays = {name: np.zeros(shape, dtype) for name, (shape, dtype) in layout.items()}
    arrays["counts"][:] = members.sum(1).cpu().numpy()
    for some in together(conditions, model.n_latents, len(prompts)):
        look = _Look(model, arrays, some, members)
        branches = [BASELINE, *(conditions[number] for number in some)]
        watched = replace(setting, observer=look.observe, watch=look.attended)
        batch = Batch(model, context, numbers, branches, watched)
        look.by_problem = batch.by_problem
        for position in batch.thinking():
            look.decode(position, batch.hidden)
        with look.at_eot():
            batch.feed_eot()
        look.decode(model.n_latents, batch.hidden)
    return Followed(**arrays)


def _layout(model: ThoughtModel, n: int, conditions: int) -> Layout:
    T, single = model.n_latents, np.dtype(np.float32)
    of_each = (n, conditions)
    return {
        "weights": ((*of_each, model.n_layers, model.n_heads, T + 1, len(key_names(T))), single),
        "cosine": ((*of_each, T + 1, model.n_layers + 1), single),
        "relative": ((*of_each, T + 1, model.n_layers + 1), single),
        "tokens": ((*of_each, T + 1, SHOWN_TOKENS), np.dtype(np.int32)),
        "probability": ((*of_each, T + 1, SHOWN_TOKENS), single),
        "counts": ((n, len(KEY_CLASSES)), np.dtype(np.int32)),
    }


def _members(prompts: Sequence[Prompt], mask: Tensor) -> Tensor:
    """[B, prefix, classes]: which class each token of the left-padded prompts belongs to; padding to none."""
    width = mask.shape[1]
    members = torch.zeros(len(prompts), width, len(KEY_CLASSES), device=mask.device)
    for row, prompt in enumerate(prompts):
        classes = [TOKEN_KEYS[one] for one in prompt.classes]
        members[row, range(width - len(classes), width), classes] = 1
    return members


class _Look:
    """Writes what is seen of some conditions into the arrays of all."""

    by_problem: Callable[[Tensor], Tensor]

    def __init__(self, model: ThoughtModel, arrays: dict[str, NDArray[Any]], some: Sequence[int], members: Tensor):
        self._model, self._arrays, self._some, self._members = model, arrays, list(some), members

    def attended(self, batch: Batch, seen: Attended) -> None:
        """Weights on classes of keys."""
        query, tokens = batch.named(seen.queries).start, len(KEY_CLASSES)
        of_layer = self._arrays["weights"][:, :, seen.layer, :, query]
        on_question = self.by_problem(seen.on_prefix(self._members)[:, :, 0])
        on_own = self.by_problem(seen.weights[:, :, 0])
        of_layer[:, self._some, :, :tokens] = on_question[:, 1:].float().cpu().numpy()
        of_layer[:, self._some, :, tokens : tokens + on_own.shape[-1]] = on_own[:, 1:].float().cpu().numpy()

    def observe(self, site: Site, activations: Tensor, rows: Rows) -> None:
        """The residual stream at a thought, what is fed included."""
        if site.kind != "head":
            self._compare(site.position, site.layer + 1, activations)

    @contextmanager
    def at_eot(self) -> Iterator[None]:
        """Within the block the residual stream is that at EOT."""
        with ExitStack() as hooks:
            for layer, module in enumerate(self._model.decoder_layers):
                hooks.enter_context(module.register_forward_hook(partial(self._leaves, layer)))
            yield

    def _leaves(self, layer: int, module: torch.nn.Module, arguments: Any, residual: Tensor) -> None:
        self._compare(self._model.n_latents, layer + 1, residual[:, 0])

    def _compare(self, position: int, depth: int, states: Tensor) -> None:
        known = self.by_problem(states).float()
        baseline, others = known[:, :1], known[:, 1:]
        length = baseline.norm(dim=-1)
        same = (others == baseline).all(-1)
        cosine = 1 - torch.nn.functional.cosine_similarity(others, baseline, dim=-1)
        relative = (others - baseline).norm(dim=-1) / length.clamp(min=torch.finfo(length.dtype).tiny)
        for name, distance in (("cosine", cosine.clamp(min=0)), ("relative", relative)):
            values = distance.masked_fill(same, 0.0).cpu().numpy()
            self._arrays[name][:, self._some, position, depth] = values

    def decode(self, position: int, hidden: Tensor) -> None:
        """What the output head reads; EOT is no token that can be had."""
        logits = self._model.logits(self.by_problem(hidden)[:, 1:])[..., : self._model.eot_id]
        best = torch.softmax(logits.float(), -1).topk(SHOWN_TOKENS, dim=-1)
        self._arrays["tokens"][:, self._some, position] = best.indices.cpu().numpy()
        self._arrays["probability"][:, self._some, position] = best.values.cpu().numpy()
