"""Is blocked attention blocked, and nothing else? Every weight held against a softmax written down a second time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from harness.interventions.answers import answer_batch
from harness.interventions.branching import Attended
from harness.interventions.engine import Batch, Setting
from harness.interventions.values import BlockAttention, Condition, SequentialOnly
from harness.models.thoughts import MAX_ANSWER_TOKENS, ThoughtModel, length_batches
from harness.problems import ProblemSet

ROWS_AT_ONCE = 64
"""Rows whose weights are worked out a second time at once: in float64, over the whole question."""


@dataclass
class BlockReadBack:
    """Largest values over problems, conditions, layers, heads and queries.

    ``blocked``: weight on blocked keys. ``others``: difference of any weight from the softmax of the run's own scores without
    the blocked keys, in float64. ``output``: difference of what the heads hand on from these weights on the run's own values,
    over the largest of these. ``rows`` of weights were looked at, ``cut`` of them with a blocked key; ``last_position`` is the
    farthest own position among them (T is EOT, what follows are answer tokens).
    """

    blocked: float = 0.0
    others: float = 0.0
    output: float = 0.0
    rows: int = 0
    cut: int = 0
    last_position: int = 0


def read_back_blocks(
    model: ThoughtModel,
    problems: ProblemSet,
    conditions: Sequence[Condition],
    batch_size: int,
    max_tokens: int = MAX_ANSWER_TOKENS,
) -> BlockReadBack:
    """Answer the first and the last batch of problems as :func:`answer_conditions` does, and look at all attention on the way.

    That is every thought, EOT and every answer token that is fed, whether chosen or of a gold answer that is scored.
    """
    prompts = [model.prompt_ids(problem.question) for problem in problems]
    model.require_fit([len(prompt) for prompt in prompts])
    found = BlockReadBack()
    ids = [str(one) for one in problems.ids]
    setting = Setting(ids, max_tokens=max_tokens, watch=partial(_look, found, model.n_latents))
    plan = list(length_batches([len(prompt) for prompt in prompts], batch_size))
    for rows in plan if len(plan) < 2 else (plan[0], plan[-1]):
        answer_batch(model, problems, prompts, rows, conditions, setting)
    return found


def hidden_keys(condition: Condition, query: int, layer: int, T: int) -> set[int]:
    """Thoughts that a condition hides from own position ``query``: T is EOT, what follows are answer tokens."""
    hidden: set[int] = set()
    for one in condition:
        everywhere = isinstance(one, BlockAttention | SequentialOnly) and one.layers is None
        if not everywhere and layer not in (getattr(one, "layers", None) or ()):
            continue
        if isinstance(one, BlockAttention):
            if query >= T:
                reads = one.queries in ("answer", "both")
            else:
                reads = one.queries in ("latents", "both") or (
                    not isinstance(one.queries, str) and query in one.queries
                )
            hidden |= {key for key in one.keys if reads and key < query}
        elif isinstance(one, SequentialOnly) and query < T:
            hidden |= set(range(query - 1))
    return hidden


def _look(found: BlockReadBack, T: int, batch: Batch, seen: Attended) -> None:
    identity = torch.eye(batch.context.mask.shape[1], device=seen.query.device)
    on_prefix = seen.on_prefix(identity.expand(len(batch.context.mask), *identity.shape))
    weights = torch.cat([on_prefix, seen.weights], dim=-1)
    blocked = _blocked(batch, seen, T)
    for rows in torch.arange(len(weights), device=weights.device).split(ROWS_AT_ONCE):
        _compare(found, batch, seen, rows, weights[rows], blocked[rows])
    found.last_position = max(found.last_position, seen.queries.stop - 1)


def _blocked(batch: Batch, seen: Attended, T: int) -> Tensor:
    """[rows, S, own]: own keys that the conditions of the rows hide from each query."""
    of_condition = torch.zeros(len(batch.conditions), len(seen.queries), seen.key.shape[2], dtype=torch.bool)
    for number, condition in enumerate(batch.conditions):
        for place, query in enumerate(seen.queries):
            of_condition[number, place, sorted(hidden_keys(condition, query, seen.layer, T))] = True
    return of_condition.to(seen.query.device)[batch.rows.conditions]


def _compare(
    found: BlockReadBack, batch: Batch, seen: Attended, rows: Tensor, weights: Tensor, blocked: Tensor
) -> None:
    """Hold weights [rows, H, S, prefix + own] of some rows against those worked out here."""
    problems, shared = batch.rows.problems[rows], seen.query.shape[1] // seen.key.shape[1]
    keys, values = batch.context.cache.layers[seen.layer].keys, batch.context.cache.layers[seen.layer].values
    asked = batch.context.mask.bool()[problems][:, None].expand(-1, len(seen.queries), -1)
    own = torch.arange(seen.key.shape[2], device=rows.device)
    before = own <= torch.tensor(seen.queries, device=rows.device)[:, None]
    readable = torch.cat([asked, before & ~blocked], dim=-1)[:, None]

    def whole(of_prefix: Tensor, of_own: Tensor) -> Tensor:
        every = torch.cat([of_prefix[problems], of_own[rows]], dim=2)
        return every.repeat_interleave(shared, dim=1).double()

    scores = seen.query[rows].double() @ whole(keys, seen.key).transpose(-1, -2) * seen.scaling
    expected = torch.softmax(scores.masked_fill(~readable, float("-inf")), dim=-1)
    every_value = whole(values, seen.value)
    output = (expected @ every_value).transpose(1, 2)
    found.others = max(found.others, float((weights - expected).abs().max()))
    found.output = max(found.output, float((seen.output[rows] - output).abs().max() / every_value.abs().max()))
    on_blocked = weights[..., -blocked.shape[-1] :].masked_fill(~blocked[:, None], 0.0)
    found.blocked = max(found.blocked, float(on_blocked.max()))
    found.rows += weights.shape[0] * weights.shape[2]
    found.cut += int(blocked.any(-1).sum())
