"""The study of steps on an embedded model: changed files are noticed, a torn run is continued, and what a warm run needs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.criteria.evidence import ModelStudy
from harness.criteria.registry import criteria, find
from harness.criteria.steps_files import chosen_in_words, groups, summarised
from harness.criteria.steps_reread import by_hand
from harness.interventions.cached import CachedAnswers, Resumed
from harness.judging import Run
from harness.measures.subsets import DESIGNS
from harness.options import RunOptions
from harness.results import CriterionResult
from tests.criteria.effect_cases import needing
from tests.criteria.tampering import changed

MODEL = "tiny-llama"


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> RunOptions:
    folder = tmp_path_factory.mktemp("steps")
    return RunOptions(
        models=(MODEL,),
        n_problems=8,
        sweep_problems=13,
        batch_size=4,
        output=folder / "out",
        cache_dir=folder / "cache",
        controls="cheap",
    )


@pytest.fixture(scope="module")
def run(options: RunOptions) -> Run:
    return Run(options)


@pytest.fixture(scope="module")
def results(run: Run) -> dict[str, CriterionResult]:
    return {one.id: run.judge(one, MODEL) for one in criteria() if one.study == "steps"}


@pytest.fixture
def study(run: Run, results: dict[str, CriterionResult]) -> ModelStudy:
    return run.model_study(MODEL)


def test_every_criterion_is_judged_and_none_but_hypotheses_fails(results: dict[str, CriterionResult]) -> None:
    assert {one.verdict for one in results.values()} <= {"pass", "fail"}
    assert all(one.verdict == "pass" for one in results.values() if one.kind != "hypothesis"), results


def test_files_have_the_names_and_places_of_the_study(results: dict[str, CriterionResult], run: Run) -> None:
    assert set(results["S.2-files"].artifacts) == {
        *(f"results/{MODEL}/step_importance_{name}.json" for name in ("validation", "scores", "summary_stats")),
        *(f"figures/{MODEL}/step_importance.{suffix}" for suffix in ("png", "pdf")),
    }
    for path in results["S.2-files"].artifacts:
        assert (run.options.output / path).stat().st_size > 0


def test_every_file_says_what_it_rests_on(study: ModelStudy) -> None:
    for path, sample in ((study.steps_files.scores, "sweep"), (study.steps_files.validation, "validation")):
        about = json.loads(study.absolute(path).read_text())["provenance"]
        assert about["dataset_fingerprint"] == study.intervened.problems(sample).fingerprint  # type: ignore[arg-type]
        assert about["model"] == MODEL


def test_hypotheses_have_the_controls_of_interventions(results: dict[str, CriterionResult]) -> None:
    for name in ("S.1-complex", "S.1-complex-nested", "S.1-early-late", "S.1-difficulty", "S.1-simple"):
        assert set(results[name].controls) == {"sham", "random"}
        assert "on_the_validation_sample" in results[name].beside
        assert results[name].artifacts == [f"figures/{MODEL}/step_importance.{suffix}" for suffix in ("png", "pdf")]
    assert results["S.1-baseline"].controls == {}


def test_the_run_is_timed_and_its_memory_known(results: dict[str, CriterionResult]) -> None:
    found = results["S.1-throughput"]
    assert found.measured == pytest.approx(13 / found.beside["seconds"] * 3600)  # type: ignore[operator]
    assert 0.05 < results["S.1-memory"].measured < 40  # type: ignore[operator]
    assert all(results[name].discriminates is None for name in ("S.1-throughput", "S.1-memory"))


@pytest.mark.parametrize("name", ["S.1-throughput", "S.1-memory"])
def test_a_run_that_had_nothing_left_to_answer_has_no_speed(
    study: ModelStudy, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = study.steps_files.answered("sweep")
    finished = replace(answered, about={**answered.about, "problems_run": 0})
    monkeypatch.setattr(type(study.steps_files), "answered", lambda self, sample, fill="zero": finished)
    found = find(name).measure(study)
    assert found.value is None
    assert found.reason is not None and found.reason.startswith("undefined")


def test_an_untouched_file_passes(study: ModelStudy) -> None:
    for path in (study.steps_files.scores, study.steps_files.validation, study.steps_files.summary):
        assert changed(study, path, lambda content: None, "S.2-files") == "pass"
    assert changed(study, study.steps_files.scores, lambda content: None, "S.1-design") == "pass"


def flipped(content: Any) -> None:
    row = content["problems"][2]["zero"]
    row["correct"][5] = 1 - row["correct"][5]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("metric", ["accuracy", "gold_log_probability"])
def test_a_design_that_was_changed_or_is_missing_is_noticed(study: ModelStudy, design: str, metric: str) -> None:
    def shifted(content: Any) -> None:
        content["designs"]["zero"][metric][design][2] += 1e-4

    def missing(content: Any) -> None:
        del content["designs"]["zero"][metric][design]

    for change in (shifted, missing):
        assert changed(study, study.steps_files.scores, change, "S.1-design") == "fail"
        assert changed(study, study.steps_files.scores, change, "S.2-files") == "fail"


@pytest.mark.parametrize(
    "change",
    [
        flipped,
        lambda content: content["problems"][3]["zero"]["number"].__setitem__(7, 1e6),
        lambda content: content["problems"][3]["zero"]["number"].pop(),
        lambda content: content["problems"][0]["zero"]["gold_log_probability"].__setitem__(1, -1.5),
        lambda content: content["problems"].pop(),
        lambda content: content["problems"][0].update(difficulty=9),
        lambda content: content["problems"][0].update(id=999_999),
        lambda content: content.update(n_problems=1000),
        lambda content: content["ablated"].reverse(),
        lambda content: content["ablated"].__setitem__(3, [0, 2]),
        lambda content: content["conditions"].__setitem__(-1, "CT9"),
    ],
)
def test_changed_rows_are_noticed(study: ModelStudy, change: Callable[[Any], object]) -> None:
    for path in (study.steps_files.scores, study.steps_files.validation):
        assert changed(study, path, change, "S.2-files") == "fail"


def test_the_mean_ablation_of_the_validation_is_held_against_its_own_answers(study: ModelStudy) -> None:
    def swapped(content: Any) -> None:
        for row in content["problems"]:
            row["mean"], row["zero"] = row["zero"], row["mean"]

    assert changed(study, study.steps_files.validation, swapped, "S.2-files") == "fail"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["groups"]["4"].update(n_problems=99),
        lambda content: content["groups"]["5+"]["accuracy"]["shapley"][1].update(value=0.5),
        lambda content: content["groups"]["all"]["gold_log_probability"]["single"][0].update(low=-9.0),
        lambda content: content["groups"]["2"]["accuracy"]["nested"].pop(),
        lambda content: content["groups"]["3"]["accuracy"].update(leave_one_in=None),
        lambda content: content["groups"]["3"]["accuracy"]["baseline"].update(value=0.123),
        lambda content: content["groups"].pop("3"),
        lambda content: content["designs"].pop("single"),
        lambda content: content["nested_alone"]["accuracy"].update(in_words="Nothing was wrong."),
    ],
)
def test_a_changed_summary_is_noticed(study: ModelStudy, change: Callable[[Any], object]) -> None:
    assert changed(study, study.steps_files.summary, change, "S.2-files") == "fail"


def test_a_sample_of_another_size_or_with_a_common_problem_is_noticed(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.criteria.story_s_2 import _wrong_samples

    sweep, other = study.steps_files.problems("sweep"), study.steps_files.problems("validation")
    assert _wrong_samples(sweep, other, study) == []
    assert "problems in both samples" in _wrong_samples(sweep, sweep, study)
    short = replace(sweep, problems=sweep.problems[1:])
    assert _wrong_samples(short, other, study) == ["the sample of the sweep"]
    assert _wrong_samples(sweep, replace(other, split="test"), study) == ["the sample of the validation"]
    easy = [problem for problem in sweep if problem.difficulty == 2]
    lopsided = replace(sweep, problems=(*sweep.problems[:-2], *easy[:2]))
    assert _wrong_samples(lopsided, other, study) == ["the sample of the sweep"]


@pytest.mark.parametrize(
    "change",
    [
        lambda drawn: replace(drawn, png=replace(drawn.png, dpi=72)),
        lambda drawn: replace(drawn, facts=replace(drawn.facts, panels=drawn.facts.panels[::-1])),
        lambda drawn: replace(drawn, facts=replace(drawn.facts, rows=1)),
        lambda drawn: replace(drawn, facts=replace(drawn.facts, panels=_with_series(drawn.facts.panels, ("other",)))),
    ],
)
def test_a_figure_that_is_not_the_four_designs_is_noticed(
    study: ModelStudy, change: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(study.steps_files.__dict__, "figure", change(study.steps_files.figure))
    assert find("S.2-files").measure(study).value == "wrong: the figure"


def _with_series(panels: Any, series: tuple[str, ...]) -> Any:
    return tuple(replace(panel, series=series) for panel in panels)


def test_the_summary_says_how_problems_were_chosen(study: ModelStudy) -> None:
    problems = study.steps_files.problems("sweep")
    words = chosen_in_words(problems)
    assert words.startswith("Stratified by difficulty, not by outcome")
    assert "13" in words and "random.Random(42)" in words
    assert chosen_in_words(replace(problems, stratified=False)).startswith("Drawn from all alike, not by outcome")


def test_the_answer_tells_what_the_nested_design_alone_would_have_got_wrong(
    results: dict[str, CriterionResult], study: ModelStudy
) -> None:
    summary = json.loads(study.absolute(study.steps_files.summary).read_text())
    assert results["S.1-design"].answer == summary["nested_alone"]["accuracy"]["in_short"]
    assert str(results["S.1-design"].answer).startswith("Read alone, the nested design would have")
    assert {one["name"] for one in summary["nested_alone"]["accuracy"]["readings"]} == {
        "gradient",
        "steps",
        "alone",
        "last",
    }


def test_a_torn_run_is_continued_and_ends_the_same(results: dict[str, CriterionResult]) -> None:
    found = results["S.2-checkpoint"]
    assert found.measured == "equal"
    assert found.beside["checkpoints"] == 4
    assert found.beside["most_problems_between_checkpoints"] == 4
    assert found.beside["problems_run_again"] == 1


def fresh(options: RunOptions) -> Run:
    return Run(options)


def test_the_second_time_neither_answers_nor_the_torn_run_need_a_model(
    options: RunOptions, results: dict[str, CriterionResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.extraction.cached import CachedExtraction

    monkeypatch.setattr(CachedExtraction, "model", lambda self, **_: pytest.fail("the model was asked for"))
    monkeypatch.setattr(CachedAnswers, "resumed", lambda *_: pytest.fail("torn again"))
    again = fresh(options)
    for name, before in results.items():
        assert again.judge(find(name), MODEL) == before


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (Resumed([4, 4, 4, 1], 1, {"a": "1", "b": "2"}, {"a": "1", "b": "2"}), "equal"),
        (Resumed([4, 4, 4, 1], 1, {"a": "1", "b": "2"}, {"a": "1", "b": "3"}), "differ: b"),
        (Resumed([501, 1], 1, {"a": "1"}, {"a": "1"}), "501 problems between checkpoints"),
        (Resumed([500, 1], 1, {"a": "1"}, {"a": "1"}), "equal"),
    ],
)
def test_other_bytes_or_too_few_checkpoints_fail(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: Resumed, value: str
) -> None:
    monkeypatch.setattr(CachedAnswers, "resumed", lambda *_: found)
    monkeypatch.setattr("harness.criteria.story_s_2.remembered", lambda path, measure: measure())
    measured = find("S.2-checkpoint").measure(study)
    assert measured.value == value
    assert find("S.2-checkpoint").rule.holds(measured.value) == (value == "equal")


def test_groups_are_all_problems_and_each_level_of_difficulty() -> None:
    found = groups(np.array([2, 3, 4, 5, 6, 8, 2]))
    assert {name: np.flatnonzero(members).tolist() for name, members in found.items()} == {
        "all": [0, 1, 2, 3, 4, 5, 6],
        "2": [0, 6],
        "3": [1],
        "4": [2],
        "5+": [3, 4, 5],
    }


def test_a_group_without_problems_or_with_one_has_no_interval() -> None:
    trials = needing(1)
    few = trials.where(np.array([*np.flatnonzero(trials.difficulty == 2), np.flatnonzero(trials.difficulty == 4)[0]]))
    found = summarised(few)
    assert found["3"]["n_problems"] == 0 and np.isnan(found["3"]["accuracy"]["shapley"][0]["value"])
    assert found["4"]["accuracy"]["shapley"][1]["value"] == 1
    assert np.isnan(found["4"]["accuracy"]["shapley"][1]["low"])
    assert found["2"]["accuracy"]["shapley"][1]["low"] <= found["2"]["accuracy"]["shapley"][1]["value"]


@pytest.mark.parametrize("T", [2, 4, 6, 7])
def test_counting_by_hand_gives_the_designs(T: int) -> None:
    """The two ways to every design meet; from 7 thoughts on the hand goes another way too."""
    values = np.random.default_rng(T).normal(size=1 << T)
    found = by_hand(lambda ablated: values[sum(1 << one for one in ablated)], T)
    for design, of in DESIGNS.items():
        np.testing.assert_allclose(found[design], of(values), atol=1e-12)
    assert (found["baseline"], found["all_ablated"]) == ([values[0]], [values[-1]])
