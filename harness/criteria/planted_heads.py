"""Patterns planted in chosen heads of the model itself: are those heads found again, and taken for what they are?

A bias on attention scores plants a known pattern while the model thinks. What the model then attends to goes the way its
own attention goes: the same scores, rankings and functional types. The heads are drawn from the lower half of the model's
own ranking, so that finding them is owed to what was planted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from harness.extraction.cached import CachedExtraction, sources_digest
from harness.files import digest, write_array
from harness.measures import (
    FUNCTIONAL_TYPES,
    NotApplicable,
    composite_score,
    functional_type,
    layer_type,
    three_scores,
    top_k,
)
from harness.results import CalibrationFile, FoundAgain, PatternFoundAgain, PlantedHeads, PlantedPattern
from harness.storage.locks import locked

if TYPE_CHECKING:
    from harness.interventions import Condition
    from harness.problems import ProblemSet

Array = NDArray[Any]
Heads = tuple[tuple[int, int], ...]
Edges = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
"""Latent queries, and the latent keys that each of them is made to read."""

PATTERNS: tuple[PlantedPattern, ...] = get_args(PlantedPattern)
"""In the order of the three scores and of the types they name."""
SCORES = ("flow", "hub", "skip")
STORIES = ("2.1", "2.2", "2.3", "2.4")
"""Those that rank heads by these scores."""
BIASES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""In nats; at 0 nothing is planted."""
TOGETHER = 3
"""Heads that have a pattern at the same time."""
CHOICES = 4
"""Times that heads are drawn for each pattern."""
MOST_PROBLEMS = 100
"""The model thinks under these biases about as many problems of the sample, the first ones."""


@dataclass(frozen=True)
class Planting:
    """A pattern in some heads."""

    pattern: PlantedPattern
    heads: Heads


def edges(pattern: PlantedPattern, latents: int) -> Edges:
    """Which of ``latents`` thoughts is made to read which."""
    match pattern:
        case "chain":
            return tuple(((query,), (query - 1,)) for query in range(1, latents))
        case "hub":
            return ((tuple(range(2, latents)), (1,)),)
        case "skip":
            return (((latents - 1,), (0, 1, 2)),)


def choose(scores: Array, seed: Sequence[int]) -> Heads:
    """Heads from the lower half of ``scores`` [L, H], drawn at random and spread over early, middle and late layers."""
    layers, heads = scores.shape
    order = top_k(scores, layers * heads)
    drawn = np.random.default_rng(seed).permutation(order[(len(order) + 1) // 2 :])
    groups = layer_type(layers)[drawn // heads]
    turns = [int((groups[:place] == group).sum()) for place, group in enumerate(groups)]
    chosen = drawn[np.argsort(turns, kind="stable")][:TOGETHER]
    return tuple((int(head) // heads, int(head) % heads) for head in sorted(chosen))


def plantings(mean: Array, seed: int) -> list[Planting]:
    """All that is planted in a model with the mean patterns ``mean`` [L, H, T, T]: every pattern, some choices of heads."""
    return [
        Planting(pattern, choose(scores, (seed, number, place)))
        for (number, pattern), scores in zip(enumerate(PATTERNS), three_scores(mean), strict=True)
        for place in range(CHOICES)
    ]


def ranks_heads(content: CalibrationFile) -> bool:
    """Whether a hypothesis about ranked heads is among those calibrated."""
    return any(entry.id.startswith(tuple(f"{story}-" for story in STORIES)) for entry in content.criteria)


def planted_heads(extraction: CachedExtraction, seed: int) -> PlantedHeads | None:
    """How planted heads of a model are found again; None where a score is not defined or there is but one head.

    What the model attends to is kept on disk by content, so it thinks only once.
    """
    raw = np.asarray(extraction.patterns().raw[:MOST_PROBLEMS])
    try:
        planted = plantings(raw.mean(axis=0, dtype=np.float64), seed)
    except NotApplicable:
        return None
    if not planted[0].heads:
        return None
    means = _means(extraction, planted)
    return summary(means, planted, n_problems=len(raw), seed=seed)


def summary(means: Array, planted: Sequence[Planting], **about: int) -> PlantedHeads:
    """What scores and rankings make of ``means`` [1 + plantings * biases above 0, L, H, T, T], the first without a bias."""
    own, biased = means[0], means[1:].reshape(len(planted), -1, *means.shape[1:])
    patterns = []
    for number, pattern in enumerate(PATTERNS):
        places = [place for place, one in enumerate(planted) if one.pattern == pattern]
        by_bias = [
            [own for _ in places],
            *([biased[place, step] for place in places] for step in range(biased.shape[1])),
        ]
        patterns.append(
            PatternFoundAgain(
                pattern=pattern,
                score=SCORES[number],
                expected_type=FUNCTIONAL_TYPES[number],
                heads=[list(planted[place].heads) for place in places],
                found=[
                    found_again(bias, biased_alike, own, [planted[place] for place in places])
                    for bias, biased_alike in zip(BIASES, by_bias, strict=True)
                ],
            )
        )
    layers, heads = own.shape[:2]
    count = len(planted[0].heads)
    return PlantedHeads(
        heads_together=count, n_heads=layers * heads, chance=count / (layers * heads), patterns=patterns, **about
    )


def found_again(bias: float, means: Sequence[Array], own: Array, planted: Sequence[Planting]) -> FoundAgain:
    """One pattern at one strength: ``means`` [L, H, T, T] of each choice of heads, ``own`` without a bias."""
    one_by_one = [_found(mean, own, planting) for mean, planting in zip(means, planted, strict=True)]

    def averaged(name: str) -> float:
        return float(np.mean([one[name] for one in one_by_one]))

    return FoundAgain(
        bias=bias,
        own_ranks=[one["own_ranks"] for one in one_by_one],
        composite_ranks=[one["composite_ranks"] for one in one_by_one],
        types=dict(sum((Counter(one["types"]) for one in one_by_one), Counter[str]())),
        **{name: averaged(name) for name in FoundAgain.model_fields if name in one_by_one[0] and name not in _LISTED},
    )


_LISTED = ("own_ranks", "composite_ranks", "types")


def _found(mean: Array, own: Array, planting: Planting) -> dict[str, Any]:
    number, heads = PATTERNS.index(planting.pattern), tuple(np.array(planting.heads).T)
    rows, count = edges(planting.pattern, mean.shape[-1]), len(planting.heads)
    chosen = np.zeros(mean.shape[:2], dtype=bool)
    chosen[heads] = True
    content: dict[str, Any] = {}
    for name, score in {"own": lambda one: three_scores(one)[number], "composite": composite_score}.items():
        ranks = _ranks(score(mean))
        hits = int((ranks[heads] <= count).sum())
        content[f"{name}_ranks"] = ranks[heads].tolist()
        content[f"{name}_recall"] = hits / count
        content[f"{name}_false_positives"] = count - hits
        content[f"{name}_newcomers"] = int(((ranks <= count) & (_ranks(score(own)) > count) & ~chosen).sum())
    types, before = functional_type(mean), functional_type(own)
    # Types are relative to the model's largest scores: planted heads move those of heads that attend as before.
    alone = functional_type(np.where(chosen[..., None, None], mean, own))
    read = [mean[heads][:, queries][..., keys].sum(axis=(-2, -1)) for queries, keys in rows]
    return {
        **content,
        "weight": float(np.sum(read, axis=0).mean() / sum(len(queries) for queries, _ in rows)),
        "types": [FUNCTIONAL_TYPES[one] for one in types[heads]],
        "became_expected": int(((types == number) & (before != number) & ~chosen).sum()),
        "changed_type": int(((types != before) & ~chosen).sum()),
        "changed_by_scale": int(((alone != before) & ~chosen).sum()),
    }


def _ranks(scores: Array) -> Array:
    """`[L, H]`: rank of every head, the best being 1."""
    order = top_k(scores, scores.size)
    ranks = np.empty(scores.size, dtype=np.int64)
    ranks[order] = np.arange(1, scores.size + 1)
    return ranks.reshape(scores.shape)


def _means(extraction: CachedExtraction, planted: Sequence[Planting]) -> Array:
    """Mean patterns under no bias and under every planting at every bias, from disk or by thinking."""
    problems = extraction.problems
    first = replace(problems, problems=problems.problems[:MOST_PROBLEMS])
    code = sources_digest(("interventions/*.py", "criteria/planted_heads.py"), ())
    key = digest(extraction.key("trained"), first.fingerprint, repr(list(planted)), repr(BIASES), code)[:32]
    # Among the extractions, where tidying the cache finds it.
    folder = extraction.cache_dir / "extractions" / key
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        path = folder / "mean.npy"
        means = _read(path)
        if means is None:
            means = _think(extraction, first, planted, folder)
            write_array(path, means)
            for file in (file for file in folder.iterdir() if file != path):
                file.unlink()
    return means


def _think(extraction: CachedExtraction, problems: "ProblemSet", planted: Sequence[Planting], folder: Path) -> Array:
    from harness.interventions import BASELINE, attention_under

    model = extraction.model()
    conditions = [BASELINE, *_conditions(planted, model.n_latents)]
    found = attention_under(
        model,
        problems,
        conditions,
        folder=folder,
        progress=extraction.progress,
        label="planted heads",
        engine=extraction.engine,
    )
    return np.asarray(found.raw).mean(axis=0, dtype=np.float64)


def _conditions(planted: Sequence[Planting], latents: int) -> Iterator["Condition"]:
    from harness.interventions import BiasAttention

    for one, bias in product(planted, BIASES[1:]):
        yield tuple(BiasAttention(one.heads, queries, keys, bias) for queries, keys in edges(one.pattern, latents))


def _read(path: Path) -> Array | None:
    try:
        values: Array = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    return values
