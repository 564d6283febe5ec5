"""What the interventions of a batch of branches do, place by place: compiled once, asked at every step."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.interventions.reference import Reference, Site
from harness.interventions.values import (
    AblateHeads,
    AblateInput,
    AblateThought,
    BiasAttention,
    BlockAttention,
    Condition,
    Fill,
    Intervention,
    Itself,
    Mean,
    Noise,
    Resample,
    SequentialOnly,
    Shuffle,
    Zero,
)

BLOCKED = float("-inf")


@dataclass(frozen=True)
class Rows:
    """Which problem and condition each row of a batch is.

    ``problems`` numbers them in the batch, ``numbers`` in the whole sample; ``baselines`` is the row of each row's
    problem under the first condition, the baseline.
    """

    problems: Tensor
    conditions: Tensor
    numbers: Tensor

    @property
    def baselines(self) -> Tensor:
        """[rows]"""
        first = (self.conditions == 0).nonzero().flatten()
        of_problem = torch.empty(int(self.problems.max()) + 1, dtype=torch.long, device=first.device)
        of_problem[self.problems[first]] = first
        return of_problem[self.problems]

    def select(self, rows: Tensor) -> "Rows":
        """Only these rows."""
        return Rows(self.problems[rows], self.conditions[rows], self.numbers[rows])


class Plan:
    """The interventions of all rows of one batch.

    Args:
        conditions: the first one is the baseline.
        rows: which problem and condition each row is.
        sizes: layers, query heads and latents of the model.
        reference: activations of the baseline; needed by mean, resample and shuffle.
        ids: ids of all problems, by number; they seed the noise, so that no batch decides it.
        seed: seed of noise and of who is exchanged with whom.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        rows: Rows,
        sizes: tuple[int, int, int],
        reference: Reference | None,
        ids: Sequence[str],
        seed: int,
    ):
        self.conditions, self.rows = conditions, rows
        self.n_layers, self.n_heads, self.n_latents = sizes
        self._reference, self._ids, self._seed = reference, ids, seed
        self._fills: dict[Site, dict[tuple[int, Fill], list[int]]] = defaultdict(dict)
        self._answer_bias: dict[int, list[tuple[int, BlockAttention]]] = defaultdict(list)
        self._latent_bias: dict[int, list[tuple[int, Intervention]]] = defaultdict(list)
        for number, condition in enumerate(conditions):
            for intervention in condition:
                self._note(number, intervention)
        self._compiled: dict[Any, Tensor | None] = {}
        self._rows_of: dict[tuple[int, ...], Tensor] = {}

    def _note(self, condition: int, intervention: Intervention) -> None:
        for site, fill in self._sites(intervention):
            groups = self._fills[site]
            # A condition's second fill of a place comes after its first; conditions with the same fill are filled at once.
            turn = sum(condition in members for members in groups.values())
            groups.setdefault((turn, fill), []).append(condition)
        match intervention:
            case BlockAttention(queries=queries, layers=layers):
                for layer in self._layers(layers):
                    if queries != "answer":
                        self._latent_bias[layer].append((condition, intervention))
                    if queries in ("answer", "both"):
                        self._answer_bias[layer].append((condition, intervention))
            case SequentialOnly(layers):
                for layer in self._layers(layers):
                    self._latent_bias[layer].append((condition, intervention))
            case BiasAttention(heads=heads):
                for layer in sorted({layer for layer, _ in heads}):
                    self._latent_bias[layer].append((condition, intervention))

    def _sites(self, intervention: Intervention) -> Iterator[tuple[Site, Fill]]:
        match intervention:
            case AblateThought(positions, layers, fill):
                for layer, position in product(self._layers(layers), positions):
                    yield Site("thought", position, layer), fill
            case AblateInput(positions, fill):
                for position in positions:
                    yield Site("input", position), fill
            case AblateHeads(heads, fill, positions):
                for (layer, head), position in product(heads, positions or range(self.n_latents)):
                    yield Site("head", position, layer, head), fill

    def _layers(self, layers: tuple[int, ...] | None) -> Sequence[int]:
        return range(self.n_layers) if layers is None else layers

    def fork(self) -> "Plan":
        """The same plan for the same rows, which can go on with others."""
        other = copy(self)
        other._compiled, other._rows_of = {}, {}
        return other

    def select(self, rows: Tensor) -> None:
        """Go on with these rows only."""
        self.rows = self.rows.select(rows)
        self._compiled.clear()
        self._rows_of.clear()

    def bias(self, layer: int, queries: range, keys: int) -> Tensor | None:
        """[rows, H or 1, queries, keys] that is added to the scores, or None for nothing (see `Bias`)."""
        if queries.start < self.n_latents:
            return self._once(("latent", layer, queries.start), lambda: self._bias_of_latent(layer, queries.start))
        blocked = self._once(("answer", layer), lambda: self._bias_of_answer(layer))
        if blocked is None:
            return None
        return torch.nn.functional.pad(blocked, (0, keys - blocked.shape[-1])).expand(-1, -1, len(queries), -1)

    def _once(self, key: Any, make: Any) -> Tensor | None:
        if key not in self._compiled:
            self._compiled[key] = make()
        return self._compiled[key]

    def _bias_of_latent(self, layer: int, query: int) -> Tensor | None:
        table = torch.zeros(len(self.conditions), self.n_heads, 1, query + 1)
        for condition, intervention in self._latent_bias[layer]:
            match intervention:
                case BlockAttention(keys, queries):
                    if queries in ("latents", "both") or query in queries:
                        table[condition, :, :, [key for key in keys if key < query]] = BLOCKED
                case SequentialOnly():
                    table[condition, :, :, : max(0, query - 1)] = BLOCKED
                case BiasAttention(heads, queries, keys, bias) if query in queries:
                    for head in (head for its_layer, head in heads if its_layer == layer):
                        table[condition, head, :, [key for key in keys if key <= query]] += bias
        return self._of_rows(table)

    def _bias_of_answer(self, layer: int) -> Tensor | None:
        table = torch.zeros(len(self.conditions), 1, 1, self.n_latents)
        for condition, intervention in self._answer_bias[layer]:
            table[condition, :, :, list(intervention.keys)] = BLOCKED
        return self._of_rows(table)

    def _of_rows(self, table: Tensor) -> Tensor | None:
        if not table.any():
            return None
        same = (table == table[:, :1]).all()
        return (table[:, :1] if same else table).to(self.rows.conditions.device)[self.rows.conditions]

    def heads(self, layer: int, queries: range, output: Tensor) -> Tensor:
        """What the heads hand on [rows, queries, H, D], replaced where a condition says so."""
        if queries.start >= self.n_latents:
            return output
        for head in range(self.n_heads):
            site = Site("head", queries.start, layer, head)
            if site in self._fills:
                output[:, 0, head] = self.filled(site, output[:, 0, head])
        return output

    def filled(self, site: Site, activations: Tensor) -> Tensor:
        """[rows, d] at one place, replaced where a condition says so."""
        for group in sorted(self._fills.get(site, {}), key=lambda group: group[0]):
            chosen = self._members(site, group)
            if len(chosen):
                activations = activations.index_copy(0, chosen, self._replacement(group[1], site, chosen, activations))
        return activations

    def _members(self, site: Site, group: tuple[int, Fill]) -> Tensor:
        """Rows of the conditions that fill a place alike."""
        conditions = self._fills[site][group]
        if tuple(conditions) not in self._rows_of:
            wanted = torch.zeros(len(self.conditions), dtype=torch.bool)
            wanted[conditions] = True
            chosen = wanted.to(self.rows.conditions.device)[self.rows.conditions]
            self._rows_of[tuple(conditions)] = chosen.nonzero().flatten()
        return self._rows_of[tuple(conditions)]

    def _replacement(self, fill: Fill, site: Site, chosen: Tensor, activations: Tensor) -> Tensor:
        own, numbers = activations[chosen], self.rows.numbers[chosen]
        match fill:
            case Zero():
                return torch.zeros_like(own)
            case Itself():
                return activations[self.rows.baselines[chosen]]
            case Noise(sigma):
                exact = own.to(torch.promote_types(own.dtype, torch.float32))
                spread = exact.std(dim=-1, correction=0, keepdim=True)
                return (exact + sigma * spread * self._noise(site, numbers, exact)).to(own.dtype)
            case Mean():
                return self._known.mean(site).to(own).expand_as(own)
            case Resample():
                return self._known.at(site, self._others()[numbers.cpu()]).to(own)
            case Shuffle():
                dealt = Site(site.kind, int(self._deal()[site.position]), site.layer, site.head)
                return self._known.at(dealt, numbers.cpu()).to(own)

    @property
    def _known(self) -> Reference:
        if self._reference is None:
            raise ValueError("mean, resample and shuffle need the baseline's activations")
        return self._reference

    def _noise(self, site: Site, numbers: Tensor, like: Tensor) -> Tensor:
        drawn = [self._rng("noise", site, self._ids[number]).standard_normal(like.shape[-1]) for number in numbers]
        return torch.from_numpy(np.stack(drawn)).to(like)

    def _others(self) -> Tensor:
        """[n]: another problem for every problem."""
        n = len(self._ids)
        order = self._rng("resample").permutation(n)
        others = np.empty(n, dtype=np.int64)
        others[order] = np.roll(order, 1)
        return torch.from_numpy(others)

    def _deal(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """[T]: the position whose activation each position gets; none keeps its own."""
        order = self._rng("shuffle").permutation(self.n_latents)
        dealt = np.empty(self.n_latents, dtype=np.int64)
        dealt[order] = np.roll(order, 1)
        return dealt

    def _rng(self, *what: object) -> np.random.Generator:
        name = hashlib.sha256(repr((self._seed, *what)).encode()).digest()
        return np.random.default_rng(int.from_bytes(name[:8], "little"))
