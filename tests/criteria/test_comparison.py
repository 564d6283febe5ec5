"""Two models compared: planted pairs, oracles for each procedure, and the files and figures of a comparison."""

import json
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap, entropy, permutation_test

from harness.criteria.compared import cohens_d, strategy
from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.pair_study import PairStudy
from harness.criteria.paired import Pair, PairMeasure, aligned, evaluate_pair
from harness.criteria.registry import criteria, find
from harness.criteria.sample import Sample
from harness.measures import TooFewLatents, composite_score, specialisation
from harness.options import RunOptions
from tests.criteria.planted_cases import PAIR_CASES, chain, deeper_hubs, hub, hubs_in, nothing

HYPOTHESES = [criterion for criterion in criteria() if (criterion.kind, criterion.scope) == ("hypothesis", "pair")]
NAMES = ("small", "large")


def pair_of(first: Any, second: Any, seed: int = 0) -> Pair:
    return aligned(NAMES, (first, second), [range(len(first)), range(len(second))], seed)


@dataclass
class OnlyPair:
    """A study that has two models' patterns and nothing else."""

    pair: Pair
    controls: bool = False

    def evaluate(self, criterion_id: str, measure: PairMeasure, rule: Rule) -> Measurement:
        return evaluate_pair(measure, rule, self.pair, self.controls)


def measured(criterion: Criterion, raws: tuple[Any, Any], **settings: Any) -> Measurement:
    return criterion.measure(OnlyPair(pair_of(*raws), **settings))


def test_every_hypothesis_about_pairs_has_a_planted_case() -> None:
    assert {criterion.id for criterion in HYPOTHESES} == set(PAIR_CASES)


@pytest.mark.parametrize("criterion", HYPOTHESES, ids=lambda criterion: criterion.id)
class TestEveryHypothesis:
    def test_it_passes_on_its_signal_and_fails_on_its_null(self, criterion: Criterion) -> None:
        signal, null = (measured(criterion, make()) for make in PAIR_CASES[criterion.id])
        assert criterion.rule.holds(signal.value), signal
        assert not criterion.rule.holds(null.value), null

    def test_a_model_does_not_differ_from_itself(self, criterion: Criterion) -> None:
        same = deeper_hubs()
        assert not criterion.rule.holds(measured(criterion, (same, same)).value)

    def test_halves_of_one_model_do_not_pass_where_the_models_do(self, criterion: Criterion) -> None:
        found = measured(criterion, PAIR_CASES[criterion.id][0](), controls=True)
        assert set(found.controls) == {"halves of small", "halves of large"}
        assert not any(criterion.rule.holds(control.measured) for control in found.controls.values()), found.controls

    def test_the_order_of_problems_decides_nothing(self, criterion: Criterion) -> None:
        first, second = PAIR_CASES[criterion.id][0]()
        order = np.random.default_rng(1).permutation(len(first))
        assert criterion.rule.holds(measured(criterion, (first[order], second[order])).value)

    def test_values_and_intervals_lie_in_the_attainable_range(self, criterion: Criterion) -> None:
        for make in PAIR_CASES[criterion.id]:
            found = measured(criterion, make())
            assert found.attainable is not None
            low, high = found.attainable
            for value in (found.value, *(found.interval or ())):
                assert low - 1e-9 <= value <= high + 1e-9  # type: ignore[operator]

    def test_weights_that_are_not_numbers_are_never_judged(self, criterion: Criterion) -> None:
        first, second = PAIR_CASES[criterion.id][0]()
        second = second.copy()
        second[0, 0, 0, 3, 1] = np.nan
        with pytest.raises(ValueError, match="finite"):
            measured(criterion, (first, second))

    def test_attention_without_latent_mass_passes_nothing(self, criterion: Criterion) -> None:
        empty = np.zeros((6, 3, 8, 6, 6))
        found = measured(criterion, (empty, nothing(n=6)), controls=True)
        assert criterion.id == "2.6-fewer" or found.value is None
        assert not any(criterion.rule.holds(control.measured) for control in found.controls.values())

    def test_too_few_thoughts_are_a_reason_not_a_number(self, criterion: Criterion) -> None:
        with pytest.raises(TooFewLatents, match="5 latents"):
            measured(criterion, (nothing(T=4), nothing()))

    def test_a_single_problem_is_compared_without_controls(self, criterion: Criterion) -> None:
        found = measured(criterion, (chain(n=1), hub(n=1)), controls=True)
        assert found.controls == {} and found.n_problems == 1

    def test_thoughts_that_one_model_does_not_have_are_left_out(self, criterion: Criterion) -> None:
        longer = deeper_hubs()
        assert measured(criterion, (chain(), longer)) == measured(criterion, (chain(), longer[..., :6, :6]))


class TestDiffer:
    def test_p_is_that_of_a_paired_permutation_test(self) -> None:
        first, second = nothing(n=9, noise=0.4), nothing(n=9, noise=0.4, seed=8)
        found = measured(find("2.6-differ"), (first, second))
        for index, p in enumerate(found.beside["p"]):  # type: ignore[arg-type]
            columns = [strategy(raw)[:, index] for raw in (first, second)]
            exact = permutation_test(
                columns, lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
            ).pvalue
            assert p == pytest.approx(exact, abs=0.02)

    def test_scores_differences_and_effects_equal_their_definitions(self) -> None:
        first, second = chain(n=5), deeper_hubs()[:5]
        found = measured(find("2.6-differ"), (first, second)).beside
        by_problem = [[plain_strategy(problem) for problem in raw[..., :6, :6]] for raw in (first, second)]
        differences = np.array(by_problem[0]) - np.array(by_problem[1])
        assert found["mean of small"] == pytest.approx(np.mean(by_problem[0], axis=0))
        assert found["mean of large"] == pytest.approx(np.mean(by_problem[1], axis=0))
        assert found["difference"] == pytest.approx(differences.mean(axis=0))
        assert found["Cohen's d"] == pytest.approx(differences.mean(axis=0) / differences.std(axis=0, ddof=1))

    def test_q_is_corrected_over_three_measures(self) -> None:
        found = measured(find("2.6-differ"), (nothing(noise=0.4), nothing(noise=0.4, seed=8)))
        p = sorted(found.beside["p"])  # type: ignore[arg-type]
        assert found.q_value == found.value == pytest.approx(min(p[0] * 3, p[1] * 1.5, p[2]))

    def test_pairs_without_a_difference_rarely_pass(self) -> None:
        passes = 0
        for seed in range(60):
            first, second = (nothing(n=12, L=1, H=3, noise=0.5, seed=2 * seed + k) for k in range(2))
            passes += find("2.6-differ").rule.holds(measured(find("2.6-differ"), (first, second)).value)
        assert passes <= 8

    def test_effects_of_differences_that_do_not_vary_are_unknown(self) -> None:
        assert np.isnan(cohens_d(np.ones((4, 2)))).all()
        assert np.isnan(cohens_d(np.ones((1, 2)))).all()


def plain_strategy(problem: Any) -> list[float]:
    """Flow, hub and skip of one problem's heads, counted cell by cell."""
    scores = []
    for head in problem.astype(float).reshape(-1, *problem.shape[-2:]):
        T = len(head)
        rows = [[head[i, j] / sum(head[i, : i + 1]) for j in range(i + 1)] for i in range(T)]
        columns = [sum(rows[i][j] for i in range(j, T)) for j in range(T)]
        flow = sum(rows[i][j] for i in range(T) for j in range(i)) / T
        hub = sum((column - 1) ** 2 for column in columns) / T
        scores.append([flow, hub, sum(rows[-1][:3]) / 3])
    return [float(value) for value in np.mean(scores, axis=0)]


class TestVisible:
    @pytest.mark.parametrize("second", [deeper_hubs, lambda: nothing(L=1, H=3, noise=0.5)], ids=["5 and 5", "5 and 3"])
    def test_p_counts_every_way_to_deal_the_heads(self, second: Any) -> None:
        raws = nothing(noise=0.5), second()
        means = [raw[..., :6, :6].mean(axis=0, dtype=np.float64) for raw in raws]
        heads, sizes = [], []
        for mean in means:
            flat, scores = mean.reshape(-1, 6, 6), composite_score(mean).ravel()
            best = np.argsort(-scores, kind="stable")[:5]
            heads += [flat[k] / flat[k].sum(axis=1, keepdims=True) for k in best]
            sizes.append(len(best))

        def apart(chosen: tuple[int, ...]) -> float:
            groups = [[heads[k] for k in range(len(heads)) if (k in chosen) == inside] for inside in (True, False)]
            a, b = (np.mean(group, axis=0) for group in groups)
            return float(np.mean([0.5 * abs(a[i] - b[i]).sum() for i in range(1, 6)]))

        deals = [apart(deal) for deal in combinations(range(sum(sizes)), sizes[0])]
        observed = apart(tuple(range(sizes[0])))
        found = measured(find("2.6-visible"), raws)
        assert found.beside["distance"] == pytest.approx(observed)
        assert found.value == pytest.approx(np.mean([deal >= observed - 1e-12 for deal in deals]))

    def test_the_smallest_p_needs_the_heads_of_both_models_apart(self) -> None:
        found = measured(find("2.6-visible"), PAIR_CASES["2.6-visible"][0]())
        assert found.value == pytest.approx(2 / 252)
        assert found.attainable == pytest.approx((2 / 252, 1))


class TestCapacity:
    def test_the_interval_is_the_paired_percentile_bootstrap_of_scipy(self) -> None:
        first, second = nothing(noise=0.8, latent_mass=0.9), nothing(noise=0.8, latent_mass=0.9, seed=9)

        def difference(rows: Any) -> float:
            return float(specialisation(first[rows].mean(axis=0)) - specialisation(second[rows].mean(axis=0)))

        theirs = bootstrap(
            (np.arange(24),), difference, n_resamples=2000, method="percentile", vectorized=False,
            rng=np.random.default_rng(3),
        ).confidence_interval  # fmt: skip
        found = measured(find("2.6-capacity"), (first, second))
        assert found.interval == pytest.approx((theirs.low, theirs.high), abs=0.15 * (theirs.high - theirs.low))
        assert found.value == found.interval[0]  # type: ignore[index]

    def test_specialisations_are_those_of_the_entropy(self) -> None:
        raws = hubs_in(2), deeper_hubs()
        found = measured(find("2.6-capacity"), raws)
        for name, raw in zip(NAMES, raws, strict=True):
            scores = composite_score(raw[..., :6, :6].mean(axis=0, dtype=np.float64)).ravel()
            expected = 1 - entropy(scores) / np.log(len(scores))
            assert found.beside[f"specialisation of {name}"] == pytest.approx(expected)

    def test_problems_are_resampled_for_both_models_alike(self) -> None:
        raw = nothing(noise=0.8)
        found = measured(find("2.6-capacity"), (raw, 0.5 * raw + 0.5 * raw))
        assert found.interval == pytest.approx((0, 0), abs=1e-12)


class TestFewer:
    def test_count_decides_and_a_disagreeing_share_is_noted(self) -> None:
        few_of_few = hubs_in(2)[:, :1, :4]
        found = measured(find("2.6-fewer"), (few_of_few, hubs_in(3)))
        assert found.value == 2 - 3
        assert found.beside["share of small"] == 2 / 4 and found.beside["share of large"] == 3 / 24
        assert found.beside["count and share agree"] is False
        assert "count and share disagree" in (found.answer or "")

    def test_a_count_is_marked_as_biased_and_cross_fitted(self) -> None:
        found = measured(find("2.6-fewer"), PAIR_CASES["2.6-fewer"][0]())
        assert found.biased and found.cross_fitted == pytest.approx(found.value)
        assert found.confidence == 1


@dataclass
class Planted:
    """What a comparison asks of a model's study."""

    name: str
    raw: Any
    options: RunOptions
    parameters: int
    fingerprint: str = "f" * 64
    patterns: Any = field(init=False)
    controls: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.patterns = SimpleNamespace(raw=self.raw, problem_ids=tuple(range(len(self.raw))))
        self.problems = SimpleNamespace(name="planted")
        self.content = self.name * 4
        self.provenance = {"model_fingerprint": self.name * 9, "dataset_fingerprint": self.fingerprint}
        layers, heads, latents = self.raw.shape[1:4]
        self.about = {
            "n_parameters": self.parameters, "n_layers": layers, "n_heads": heads, "n_latents": latents,
            "dataset_fingerprint": self.fingerprint,
        }  # fmt: skip


def planted(folder: Path, smaller: Any, larger: Any, **of_larger: Any) -> PairStudy:
    options = RunOptions(output=folder / "out", cache_dir=folder / "cache")
    first = Planted("small", smaller, options, 10)
    return PairStudy(first, Planted("large", larger, options, 20, **of_larger), {"harness": "0"})  # type: ignore[arg-type]


SHAPES = {
    "alike": (chain, hub),
    "different": (lambda: nothing(noise=0.5), deeper_hubs),
    "few heads": (lambda: nothing(L=1, H=3, noise=0.5), lambda: chain(L=1, H=2, T=5)),
    "the same": (hub, hub),
    "one problem": (lambda: chain(n=1), lambda: hub(n=1)),
}
ACCEPTANCE = [criterion.id for criterion in criteria() if (criterion.kind, criterion.scope) == ("acceptance", "pair")]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("criterion_id", ACCEPTANCE)
def test_every_artifact_of_a_comparison_is_written_and_read_back(
    tmp_path: Path, criterion_id: str, shapes: str
) -> None:
    study = planted(tmp_path, *(make() for make in SHAPES[shapes]))
    found = find(criterion_id).measure(study)
    assert find(criterion_id).rule.holds(found.value), found
    assert found.artifacts
    for artifact in found.artifacts:
        assert study.absolute(artifact).stat().st_size > 0


def test_the_files_have_the_names_of_the_interface(tmp_path: Path) -> None:
    study = planted(tmp_path, chain(), hub())
    written = {artifact for name in ACCEPTANCE for artifact in find(name).measure(study).artifacts}
    figures = ("6_model_comparison_hubs", "7_model_comparison_flow", "8_model_comparison_critical_heads")
    assert written == {
        "results/small_vs_large_comparison.json",
        *(f"figures/comparison/{figure}.{kind}" for figure in figures for kind in ("png", "pdf")),
    }
    assert json.loads(study.absolute("results/small_vs_large_comparison.json").read_text())["provenance"] == {
        "harness": "0", "models": ["small", "large"], "model_fingerprints": ["small" * 9, "large" * 9],
        "dataset_fingerprint": "f" * 64,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("criterion_id", "place", "value"),
    [
        ("2.6-report", "smaller", "large"),
        ("2.6-report", "models.large.n_parameters", 9),
        ("2.6-report", "models.small.hub.position", 5),
        ("2.6-report", "models.small.strategy.flow", 0.123),
        ("2.6-report", "models.large.critical_heads.count", 77),
        ("2.6-report", "models.large.specialisation", 0.5),
        ("2.6-report", "models.large.top_heads", []),
        ("2.6-report", "differences.hub.difference", 0.0),
        ("2.6-report", "differences.skip.cohens_d", None),
        ("2.6-answers", "answers.same_hub.answer", "no"),
        ("2.6-answers", "answers.same_hub.confidence", 0.5),
        ("2.6-answers", "answers.more_specialised.answer", "perhaps"),
        ("2.6-answers", "answers.fewer_critical_heads.by_share.confidence", 0.4),
        ("2.6-answers", "answers.fewer_critical_heads.count_and_share_agree", False),
        ("2.6-answers", "answers.capacity_hypothesis.answer", "open"),
        ("2.6-answers", "answers.capacity_hypothesis.ci_low", -0.4),
        ("2.6-figures", "models.large.top_heads", []),
    ],
)
def test_a_comparison_that_says_something_else_is_noticed(
    tmp_path: Path, criterion_id: str, place: str, value: Any
) -> None:
    study = planted(tmp_path, hubs_in(2), deeper_hubs())
    path = study.absolute(study.files.report())
    content = json.loads(path.read_text())
    inside = content
    *way, last = place.split(".")
    for name in way:
        inside = inside[name]
    assert inside[last] != value
    inside[last] = value
    path.write_text(json.dumps(content))
    assert not find(criterion_id).rule.holds(find(criterion_id).measure(study).value)


def test_extractions_of_other_problems_are_not_the_same(tmp_path: Path) -> None:
    same = find("2.6-same")
    assert same.rule.holds(same.measure(planted(tmp_path, chain(), hub())).value)
    found = same.measure(planted(tmp_path, chain(), hub(), fingerprint="0" * 64))
    assert not same.rule.holds(found.value)
    assert found.beside == {"small": "f" * 64, "large": "0" * 64}


def test_a_measurement_is_kept_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find("2.6-visible").measure(planted(tmp_path, chain(), hub()))
    monkeypatch.setattr("harness.criteria.pair_study.evaluate_pair", lambda *given: Measurement(0.5))
    assert find("2.6-visible").measure(planted(tmp_path, chain(), hub())) == first
    other = planted(tmp_path, chain(), hub())
    other.studies[1].content = "others"  # type: ignore[misc]
    assert find("2.6-visible").measure(other).value == 0.5


def test_two_pairs_of_one_run_draw_into_folders_of_their_own(tmp_path: Path) -> None:
    one = planted(tmp_path, chain(), hub())
    study = PairStudy(*one.studies, {}, "figures/comparison/small_vs_large")
    assert study.figures.critical_heads().paths[0].startswith("figures/comparison/small_vs_large/8_model")


def untrained_too(study: PairStudy, smaller: Any, larger: Any) -> PairStudy:
    for one, raw in zip(study.studies, (smaller, larger), strict=True):
        one.controls = {"untrained": Sample(raw, 0)}  # type: ignore[misc]
    return study


def test_models_that_differ_untrained_too_say_nothing_about_training(tmp_path: Path) -> None:
    study = untrained_too(planted(tmp_path, chain(), hub()), nothing(noise=0.5), chain())
    found = find("2.6-differ").measure(study)
    assert set(found.controls) == {"halves of small", "halves of large", "untrained"}
    assert find("2.6-differ").rule.holds(found.value)
    assert find("2.6-differ").rule.holds(found.controls["untrained"].measured)
    alike = untrained_too(planted(tmp_path / "alike", chain(), hub()), nothing(seed=1), nothing(seed=2))
    assert not find("2.6-differ").rule.holds(find("2.6-differ").measure(alike).controls["untrained"].measured)


def test_one_architecture_has_no_untrained_pair(tmp_path: Path) -> None:
    study = untrained_too(planted(tmp_path, chain(), hub()), nothing(), nothing())
    assert "untrained" not in find("2.6-differ").measure(study).controls


@pytest.mark.parametrize(("criterion_id", "asks"), [("2.6-capacity", True), ("2.6-fewer", True), ("2.6-differ", False)])
def test_what_is_asked_of_the_smaller_model_needs_one(tmp_path: Path, criterion_id: str, asks: bool) -> None:
    study = planted(tmp_path, chain(), hub())
    study.studies[1].about["n_parameters"] = 10
    if asks:
        with pytest.raises(NotMeasured, match="neither model is the smaller one: both have 10 parameters"):
            find(criterion_id).measure(study)
    else:
        assert find(criterion_id).measure(study).value is not None
