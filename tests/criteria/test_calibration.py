"""Planted patterns are found, false positives counted, other thresholds tried; and none of it needs a model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.criteria import calibration
from harness.criteria.calibration import (
    CELLS,
    HUB,
    PATTERNS,
    STRENGTHS,
    Design,
    plant_values,
    planted_values,
    sensitivity,
    threshold_for,
)
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import Evaluation
from harness.criteria.effects import Effect, EffectTest
from harness.criteria.hypothesis import KEPT, MeanMeasure, OnPlantings, order_statistics
from harness.criteria.registry import criteria, find
from harness.criteria.remembered import without_rules
from harness.criteria.sample import Sample
from harness.measures import (
    composite_score,
    from_others,
    functional_type,
    incoming,
    layer_members,
    overlap,
    pairwise_distances,
    take_patterns,
    take_scores,
    top_k,
)
from harness.statistics import (
    Ground,
    benjamini_hochberg,
    drawn_p,
    group_permutation_p,
    label_permutation_p,
    plant,
    shuffled,
    sign_flip_p,
)
from tests.criteria.test_rules import result

SMALL = Design(n=12, L=3, H=8, T=6, latent_mass=0.9, seed=5)
EFFECTS = [
    one for one in criteria() if isinstance(one.measure, Evaluation) and isinstance(one.measure.of, Effect | EffectTest)
]
CALIBRATED = [one for one in criteria() if isinstance(one.measure, Evaluation) and one not in EFFECTS]
MEASURES = {one.id: one.measure.of for one in CALIBRATED if one.scope == "model"}
MEANS = {name: measure for name, measure in MEASURES.items() if isinstance(measure, MeanMeasure)}


def few(way: OnPlantings | None, plantings: int) -> OnPlantings:
    assert way is not None
    return replace(way, plantings=plantings)


def planted(kind: Any, strength: float, number: int) -> Sample:
    raw = plant(kind, strength, n=12, L=3, H=8, T=6, seed=(5, number), hub=HUB, latent_mass=0.9, noise=0.1)
    return Sample(raw, number)


def entry(criterion: Criterion, values: Any, measured: Measurement | None = None) -> Any:
    way = few(MEASURES[criterion.id].on_plantings, values.shape[1])
    return calibration.calibration(
        result(criterion.id), criterion.rule, measured or Measurement(0.5), way, values, ["m"]
    )


def test_every_hypothesis_on_patterns_is_calibrated() -> None:
    assert all(one.measure.of.on_plantings is not None for one in CALIBRATED)
    others = [one for one in criteria() if one.kind == "hypothesis" and one not in CALIBRATED and one not in EFFECTS]
    costs_and_samples = {"4.2-correlated", "4.2-variance", "4.2-time", "4.2-memory"}
    costs_and_samples |= {
        f"4.3-{name}" for name in ("overlap", "confirmed", "significant", "hubs", "hub-se", "intervals")
    }
    assert {one.id for one in others} == {"S.1-throughput", "S.1-memory", *costs_and_samples}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """Ten plantings of every criterion."""
    return plant_values({name: few(measure.on_plantings, 10) for name, measure in MEASURES.items()}, (SMALL,))


@pytest.mark.parametrize("name", MEANS)
def test_values_and_shares_are_those_of_planting_and_measuring_one_by_one(values: dict[str, Any], name: str) -> None:
    rule = find(name).rule
    for cell in (0, 3, 7, 12, 18, 20):
        kind, strength = CELLS[cell]
        alone = [MEANS[name].value(planted(kind, strength, number)) for number in range(10)]
        np.testing.assert_allclose(values[name][cell], alone, rtol=1e-12, atol=1e-12)
        share = entry(find(name), values[name])
        found = share.false_positive_rate if cell == 0 else share.power[kind][STRENGTHS.index(strength)]
        assert found == sum(map(rule.holds, alone)) / 10


def test_the_number_of_most_read_positions_is_that_of_one_sample_at_a_time() -> None:
    way = MEASURES["1.5-winner-raw"].on_plantings
    assert way is not None
    samples = [Sample(plant("hub", 0.35, n=9, L=1, H=2, T=6, seed=number, hub=2, noise=2.0), 0) for number in range(20)]
    counts = way.values(np.stack([way.keep(sample) for sample in samples]), 4)
    for count, sample in zip(counts, samples, strict=True):
        received = incoming(sample.raw)
        largest = received.mean(axis=0).argmax()
        short = received[:, [largest]] - np.delete(received, largest, axis=1)
        q = benjamini_hochberg(sign_flip_p(short, 249, 4, "greater"))
        assert count == 1 + (q >= 0.05).sum()
    assert len(set(counts)) > 2


def test_p_values_over_layers_are_those_of_one_sample_at_a_time(values: dict[str, Any]) -> None:
    for cell in (0, 20):
        for number in range(3):
            p = group_permutation_p(planted(*CELLS[cell], number).mean, layer_members(3, 8), 99, SMALL.seed)
            assert values["1.4-layers-differ"][cell, number] == p


def test_stability_pairs_each_sample_with_the_one_before(values: dict[str, Any]) -> None:
    heads = [top_k(composite_score(planted("none", 0.0, number).mean), 10) for number in range(10)]
    alone = [float(overlap(heads[number], heads[number - 1])) for number in range(10)]
    assert values["2.4-stable"][0].tolist() == alone
    assert len(set(alone)) > 2


def test_top_heads_are_held_against_a_shuffle_of_every_sample(values: dict[str, Any]) -> None:
    def difference(mean: Any) -> float:
        chosen = np.isin(np.arange(24), top_k(composite_score(mean), 12))
        return float(from_others(pairwise_distances(mean.reshape(24, 6, 6)), chosen).difference)

    samples = [planted("mixed", 0.25, number) for number in range(10)]
    null = np.array([difference(shuffled(one.raw, one.seed, 0).mean(axis=0, dtype=np.float64)) for one in samples])
    p = [drawn_p(difference(one.mean), null) for one in samples]
    np.testing.assert_allclose(values["2.5-distinct"][CELLS.index(("mixed", 0.25))], p)
    assert values["2.5-distinct"][0].min() > 0.05


def test_types_of_planted_heads_are_permuted_over_them(values: dict[str, Any]) -> None:
    for number in range(3):
        mean = planted("mixed", 0.5, number).mean
        best = top_k(composite_score(mean), 12)
        types = take_scores(functional_type(mean), best)
        p = label_permutation_p(pairwise_distances(take_patterns(mean, best)), types, 99, SMALL.seed)
        assert values["2.5-specialised"][CELLS.index(("mixed", 0.5)), number] == p


def test_without_attention_on_latents_no_planted_test_passes() -> None:
    ways = {name: few(MEASURES[name].on_plantings, 3) for name in ("1.5-nonrandom", "2.5-distinct", "2.5-specialised")}
    for name, found in plant_values(ways, (replace(SMALL, latent_mass=0.0),)).items():
        assert find(name).rule.share(found.ravel().tolist()) == 0, name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("1.5-hub-adjusted", "hub"),
        ("1.4-hub-visible", "hub"),
        ("2.2-concentration", "hub"),
        ("1.5-winner", "hub"),
        ("2.1-top", "chain"),
        ("1.4-squint", "chain"),
        ("2.1-top", "skip"),
        ("1.4-different", "mixed"),
        ("1.4-layers-differ", "mixed"),
        ("1.5-nonrandom", "chain"),
        ("2.5-specialised", "mixed"),
    ],
)
def test_power_rises_with_the_strength_of_what_the_criterion_is_about(
    values: dict[str, Any], name: str, kind: str
) -> None:
    found = entry(find(name), values[name])
    power = found.power[kind]
    assert found.false_positive_rate <= 0.2
    assert power == sorted(power)
    assert power[-1] >= 0.9


def test_a_chain_is_no_hub(values: dict[str, Any]) -> None:
    assert entry(find("1.5-hub-adjusted"), values["1.5-hub-adjusted"]).power["chain"] == [0.0] * len(STRENGTHS)


def test_structure_without_a_pattern_is_rarely_called_more_than_chance() -> None:
    way = few(MEASURES["1.5-nonrandom"].on_plantings, 50)
    p = plant_values({"p": way}, (Design(n=12, L=1, H=4, T=6, latent_mass=0.9, seed=0),))["p"][0]
    assert 0.3 < p.mean() < 0.7
    assert (p < 0.05).mean() <= 0.16


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(values: dict[str, Any]) -> None:
    ways = {name: few(MEASURES[name].on_plantings, 3) for name in ("1.5-ratio", "1.5-winner", "1.5-nonrandom")}
    once, again = (plant_values(ways, (SMALL,)) for _ in range(2))
    assert all(once[name].tobytes() == again[name].tobytes() for name in ways)
    other = plant_values(ways, (replace(SMALL, seed=6),))
    assert not np.array_equal(once["1.5-ratio"], other["1.5-ratio"])


def test_what_one_criterion_gives_does_not_depend_on_the_others(values: dict[str, Any]) -> None:
    alone = plant_values({"1.2-spread": few(MEASURES["1.2-spread"].on_plantings, 10)}, (SMALL,))
    np.testing.assert_array_equal(alone["1.2-spread"], values["1.2-spread"])


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("planted again")


def test_an_edited_threshold_changes_shares_without_planting_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    criterion = find("1.5-hub-adjusted")
    ways = {criterion.id: few(MEASURES[criterion.id].on_plantings, 5)}
    before = entry(criterion, planted_values(ways, (SMALL,), tmp_path)[criterion.id])
    monkeypatch.setattr(Ground, "plant", refuse)
    edited = replace(criterion, rule=Rule(">=", 2.5))
    after = entry(edited, planted_values(ways, (SMALL,), tmp_path)[criterion.id])
    assert before.power["hub"][1] == 1
    assert after.power["hub"][1] == 0
    with pytest.raises(AssertionError, match="planted again"):
        planted_values(ways, (replace(SMALL, n=13),), tmp_path)


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_values_that_were_damaged_or_are_too_few_are_planted_again(tmp_path: Path, damage: bytes | None) -> None:
    ways = {"1.5-ratio": few(MEASURES["1.5-ratio"].on_plantings, 2)}
    whole = planted_values(ways, (SMALL,), tmp_path)["1.5-ratio"]
    (path,) = tmp_path.iterdir()
    if damage is None:
        np.save(path, whole[:, :1])
    else:
        path.write_bytes(damage)
    np.testing.assert_array_equal(planted_values(ways, (SMALL,), tmp_path)["1.5-ratio"], whole)
    np.testing.assert_array_equal(np.load(path), whole)


@pytest.mark.parametrize(
    ("edited", "same"),
    [
        ("X = 1\ny = hypothesis('a', Rule('>=', 3), g(Rule('<', 1)))", True),
        ("# why\nX = 1\ny = hypothesis('a', Rule('in', (1, (2, 3))), g(Rule('<', 1)))", True),
        ("X = 2\ny = hypothesis('a', Rule('>', 2), g(Rule('<', 1)))", False),
        ("X = 1\ny = hypothesis('a', Rule('>', 2), g(Rule('<', 2)))", False),
    ],
)
def test_the_code_that_kept_values_rest_on_has_no_rules_in_it(tmp_path: Path, edited: str, same: bool) -> None:
    for name, text in {"before": "X = 1\ny = hypothesis('a', Rule('>', 2), g(Rule('<', 1)))", "after": edited}.items():
        (tmp_path / name).write_text(text)
    before, after = (without_rules(tmp_path / name) for name in ("before", "after"))
    assert (before == after) == same


numbers = st.lists(st.sampled_from([*np.linspace(0, 1, 30).tolist(), float("nan")]), min_size=20, max_size=60)


@settings(max_examples=60, deadline=None)
@given(none=numbers, comparator=st.sampled_from([">=", ">", "<=", "<"]))
def test_the_threshold_for_false_positives_is_the_least_strict_that_keeps_them_rare(
    none: list[float], comparator: Any
) -> None:
    def share(threshold: float) -> float:
        return Rule(comparator, threshold).share(none)

    rare = [value for value in none if 0 < share(value) <= 0.05]
    found = threshold_for(Rule(comparator, 0.5), np.array(none))
    if not rare:
        assert found is None
    else:
        assert found is not None
        assert 0 < share(found) <= 0.05
        assert share(found) == max(map(share, rare))


def test_a_rule_without_a_single_threshold_has_none_to_move() -> None:
    none = np.linspace(0, 5, 200)
    assert threshold_for(Rule("in", (1, 2)), none) is None
    assert threshold_for(Rule("between", (2, 3)), none) is None
    cells = np.tile(none, (len(CELLS), 1))
    criterion = find("2.4-critical")
    found = entry(criterion, cells)
    assert found.sensitivity is None
    assert found.false_positive_rate == np.mean((none >= 2) & (none <= 3))


def test_undefined_values_never_pass_and_are_no_threshold() -> None:
    none = np.array([np.nan] * 100 + [1.0] * 95 + [2.0] * 5)
    assert threshold_for(Rule(">=", 0), none) == 2
    cells = np.tile(none, (len(CELLS), 1))
    found = entry(find("1.5-ratio"), cells)
    assert found.false_positive_rate == 5 / 200
    assert found.planted_values["none"] == [[1.0, None, None]]


def test_sensitivity_says_of_every_threshold_what_the_rule_would() -> None:
    rng = np.random.default_rng(0)
    resampled, none = rng.normal(0.5, 0.05, 2000), rng.normal(0.2, 0.05, (len(CELLS), 200))
    measured = Measurement(0.5, interval=(0.4, 0.6), attainable=(0.0, 1.0), resampled=order_statistics(resampled))
    found = sensitivity(Rule(">", 0.45), measured, none)
    assert found.thresholds == sorted(set(found.thresholds))
    assert 0 <= found.thresholds[0] < 0.1
    assert 0.6 < found.thresholds[-1] <= 1
    assert found.thresholds.index(0.45)
    assert found.share_of_resamples is not None and found.false_positive_rate is not None
    for place, threshold in enumerate(found.thresholds):
        assert found.passes[place] == (threshold < 0.5)
        assert found.share_of_resamples[place] == pytest.approx((resampled > threshold).mean(), abs=1.01 / KEPT)
        assert found.false_positive_rate[place] == (none[0] > threshold).mean()


def test_sensitivity_of_a_p_value_is_spaced_in_its_logarithm() -> None:
    cells = np.tile(np.linspace(0.005, 1, 200), (len(CELLS), 1))
    found = sensitivity(Rule("<", 0.05), Measurement(1e-4, attainable=(1e-4, 1.0)), cells)
    assert found.share_of_resamples is None
    assert found.thresholds[0] == 1e-4 and found.thresholds[-1] == 1
    assert sum(threshold < 0.01 for threshold in found.thresholds) > 5


@pytest.mark.parametrize("measured", [Measurement(None), Measurement(0.0, attainable=(0.0, 0.0))])
def test_sensitivity_without_a_value_or_a_range_still_has_the_threshold(measured: Measurement) -> None:
    found = sensitivity(Rule(">", 0.0), measured, None)
    assert 0.0 in found.thresholds
    assert not any(found.passes[found.thresholds.index(0.0) :])


def test_order_statistics_stand_for_all_values() -> None:
    drawn = np.random.default_rng(1).permutation(4100).astype(float)
    kept = order_statistics(drawn)
    assert len(kept) == KEPT
    np.testing.assert_array_equal(kept, np.arange(50, 4100, 100))
    with_undefined = order_statistics(np.where(drawn < 2000, np.nan, drawn))
    assert np.isnan(with_undefined).sum() == 20 and not np.isnan(with_undefined[0])


def test_the_design_is_like_the_sample() -> None:
    masses = np.random.default_rng(0).uniform(0.01, 0.9, size=(6, 5))
    raw = plant("hub", 0.5, n=7, L=2, H=3, T=5, seed=0, latent_mass=masses)
    design = Design.like(Sample(raw, 9))
    assert (design.n, design.L, design.H, design.T, design.seed) == (7, 2, 3, 5, 9)
    np.testing.assert_allclose(np.array(design.latent_mass), masses, rtol=0.051)
    assert {len(f"{mass:.15g}".lstrip("0.")) for head in design.latent_mass for mass in head} <= {1, 2}
    assert Design.like(Sample(raw, 9), 1) == replace(design, seed=10)
    again = Sample(design.ground(0).plant("chain", 1.0), 0).mean
    np.testing.assert_allclose(again.sum(axis=-1).reshape(6, 5), np.array(design.latent_mass), rtol=1e-5)


def test_the_file_tells_masses_in_three_numbers() -> None:
    said = Design(n=7, L=1, H=2, T=2, latent_mass=((0.1, 0.2), (0.3, 0.6)), seed=9).about()
    assert said["latent_mass"] == {"mean": 0.3, "least": 0.1, "most": 0.6}


def test_patterns_and_strengths_are_those_of_the_file() -> None:
    assert CELLS[0] == ("none", 0.0)
    assert CELLS[1:] == tuple((kind, strength) for kind in PATTERNS for strength in STRENGTHS)


@pytest.mark.parametrize("T", [6, 8, 12])
def test_a_lone_hub_is_found_in_planted_samples_of_any_number_of_thoughts(T: int) -> None:
    way = MEASURES["1.5-winner"].on_plantings
    raw = plant("hub", 0.8, n=60, L=2, H=4, T=T, seed=1, hub=2, noise=0.02)
    assert way is not None and int(way.keep(Sample(raw, 0))) >= 1


def test_the_study_s_own_masses_let_patterns_reach_what_its_heads_reach() -> None:
    """One head that looks at the thoughts often is enough for a rule about the strongest heads."""
    masses = np.full((24, 6), 0.05)
    masses[3:7] = 0.95
    raw = plant("none", 0, n=12, L=3, H=8, T=6, seed=0, latent_mass=masses)
    values = plant_values({"1.2-max": few(MEASURES["1.2-max"].on_plantings, 3)}, (Design.like(Sample(raw, 5)),))[
        "1.2-max"
    ]
    assert values[CELLS.index(("hub", 1.0))].tolist() == [4 / 24] * 3
