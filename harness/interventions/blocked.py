"""Is blocked attention blocked, and nothing else? Every weight held against a softmax written down a second time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from harness.interventions.branching import Attended
from harness.interventions.engine import Batch, Setting
from harness.interventions.readback import MOST_PROBLEMS
from harness.interventions.values import BASELINE, BlockAttention, Condition, SequentialOnly
from harness.models.thoughts import Context, ThoughtModel
from harness.problems import ProblemSet

ANSWER_TOKENS = 4
"""Answer tokens whose reading is looked at."""


@dataclass
class BlockReadBack:
    """Largest values over problems, conditions, layers, heads and queries.

    ``blocked``: weight on blocked keys. ``others``: difference of any weight from the softmax of the run's own scores without
    the blocked keys, in float64. ``output``: difference of what the heads hand on from these weights on the run's own values,
    over the largest of these. ``rows`` of weights were looked at, ``cut`` of them with a blocked key.
    """

    blocked: float = 0.0
    others: float = 0.0
    output: float = 0.0
    rows: int = 0
    cut: int = 0


@torch.inference_mode()
def read_back_blocks(model: ThoughtModel, problems: ProblemSet, conditions: Sequence[Condition]) -> BlockReadBack:
    """Look at thoughts, EOT and the first answer tokens of the first problems under each condition that blocks attention."""
    some = list(problems)[:MOST_PROBLEMS]
    prompts = [model.prompt_ids(problem.question) for problem in some]
    model.require_fit(prompts)
    context = model.encode(prompts)
    found = BlockReadBack()
    setting = Setting([str(problem.id) for problem in some], max_tokens=ANSWER_TOKENS)
    for condition in conditions:
        look = partial(_look, found, context, condition, model.n_latents)
        batch = Batch(model, context, range(len(some)), [BASELINE, condition], setting, look)
        batch.think()
        batch.feed_eot()
        batch.answer()
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


def _look(found: BlockReadBack, context: Context, condition: Condition, T: int, batch: Batch, seen: Attended) -> None:
    rows = batch.rows
    hidden = sorted(hidden_keys(condition, seen.queries.start, seen.layer, T))
    under = rows.conditions == 1
    keys, values = context.cache.layers[seen.layer].keys, context.cache.layers[seen.layer].values
    visible = context.mask.bool()[rows.problems]
    prefix = visible.shape[1]
    readable = torch.cat([visible, visible.new_ones(len(under), seen.key.shape[2])], dim=1)
    for key in hidden:
        readable[under, prefix + key] = False
    shared = seen.query.shape[1] // seen.key.shape[1]

    def whole(of_prefix: Tensor, of_own: Tensor) -> Tensor:
        every = torch.cat([of_prefix[rows.problems], of_own], dim=2)
        return every.repeat_interleave(shared, dim=1).double()

    scores = seen.query.double() @ whole(keys, seen.key).transpose(-1, -2) * seen.scaling
    expected = torch.softmax(scores.masked_fill(~readable[:, None, None], float("-inf")), dim=-1)
    identity = torch.eye(prefix, device=visible.device).expand(len(context.mask), prefix, prefix)
    weights = torch.cat([seen.on_prefix(identity), seen.weights], dim=-1)
    every_value = whole(values, seen.value)
    output = (expected @ every_value).transpose(1, 2)
    found.others = max(found.others, float((weights - expected).abs().max()))
    found.output = max(found.output, float((seen.output - output).abs().max() / every_value.abs().max()))
    found.rows += len(under)
    if hidden:
        found.blocked = max(found.blocked, float(weights[under][..., [prefix + key for key in hidden]].max()))
        found.cut += int(under.sum())
