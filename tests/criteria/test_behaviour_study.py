"""The study of behaviour on an embedded model and a file of the user's own: files, changed files, and the report in words."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import harness
from harness.behaviour import CODES, ERROR_CLASSES, FEATURES
from harness.cli import main
from harness.criteria.behaviour_report import HEADINGS, BehaviourReport
from harness.criteria.case_files import CaseFiles, narrative
from harness.criteria.cases import Case, choose
from harness.criteria.criterion import NotMeasured
from harness.criteria.errors import kind_tests
from harness.criteria.evidence import ModelStudy
from harness.criteria.inside_files import InsideFiles
from harness.criteria.registry import criteria, find
from harness.criteria.roles import CLAIMS, standing
from harness.criteria.sensitivity_files import FEATURE_WORDS
from harness.criteria.taxonomy_files import TaxonomyFiles
from harness.documents.markdown import plain
from harness.figures.save import save_figure
from harness.interventions.designs import blocks_design
from harness.judging import Run
from harness.measures import NotApplicable
from harness.options import RunOptions
from harness.results import ControlResult, CriterionResult
from tests.criteria.block_cases import block_trials
from tests.criteria.tampering import changed
from tests.figures.reading import texts_of

MODEL = "tiny-gpt2"
N = 16


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, coarse: None) -> Run:
    folder = tmp_path_factory.mktemp("behaviour")
    problems = harness.load_problems("synthetic", split="test", n=N, seed=3)
    rows = [{"question": one.question, "answer": one.solution} for one in problems]
    rows[2]["question"] += " (5 * 3 and <b>more</b>)"
    rows[3]["answer"] = rows[3]["answer"].partition("####")[2].join(["#### ", ""])
    rows[5]["answer"] = f"<<1+1=2>> {rows[5]['answer'].partition('####')[2].join(['#### ', ''])}"
    file = folder / "own.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    return Run(
        RunOptions(
            models=(MODEL,),
            dataset=str(file),
            n_problems=4,
            batch_size=5,
            output=folder / "out",
            cache_dir=folder / "cache",
            controls="cheap",
        )
    )


@pytest.fixture(scope="module")
def results(run: Run) -> dict[str, CriterionResult]:
    return {one.id: run.judge(one, MODEL) for one in criteria() if one.study == "behaviour"}


@pytest.fixture
def study(run: Run, results: dict[str, CriterionResult]) -> ModelStudy:
    return run.model_study(MODEL)


def saved(study: ModelStudy, path: str) -> Any:
    return json.loads(study.absolute(path).read_text(encoding="utf-8"))


def test_every_criterion_is_judged_and_none_but_hypotheses_fails(results: dict[str, CriterionResult]) -> None:
    assert len(results) == 23
    wrong = {name: (one.verdict, one.measured, one.reason) for name, one in results.items() if one.verdict != "pass"}
    assert set(wrong) <= set(CLAIMS), wrong
    assert {one.verdict for one in results.values()} <= {"pass", "fail", "skipped"}


def test_files_have_the_names_and_places_of_the_study(results: dict[str, CriterionResult], run: Run) -> None:
    written = {path for one in results.values() for path in one.artifacts}
    needed = {
        f"results/{MODEL}/{name}.json"
        for name in (
            f"{MODEL}_baseline",
            f"{MODEL}_attention_pattern_position_0",
            f"{MODEL}_attention_pattern_position_4",
            "error_taxonomy_full",
            "error_taxonomy_summary",
            "problem_sensitivity_full",
            "problem_sensitivity_summary",
            "case_studies",
        )
    } | {
        f"figures/{MODEL}/{name}.{suffix}"
        for name in (
            "error_distributions",
            "problem_sensitivity_scatter",
            "problem_sensitivity_types",
            "redistribution",
            "divergence",
        )
        for suffix in ("png", "pdf")
    }
    assert needed <= written
    assert all((run.options.output / path).stat().st_size > 0 for path in written)
    assert any(re.fullmatch(rf"docs/experiments/\d\d-\d\d_{MODEL}_own_behaviour\.md", path) for path in written)


def test_every_prediction_is_kept_with_its_text_class_and_probability(study: ModelStudy) -> None:
    problems = study.intervened.problems("test")
    model = harness.load_model(MODEL)
    texts = model.generate(list(problems.questions))
    rows = saved(study, study.behaviour_files.predictions["baseline"])["predictions"]
    assert [row["answer"] for row in rows] == texts
    assert [row["question"] for row in rows] == list(problems.questions)
    assert all(row["error_class"] in CODES and row["gold_log_probability"] < 0 for row in rows)
    classes = harness.classify_errors(problems.questions, [one.solution for one in problems], texts)
    assert [row["error_class"].replace("UNEXPLAINED", "CALC_ERROR") for row in rows] == classes["error_class"].tolist()


def test_every_file_says_what_it_rests_on(study: ModelStudy, results: dict[str, CriterionResult]) -> None:
    fingerprint = study.intervened.problems("test").fingerprint
    paths = [path for one in results.values() for path in one.artifacts if path.endswith(".json")]
    assert len(set(paths)) >= 14
    for path in set(paths) - {path for path in paths if "calibration" in path}:
        assert saved(study, path)["provenance"]["dataset_fingerprint"] == fingerprint, path


def first(content: Any) -> Any:
    return content["predictions"][0]


def one_of(content: Any, condition: str) -> Any:
    return next(row for row in content["predictions"] if row["condition"] == condition)


TAMPERINGS: dict[str, tuple[str, Callable[[ModelStudy], str], Callable[[Any], object]]] = {
    "a prediction is missing": (
        "B.1-complete",
        lambda study: study.behaviour_files.predictions["blocked CT0"],
        lambda content: content["predictions"].pop(),
    ),
    "a number is another one": (
        "B.1-complete",
        lambda study: study.behaviour_files.predictions["baseline"],
        lambda content: first(content).update(number=12345),
    ),
    "a condition has an answer too few": (
        "B.1-complete",
        lambda study: study.behaviour_files.variants,
        lambda content: content["predictions"].remove(one_of(content, "sham")),
    ),
    "an answer is another problem's": (
        "B.1-complete",
        lambda study: study.behaviour_files.variants,
        lambda content: one_of(content, "sham").update(id=N),
    ),
    "the number under a variant is another one": (
        "B.1-complete",
        lambda study: study.behaviour_files.variants,
        lambda content: one_of(content, "sham").update(number=12345),
    ),
    "a variant is missing": (
        "B.1-complete",
        lambda study: study.behaviour_files.variants,
        lambda content: content.update(
            predictions=[row for row in content["predictions"] if row["condition"] != "sham"]
        ),
    ),
    "an answer has no class": (
        "B.2-classes",
        lambda study: study.taxonomy_files.full,
        lambda content: first(content).update(error_class="WRONG"),
    ),
    "an explained answer lost its reason": (
        "B.2-classes",
        lambda study: study.taxonomy_files.full,
        lambda content: next(one for one in content["predictions"] if one["error_class"] != "CALC_ERROR").update(
            evidence=None
        ),
    ),
    "an answer has another class": (
        "B.2-files",
        lambda study: study.taxonomy_files.full,
        lambda content: first(content).update(code="NONE"),
    ),
    "a share is another one": (
        "B.2-files",
        lambda study: study.taxonomy_files.summary,
        lambda content: content["table"][2]["conditions"]["blocked CT0"].update(share=0.123),
    ),
    "a change is another one": (
        "B.2-files",
        lambda study: study.taxonomy_files.summary,
        lambda content: content["table"][2]["conditions"]["blocked CT4"].update(change=0.123),
    ),
    "a problem more has no step that states its answer": (
        "B.2-files",
        lambda study: study.taxonomy_files.full,
        lambda content: content["problems"][1].update(answer_step=None),
    ),
    "problems without steps are not counted": (
        "B.2-files",
        lambda study: study.taxonomy_files.summary,
        lambda content: content["out_of_reach"].update(no_steps=0),
    ),
    "a case is not the rule's": (
        "B.4-cases",
        lambda study: study.case_files.studies,
        lambda content: content["cases"].reverse(),
    ),
    "cases decode to nothing": (
        "B.4-cases",
        lambda study: study.case_files.studies,
        lambda content: [one.update(decodes_to={}) for one in content["cases"]],
    ),
    "weight is lost": (
        "B.5-redistribution",
        lambda study: study.inside_files.attention,
        lambda content: content["gained"][0][0][0].__setitem__(2, 0.5),
    ),
    "a state differs too early": (
        "B.6-divergence",
        lambda study: study.inside_files.divergence,
        lambda content: content["conditions"]["blocked CT0"]["relative"]["mean"][0].__setitem__(1, 1e-9),
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_changed_file_is_noticed(study: ModelStudy, name: str) -> None:
    criterion, path_of, change = TAMPERINGS[name]
    assert changed(study, path_of(study), lambda content: None, criterion) == "pass"
    assert changed(study, path_of(study), change, criterion) == "fail"


def test_states_that_never_differ_are_no_divergence(study: ModelStudy) -> None:
    def still(content: Any) -> None:
        for one in content["conditions"].values():
            for kind in ("cosine", "relative"):
                one[kind]["mean"] = np.zeros_like(one[kind]["mean"]).tolist()

    assert changed(study, study.inside_files.divergence, still, "B.6-divergence") == "fail"


def test_a_lost_figure_is_noticed(study: ModelStudy) -> None:
    for path, criterion in (
        (study.taxonomy_files.figures[0], "B.2-files"),
        (study.case_files.figures[0][0], "B.4-cases"),
    ):
        place = study.absolute(path)
        kept = place.rename(place.with_suffix(".kept"))
        try:
            declared = find(criterion)
            assert not declared.rule.holds(declared.measure(study).value)
        finally:
            kept.rename(place)


def test_cases_follow_their_rule_and_are_told_with_their_numbers(study: ModelStudy) -> None:
    content = saved(study, study.case_files.studies)
    trials = study.intervened.blocks()
    gold = trials.of("gold", "baseline") - trials.of("gold", "blocked CT0")
    ids = list(study.intervened.problems("test").ids)
    for one in content["cases"]:
        row = ids.index(one["problem_id"])
        assert one["gold_log_probability_drop"] == pytest.approx(gold[row])
        assert f"{-gold[row]:+.3g}" in one["narrative"]
        assert list(one["decodes_to"]) == ["CT0", "CT1", "CT2", "CT3", "CT4", "CT5", "EOT"]
        for position in one["decodes_to"].values():
            assert all(len(tokens) == 5 for tokens in position.values())
        assert set(one["answers"]) >= {"baseline", "blocked CT0", "blocked CT4", "all blocked", "sequential only"}
        assert one["answers"]["baseline"]["error_class"] in ERROR_CLASSES


def test_the_summary_has_every_condition_with_its_flow(study: ModelStudy) -> None:
    content = saved(study, study.taxonomy_files.summary)
    assert list(content["conditions"]) == list(blocks_design(study.n_latents))
    assert all(np.sum(one["flow"]) == N for name, one in content["conditions"].items() if name != "baseline")
    assert "NaN" not in study.absolute(study.taxonomy_files.summary).read_text(encoding="utf-8")


def test_problems_where_reversals_and_slips_cannot_occur_are_counted(
    study: ModelStudy, results: dict[str, CriterionResult]
) -> None:
    counts = saved(study, study.taxonomy_files.summary)["out_of_reach"]
    assert (counts["no_step_states_gold"], counts["no_steps"], counts["n_problems"]) == (1, 1, 2)
    stated = saved(study, study.taxonomy_files.full)["problems"]
    assert [row for row, one in enumerate(stated) if one["answer_step"] is None] == [3, 5]
    assert f"neither can occur in 2 of {N} problems" in str(results["B.2-files"].answer)


def command(study: ModelStudy, folder: Path, *paths: str) -> dict[str, Any]:
    """What the command writes about files of the study."""
    named = [part for path in paths for part in ("--predictions", str(study.absolute(path)))]
    assert main(["behaviour", *named, "--output", str(folder)]) == 0
    return {which: json.loads((folder / f"error_taxonomy_{which}.json").read_text()) for which in ("full", "summary")}


def test_the_command_reads_the_studys_file_and_says_the_same(study: ModelStudy, tmp_path: Path) -> None:
    found = command(study, tmp_path, study.taxonomy_files.full)
    full, summary = (saved(study, path) for path in (study.taxonomy_files.full, study.taxonomy_files.summary))
    for own, other in ((full, found["full"]), (summary, found["summary"])):
        assert own.keys() - other.keys() == {"model", "dataset", "split"} and other.keys() <= own.keys()
    assert {key: full[key] for key in ("conditions", "problems", "predictions", "n_problems")} == {
        key: found["full"][key] for key in ("conditions", "problems", "predictions", "n_problems")
    }
    for key in ("n_problems", "codes", "baseline", "family", "conditions", "random", "out_of_reach", "random_answers"):
        assert summary[key] == found["summary"][key], key
    blocked = [f"blocked CT{position}" for position in range(study.n_latents)]
    for own, other in zip(summary["table"], found["summary"]["table"], strict=True):
        assert list(other["conditions"]) == full["conditions"][1:]
        assert own == {**other, "conditions": {name: other["conditions"][name] for name in blocked}}


def test_the_command_reads_every_file_of_predictions_variants_included(study: ModelStudy, tmp_path: Path) -> None:
    own = study.behaviour_files
    found = command(study, tmp_path, *own.predictions.values(), own.variants)
    full = saved(study, study.taxonomy_files.full)
    assert sorted(found["full"]["conditions"]) == sorted(full["conditions"])
    assert found["summary"]["baseline"] == "baseline" and "sham" not in found["summary"]["family"]
    by_place = [
        {(row["id"], row["condition"]): row for row in content["predictions"]} for content in (full, found["full"])
    ]
    assert by_place[0] == by_place[1]


def keys(figure: Any) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_error_figures_show_every_blocked_thought(study: ModelStudy) -> None:
    blocked = [f"blocked CT{position}" for position in range(study.n_latents)]
    conditions = saved(study, study.taxonomy_files.summary)["conditions"]
    assert keys(study.taxonomy_files._distributions())[: 1 + study.n_latents] == [
        f"{name}: {conditions[name]['n_errors']} wrong" for name in ("baseline", *blocked)
    ]
    titles = [axes.get_title(loc="left") for axes in study.taxonomy_files._flow().axes]
    assert [title.split(":")[0] for title in titles] == blocked


def test_stars_among_wrong_answers_are_those_of_the_two_kinds_that_are_tested() -> None:
    def code(problem: int, blocked: int | None, readers: str) -> int:
        """Three in four answers are wrong, half of them by reversals, which are logic errors with CT0 blocked."""
        if problem % 4 == 0:
            return CODES.index("CORRECT")
        if problem % 8 < 4:
            return CODES.index("CALC_ERROR")
        return CODES.index("LOGIC_ERROR" if blocked == 0 else "OPERATION_REVERSAL")

    trials = block_trials(lambda problem, blocked, readers: problem % 4 == 0, 240, code=code)
    intervened: Any = SimpleNamespace(blocks=lambda: trials)
    files = TaxonomyFiles(SimpleNamespace(intervened=intervened))  # type: ignore[arg-type]
    names = ["baseline", "blocked CT0", "blocked CT3"]
    q = files._among_errors_q(names, ["LOGIC_ERROR", "OPERATION_REVERSAL", "CALC_ERROR"])
    tests = kind_tests(trials)
    of = [tests.columns.index(trials.names.index(name)) for name in names[1:]]
    evidenced, reversals = tests.q[:, of]
    assert reversals[0] < 0.05 < min(evidenced[0], *reversals[1:], *evidenced[1:])
    assert np.isnan(q[0]).all() and np.isnan(q[:, 0]).all()
    np.testing.assert_array_equal(q[1:, 1], reversals)
    np.testing.assert_array_equal(q[1:, 2], evidenced)


def test_figures_say_blocked_and_call_features_and_types_by_words(study: ModelStudy) -> None:
    figures = [
        study.sensitivity_files._scatter(),
        study.sensitivity_files._types(),
        study.inside_files._redistribution(),
        study.inside_files._divergence(),
        study.taxonomy_files._distributions(),
        study.case_files._figure(study.case_files.cases[0]),
    ]
    for figure in figures:
        words = [text.get_text() for text in texts_of(figure)]
        assert any("blocked" in one for one in words)
        assert not [one for one in words if re.search(r"hidden|hiding|n_|has_|max_number", one)]
    assert set(FEATURE_WORDS) == set(FEATURES)


def test_a_case_shows_the_solution_the_evidence_and_the_answers_under_all_conditions(study: ModelStudy) -> None:
    case = study.case_files.cases[0]
    words = [text.get_text() for text in study.case_files._figure(case).texts]
    problem = study.case_files.problems[case.row]
    assert all(any(" ".join(line.split()) in one for one in words) for line in problem.solution.splitlines())
    answers = study.case_files.content[0]["answers"]
    for name in answers:
        assert name in words
    assert any("no later thought and no answer token can read it" in one for one in words)
    happened = {(True, True): "stays right", (True, False): "is lost", (False, True): "is gained"}
    right = tuple(answers[name]["correct"] for name in ("baseline", "blocked CT0"))
    assert words[0].endswith(f"the answer {happened.get(right, 'stays wrong')} with CT0 blocked")


OUTCOMES = {
    (True, True): "The answer is right and stays right with CT0 blocked.",
    (True, False): "Right under the baseline, the answer with CT0 blocked is 7 (OFF_BY_FACTOR: 7 x 1).",
    (False, True): "Wrong under the baseline (7, OFF_BY_FACTOR: 7 x 1), the answer is right with CT0 blocked.",
    (False, False): "Already wrong under the baseline (7), the answer with CT0 blocked is 7 (OFF_BY_FACTOR: 7 x 1).",
}


@pytest.mark.parametrize(("before", "after"), OUTCOMES)
def test_a_case_is_told_by_what_happened_to_it(before: bool, after: bool) -> None:
    def answer(right: bool) -> dict[str, Any]:
        if right:
            return {"number": 3.0, "correct": True, "error_class": "CORRECT", "evidence": "the gold answer 3"}
        return {"number": 7.0, "correct": False, "error_class": "OFF_BY_FACTOR", "evidence": "7 x 1"}

    answers = {"baseline": answer(before), "blocked CT0": answer(after), "all blocked": answer(not before)}
    words = narrative(Case(0, 0, 2, -1.5), answers, [[[("a", 0.5)]]] * 2, "blocked CT0", ["CT0"])
    assert words.startswith(OUTCOMES[before, after])
    assert "changes by +1.5." in words
    turned = "wrong" if before else "right"
    assert words.endswith(f"The answer is {turned} with all thoughts blocked for all later queries.")


def test_the_report_quotes_the_solution_of_every_case_line_by_line(study: ModelStudy) -> None:
    text = study.absolute(study.behaviour_report.path).read_text(encoding="utf-8")
    for case in study.case_files.content:
        quoted = text.split(f"Problem {case['problem_id']}, ")[1].split("Gold answer")[0]
        lines = [line.rstrip().removeprefix("> ") for line in quoted.splitlines() if line.startswith("> ")]
        expected = [plain(line) for line in (case["question"], *case["solution"].splitlines()) if line.strip()]
        assert lines == expected


def made_up(verdict: str, discriminates: bool | None = None, **more: Any) -> Callable[[str], CriterionResult]:
    """Every hypothesis with one verdict, everything else passing."""

    def judged(name: str) -> CriterionResult:
        criterion = find(name)
        claimed = name in CLAIMS
        return CriterionResult.model_validate(
            {
                **{
                    field: getattr(criterion, field)
                    for field in ("id", "story", "study", "kind", "statement", "definition")
                },
                "model": MODEL,
                "measured": 0.25,
                "comparator": criterion.rule.comparator,
                "verdict": verdict if claimed else "pass",
                "discriminates": discriminates if claimed and not criterion.null_should_pass else None,
                "null_should_pass": criterion.null_should_pass,
                "controls": {
                    "random": ControlResult(measured=0.2, passes=discriminates is False).model_dump(),
                    "contentless": ControlResult(measured=0.2, passes=False).model_dump(),
                },
                "answer": f"what was seen of {name}",
                **(more if claimed else {}),
            }
        )

    return judged


def words(study: ModelStudy, judged: Callable[[str], CriterionResult]) -> str:
    report = BehaviourReport(study, judged)
    before = study.absolute(study.behaviour_report.path).read_text(encoding="utf-8")
    text = study.absolute(report.path).read_text(encoding="utf-8")
    study.absolute(report.path).write_text(before, encoding="utf-8")
    return text


def test_what_is_supported_is_said_plainly_with_its_criterion(study: ModelStudy) -> None:
    text = words(study, made_up("pass", True))
    for name, claim in CLAIMS.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"- {claim}")]
        assert line.endswith(f"[{name}]")
    assert text.count("**supported**") == 3


def test_what_a_control_passes_too_is_said_to_be_so(study: ModelStudy) -> None:
    text = words(study, made_up("pass", False))
    assert text.count("but the same holds for other thoughts in its place.") == sum(
        not find(name).null_should_pass for name in CLAIMS
    )
    assert "## What was found" not in text
    assert text.count("**not supported**") == 3


@pytest.mark.parametrize(
    ("verdict", "opening", "role"), [("fail", "Not shown", "not supported"), ("skipped", "Not tested", "untested")]
)
def test_what_fails_or_was_not_tested_is_not_claimed(study: ModelStudy, verdict: str, opening: str, role: str) -> None:
    text = words(study, made_up(verdict, reason="there is none"))
    for name, claim in CLAIMS.items():
        (line,) = [line for line in text.splitlines() if f"[{name}]" in line and claim in line]
        assert line.startswith(f'- {opening}: "{claim}"')
    assert text.count(f"**{role}**") == 3


def test_without_controls_nothing_is_supported(study: ModelStudy) -> None:
    text = words(study, made_up("pass", None))
    assert "whether the controls that were not run would show the same is open" in text
    assert text.count("**untested**") == 3


def test_text_of_problems_cannot_become_markup(study: ModelStudy) -> None:
    text = study.absolute(study.behaviour_report.path).read_text(encoding="utf-8")
    shown = [case["question"] for case in study.case_files.content]
    if any("<b>" in question for question in shown):
        assert r"5 \* 3 and \<b\>more\</b\>" in text
    assert "<b>" not in text


@pytest.mark.parametrize(
    "addition",
    [
        "- CT0 is where the magic happens.",
        "CT0 is the hub of all reasoning.",
        *(f"- {claim}. [{name}]" for name, claim in CLAIMS.items()),
        "![a figure](../../figures/nowhere.png)",
    ],
)
def test_a_sentence_without_ground_and_a_dead_link_are_noticed(study: ModelStudy, addition: str) -> None:
    file = study.absolute(study.behaviour_report.path)
    before = file.read_text(encoding="utf-8")
    declared = find("B.7-report")
    assert declared.rule.holds(declared.measure(study).value)
    try:
        file.write_text(f"{before}\n{addition}\n", encoding="utf-8")
        assert not declared.rule.holds(declared.measure(study).value)
    finally:
        file.write_text(before, encoding="utf-8")


def test_a_claim_moved_to_where_its_verdict_does_not_put_it_is_named(study: ModelStudy) -> None:
    file = study.absolute(study.behaviour_report.path)
    before = file.read_text(encoding="utf-8")
    try:
        for name, claim in CLAIMS.items():
            for heading in set(HEADINGS.values()) - {HEADINGS[standing(study.judged(name))]}:
                file.write_text(f"{before}\n## {heading}\n\n- {claim}. [{name}]\n", encoding="utf-8")
                found = str(find("B.7-report").measure(study).value)
                assert f"{name} stands in another place than its verdict allows" in found
    finally:
        file.write_text(before, encoding="utf-8")


def falsified(content: Any, *place: Any, to: Any) -> Any:
    """The same with another value at one place."""
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = to
    return content


@pytest.mark.parametrize(
    ("name", "which", "place", "to"),
    [
        ("B.1-complete", "predictions", ("predictions", 0, "answer"), "zzz"),
        ("B.1-complete", "predictions", ("predictions", 0, "gold_perplexity"), 1.0),
        ("B.2-files", "summary", ("conditions", "blocked CT0", "classes", "CALC_ERROR", "q"), 1e-9),
        ("B.2-files", "summary", ("near_answers", "conditions", "blocked CT0", "LOGIC_ERROR"), 0.9),
        ("B.4-cases", "cases", ("cases", 0, "narrative"), "All is well."),
        ("B.4-cases", "cases", ("cases", 0, "answers", "baseline", "text"), "x"),
        ("B.5-redistribution", "attention", ("by_layer", "gained_ci_low", 0, 0), 0.5),
        ("B.6-divergence", "divergence", ("conditions", "blocked CT0", "part_at"), "CT5"),
    ],
)
def test_a_file_in_which_anything_was_changed_is_noticed(
    study: ModelStudy, name: str, which: str, place: tuple[Any, ...], to: Any
) -> None:
    relative = {
        "predictions": study.behaviour_files.predictions["baseline"],
        "summary": study.taxonomy_files.summary,
        "cases": study.case_files.studies,
        "attention": study.inside_files.attention,
        "divergence": study.inside_files.divergence,
    }[which]
    file, declared = study.absolute(relative), find(name)
    before = file.read_text(encoding="utf-8")
    assert declared.rule.holds(declared.measure(study).value)
    try:
        file.write_text(json.dumps(falsified(json.loads(before), *place, to=to)), encoding="utf-8")
        assert not declared.rule.holds(declared.measure(study).value)
    finally:
        file.write_text(before, encoding="utf-8")


def test_a_report_that_leaves_a_claim_out_is_noticed(study: ModelStudy) -> None:
    file: Path = study.absolute(study.behaviour_report.path)
    before = file.read_text(encoding="utf-8")
    declared = find("B.7-report")
    try:
        file.write_text(
            "\n".join(line for line in before.splitlines() if "[B.2-reversal]" not in line), encoding="utf-8"
        )
        assert not declared.rule.holds(declared.measure(study).value)
    finally:
        file.write_text(before, encoding="utf-8")


def test_a_warm_run_answers_nothing_again(
    run: Run, results: dict[str, CriterionResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: object, **named: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("harness.extraction.cached.CachedExtraction.model", never)
    again = Run(run.options)
    for one in criteria():
        if one.study == "behaviour":
            known = results[one.id]
            assert again.judge(one, MODEL).model_dump() == known.model_dump(), one.id


def drawn_by(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Judge the figures' criteria anew in the same folder; the names of the figures that were drawn."""
    drawn: list[str] = []

    def record(figure: Figure, path: Path, description: str = "") -> tuple[Path, Path]:
        drawn.append(path.relative_to(run.options.output / f"figures/{MODEL}").as_posix())
        return save_figure(figure, path, description)

    monkeypatch.setattr("harness.figures.save.save_figure", record)
    again = Run(run.options)
    for name in ("B.2-files", "B.3-tables", "B.4-cases", "B.5-redistribution", "B.6-divergence"):
        assert again.judge(find(name), MODEL).verdict == "pass"
    return drawn


@pytest.mark.usefixtures("results")
def test_a_second_run_draws_nothing_but_what_was_deleted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn_by(run, monkeypatch) == []
    folder = run.options.output / f"figures/{MODEL}"
    case = min(folder.glob("case_studies/*.png"))
    case.unlink()
    (folder / "divergence.pdf").unlink()
    assert drawn_by(run, monkeypatch) == [f"case_studies/{case.stem}", "divergence"]
    assert drawn_by(run, monkeypatch) == []


@pytest.mark.usefixtures("results")
def test_cases_that_show_something_else_are_drawn_again_and_no_other_figure(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost_more(*given: Any) -> list[Case]:
        return [replace(one, drop=one.drop + 1) for one in choose(*given)]

    monkeypatch.setattr("harness.criteria.case_files.choose", lost_more)
    drawn: list[str] = []
    monkeypatch.setattr("harness.figures.save.save_figure", lambda figure, path, description: drawn.append(path.name))
    study = Run(run.options).model_study(MODEL)
    _ = study.inside_files.divergence_figure, study.taxonomy_files.figures
    assert drawn == []
    assert [Path(png).stem for png, _ in study.case_files.figures] == drawn
    assert len(drawn) > 1


def test_a_model_with_a_single_thought_has_none_that_could_be_blocked_for_another(study: ModelStudy) -> None:
    lone = replace_latents(study, 1)
    for files in (InsideFiles(lone), TaxonomyFiles(lone), CaseFiles(lone)):
        with pytest.raises(NotApplicable, match="2 thoughts"):
            _ = files.blocked
        with pytest.raises(NotApplicable, match="2 thoughts"):
            _ = files.followed
    assert InsideFiles(replace_latents(study, 2)).blocked == ["blocked CT0"]


def replace_latents(study: ModelStudy, T: int) -> Any:
    return SimpleNamespace(n_latents=T, intervened=study.intervened, options=study.options, name=study.name)


def test_too_few_problems_to_choose_cases_from_leave_the_criterion_out(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(study.case_files.problems, problems=study.case_files.problems.problems[:9])
    monkeypatch.setattr(CaseFiles, "problems", few)
    with pytest.raises(NotMeasured, match="there are 9"):
        find("B.4-cases").measure(study)


def drawn_with(monkeypatch: pytest.MonkeyPatch, place: str, draw: Callable[[], Any]) -> dict[str, Any]:
    """What a figure's function is called with."""
    seen: dict[str, Any] = {}

    def noted(**inputs: Any) -> Figure:
        seen.update(inputs)
        return Figure()

    monkeypatch.setattr(place, noted)
    draw()
    return seen


def test_the_figure_of_errors_shows_what_the_summary_says(study: ModelStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    own = study.taxonomy_files
    seen = drawn_with(monkeypatch, "harness.figures.error_distributions.error_distributions_figure", own._distributions)
    summary = saved(study, own.summary)
    for row, written in (
        ("LOGIC_ERROR", "LOGIC_ERROR"),
        ("PARTIAL_ANSWER", "PARTIAL_ANSWER"),
        ("CALC_ERROR (both)", "CALC_ERROR"),
    ):
        column = list(seen["classes"]).index(row)
        said = summary["random"]["classes"][written]
        np.testing.assert_allclose([seen["random"][column]], [said["share"]])
        np.testing.assert_array_equal(
            np.array([seen["among_errors_random"][column]]), np.array([said["among_errors"]], dtype=float)
        )
        for place, name in enumerate(seen["conditions"]):
            of_class = summary["conditions"][name]["classes"][written]
            assert seen["shares"][place, column] == of_class["share"]["value"]
            if place:
                assert seen["q"][place, column] == of_class["q"]
    nears = [one["LOGIC_ERROR"] for one in summary["near_answers"]["conditions"].values()]
    shown = seen["among_errors_near"][:, list(seen["classes"]).index("LOGIC_ERROR")]
    np.testing.assert_array_equal(shown, np.array(nears, dtype=float))


def test_each_condition_has_wrong_answers_as_far_from_gold_of_its_own(study: ModelStudy) -> None:
    from harness.behaviour import near_answers
    from harness.criteria.sorted_answers import NEAR_DRAWS

    own, seed = study.taxonomy_files.answers, study.options.seed
    near = saved(study, study.taxonomy_files.summary)["near_answers"]["conditions"]
    gold = np.array([problem.answer for problem in study.intervened.problems("test")])
    answered = study.intervened.answered_blocks()
    assert len({tuple(one.values()) for one in near.values()}) > 1
    for name, shares in near.items():
        numbers = answered.numbers[:, list(blocks_design(study.n_latents)).index(name)]
        expected = near_answers(own.classifiers, gold, numbers, NEAR_DRAWS, seed).mean(axis=0)
        np.testing.assert_allclose(np.array(list(shares.values()), dtype=float), expected)


def test_the_report_says_how_many_tokens_an_answer_has_and_what_each_condition_costs(study: ModelStudy) -> None:
    text = study.absolute(study.behaviour_report.path).read_text(encoding="utf-8")
    answered, design = study.intervened.answered_blocks(), list(blocks_design(study.n_latents))
    tokens = (answered.tokens > 0).sum(axis=2)
    right = study.intervened.blocks().right
    rows = {
        "CT0": "blocked CT0",
        "all thoughts": "all blocked",
        "for each thought all others but the one before; the answer reads all": "sequential only",
    }
    for row, name in rows.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {row} |")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        column = design.index(name)
        drop = right[:, 0].mean() - right[:, column].mean()
        assert cells[1].startswith(f"{drop:.3g} ")
        assert cells[-1] == f"{tokens[:, column].mean():.3g}"


def test_the_report_warns_where_there_is_next_to_nothing_to_lose(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "that it loses nothing says nothing"
    accuracy = study.intervened.blocks().of("right", "baseline").mean()
    for enough, warned in ((accuracy + 0.01, True), (accuracy - 0.01, False)):
        monkeypatch.setattr("harness.criteria.behaviour_report.ENOUGH", enough)
        assert (words in BehaviourReport(study, study.judged)._solved()) == warned


def test_the_figure_of_redistribution_shows_intervals_of_what_is_gained(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = study.inside_files
    seen = drawn_with(monkeypatch, "harness.figures.redistribution.redistribution_figure", own._redistribution)
    said = saved(study, own.attention)["by_layer"]
    np.testing.assert_allclose(seen["interval"], [said["gained_ci_low"], said["gained_ci_high"]])
    assert (np.array(said["gained_ci_low"]) <= np.array(said["gained_ci_high"])).all()
