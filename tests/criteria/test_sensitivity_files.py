"""Files on which problems suffer: what they hold is what was answered, and a changed number is noticed."""

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.behaviour import FEATURES
from harness.criteria import sensitivity_reread
from harness.criteria.blocks import BlockTrials
from harness.criteria.registry import find
from harness.criteria.sensitivity_files import SensitivityFiles
from harness.criteria.sensitivity_reread import wrong_high, wrong_summary
from harness.criteria.sensitivity_tables import by_type, high_impact, regressions, relations, studied, summarised
from harness.measures import NotApplicable
from tests.criteria.block_cases import block_trials
from tests.criteria.sensitivity_cases import OPERATIONS, growing, suffering, unharmed
from tests.criteria.tampering import changed

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.usefixtures("coarse", "counted_once")]
N = 120
FULL, SUMMARY = (f"results/made-up/problem_sensitivity_{name}.json" for name in ("full", "summary"))


def some() -> BlockTrials:
    """Noisy outcomes; two problems of an unknown number of operations, and a feature that never varies."""
    rng = np.random.default_rng(0)
    fate, luck = rng.random(N), rng.random((N, 6))

    def right(problem: int, blocked: int | None, readers: str) -> bool:
        before = fate[problem] < 0.8
        if blocked is None:
            return bool(before)
        kept = luck[problem, blocked] > 0.08 * OPERATIONS[problem]
        return bool(kept if before else luck[problem, blocked] < 0.1)

    trials = block_trials(right, N)
    features = trials.features.copy()
    features[[4, 77], 1:5] = 0
    features[:, FEATURES.index("has_fractions")] = 0
    return replace(trials, features=features)


class Toy(SimpleNamespace):
    """Problems of which nothing is known but their ids."""

    def __len__(self) -> int:
        return len(self.ids)


def study_of(trials: BlockTrials, output: Path) -> Any:
    """Evidence with nothing but these trials."""
    numbers = tuple(range(100, 100 + len(trials)))
    study: Any = SimpleNamespace(
        name="made-up",
        provenance={"model": "made-up"},
        options=SimpleNamespace(seed=trials.seed, output=output, cache_dir=output / "cache"),
        absolute=lambda path: output / path,
        intervened=SimpleNamespace(
            blocks=lambda: trials,
            blocks_design=dict,
            problems=lambda sample: Toy(name="toy", split=sample, ids=numbers, fingerprint=f"of {sample}"),
            about=lambda sample: SimpleNamespace(key=lambda design: f"{sample} {design}"),
        ),
    )
    study.sensitivity_files = SensitivityFiles(study)
    return study


@pytest.fixture(scope="module")
def counted_once() -> Iterator[None]:
    """What is counted from rows is kept for the next summary that is held against the same rows."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_resampled", "_pairings"):
            patch.setattr(sensitivity_reread, name, kept(getattr(sensitivity_reread, name)))
        yield


def kept(count: Callable[..., Any]) -> Callable[..., Any]:
    """``count``, called once for the same arguments."""
    known: dict[bytes, Any] = {}

    def counted(*arguments: Any) -> Any:
        key = pickle.dumps(arguments)
        if key not in known:
            known[key] = count(*arguments)
        return known[key]

    return counted


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return study_of(some(), tmp_path_factory.mktemp("sensitivity"))


@pytest.fixture(scope="module")
def files(study: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    own = study.sensitivity_files
    full, summary = (json.loads(study.absolute(path).read_text()) for path in (own.full, own.summary))
    return full, summary


def test_both_criteria_pass_on_untouched_files_and_name_them(study: Any) -> None:
    figures = {
        f"figures/made-up/problem_sensitivity_{name}.{suffix}"
        for name in ("scatter", "types")
        for suffix in ("png", "pdf")
    }
    tables, high = (find(name).measure(study) for name in ("B.3-tables", "B.3-high"))
    assert (tables.value, high.value) == ("present and consistent", "present")
    assert set(tables.artifacts) == {FULL, SUMMARY, *figures}
    assert all(study.absolute(path).stat().st_size > 0 for path in tables.artifacts)
    for path in (FULL, SUMMARY):
        for name in ("B.3-tables", "B.3-high"):
            assert changed(study, path, lambda content: None, name) == "pass"


def test_hypotheses_show_a_figure_each(study: Any) -> None:
    for name, stem in (("B.3-operations", "scatter"), ("B.3-multistep", "types"), ("B.3-single", "types")):
        measure: Any = find(name).measure
        assert measure.shown(study)[0] == f"figures/made-up/problem_sensitivity_{stem}.png"


def test_rows_are_what_was_answered(files: tuple[Any, Any]) -> None:
    trials, (full, _) = some(), files
    for row, problem in enumerate(full["problems"]):
        assert problem["id"] == 100 + row
        assert problem["impact"] == trials.impact()[row].tolist()
        assert problem["baseline_right"] is bool(trials.right[row, 0])
        assert [problem[name] for name in FEATURES] == trials.features[row].tolist()
    assert full["conditions"] == [f"CT{position}" for position in range(6)]
    assert full["provenance"]["dataset_fingerprint"] == "of test"


def test_every_family_has_every_test_of_both_groups(files: tuple[Any, Any]) -> None:
    _, summary = files
    assert (summary["n_problems"], summary["operations_unknown"], summary["all"]["n_problems"]) == (N, 2, N - 2)
    solved = some().where(some().features[:, 1] > 0).right[:, 0].sum()
    assert summary["baseline_right"]["n_problems"] == solved
    for group in ("all", "baseline_right"):
        one = summary[group]
        assert len(one["relations"]) == 8 * 6
        assert len(one["types"]) == 5 + 2 + 2 * 3
        assert {name: len(of["features"]) for name, of in one["high_impact"].items()} == {"CT0": 8, "CT4": 8}
        assert list(one["regression"]) == ["CT0", "CT4"]
        assert one["regression"]["CT0"]["left_out"] == {"has_fractions": "does not vary"}
        for relation in one["relations"]:
            known = relation["feature"] != "has_fractions"
            assert all((value is not None) == known for value in relation["spearman"].values())


def test_there_is_no_nan_in_any_file(study: Any, files: tuple[Any, Any]) -> None:
    for path in (FULL, SUMMARY):
        text = study.absolute(path).read_text()
        assert "NaN" not in text and "Infinity" not in text


def nudge(*place: Any, by: float = 1e-3) -> Callable[[Any], None]:
    """Adds a little to the number at a place in the file."""

    def change(content: Any) -> None:
        for step in place[:-1]:
            content = content[step]
        content[place[-1]] += by

    return change


def drop(*place: Any) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for step in place[:-1]:
            content = content[step]
        content.pop(place[-1])

    return change


GROUPS = ("all", "baseline_right")


@pytest.mark.parametrize(
    "change",
    [
        nudge("problems", 3, "impact", 0, by=1),
        nudge("problems", 3, "n_operations", by=1),
        nudge("problems", 3, "n_tokens", by=1),
        nudge("problems", 3, "id", by=1),
        drop("problems", 5),
        drop("conditions", 5),
        lambda content: content["problems"][2].update(baseline_right=not content["problems"][2]["baseline_right"]),
        lambda content: content["problems"].reverse(),
    ],
)
def test_changed_rows_are_noticed(study: Any, change: Callable[[Any], object]) -> None:
    assert changed(study, study.sensitivity_files.full, change, "B.3-tables") == "fail"


def shaken(summary: Any, places: dict[str, tuple[Any, ...]], group: str) -> Any:
    """A copy in which the number at every one of some places is changed."""
    content = json.loads(json.dumps(summary))
    for *place, by in places.values():
        nudge(group, *place, by=by)(content)
    return content


SMALL = 1e-4
TABLES: dict[str, tuple[Any, ...]] = {
    "pearson r of n_operations and CT1": ("relations", 7, "pearson", "r", SMALL),
    "pearson ci_low of n_operations and CT2": ("relations", 8, "pearson", "ci_low", SMALL),
    "pearson ci_high of n_operations and CT3": ("relations", 9, "pearson", "ci_high", SMALL),
    "pearson p of n_operations and CT4": ("relations", 10, "pearson", "p", 0.3),
    "q of the pearson": ("relations", 11, "pearson", "q", SMALL),
    "spearman r of n_tokens and CT0": ("relations", 0, "spearman", "r", SMALL),
    "spearman ci_low of n_tokens and CT1": ("relations", 1, "spearman", "ci_low", SMALL),
    "spearman ci_high of n_tokens and CT2": ("relations", 2, "spearman", "ci_high", SMALL),
    "spearman p of n_tokens and CT3": ("relations", 3, "spearman", "p", 0.3),
    "q of the spearman": ("relations", 4, "spearman", "q", SMALL),
    "number of problems, operations 3": ("types", 2, "n_problems", 1),
    "mean of CT4, operations 5+": ("types", 4, "impact", 4, "mean", SMALL),
    "ci_low of CT5, division with": ("types", 7, "impact", 5, "ci_low", SMALL),
    "ci_high of CT0, several operations fewer": ("types", 6, "impact", 0, "ci_high", SMALL),
    "value of the coefficient of n_operations, CT4": ("regression", "CT4", "coefficients", 1, "value", SMALL),
    "ci_low of the coefficient of n_tokens, CT4": ("regression", "CT4", "coefficients", 0, "ci_low", SMALL),
    "ci_high of the coefficient of max_number, CT0": ("regression", "CT0", "coefficients", 3, "ci_high", SMALL),
    "p of the coefficient of n_tokens, CT0": ("regression", "CT0", "coefficients", 0, "p", SMALL),
    "q of the regression": ("regression", "CT0", "coefficients", 2, "q", SMALL),
    "r_squared, CT0": ("regression", "CT0", "r_squared", SMALL),
    "size of the regression, CT4": ("regression", "CT4", "condition_number", 0.1),
}


@pytest.mark.parametrize("group", GROUPS)
def test_every_changed_number_of_the_tables_is_named_and_no_other(files: tuple[Any, Any], group: str) -> None:
    full, summary = files
    found = wrong_summary(full, shaken(summary, TABLES, group), 3)
    assert sorted(found) == sorted(f"{group}: {name}" for name in TABLES)


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_missing_from_the_tables_is_noticed(files: tuple[Any, Any], group: str) -> None:
    full, summary = files
    short = json.loads(json.dumps(summary))
    for place in (
        ("relations", 3),
        ("types", 0),
        ("regression", "CT0", "coefficients", 2),
        ("regression", "CT4", "left_out", "has_fractions"),
    ):
        drop(group, *place)(short)
    found = wrong_summary(full, short, 3)
    for name in ("the correlations", "the types", *(f"features of the regression, {one}" for one in ("CT0", "CT4"))):
        assert f"{group}: {name}" in found
    drop(group, "regression", "CT4")(short)
    nudge(group, "n_problems", by=1)(short)
    assert f"{group}: n_problems" in wrong_summary(full, short, 3)


def test_a_regression_less_is_noticed(files: tuple[Any, Any]) -> None:
    full, summary = files
    short = json.loads(json.dumps(summary))
    drop("all", "regression", "CT4")(short)
    assert wrong_summary(full, short, 3) == ["all: the regressions"]


def test_a_feature_that_is_left_out_without_need_is_noticed(files: tuple[Any, Any]) -> None:
    full, summary = files
    content = json.loads(json.dumps(summary))
    one = content["all"]["regression"]["CT0"]
    one["left_out"][one["coefficients"].pop(0)["feature"]] = "does not vary"
    assert "all: n_tokens was left out of the regression, CT0" in wrong_summary(full, content, 3)


def test_changed_counts_are_noticed(files: tuple[Any, Any]) -> None:
    full, summary = files
    changes = {name: summary[name] + 1 for name in ("baseline_accuracy", "operations_unknown", "n_problems")}
    assert sorted(wrong_summary(full, {**summary, **changes}, 3)) == sorted(changes)


def test_a_wrong_table_is_no_pass(study: Any) -> None:
    path = study.sensitivity_files.summary
    assert changed(study, path, nudge("all", "relations", 6, "pearson", "r"), "B.3-tables") == "fail"
    assert changed(study, path, nudge("all", "high_impact", "CT0", "features", 1, "high"), "B.3-high") == "fail"


HIGH: dict[str, tuple[Any, ...]] = {
    "sizes, CT0": ("high_impact", "CT0", "n_high", 1),
    "sizes, CT4": ("high_impact", "CT4", "n_rest", 1),
    "high of n_tokens, CT0": ("high_impact", "CT0", "features", 0, "high", SMALL),
    "rest of n_operations, CT4": ("high_impact", "CT4", "features", 1, "rest", SMALL),
    "difference of max_number, CT0": ("high_impact", "CT0", "features", 3, "difference", SMALL),
    "ci_low of has_division, CT4": ("high_impact", "CT4", "features", 5, "ci_low", SMALL),
    "ci_high of multi_step, CT0": ("high_impact", "CT0", "features", 4, "ci_high", SMALL),
    "p of n_operation_types, CT4": ("high_impact", "CT4", "features", 2, "p", 0.3),
    "q of the high impact": ("high_impact", "CT0", "features", 1, "q", SMALL),
}


@pytest.mark.parametrize("group", GROUPS)
def test_every_changed_number_about_high_impact_problems_is_named_and_no_other(
    files: tuple[Any, Any], group: str
) -> None:
    full, summary = files
    found = wrong_high(full, shaken(summary, HIGH, group), 3)
    assert sorted(found) == sorted(f"{group}: {name}" for name in HIGH)


def test_what_is_missing_about_high_impact_problems_is_noticed(files: tuple[Any, Any]) -> None:
    full, summary = files
    for place, name in (
        (("high_impact", "CT4", "features", 3), "all: features, CT4"),
        (("high_impact", "CT0"), "all: the thoughts"),
    ):
        short = json.loads(json.dumps(summary))
        drop("all", *place)(short)
        assert name in wrong_high(full, short, 3)


def test_a_missing_figure_is_noticed(study: Any) -> None:
    path = study.absolute(study.sensitivity_files.figures["problem_sensitivity_types"][1])
    before = path.read_bytes()
    path.unlink()
    try:
        assert find("B.3-tables").measure(study).value == "wrong: no figures/made-up/problem_sensitivity_types.pdf"
    finally:
        path.write_bytes(before)


def test_what_was_counted_once_is_not_counted_again(study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = [find(name).measure(study) for name in ("B.3-tables", "B.3-high")]
    for name in ("wrong_summary", "wrong_high"):
        real = {"wrong_summary": wrong_summary, "wrong_high": wrong_high}[name]

        def never(*_: Any) -> list[str]:
            pytest.fail("counted again")

        never.__name__ = real.__name__
        monkeypatch.setattr(f"harness.criteria.story_b_3.{name}", never)
    assert [find(name).measure(study) for name in ("B.3-tables", "B.3-high")] == first


def test_a_model_without_a_late_thought_that_is_read_has_neither_files_nor_figures(tmp_path: Path) -> None:
    own = study_of(block_trials(T=5), tmp_path)
    for name in ("B.3-tables", "B.3-high"):
        with pytest.raises(NotApplicable, match="needs 6 thoughts"):
            find(name).measure(own)
    measure: Any = find("B.3-operations").measure
    assert tuple(measure.shown(own)) == ()
    assert (studied(6), studied(5), studied(12)) == ([0, 4], [0], [0, 4])


def test_impact_that_never_varies_leaves_tables_without_numbers_and_they_still_agree(tmp_path: Path) -> None:
    own = study_of(unharmed(), tmp_path)
    assert find("B.3-tables").measure(own).value == "present and consistent"
    assert find("B.3-high").measure(own).value == "present"
    found = summarised(unharmed())["all"]
    assert all(np.isnan(one["pearson"]["r"]) for one in found["relations"])
    assert found["high_impact"]["CT0"]["n_high"] == 0 and np.isnan(found["high_impact"]["CT0"]["features"][0]["high"])
    assert found["regression"]["CT0"]["reason"] == "the outcome does not vary"


def test_where_the_baseline_solves_nothing_there_are_no_tables_of_what_it_solves(tmp_path: Path) -> None:
    trials = suffering(lambda operations: 0.0, lambda operations: 0.0)
    assert summarised(trials)["baseline_right"] == {
        "n_problems": 0,
        "relations": [],
        "types": [],
        "high_impact": {},
        "regression": {},
    }
    own = study_of(trials, tmp_path)
    full, summary = (
        json.loads(own.absolute(path).read_text())
        for path in (own.sensitivity_files.full, own.sensitivity_files.summary)
    )
    assert wrong_summary(full, summary, 3) == wrong_high(full, summary, 3) == []


def test_the_tables_are_the_same_again() -> None:
    first, again = (json.dumps(summarised(some())) for _ in range(2))
    assert first == again


def test_a_planted_feature_is_found_by_every_table() -> None:
    trials = growing()
    spearman = {(one["feature"], one["condition"]): one["spearman"] for one in relations(trials)}
    assert {where for where, one in spearman.items() if one["q"] < 0.05} == {
        ("n_operations", "CT0"),
        ("multi_step", "CT0"),
    }
    by = {(one["by"], one["name"]): one["impact"][0]["mean"] for one in by_type(trials)}
    assert by["operations", "1"] == 0 and by["operations", "5+"] > 0.5
    assert by["several operations", "3 or more"] > by["several operations", "fewer"]
    high = {row["feature"]: row for row in high_impact(trials)["CT0"]["features"]}
    assert high["n_operations"]["high"] > high["n_operations"]["rest"] + 1 and high["n_operations"]["q"] < 0.05
    assert high["n_tokens"]["q"] > 0.05


def test_regression_gives_a_planted_effect_to_its_own_feature() -> None:
    """multi_step goes with n_operations, but has no part of its own in what is lost."""
    trials = suffering(lambda operations: 0.15 * (operations - 1), lambda operations: 1.0, n=240)
    many = trials.where(np.tile(np.arange(240), 4))
    found = {one["feature"]: one for one in regressions(many)["CT0"]["coefficients"]}
    spread = OPERATIONS.std()
    assert found["n_operations"]["value"] == pytest.approx(0.15 * spread, abs=0.08)
    assert found["n_operations"]["q"] < 0.001
    assert abs(found["multi_step"]["value"]) < 0.08
    assert sum(len(one["coefficients"]) for one in regressions(many).values()) == 16
