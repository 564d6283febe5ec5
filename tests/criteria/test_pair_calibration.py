"""Patterns planted in one of two models: what a comparison finds, how often it finds what is not there, what is written."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.criteria.calibration import CELLS, HUB, PATTERNS, STRENGTHS, Design, plant_values
from harness.criteria.compared import strategy
from harness.criteria.declare import Evaluation
from harness.criteria.hypothesis import OnPlantings
from harness.criteria.pair_study import PairStudy
from harness.criteria.paired import Pair, PairMeasure
from harness.criteria.registry import criteria, find
from harness.criteria.sample import Sample
from harness.judging import Run
from harness.measures import specialisation
from harness.results import CalibrationFile, CriterionResult
from harness.statistics import benjamini_hochberg, plant, resample_weights, sign_flip_p
from tests.criteria.planted_cases import deeper_hubs, hubs_in, nothing
from tests.criteria.test_comparison import planted

MEASURES: dict[str, PairMeasure] = {
    one.id: one.measure.of for one in criteria() if isinstance(one.measure, Evaluation) and one.scope == "pair"
}
SMALLER = Design(n=24, L=3, H=8, T=6, latent_mass=0.95, seed=5)
LARGER = Design(n=24, L=4, H=7, T=6, latent_mass=0.9, seed=6)
UNLIKE = (SMALLER, LARGER)
ALIKE = (SMALLER, replace(SMALLER, seed=6))
FEW = 6
FOUND: dict[str, tuple[str, ...]] = {
    "2.6-differ": ("hub", "chain", "skip", "mixed", "few"),
    "2.6-visible": ("hub", "chain", "skip", "mixed", "few"),
    # Every head of a hub, a chain or a skip follows it alike, and specialisation is how unlike the heads are.
    "2.6-capacity": ("mixed", "few"),
    # A head with one chain or one skip stays below 0.7: its flow gives 0.4, its skip 0.07, its hub score next to nothing.
    "2.6-fewer": ("hub", "mixed", "few"),
}
"""The patterns that are found at full strength, in models whose attention lies on latents."""


def few(name: str, plantings: int = FEW) -> OnPlantings:
    return replace(MEASURES[name].on_plantings, plantings=plantings)


def values_of(designs: tuple[Design, ...], plantings: int = FEW, *names: str) -> dict[str, Any]:
    return plant_values({name: few(name, plantings) for name in names or MEASURES}, designs)


def share(name: str, values: Any) -> float:
    return find(name).rule.share(values.tolist())


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return values_of(UNLIKE)


def pair(kind: Any, strength: float, number: int, into: int) -> Pair:
    """A pair planted by hand: the pattern in one model, nothing in the other."""
    first, second = (
        Sample(
            plant(
                *((kind, strength) if place == into else ("none", 0.0)),
                n=one.n, L=one.L, H=one.H, T=one.T, seed=(one.seed, number), hub=HUB, latent_mass=one.latent_mass,
            ),
            number,
        )
        for place, one in enumerate(UNLIKE)
    )  # fmt: skip
    return Pair(("small", "large"), (first, second))


def smallest_q(given: Pair) -> float:
    first, second = (strategy(sample.raw) for sample in given.samples)
    return float(benjamini_hochberg(sign_flip_p(first - second, 249, SMALLER.seed)).min())


def lower_end(given: Pair) -> float:
    weights = resample_weights(24, 99, given.samples[0].seed)
    first, second = (
        np.array([specialisation(np.tensordot(one, sample.raw.astype(float), axes=1)) for one in weights])
        for sample in given.samples
    )
    return float(np.quantile(first - second, 0.025))


ALONE: dict[str, tuple[int, Callable[[Pair], float]]] = {
    "2.6-differ": (0, smallest_q),
    "2.6-visible": (0, MEASURES["2.6-visible"].on_control),
    "2.6-capacity": (0, lower_end),
    "2.6-fewer": (1, MEASURES["2.6-fewer"].on_control),
}
"""The model that has the pattern, and the value of one pair."""


@pytest.mark.parametrize("name", MEASURES)
def test_values_are_those_of_planting_and_comparing_one_pair_at_a_time(values: dict[str, Any], name: str) -> None:
    into, measure = ALONE[name]
    for cell in (0, 1, 8, 11, 16, 20):
        alone = [measure(pair(*CELLS[cell], number, into)) for number in range(FEW)]
        np.testing.assert_allclose(values[name][cell], alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "kind"), [*product(MEASURES, PATTERNS)])
def test_what_a_criterion_is_about_is_found_and_nothing_else(values: dict[str, Any], name: str, kind: str) -> None:
    power = [
        share(name, values[name][CELLS.index((kind, strength))])  # type: ignore[arg-type]
        for strength in STRENGTHS
    ]
    assert power == sorted(power)
    assert power[-1] == (1.0 if kind in FOUND[name] else 0.0)


def test_no_head_is_critical_where_little_attention_lies_on_latents() -> None:
    short = replace(LARGER, latent_mass=0.2)
    assert (values_of((SMALLER, short), 2, "2.6-fewer")["2.6-fewer"] == 0).all()


@pytest.mark.parametrize("name", ["2.6-capacity", "2.6-fewer"])
def test_a_directed_rule_is_not_met_by_a_pattern_in_the_other_model(name: str) -> None:
    way = few(name)
    swapped = plant_values({name: replace(way, into=1 - way.into)}, UNLIKE)[name]
    assert share(name, swapped[CELLS.index(("mixed", 1.0))]) == 0


def test_only_one_model_has_the_pattern_and_both_have_noise_of_their_own() -> None:
    def show(into: int) -> Any:
        seen = []

        def remember(first: Any, second: Any, seed: int) -> Any:
            seen.append((first, second))
            return np.zeros(len(first))

        plant_values({"x": OnPlantings(lambda sample: sample.raw, remember, 3, into=into)}, ALIKE)
        return seen

    for into in (0, 1):
        cells = show(into)
        nothing_planted = cells[0]
        for cell in cells[1:]:
            np.testing.assert_array_equal(cell[1 - into], nothing_planted[1 - into])
            assert not np.array_equal(cell[into], nothing_planted[into])
        between_models = nothing_planted[0][..., 3, 0] - nothing_planted[1][..., 3, 0]
        assert (between_models != 0).all()
        assert len({one.tobytes() for one in nothing_planted[0]}) == 3


@pytest.mark.parametrize("name", ["2.6-differ", "2.6-visible"])
def test_a_test_at_5_percent_passes_about_as_many_pairs_with_nothing_planted(name: str) -> None:
    small = (Design(n=12, L=1, H=6, T=6, latent_mass=0.9, seed=1), Design(n=12, L=1, H=6, T=6, latent_mass=0.9, seed=2))
    none = values_of(small, 200, name)[name][0]
    assert 0.01 <= share(name, none) <= 0.1
    assert share(name, none) < (none < 0.3).mean() < 0.5


def test_a_difference_in_specialisation_is_rarely_seen_between_models_alike() -> None:
    assert share("2.6-capacity", values_of(ALIKE, 50, "2.6-capacity")["2.6-capacity"][0]) <= 0.1


def test_without_attention_on_latents_no_planted_pair_passes() -> None:
    empty = (replace(SMALLER, latent_mass=0.0), LARGER)
    for name in ("2.6-differ", "2.6-visible"):
        assert np.isnan(values_of(empty, 2, name)[name]).all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(values: dict[str, Any]) -> None:
    again = values_of(UNLIKE)
    assert all(values[name].tobytes() == again[name].tobytes() for name in MEASURES)
    for other in ((replace(SMALLER, seed=7), LARGER), (SMALLER, replace(LARGER, seed=7))):
        assert not np.array_equal(values_of(other, FEW, "2.6-capacity")["2.6-capacity"], values["2.6-capacity"])


@pytest.mark.parametrize("name", MEASURES)
def test_what_one_criterion_gives_does_not_depend_on_the_others(values: dict[str, Any], name: str) -> None:
    np.testing.assert_array_equal(values_of(UNLIKE, FEW, name)[name], values[name])


PATH = "results/small_vs_large_calibration.json"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PairStudy:
    """Two small models of different sizes, of which a few pairs are planted."""
    for measure in MEASURES.values():
        monkeypatch.setitem(measure.on_plantings.__dict__, "plantings", 3)
    return planted(tmp_path, hubs_in(2), deeper_hubs())


def judged_and_calibrated(
    study: PairStudy, monkeypatch: pytest.MonkeyPatch, **changes: Any
) -> tuple[list[CriterionResult], list[CriterionResult]]:
    study.options = replace(study.options, models=("small", "large"), **changes)
    monkeypatch.setattr(Run, "pair_study", lambda self, name: study)
    monkeypatch.setattr(Run, "_broken_ground", lambda *given: [])
    run = Run(study.options)
    judged = [run.judge(find(name), study.name) for name in ("2.6-same", *MEASURES, "2.6-report")]
    return judged, run.calibrated(judged)


def written(study: PairStudy) -> CalibrationFile:
    return CalibrationFile.model_validate_json(study.absolute(PATH).read_text(encoding="utf-8"))


def test_a_pair_s_calibration_holds_its_hypotheses_and_says_where_each_pattern_is(
    study: PairStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, calibrated = judged_and_calibrated(study, monkeypatch)
    assert [one.id for one in calibrated if PATH in one.artifacts] == list(MEASURES)
    content = written(study)
    assert (content.model, content.models) == ("small_vs_large", ["small", "large"])
    assert content.provenance == study.provenance
    assert content.planted is not None
    sizes = [[one[name] for name in ("n", "L", "H", "T")] for one in content.planted["models"].values()]
    assert sizes == [[24, 3, 8, 6], [24, 2, 6, 6]]
    by_id = {one.id: one for one in judged}
    assert [entry.id for entry in content.criteria] == list(MEASURES)
    for entry in content.criteria:
        assert entry.planted_in == ("large" if entry.id == "2.6-fewer" else "small")
        assert entry.plantings == 3
        assert (entry.verdict, entry.measured) == (by_id[entry.id].verdict, by_id[entry.id].measured)
        assert entry.power is not None and set(entry.power) == set(PATTERNS)
        assert entry.sensitivity is not None and entry.sensitivity.false_positive_rate is not None
        place = entry.sensitivity.thresholds.index(entry.threshold)  # type: ignore[arg-type]
        assert entry.sensitivity.passes[place] == (entry.verdict == "pass")
        assert entry.sensitivity.false_positive_rate[place] == entry.false_positive_rate
        assert (entry.sensitivity.share_of_resamples is not None) == (entry.id == "2.6-fewer")


def test_a_second_run_reads_what_was_planted_and_writes_the_same_bytes(
    study: PairStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("computed again")

    judged_and_calibrated(study, monkeypatch)
    before = study.absolute(PATH).read_bytes()
    study.absolute(PATH).unlink()
    monkeypatch.setattr("harness.criteria.pair_study.evaluate_pair", refuse)
    monkeypatch.setattr("harness.criteria.calibration.plant_values", refuse)
    judged_and_calibrated(study, monkeypatch)
    assert study.absolute(PATH).read_bytes() == before


def test_without_controls_nothing_is_planted_in_a_pair(study: PairStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    judged_and_calibrated(study, monkeypatch, controls="none")
    content = written(study)
    assert content.planted is None
    assert all(entry.power is None and entry.sensitivity is not None for entry in content.criteria)


def test_planted_pairs_have_the_sizes_that_are_compared(tmp_path: Path) -> None:
    smaller, larger = planted(tmp_path, nothing(n=9, latent_mass=0.3), deeper_hubs()).samples.values()
    assert Design.like(smaller) == Design(n=9, L=3, H=8, T=6, latent_mass=((0.3,) * 6,) * 24, seed=42)
    assert replace(Design.like(larger, 1), latent_mass=0.9) == Design(n=9, L=2, H=6, T=6, latent_mass=0.9, seed=43)
