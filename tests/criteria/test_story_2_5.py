"""Story 2.5: figures that differ from their plan are noticed, and p-values are those of plain counting."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.criteria.artifacts import Artifacts
from harness.criteria.drawings import Drawing
from harness.criteria.evidence import ModelStudy
from harness.criteria.registry import find
from harness.criteria.sample import Sample
from harness.criteria.tested import top_heads_apart, types_apart
from harness.extraction.cached import CachedExtraction
from harness.extraction.patterns import AttentionPatterns
from harness.figures.inspect import PanelFacts
from harness.measures import (
    FUNCTIONAL_TYPES,
    EmptyGroup,
    composite_score,
    distance,
    flow,
    functional_type,
    hub_score,
    normalise_rows,
    skip,
    top_k,
)
from harness.models.registry import locate_files
from harness.options import RunOptions
from harness.problems import load_problems
from harness.statistics import shuffled_means
from tests.criteria.planted_cases import nothing, one_purpose_each, same_look_other_mass
from tests.criteria.test_hypotheses import measured

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> ModelStudy:
    """A study with all of its figures."""
    folder = tmp_path_factory.mktemp("study")
    files = locate_files(GOLDEN / "gpt2" / "ckpt_safetensors", GOLDEN / "gpt2" / "base", lora_alpha=16)
    problems = load_problems("synthetic", n=8)
    options = RunOptions(output=folder / "out", cache_dir=folder / "cache", n_problems=8, controls="none")
    study = ModelStudy(options, CachedExtraction(files, problems, folder / "cache"), {})
    study.figures.critical_heads()
    study.figures.details()
    return study


@pytest.fixture
def study(drawn: ModelStudy) -> ModelStudy:
    """The same study, whose drawings can be exchanged."""
    study = copy(drawn)
    study.figures = copy(drawn.figures)
    study.figures.__dict__["_details"] = list(drawn.figures.details())
    return study


def verdict(study: ModelStudy, name: str) -> bool:
    criterion = find(f"2.5-{name}")
    return criterion.rule.holds(criterion.measure(study).value)


def change_panels(drawing: Drawing, change: Callable[[PanelFacts], PanelFacts]) -> Drawing:
    panels = tuple(map(change, drawing.facts.panels))
    return replace(drawing, facts=replace(drawing.facts, panels=panels))


def change_facts(drawing: Drawing, **changes: Any) -> Drawing:
    return replace(drawing, facts=replace(drawing.facts, **changes))


def test_figures_of_a_sound_study_are_as_specified(study: ModelStudy) -> None:
    for name in ("grid", "details", "why"):
        found = find(f"2.5-{name}").measure(study)
        assert find(f"2.5-{name}").rule.holds(found.value), found
    top = study.ranking.table.head(3)
    written = {path.name for path in (study.options.output / "figures" / study.name).iterdir()}
    details = {f"5_critical_head_detail_L{layer}H{head}" for layer, head in zip(top.layer, top["head"], strict=True)}
    assert written == {f"{name}.{kind}" for name in {"4_top_heads_visualization", *details} for kind in ("png", "pdf")}


GRID_FAULTS: dict[str, Callable[[Drawing], Drawing]] = {
    "title": lambda drawn: change_panels(drawn, lambda panel: replace(panel, title=panel.title.replace("L", "M"))),
    "border": lambda drawn: change_panels(drawn, lambda panel: replace(panel, border="#8c8c8d")),
    "panel": lambda drawn: change_panels(drawn, lambda panel: replace(panel, empty=True)),
    "legend": lambda drawn: change_facts(drawn, legend={**drawn.facts.legend, "None": "#000000"}),
    "shape": lambda drawn: change_facts(drawn, rows=4),
    "resolution": lambda drawn: replace(drawn, png=replace(drawn.png, dpi=100)),
}


@pytest.mark.parametrize("fault", GRID_FAULTS)
def test_a_grid_that_differs_is_noticed(study: ModelStudy, fault: str) -> None:
    study.figures.__dict__["_critical_heads"] = GRID_FAULTS[fault](study.figures.critical_heads())
    assert not verdict(study, "grid")


def cells(change: dict[tuple[int, int], str]) -> Callable[[Drawing], Drawing]:
    return lambda drawn: change_panels(
        drawn, lambda panel: replace(panel, annotations={**panel.annotations, **change}) if panel.cells else panel
    )


def longer(panel: PanelFacts) -> PanelFacts:
    return replace(panel, bars={label: tuple(1.01 * value for value in panel.bars[label]) for label in panel.bars})


DETAIL_FAULTS: dict[str, Callable[[Drawing], Drawing]] = {
    "cell": cells({(3, 1): "0.99"}),
    "cell above the diagonal": cells({(1, 3): "0.00"}),
    "bars": lambda drawn: change_panels(drawn, longer),
    "no bars": lambda drawn: change_panels(drawn, lambda panel: replace(panel, bars={})),
    "resolution": lambda drawn: replace(drawn, png=replace(drawn.png, dpi=72)),
}


@pytest.mark.parametrize("fault", DETAIL_FAULTS)
def test_a_detail_figure_that_differs_is_noticed(study: ModelStudy, fault: str) -> None:
    drawn = study.figures.details()
    drawn[2] = DETAIL_FAULTS[fault](drawn[2])
    assert not verdict(study, "details")


def reworded(old: str, new: str) -> Callable[[Drawing], Drawing]:
    def change(drawn: Drawing) -> Drawing:
        texts = tuple(text.replace(old, new, 1) for text in drawn.facts.texts)
        assert texts != drawn.facts.texts
        return change_facts(drawn, texts=texts)

    return change


def retyped(drawn: Drawing) -> Drawing:
    for kind, other in pairwise(FUNCTIONAL_TYPES):
        if any(f": {kind}." in text for text in drawn.facts.texts):
            return reworded(f": {kind}.", f": {other}.")(drawn)
    raise AssertionError("the caption names no type")


WHY_FAULTS: dict[str, Callable[[Drawing], Drawing]] = {
    "rank": reworded("of 12", "of 13"),
    "score": reworded("score 0.", "score 1."),
    "type": retyped,
    "scale": reworded("flow 0.", "flow 2."),
    "head": reworded("type of L", "type of L1"),
    "no caption": lambda drawn: change_facts(drawn, texts=()),
    "twice": lambda drawn: change_facts(drawn, texts=drawn.facts.texts * 2),
    "hub": lambda drawn: change_panels(
        drawn, lambda panel: replace(panel, outlined=dict(list(panel.outlined.items())[1:]))
    ),
    "skip": lambda drawn: change_panels(
        drawn, lambda panel: replace(panel, outlined={name: found[:2] for name, found in panel.outlined.items()})
    ),
    "strip": lambda drawn: change_panels(drawn, lambda panel: replace(panel, title=panel.title.replace("Hub", "Flow"))),
}


@pytest.mark.parametrize("fault", WHY_FAULTS)
def test_a_reason_that_the_ranking_does_not_give_is_noticed(study: ModelStudy, fault: str) -> None:
    drawn = study.figures.details()
    drawn[1] = WHY_FAULTS[fault](drawn[1])
    assert not verdict(study, "why")


@pytest.mark.parametrize("name", ["grid", "why"])
def test_a_ranking_that_says_something_else_is_noticed(study: ModelStudy, name: str) -> None:
    path = study.absolute(study.files.ranked_heads())
    whole = path.read_text()
    header, first, *rest = whole.splitlines()
    place, scores = first.split(",")[:2], first.split(",")[2:]
    edited = [str(float(scores[0]) * 0.9), *scores[1:3], str(float(scores[3]) + 0.02), *scores[4:]]
    try:
        path.write_text("\n".join([header, ",".join([*place, *edited]), *rest]))
        assert not verdict(study, name)
    finally:
        path.write_text(whole)


def test_details_of_heads_that_are_no_longer_the_most_critical_disappear(study: ModelStudy) -> None:
    folder = study.absolute(f"figures/{study.name}")
    left = [folder / "5_critical_head_detail_L90H7.png", folder / "5_critical_head_detail_L90H7.pdf"]
    mine = [folder / "5_critical_head_detail_L90H7 marked.png", folder / "notes.txt"]
    for path in (*left, *mine):
        path.touch()
    del study.figures.__dict__["_details"]
    study.figures.details()
    assert not any(path.exists() for path in left)
    for path in mine:
        path.unlink()


def test_a_file_too_many_is_noticed(study: ModelStudy) -> None:
    path = study.absolute(f"figures/{study.name}/5_critical_head_detail_L90H7.png")
    path.touch()
    assert not verdict(study, "details")
    path.unlink()
    assert verdict(study, "details")


@pytest.mark.parametrize(("layers", "heads", "latents"), [(16, 32, 8), (1, 2, 12)])
def test_models_of_any_shape_and_name_are_drawn(
    drawn: ModelStudy, tmp_path: Path, layers: int, heads: int, latents: int
) -> None:
    raw = np.random.default_rng(0).dirichlet(np.ones(latents + 1), size=(3, layers, heads, latents))[..., :latents]
    raw = (raw * np.tri(latents)).astype(np.float32)
    study = ModelStudy(replace(drawn.options, output=tmp_path), drawn._extraction, {})
    fields = {name: getattr(drawn.patterns, name) for name in AttentionPatterns.__dataclass_fields__}
    study.__dict__["patterns"] = AttentionPatterns(**{**fields, "raw": raw})
    study.name = "odd $_ näme$ " + "x" * 80
    study.files = Artifacts(study)
    assert verdict(study, "grid")
    assert verdict(study, "why")
    assert find("2.5-details").measure(study).value == f"{min(3, layers * heads)} files"


def plain_distances(mean: Any) -> Any:
    patterns = normalise_rows(mean.reshape(-1, *mean.shape[-2:]))
    return distance(patterns[:, None], patterns[None])


def test_top_heads_are_held_against_shuffles_that_choose_their_own() -> None:
    raw = nothing(n=6, L=2, H=8, noise=1.0)

    def difference(mean: Any) -> float:
        distances = plain_distances(mean)
        top = set(top_k(composite_score(mean), 12).tolist())
        others = [head for head in range(16) if head not in top]
        across = [distances[a, b] for a in top for b in others]
        return float(np.mean(across) - np.mean([distances[a, b] for a in others for b in others if a < b]))

    found = measured(find("2.5-distinct"), raw)
    observed = difference(raw.mean(axis=0, dtype=np.float64))
    assert found.beside["difference"] == pytest.approx(observed)
    null = [difference(mean) for mean in shuffled_means(raw, 1000, 0)]
    hits = sum(value >= observed - 1e-9 for value in null)
    assert 0 < hits < 1000
    assert found.value == pytest.approx((1 + hits) / 1001)


def test_each_draw_is_held_against_all_draws() -> None:
    raw = nothing(n=6, L=2, H=8, noise=1.0)
    sample = Sample(raw, 0)
    p = top_heads_apart(12).on_draws(sample)
    assert p.shape == (1000,)
    assert p.min() == 1 / 1000 and p.max() == 1
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.002)


def test_with_twelve_heads_there_is_no_random_group() -> None:
    with pytest.raises(EmptyGroup, match="beside the 12 compared, of 12"):
        measured(find("2.5-distinct"), nothing(L=3, H=4))


def test_types_are_permuted_in_every_distinct_way_over_the_heads_that_have_one() -> None:
    raw = nothing(n=6, L=1, H=6, noise=0.5, seed=3)
    mean = raw.mean(axis=0, dtype=np.float64)
    kinds = functional_type(mean).ravel()
    typed = np.flatnonzero(kinds != FUNCTIONAL_TYPES.index("None"))
    types, distances = kinds[typed].tolist(), plain_distances(mean)[typed][:, typed]
    assert len(typed) == 5 and len(set(types)) == 3
    pairs = [(a, b) for a in range(5) for b in range(a)]

    def difference(labels: Any) -> float:
        between = [distances[a, b] for a, b in pairs if labels[a] != labels[b]]
        return float(np.mean(between) - np.mean([distances[a, b] for a, b in pairs if labels[a] == labels[b]]))

    reached = [difference(order) >= difference(types) - 1e-9 for order in permutations(types)]
    found = measured(find("2.5-specialised"), raw)
    assert found.value == pytest.approx(np.mean(reached))
    assert found.beside["difference"] == pytest.approx(difference(types))


def test_the_smallest_p_of_many_types_is_that_of_9999_permutations() -> None:
    found = measured(find("2.5-specialised"), one_purpose_each())
    assert found.value == found.attainable[0] == 1 / 10_000  # type: ignore[index]
    assert found.beside["types"] == ["4 Forward Flow", "4 Hub Aggregator", "4 Skip Connection"]


@pytest.mark.parametrize("raw", [nothing(noise=0), nothing(L=1, H=2)], ids=["no type", "no two of a type"])
def test_types_without_anything_to_compare_are_a_reason_not_a_number(raw: Any) -> None:
    with pytest.raises(EmptyGroup, match="two functional types"):
        measured(find("2.5-specialised"), raw)


def test_draws_without_types_to_compare_have_no_p_and_do_not_pass() -> None:
    draws = types_apart(12).on_draws(Sample(nothing(n=2, L=1, H=4, noise=1.0), 0))
    assert np.isnan(draws).any() and np.isfinite(draws).any()
    assert np.nanmin(draws) >= 1 / 6


def test_heads_that_differ_in_mass_alone_look_the_same() -> None:
    found = measured(find("2.5-specialised"), same_look_other_mass())
    assert found.beside["difference"] == pytest.approx(0, abs=1e-12)
    assert found.value == 1


def test_every_match_counts_one_of_the_top_twelve() -> None:
    raw = one_purpose_each()
    assert measured(find("2.5-types"), raw).value == 1.0
    # A fifth head that gathers takes one of the first four below the decile; it pushes a skip out of the top twelve.
    heads = raw.reshape(24, 32, 6, 6)
    heads[:, 12] = 1.02 * heads[:, 7]
    mean = raw.mean(axis=0, dtype=np.float64)
    above = [scores > np.percentile(scores, 90) for scores in (flow(mean), hub_score(mean), skip(mean))]
    top = np.argsort(-composite_score(mean).ravel(), kind="stable")[:12]
    expected = np.mean([above[functional_type(mean).ravel()[head]].ravel()[head] for head in top])
    assert measured(find("2.5-types"), raw).value == expected == 11 / 12
