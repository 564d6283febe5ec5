"""Many conditions on a batch of questions: each question is encoded once, then all its branches think side by side.

The baseline runs beside the conditions it is compared with, in rows like theirs, so that a condition which changes nothing
gives its bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness.attention import branching
from harness.interventions.branching import Attended, Branches, Watch
from harness.interventions.plan import Plan, Rows
from harness.interventions.reference import Reference, Site
from harness.interventions.values import BASELINE, Condition, thoughts_had
from harness.models.thoughts import MAX_ANSWER_TOKENS, Context, ThoughtModel

MOST_ROWS = 512
"""Branches that are fed at once."""
ROW_BLOCK = 16
"""Rows are filled up to a multiple of this: the last rows of an odd number go through other kernels, with other rounding."""

GOLD_STEPS = 16
"""Tokens of gold answers that are fed at once."""

Observer = Callable[[Site, Tensor, Rows], None]
"""Sees the activations [rows, d] of a place as they go on, interventions included."""

BatchWatch = Callable[["Batch", Attended], None]
"""Sees what every layer's attention works with and gives, step by step."""

Gold = Callable[[Sequence[Sequence[int]]], Sequence[Sequence[int]]]
"""From the tokens of the baseline's answers to those of the gold answers."""


@dataclass(frozen=True)
class Outcome:
    """What one batch of B problems answered under K conditions, in the order given.

    ``ids`` are the answer's tokens by problem and condition, EOS included. ``gold_log_probability`` [B, K] is that of the
    gold tokens after EOT, summed; ``divergence`` [B, K] the Kullback-Leibler divergence of the first answer token's
    distribution from the baseline's; ``eot_logits`` [B, K, V + 3] are kept when asked for.
    """

    ids: list[list[list[int]]]
    gold_log_probability: Tensor
    divergence: Tensor
    eot_logits: Tensor | None = None


@dataclass(frozen=True)
class Setting:
    """What the conditions of a study share.

    ``ids`` are the ids of all problems of the sample; ``reference`` is needed by mean, resample and shuffle.
    ``latent_inputs`` [T, d] are fed instead of what the recurrence gives, to the baseline too (the contentless control).
    ``observer`` sees the thoughts' activations, ``watch`` all attention of the branches, up to the last answer token.
    """

    ids: Sequence[str]
    reference: Reference | None = None
    seed: int = 0
    max_tokens: int = MAX_ANSWER_TOKENS
    observer: Observer | None = None
    watch: BatchWatch | None = None
    keep_logits: bool = False
    latent_inputs: Tensor | None = None


@torch.inference_mode()
def run_batch(
    model: ThoughtModel,
    prompts: Sequence[Sequence[int]],
    gold: Gold,
    numbers: Sequence[int],
    conditions: Sequence[Condition],
    setting: Setting,
) -> Outcome:
    """Answers of a batch of problems under every condition.

    Args:
        prompts: token ids of B questions (see ``ThoughtModel.prompt_ids``).
        gold: from the baseline's answers to at least one token of the gold answer for each.
        numbers: which problems of the sample they are.
    """
    context = model.encode(prompts)
    problems, count = len(prompts), len(conditions)
    first = Batch(model, context, numbers, [BASELINE], setting)
    first.think()
    baseline = first.end_thinking()
    expected = gold([answers[0] for answers in first.answer()])
    outcome = Outcome(
        ids=[[[] for _ in conditions] for _ in prompts],
        gold_log_probability=torch.zeros(problems, count),
        divergence=torch.zeros(problems, count),
        eot_logits=torch.zeros(problems, count, baseline.shape[-1]) if setting.keep_logits else None,
    )
    for some in together(conditions, model.n_latents, problems):
        batch = Batch(model, context, numbers, [BASELINE, *(conditions[number] for number in some)], setting)
        batch.think()
        logits = batch.end_thinking()
        if batch.thoughts == model.n_latents:
            # The one beside the conditions: its rows went through the same kernels.
            baseline = logits[:, :1]
        outcome.gold_log_probability[:, some] = batch.score(expected)[:, 1:].cpu()
        outcome.divergence[:, some] = _divergence(batch.allowed(logits[:, 1:]), batch.allowed(baseline)).cpu()
        if outcome.eot_logits is not None:
            outcome.eot_logits[:, some] = logits[:, 1:].float().cpu()
        for problem, answers in enumerate(batch.answer()):
            for number, ids in zip(some, answers[1:], strict=True):
                outcome.ids[problem][number] = ids
    return outcome


def together(conditions: Sequence[Condition], n_latents: int, problems: int) -> list[list[int]]:
    """Numbers of the conditions that are run at once on so many problems: as many thoughts each, longest first."""
    by_length: dict[int, list[int]] = {}
    for number, condition in enumerate(conditions):
        by_length.setdefault(thoughts_had(condition, n_latents), []).append(number)
    size = max(1, MOST_ROWS // problems - 1)
    return [
        of_length[start : start + size]
        for _, of_length in sorted(by_length.items(), reverse=True)
        for start in range(0, len(of_length), size)
    ]


class Batch:
    """The branches of one batch: B problems times the baseline and some conditions."""

    def __init__(
        self,
        model: ThoughtModel,
        context: Context,
        numbers: Sequence[int],
        conditions: Sequence[Condition],
        setting: Setting,
    ):
        self._model, self._setting = model, setting
        self.context, self.conditions = context, conditions
        problems, branches = len(numbers), len(conditions)
        self._shape = problems, branches
        device = context.hidden.device
        places = [(problem, place) for problem in range(problems) for place in range(branches)]
        filled = [*places, *[(0, 0)] * (-len(places) % ROW_BLOCK)]
        of_problem = torch.tensor([problem for problem, _ in filled], device=device)
        of_condition = torch.tensor([place for _, place in filled], device=device)
        self._rows = Rows(of_problem, of_condition, torch.tensor(numbers, device=device)[of_problem])
        sizes = (model.n_layers, model.n_heads, model.n_latents)
        self._plan = Plan(conditions, self._rows, sizes, setting.reference, setting.ids, setting.seed)
        self._branches = Branches(context, of_problem, self, self._watch())
        self._starts = context.positions[of_problem]
        self._hidden = context.hidden[of_problem]
        self.thoughts = thoughts_had(conditions[-1], model.n_latents)

    @property
    def hidden(self) -> Tensor:
        """[rows, d]: the last hidden state, after the final norm."""
        return self._hidden

    @property
    def rows(self) -> Rows:
        """Which problem and condition each row is."""
        return self._rows

    def bias(self, layer: int, queries: range, keys: int) -> Tensor | None:
        """See `Bias`."""
        return self._plan.bias(layer, self.named(queries), keys)

    def heads(self, layer: int, queries: range, output: Tensor) -> Tensor:
        """See `Bias`."""
        output = self._plan.heads(layer, self.named(queries), output)
        if self._setting.observer is not None and queries.start < self.thoughts:
            for head in range(output.shape[2]):
                self._setting.observer(Site("head", queries.start, layer, head), output[:, 0, head], self._rows)
        return output

    def named(self, queries: range) -> range:
        """Own positions as the plan counts them: after fewer thoughts EOT still comes after the last latent."""
        return (
            queries
            if queries.start < self.thoughts
            else range(self._model.n_latents, self._model.n_latents + len(queries))
        )

    def think(self) -> None:
        """Feed the thoughts."""
        for _ in self.thinking():
            pass

    def thinking(self) -> Iterator[int]:
        """Feed the thoughts one by one; after each its position, while :attr:`hidden` is what came out of it."""
        with ExitStack() as hooks:
            for layer, module in enumerate(self._model.decoder_layers):
                hooks.enter_context(module.register_forward_hook(self._leaves(layer)))
            for position in range(self.thoughts):
                site = Site("input", position)
                fed = self._plan.filled(site, self._next_input(position))
                if self._setting.observer is not None:
                    self._setting.observer(site, fed, self._rows)
                self._hidden = self._feed(fed[:, None])[:, -1]
                yield position

    def _next_input(self, position: int) -> Tensor:
        fixed = self._setting.latent_inputs
        if fixed is None:
            return self._model.projection(self._hidden)
        return fixed[position].to(self._hidden).expand_as(self._hidden)

    def _leaves(self, layer: int) -> Callable[[torch.nn.Module, Any, Tensor], Tensor]:
        def leaves(module: torch.nn.Module, arguments: Any, residual: Tensor) -> Tensor:
            site = Site("thought", self._branches.length - 1, layer)
            residual = self._plan.filled(site, residual[:, 0])[:, None]
            if self._setting.observer is not None:
                self._setting.observer(site, residual[:, 0], self._rows)
            return residual

        return leaves

    def end_thinking(self) -> Tensor:
        """Feed EOT; returns its logits [B, K, V + 3]."""
        self.feed_eot()
        return self.by_problem(self._model.logits(self._hidden))

    def feed_eot(self) -> None:
        """Feed EOT."""
        token = torch.full((len(self._hidden), 1), self._model.eot_id, device=self._hidden.device)
        self._hidden = self._feed(self._model.embed(token))[:, -1]

    def by_problem(self, of_rows: Tensor) -> Tensor:
        """[rows, *] to [B, K, *], without the rows that only fill a block."""
        problems, branches = self._shape
        return of_rows[: problems * branches].reshape(problems, branches, *of_rows.shape[1:])

    def score(self, gold: Sequence[Sequence[int]]) -> Tensor:
        """[B, K]: log-probability of each problem's gold tokens after EOT."""
        ids, lengths = _right_padded(gold, self._model.pad_id, self._hidden.device)
        ids, lengths = ids[self._rows.problems], lengths[self._rows.problems]
        total = _log_probability(self.allowed(self._model.logits(self._hidden)), ids[:, 0])
        if ids.shape[1] > 1:
            self._fork()._score_on(ids, lengths, total)
        return self.by_problem(total)

    def _score_on(self, ids: Tensor, lengths: Tensor, total: Tensor) -> None:
        """Add to ``total`` [rows] what tokens [rows, m] after the first add, some at a time. Finished rows leave.

        A gold answer is as long as the baseline's wording; one that rambles must not make all others wait.
        """
        rows, fed = torch.arange(len(ids), device=ids.device), 0
        while True:
            some = ids[rows, fed : fed + GOLD_STEPS]
            scored = ids[rows, fed + 1 : fed + 1 + some.shape[1]]
            hidden = self._feed(self._model.embed(some))
            for step in range(scored.shape[1]):
                one = _log_probability(self.allowed(self._model.logits(hidden[:, step])), scored[:, step])
                total[rows] += torch.where(fed + 1 + step < lengths[rows], one, 0.0)
            fed += some.shape[1]
            running = lengths[rows] > fed + 1
            if not running.any():
                return
            staying = _to_a_block(running)
            if len(staying) < len(rows):
                self._select(staying)
                rows = rows[staying]

    def _fork(self) -> "Batch":
        """The same rows at the same place, to be fed on apart from these."""
        other = copy(self)
        other._plan = self._plan.fork()
        other._branches = self._branches.fork(other, other._watch())
        return other

    def _watch(self) -> Watch | None:
        return partial(self._setting.watch, self) if self._setting.watch else None

    def answer(self) -> list[list[list[int]]]:
        """Decode greedily; token ids [B][K], EOS included. Finished rows leave."""
        problems, branches = self._shape
        ids: list[list[int]] = [[] for _ in range(len(self._hidden))]
        rows = torch.arange(len(ids), device=self._hidden.device)
        running = rows < problems * branches
        last = self._model.max_positions - 1
        for count in range(1, self._setting.max_tokens + 1):
            chosen = self.allowed(self._model.logits(self._hidden)).argmax(-1)
            for place in running.nonzero().flatten().tolist():
                ids[int(rows[place])].append(int(chosen[place]))
            room = self._starts + self._branches.length <= last
            running = running & (chosen != self._model.eos_id) & room
            if not running.any() or count == self._setting.max_tokens:
                break
            staying = _to_a_block(running)
            if len(staying) < len(rows):
                self._select(staying)
                rows, running, chosen = rows[staying], running[staying], chosen[staying]
            self._hidden = self._feed(self._model.embed(chosen[:, None]))[:, -1]
        return [ids[problem * branches : (problem + 1) * branches] for problem in range(problems)]

    def _select(self, rows: Tensor) -> None:
        self._branches.select(rows)
        self._plan.select(rows)
        self._rows, self._starts, self._hidden = self._plan.rows, self._starts[rows], self._hidden[rows]

    def _feed(self, embeddings: Tensor) -> Tensor:
        """Hidden states [rows, S, d] of embeddings [rows, S, d] at the next own positions."""
        steps = torch.arange(embeddings.shape[1], device=embeddings.device)
        positions = self._starts[:, None] + self._branches.length + steps
        with branching(self._branches):
            # Finished rows that stay to fill a block are fed on; their positions must stay inside the table.
            return self._model.feed(
                embeddings, positions.clamp(max=self._model.max_positions - 1), self._branches.cache
            )

    def allowed(self, logits: Tensor) -> Tensor:
        """Logits of the tokens that can be chosen: all but EOT."""
        return logits[..., : self._model.eot_id]


def _divergence(logits: Tensor, baseline: Tensor) -> Tensor:
    """[B, K]: Kullback-Leibler divergence of distributions [B, K, V] from the baseline's [B, 1, V]."""
    own, base = (torch.log_softmax(one.float(), -1) for one in (logits, baseline))
    return (own.exp() * (own - base)).sum(-1).clamp(min=0)


def _right_padded(gold: Sequence[Sequence[int]], fill: int, device: torch.device) -> tuple[Tensor, Tensor]:
    lengths = [len(tokens) for tokens in gold]
    ids = [[*tokens, *[fill] * (max(lengths) - len(tokens))] for tokens in gold]
    return torch.tensor(ids, device=device), torch.tensor(lengths, device=device)


def _log_probability(logits: Tensor, ids: Tensor) -> Tensor:
    return torch.log_softmax(logits.float(), -1).gather(-1, ids[:, None])[:, 0]


def _to_a_block(running: Tensor) -> Tensor:
    """Rows that stay: the running ones, and finished ones up to a full block."""
    order = torch.argsort((~running).to(torch.int8), stable=True)
    count = int(running.sum())
    return order[: count + -count % ROW_BLOCK].sort().values
