"""Story 3.1: what a run leaves for readers is complete and agrees with the data, and whatever is wrong with it is seen."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.criteria.experiment_files import JOURNAL, README
from harness.criteria.finished import FinishedRun, conclude
from harness.criteria.registry import criteria
from harness.files import write_json
from harness.results import Calibration, CalibrationFile, CriterionResult
from tests.criteria.finished_run import MODELS, PAIR, finished

FLOW = "docs/experiments/11-22_small_synthetic_attention_flow_analysis.md"
BOTH = "docs/experiments/11-22_both_synthetic_model_comparison.md"
ALL = [one for one in criteria() if one.story == "3.1"]


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    return finished(tmp_path)


def judged(run: FinishedRun, name: str | None = None) -> dict[str, CriterionResult]:
    chosen = [one for one in ALL if name is None or one.id == f"3.1-{name}"]
    return {one.id.removeprefix("3.1-"): one for one in conclude(chosen, run)}


def edit(run: FinishedRun, path: str, change: Callable[[str], str]) -> None:
    place = run.absolute(path)
    before = place.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    place.write_text(after, encoding="utf-8")


def test_what_is_written_passes(run: FinishedRun) -> None:
    found = judged(run)
    assert {name: one.verdict for name, one in found.items() if name != "figures"} == dict.fromkeys(
        ("reports", "journal", "questions", "readme", "numbers", "links"), "pass"
    )
    assert list(found)[-1] == "links"


def test_the_reports_are_those_of_the_study(run: FinishedRun) -> None:
    judged(run, "reports")
    names = {path.name for path in run.absolute("docs/experiments").iterdir() if path.suffix == ".md"}
    kinds = ("attention_flow_analysis", "attention_importance", "step_importance")
    assert names == {f"11-22_{model}_synthetic_{kind}.md" for model in MODELS for kind in kinds} | {
        "11-22_both_synthetic_model_comparison.md"
    }


@pytest.mark.parametrize(
    ("name", "path", "before", "after", "said"),
    [
        ("reports", FLOW, "## Methodology", "## Means", "no section Methodology"),
        ("reports", FLOW, r"(\| [^|]*\[1.5-ratio\][^\n]*)\*\*(pass|fail)\*\*", r"\1**invalid**", "1.5-ratio"),
        ("reports", BOTH, r"\| [^|\n]*\[2.6-same\] [^\n]*\n", "", "2.6-same"),
        ("reports", FLOW, r"\]\(\.\./\.\./figures/small/3_drawn.png\)", "](3)", "no link to figures/small/3_drawn.png"),
        ("journal", JOURNAL, r"\*\*TL;DR:\*\*", "**Short:**", "no TL;DR"),
        ("journal", JOURNAL, "## 2026-11-22 ·", "## Lately ·", "no date and name"),
        ("journal", JOURNAL, r"(?s)  2\. .*?(?=- \*\*Links)", "", "1 findings"),
        ("journal", JOURNAL, "100 of 7,473", "some", "no size of the dataset"),
        ("journal", JOURNAL, r"(?s)\Z", "<!-- entry KEY -->", "not there once"),
        ("readme", README, r"(?s)## Expected runtime.*?<!--", "<!--", "5 of 6"),
        ("readme", README, r"(?s)(## Command line\n).*?(## Expected outputs)", r"\1\2", "5 of 6"),
        ("questions", FLOW, "- CT1 receives most attention", "- CT2 does", "4 of 5"),
        ("questions", BOTH, r"Same hub\? no \(CT1", "Same hub? yes (CT1", "4 of 5"),
    ],
)
def test_what_is_missing_or_otherwise_is_seen(
    run: FinishedRun, name: str, path: str, before: str, after: str, said: str
) -> None:
    judged(run, name)
    after = after.replace("KEY", run.documents.journal_key)
    edit(run, path, lambda text: re.sub(before, after, text))
    (found,) = judged(run, name).values()
    assert found.verdict == "fail"
    assert said in str(found.measured)


@pytest.mark.parametrize("path", [FLOW, BOTH, JOURNAL, README])
def test_a_number_that_is_in_no_row_is_counted(run: FinishedRun, path: str) -> None:
    assert judged(run, "numbers")["numbers"].measured == 0
    numbers = re.compile(r"(?<![\w.])0\.\d{3,}(?= )|(?<=of )7,473(?= problems)")
    edit(run, path, lambda text: numbers.sub("0.1234567", text, count=1))
    assert judged(run, "numbers")["numbers"].measured == 1


def test_numbers_of_another_criterion_do_not_do(run: FinishedRun) -> None:
    judged(run, "numbers")
    other = next(one for one in run.judged if one.id == "2.1-top" and one.model == "small")
    edit(
        run, FLOW, lambda text: re.sub(r"(\[1.2-spread\] \| hypothesis \| )0\.\d+", rf"\g<1>{other.measured:.3g}", text)
    )
    assert judged(run, "numbers")["numbers"].measured == 1


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (FLOW, r"\*\*fail\*\*", "**pass**"),
        (FLOW, r"4 layers, 8 heads", "8 layers, 4 heads"),
        (FLOW, r"## Key findings\n\n1\. CT1", "## Key findings\n\n1. CT4"),
        (JOURNAL, r"CT3 receives", "CT1 receives"),
        (README, r"\d+ pass, ", "1 pass, "),
    ],
)
def test_words_other_than_those_that_the_data_give_are_seen(
    run: FinishedRun, path: str, before: str, after: str
) -> None:
    assert all(one.verdict == "pass" for one in judged(run).values() if one.id != "3.1-figures")
    edit(run, path, lambda text: re.sub(before, after, text, count=1))
    assert any(one.verdict == "fail" for one in judged(run).values() if one.id != "3.1-figures")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (r"(receives most attention \()0\.0551", r"\g<1>0.0413"),
        (r"(Sequential flow\? no \()0\.259", r"\g<1>0.26"),
        (r"6 thoughts", "43 thoughts"),
        (r"\b100 of 7,473", "99 of 7,473"),
    ],
)
def test_numbers_of_another_model_rounded_or_made_up_are_counted(run: FinishedRun, before: str, after: str) -> None:
    assert judged(run, "numbers")["numbers"].measured == 0
    edit(run, FLOW, lambda text: re.sub(before, after, text, count=1))
    assert judged(run, "numbers")["numbers"].measured == 1


def test_files_that_rows_name_and_that_are_gone_are_counted(run: FinishedRun) -> None:
    judged(run, "reports")
    before = judged(run, "links")["links"].measured
    run.absolute("figures/small/1_drawn.pdf").unlink()
    assert judged(run, "links")["links"].measured == before + 1


def test_part_of_a_study_writes_no_report_and_leaves_the_whole_one_alone(run: FinishedRun) -> None:
    judged(run)
    before = {path: run.absolute(path).read_bytes() for path in (FLOW, BOTH, JOURNAL)}
    part = finished(run.output)
    part.result.criteria = [one for one in part.result.criteria if one.story in ("1.5", "2.4", "2.6")]
    found = judged(part)
    assert {found[name].verdict for name in ("reports", "journal", "questions")} == {"skipped"}
    assert "1.2-shape of small" in str(found["reports"].reason)
    assert {path: run.absolute(path).read_bytes() for path in before} == before


def test_broken_links_of_documents_and_page_are_counted(tmp_path: Path) -> None:
    page = '<a href="criteria.json"></a><a href="#here"></a><a href="#gone"></a><img src="gone.png"><a href="https://x">x</a>'
    run = finished(tmp_path, page=f'<p id="here">{page}')
    run.absolute("criteria.json").write_text("{}", encoding="utf-8")
    judged(run, "reports")
    run.absolute("docs/mine.md").write_text("[a](gone.md) [b](../criteria.json) [c](../index.html)", encoding="utf-8")
    found = judged(run, "links")["links"]
    assert found.beside["broken"] == ["docs/mine.md: gone.md", "index.html: #gone", "index.html: gone.png"]
    assert (found.measured, found.verdict) == (3, "fail")


def test_running_again_leaves_one_entry(run: FinishedRun) -> None:
    judged(run, "journal")
    run.absolute(JOURNAL).write_text("mine\n" + run.absolute(JOURNAL).read_text(encoding="utf-8"), encoding="utf-8")
    again = finished(run.output)
    assert judged(again, "journal")["journal"].verdict == "pass"
    text = run.absolute(JOURNAL).read_text(encoding="utf-8")
    assert text.startswith("mine\n")
    assert text.count("## 2026-11-22") == 1


def test_twenty_figures_are_counted_as_files(run: FinishedRun) -> None:
    found = judged(run, "figures")["figures"]
    assert found.measured == 2 * 4 * 2 + 3 * 2
    run.absolute("figures/small/1_drawn.pdf").unlink()
    assert judged(run, "figures")["figures"].measured == found.measured - 1


def test_one_model_leaves_out_what_takes_two(tmp_path: Path) -> None:
    found = judged(finished(tmp_path, models=("small",)))
    assert {name for name, one in found.items() if one.verdict == "skipped"} == {"questions", "figures"}
    assert all((found[name].reason or "").startswith("needs two models") for name in ("questions", "figures"))


@pytest.mark.parametrize("name", ["reports", "journal", "questions"])
def test_what_was_not_judged_is_needed(run: FinishedRun, name: str) -> None:
    run.result.criteria = [one for one in run.result.criteria if one.id != "1.5-skip"]
    (found,) = judged(run, name).values()
    assert found.verdict == "skipped"
    assert found.reason == "needs what this run did not judge: 1.5-skip of small, 1.5-skip of large"


def test_names_of_models_and_reasons_are_text(tmp_path: Path) -> None:
    run = finished(tmp_path)
    for row in run.result.criteria:
        if row.id == "2.4-stable":
            row.reason = "no | cells <b>"
    judged(run, "reports")
    text = run.absolute(FLOW).read_text(encoding="utf-8")
    assert r"no \| cells \<b\>" in text
    assert PAIR in {one.model for one in run.judged}


def test_what_planted_patterns_say_of_a_rule_stands_beside_its_verdict(run: FinishedRun) -> None:
    row = next(one for one in run.result.criteria if one.id == "1.2-spread" and one.model == "small")
    assert "no power" not in judged_text(run)
    row.artifacts = ["results/small/calibration.json"]
    entry = Calibration(id=row.id, comparator=">", verdict=row.verdict, power={"hub": [0.0, 0.01]}, plantings=100)
    content = CalibrationFile(model="small", models=["small"], strengths=[0.0, 1.0], criteria=[entry])
    write_json(run.absolute(row.artifacts[0]), content.model_dump(mode="json", by_alias=True))
    assert "no power" in judged_text(finished_again(run))


def finished_again(run: FinishedRun) -> FinishedRun:
    return FinishedRun(run.options, run.result, run.page, run.declared)


def judged_text(run: FinishedRun) -> str:
    assert judged(run, "reports")["reports"].verdict == "pass"
    return run.absolute(FLOW).read_text(encoding="utf-8")
