"""Heads that are made to attend to a pattern are ranked, typed and counted as their attention says, and think only once."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness
from harness.criteria import planted_heads as module
from harness.criteria.critical import HeadRanking
from harness.criteria.planted_heads import (
    BIASES,
    CHOICES,
    PATTERNS,
    SCORES,
    Planting,
    choose,
    edges,
    found_again,
    planted_heads,
    plantings,
    ranks_heads,
    summary,
)
from harness.criteria.sample import Sample
from harness.errors import HarnessError
from harness.extraction.cached import CachedExtraction
from harness.measures import (
    FUNCTIONAL_TYPES,
    composite_score,
    functional_type,
    layer_type,
    three_scores,
)
from harness.models.registry import locate
from harness.problems import load_problems
from harness.results import Calibration, CalibrationFile, PlantedHeads
from harness.statistics import plant
from harness.storage.store import ArrayStore

LAST = len(BIASES) - 1


def test_edges_are_those_of_the_patterns() -> None:
    def cells(pattern: Any) -> set[tuple[int, int]]:
        return {(query, key) for queries, keys in edges(pattern, 6) for query in queries for key in keys}

    assert cells("chain") == {(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)}
    assert cells("hub") == {(2, 1), (3, 1), (4, 1), (5, 1)}
    assert cells("skip") == {(5, 0), (5, 1), (5, 2)}


@settings(max_examples=100, deadline=None)
@given(layers=st.integers(1, 9), heads=st.integers(1, 9), seed=st.integers(0, 1000))
def test_heads_are_drawn_from_the_lower_half_one_of_each_kind_of_layer_that_is_there(
    layers: int, heads: int, seed: int
) -> None:
    scores = np.random.default_rng(seed).random((layers, heads))
    chosen = choose(scores, (seed, 0))
    lower = np.argwhere(scores < np.sort(scores.ravel())[::-1][(scores.size + 1) // 2 - 1]).tolist()
    assert len(set(chosen)) == len(chosen) == min(3, scores.size // 2)
    assert all(list(head) in lower for head in chosen)
    there = {int(layer_type(layers)[layer]) for layer, _ in lower}
    assert len({int(layer_type(layers)[layer]) for layer, _ in chosen}) == min(len(there), len(chosen))
    assert chosen == choose(scores, (seed, 0))


def test_other_seeds_draw_other_heads() -> None:
    scores = np.random.default_rng(0).random((4, 8))
    drawn = [choose(scores, (seed, 0)) for seed in range(40)]
    assert len(set(drawn)) > 30
    assert len({head for heads in drawn for head in heads}) == 16


def made_up(number: int) -> Any:
    return plant("mixed", 0.4, n=1, L=3, H=4, T=6, seed=number, hub=1, latent_mass=0.6, noise=0.4)[0].astype(float)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_one_strength_is_what_counting_head_by_head_gives(pattern: Any) -> None:
    own = made_up(0)
    planted = [Planting(pattern, ((0, 1), (2, 3))), Planting(pattern, ((1, 0), (2, 2)))]
    means = [made_up(number) for number in (1, 2)]
    found = found_again(4.0, means, own, planted)
    number = PATTERNS.index(pattern)
    every = [(layer, head) for layer in range(3) for head in range(4)]

    def first(mean: Any, score: Any) -> list[tuple[int, int]]:
        return sorted(every, key=lambda head: (-score(mean)[head], head))

    scores = {"own": lambda mean: three_scores(mean)[number], "composite": composite_score}
    expected: dict[str, list[float]] = {}
    types: list[str] = []
    for one, mean in zip(planted, means, strict=True):
        for name, score in scores.items():
            order = first(mean, score)
            assert getattr(found, f"{name}_ranks")[planted.index(one)] == [order.index(head) + 1 for head in one.heads]
            others = [head for head in order[:2] if head not in one.heads]
            expected.setdefault(f"{name}_recall", []).append(1 - len(others) / 2)
            expected.setdefault(f"{name}_false_positives", []).append(len(others))
            expected.setdefault(f"{name}_newcomers", []).append(len(set(others) - set(first(own, score)[:2])))
        after, before = functional_type(mean), functional_type(own)
        mixed = own.copy()
        for head in one.heads:
            mixed[head] = mean[head]
        alone = functional_type(mixed)
        rest = [head for head in every if head not in one.heads]
        became = [head for head in rest if after[head] == number != before[head]]
        expected.setdefault("became_expected", []).append(len(became))
        expected.setdefault("changed_type", []).append(sum(after[head] != before[head] for head in rest))
        expected.setdefault("changed_by_scale", []).append(sum(alone[head] != before[head] for head in rest))
        read = [
            sum(mean[head][query, key] for queries, keys in edges(pattern, 6) if query in queries for key in keys)
            for head in one.heads
            for query in sorted({query for queries, _ in edges(pattern, 6) for query in queries})
        ]
        expected.setdefault("weight", []).append(float(np.mean(read)))
        types += [FUNCTIONAL_TYPES[after[head]] for head in one.heads]
    for name, values in expected.items():
        assert getattr(found, name) == pytest.approx(np.mean(values)), name
    assert found.types == {name: types.count(name) for name in set(types)}
    assert found.changed_type > 0


def extraction(name: str, folder: Path, n: int = 12) -> CachedExtraction:
    return CachedExtraction(locate(name, None, None), load_problems("synthetic", n=n, seed=7), folder)


@pytest.fixture(scope="module", params=["tiny-gpt2", "tiny-llama"])
def embedded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CachedExtraction:
    return extraction(request.param, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def found(embedded: CachedExtraction) -> PlantedHeads:
    found = planted_heads(embedded, 42)
    assert found is not None
    return found


def means_of(embedded: CachedExtraction) -> tuple[list[Planting], Any]:
    planted = plantings(np.asarray(embedded.patterns().raw).mean(axis=0, dtype=np.float64), 42)
    return planted, module._means(embedded, planted)


def test_a_strong_bias_gives_the_heads_the_pattern_and_no_bias_leaves_them_alone(
    embedded: CachedExtraction, found: PlantedHeads
) -> None:
    planted, means = means_of(embedded)
    own = np.asarray(embedded.patterns().raw).mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(means[0], own, atol=1e-5)
    strongest = means[1:].reshape(len(planted), LAST, *own.shape)[:, -1]
    for one, mean in zip(planted, strongest, strict=True):
        for head in one.heads:
            for queries, keys in edges(one.pattern, 6):
                assert mean[head][list(queries)][:, list(keys)].sum(axis=-1).min() > 0.5
                assert own[head][list(queries)][:, list(keys)].sum(axis=-1).max() < 0.5
    assert all(pattern.found[LAST].weight > 0.95 for pattern in found.patterns)


def test_without_a_bias_the_heads_stand_where_the_model_s_own_ranking_has_them(
    embedded: CachedExtraction, found: PlantedHeads
) -> None:
    raw = np.asarray(embedded.patterns().raw)
    table = HeadRanking(Sample(raw, 42)).table
    for pattern in found.patterns:
        by_score = table.sort_values(f"{pattern.score}_score", ascending=False)
        for heads, own, composite in zip(
            pattern.heads, pattern.found[0].own_ranks, pattern.found[0].composite_ranks, strict=True
        ):
            for (layer, head), rank, by_composite in zip(heads, own, composite, strict=True):
                assert by_score.iloc[rank - 1][["layer", "head"]].tolist() == [layer, head]
                assert table.iloc[by_composite - 1][["layer", "head"]].tolist() == [layer, head]
                assert rank > 16
        nothing = pattern.found[0]
        assert (nothing.own_recall, nothing.own_newcomers, nothing.composite_newcomers) == (0, 0, 0)
        assert (nothing.changed_type, nothing.changed_by_scale, nothing.became_expected) == (0, 0, 0)


def test_hubs_and_skips_that_are_planted_strongly_come_first_by_their_own_score(found: PlantedHeads) -> None:
    for pattern in found.patterns[1:]:
        assert all(sorted(ranks) == [1, 2, 3] for ranks in pattern.found[LAST].own_ranks), pattern.pattern
        assert (pattern.found[LAST].own_recall, pattern.found[LAST].own_false_positives) == (1, 0)


def test_planted_chains_rise_far_above_where_they_stood(found: PlantedHeads) -> None:
    chain = found.patterns[0]
    assert np.median(chain.found[LAST].own_ranks) <= 3
    assert np.min(chain.found[0].own_ranks) > 16
    assert set(chain.found[LAST].types) <= {"Forward Flow", "Multi-Purpose"}


def test_every_planted_head_has_a_type_and_a_rank_at_every_strength(found: PlantedHeads) -> None:
    assert found.chance == 3 / 32
    assert [(one.pattern, one.score) for one in found.patterns] == list(zip(PATTERNS, SCORES, strict=True))
    for pattern in found.patterns:
        assert [one.bias for one in pattern.found] == list(BIASES)
        assert len(pattern.heads) == CHOICES
        assert all(sum(one.types.values()) == 3 * CHOICES for one in pattern.found)
        weights = [one.weight for one in pattern.found]
        assert weights == sorted(weights)


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("thought again")


def test_what_is_kept_is_read_again_and_other_heads_are_thought_about(
    embedded: CachedExtraction, found: PlantedHeads, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = CachedExtraction(embedded.files, embedded.problems, embedded.cache_dir)
    monkeypatch.setattr(module, "_think", refuse)
    assert planted_heads(again, 42) == found
    with pytest.raises(AssertionError, match="thought again"):
        planted_heads(again, 43)


def test_a_damaged_file_is_made_again(
    embedded: CachedExtraction, found: PlantedHeads, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, means = means_of(embedded)
    (path,) = embedded.cache_dir.glob("extractions/*/mean.npy")
    path.write_bytes(path.read_bytes()[:1000])
    monkeypatch.setattr(module, "_think", lambda *_: means)
    assert planted_heads(embedded, 42) == found
    assert np.array_equal(np.load(path), means)
    assert [file.name for file in path.parent.iterdir()] == ["mean.npy"]


def test_a_run_that_was_cut_off_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (extraction("tiny-gpt2", tmp_path / name, n=40) for name in ("whole", "cut"))
    expected = planted_heads(whole, 42)
    cut.patterns()
    written, tried = ArrayStore.write, list[int]()

    def interrupted(self: ArrayStore, chunk: int, values: Any) -> None:
        tried.append(chunk)
        if tried == [0, 1]:
            raise KeyboardInterrupt
        written(self, chunk, values)

    monkeypatch.setattr(ArrayStore, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        planted_heads(cut, 42)
    assert planted_heads(cut, 42) == expected
    assert tried == [0, 1, 1]
    one, other = (next((tmp_path / name).glob("extractions/*/mean.npy")) for name in ("whole", "cut"))
    assert one.read_bytes() == other.read_bytes()


def test_what_is_kept_needs_no_torch(embedded: CachedExtraction, found: PlantedHeads) -> None:
    code = f"""
import sys
from pathlib import Path
from harness.criteria.planted_heads import planted_heads
from harness.extraction.cached import CachedExtraction
from harness.models.registry import locate
from harness.problems import load_problems
problems = load_problems("synthetic", n=12, seed=7)
found = planted_heads(CachedExtraction(locate({embedded.files.name!r}, None, None), problems, Path(sys.argv[1])), 42)
assert found.model_dump_json() == sys.argv[2]
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(embedded.cache_dir), found.model_dump_json()], check=True)


def test_only_the_first_problems_of_a_large_sample_are_thought_about(
    embedded: CachedExtraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def noted(extraction: Any, problems: Any, planted: Sequence[Planting], folder: Path) -> Any:
        seen.append(problems.ids)
        return np.full((1 + len(planted) * LAST, 4, 8, 6, 6), 0.1)

    monkeypatch.setattr(module, "MOST_PROBLEMS", 5)
    monkeypatch.setattr(module, "_think", noted)
    found = planted_heads(embedded, 42)
    assert seen == [embedded.problems.ids[:5]]
    assert found is not None and found.n_problems == 5


class Few:
    """An extraction of a model with other sizes."""

    def __init__(self, *shape: int):
        self._raw = np.full(shape, 0.1, dtype=np.float32)

    def patterns(self) -> Any:
        return replace(PATTERNS_OF_NOTHING, raw=self._raw)


PATTERNS_OF_NOTHING = harness.AttentionPatterns(*[np.zeros(1)] * 8, problem_ids=())  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3, 2, 4, 4, 4), (3, 1, 1, 6, 6)])
def test_with_too_few_thoughts_or_heads_nothing_is_planted(shape: tuple[int, ...]) -> None:
    assert planted_heads(Few(*shape), 0) is None  # type: ignore[arg-type]


def test_the_summary_keeps_patterns_strengths_and_choices_apart() -> None:
    own = made_up(0)
    planted = plantings(own, 3)
    means = np.stack([own, *(made_up(number) for number in range(1, 1 + len(planted) * LAST))])
    found = summary(means, planted, n_problems=1, seed=3)
    for place, pattern in enumerate(found.patterns):
        mine = planted[place * CHOICES : (place + 1) * CHOICES]
        assert [one.pattern for one in mine] == [pattern.pattern] * CHOICES
        assert pattern.heads == [list(one.heads) for one in mine]
        for step in range(1, len(BIASES)):
            rows = [1 + (place * CHOICES + choice) * LAST + step - 1 for choice in range(CHOICES)]
            assert pattern.found[step] == found_again(BIASES[step], means[rows], own, mine)


def calibrated(*ids: str) -> CalibrationFile:
    entries = [Calibration(id=one, comparator=">", verdict="pass") for one in ids]
    return CalibrationFile(model="m", models=["m"], strengths=[], criteria=entries)


def test_heads_are_planted_where_a_hypothesis_about_ranked_heads_is_judged() -> None:
    assert ranks_heads(calibrated("1.5-hub", "2.2-concentration"))
    assert not ranks_heads(calibrated("1.5-hub", "2.5-distinct", "2.6-differ"))


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(HarnessError, match="cache"):
        planted_heads(extraction("tiny-gpt2", blocked), 42)
