"""The importance study on an embedded model: files that were changed are noticed, broken interventions are invalid."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.criteria.evidence import ModelStudy
from harness.criteria.registry import criteria, find
from harness.interventions.designs import importance_design, name_of, places
from harness.interventions.values import AblateInput, AblateThought, BlockAttention, Itself, Sham, Zero
from harness.judging import Run
from harness.options import RunOptions
from harness.results import CriterionResult
from tests.criteria.tampering import changed

MODEL = "tiny-llama"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("importance")
    return Run(
        RunOptions(
            models=(MODEL,),
            n_problems=12,
            output=folder / "out",
            cache_dir=folder / "cache",
            controls="cheap",
            ablate_at=("all",),
        )
    )


@pytest.fixture(scope="module")
def results(run: Run) -> dict[str, CriterionResult]:
    return {one.id: run.judge(one, run.scopes(one)[0]) for one in criteria() if one.study == "importance"}


@pytest.fixture
def study(run: Run, results: dict[str, CriterionResult]) -> ModelStudy:
    return run.model_study(MODEL)


def test_every_criterion_is_judged_and_none_but_hypotheses_fails(results: dict[str, CriterionResult]) -> None:
    assert {one.verdict for one in results.values()} <= {"pass", "fail"}
    assert all(one.verdict == "pass" for one in results.values() if one.kind != "hypothesis"), results


def test_every_file_named_is_there(results: dict[str, CriterionResult], run: Run) -> None:
    named = {path for one in results.values() for path in one.artifacts}
    assert all((run.options.output / path).stat().st_size > 0 for path in named)
    assert {Path(path).name for path in named} >= {
        "full_dataset_12.json",
        "token_ablation_results_12.json",
        "attention_weights_12.json",
        "summary_statistics.json",
        "question_attention_12.json",
        "residual_decomposition_12.json",
        "1_importance_by_position.png",
        "4_correlation_by_position.pdf",
    }


def test_hypotheses_have_the_controls_of_interventions(results: dict[str, CriterionResult]) -> None:
    hypotheses = [one for one in results.values() if one.kind == "hypothesis"]
    assert {tuple(one.controls) for one in hypotheses if one.id != "I.2-baseline"} == {("sham", "random")}
    assert results["I.2-baseline"].controls == {}
    assert results["I.2-matters"].controls["sham"].passes is False


def test_an_untouched_file_passes(study: ModelStudy) -> None:
    for criterion in ("I.2-complete", "I.2-parse", "I.2-pairs", "I.4-stats"):
        assert changed(study, study.importance_files.ablations, lambda content: None, criterion) == "pass"


@pytest.mark.parametrize(
    ("criterion", "change"),
    [
        ("I.2-complete", lambda content: content["results"].pop()),
        ("I.2-complete", lambda content: content["results"].__setitem__(3, content["results"][2])),
        ("I.2-parse", lambda content: content["conditions"]["mean CT1"].update(parse_rate=0.5)),
        ("I.2-parse", lambda content: content["conditions"].pop("sham")),
        ("I.2-pairs", lambda content: content["conditions"].pop("zero CT0+CT1+CT5")),
        ("I.2-pairs", lambda content: content["conditions"]["zero CT2+CT4"]["correct"].pop()),
        ("I.4-stats", lambda content: content["results"][2].update(correct=not content["results"][2]["correct"])),
    ],
)
def test_changed_ablations_are_noticed(study: ModelStudy, criterion: str, change: Callable[[Any], object]) -> None:
    assert changed(study, study.importance_files.ablations, change, criterion) == "fail"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["attention_weights"][0][1].__setitem__(2, 0.9),
        lambda content: content["all_layers"][5][2].__setitem__(0, 0.7),
        lambda content: content["attention_weights"].pop(),
        lambda content: content["probe_layers"].update(early=0),
        lambda content: content["problem_ids"].reverse(),
    ],
)
def test_changed_attention_is_noticed(study: ModelStudy, change: Callable[[Any], object]) -> None:
    assert changed(study, study.importance_files.attention, change, "I.3-attention") == "fail"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["overall_correlation"][2].update(r=0.31),
        lambda content: content["per_token"][1].update(importance=0.77),
        lambda content: content["by_difficulty"]["5+"].update(n=40),
        lambda content: content["by_difficulty"]["2"]["correlation"].update(r=0.9),
        lambda content: content["rq1"].update(position=(content["rq1"]["position"] + 1) % 6),
        lambda content: content["rq2"].update(r=0.5),
    ],
)
def test_a_changed_summary_is_noticed(study: ModelStudy, change: Callable[[Any], object]) -> None:
    assert changed(study, study.importance_files.summary, change, "I.4-stats") == "fail"


def test_the_summary_says_what_the_last_thought_does_where_it_can_act(study: ModelStudy) -> None:
    content = json.loads(study.absolute(study.importance_files.summary).read_text(encoding="utf-8"))
    answered, files = study.importance_files.answered, study.importance_files
    gold = np.array([problem.answer for problem in study.intervened.problems("importance")])
    right = answered.numbers == gold[:, None]
    for position, token in enumerate(content["per_token"]):
        for name in ("blocked", "input zero", "mean"):
            drop = right[:, 0].mean() - right[:, files.column(f"{name} CT{position}")].mean()
            assert token[f"accuracy_drop_{name.replace(' ', '_')}"] == pytest.approx(drop)
    assert content["other_places"]["all"]["zero"][2] == pytest.approx(
        right[:, 0].mean() - right[:, files.column("zero CT2 (all)")].mean()
    )
    assert "CT5, the last, acts through the layers above the ablated one alone" in content["rq1"]["answer"]


def test_an_ablation_that_leaks_is_no_sham(study: ModelStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    files = study.importance_files
    leaking = np.array(files.answered.gold_log_probability)
    leaking[3, files.column("sham")] += 1e-7
    leaking[4, files.column("itself CT2")] += 1e-7
    monkeypatch.setitem(files.answered.__dict__, "gold_log_probability", leaking)
    assert find("I.2-sham").measure(study).value == 1
    assert find("I.2-selfpatch").measure(study).value == 1


def test_statements_rest_on_the_checks_of_the_intervention() -> None:
    for criterion in ("I.2-matters", "I.2-last", "I.4-mid", "I.4-early", "I.4-late"):
        assert set(find(criterion).rests_on) >= {"I.2-sham", "I.2-selfpatch", "I.2-readback"}


def test_the_design_ablates_every_thought_with_every_fill_and_what_is_asked_for_beside() -> None:
    design = importance_design(8, 6, ("late", "all"))
    assert places(8) == {"middle": (4,), "early": (2,), "late": (7,), "all": tuple(range(8))}
    assert design["sham"] == (Sham(),)
    assert design[name_of("zero", (1, 3))] == (AblateThought((1, 3), (4,), Zero()),)
    assert design["itself CT2"] == (AblateThought((2,), (4,), Itself()),)
    assert sum(name.endswith("(late)") for name in design) == sum(name.endswith("(all)") for name in design) == 42
    assert not any(name.endswith("(early)") for name in design)
    assert design["blocked CT4"] == (BlockAttention((4,)),)
    assert design["input zero CT5"] == (AblateInput((5,), Zero()),)
    assert len(design) == 2 + 7 + 3 * 42 + 12 + 15 + 20
