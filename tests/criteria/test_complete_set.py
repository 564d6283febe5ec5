"""Story 4.1 on a file with faults: what is kept, what is left out and why, and what the files say of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.criteria.criterion import Measurement
from harness.criteria.evidence import ProblemStudy
from harness.criteria.registry import find
from harness.criteria.story_4_1 import INVENTORY, PATH
from harness.judging import Run
from harness.options import RunOptions
from harness.problems import Cleaned
from harness.problems.dataset_file import read_dataset, read_removed
from tests.criteria.test_rules import result

ROWS = [
    {"question": "Mia has 3 stamps and finds 4. How many has she?", "answer": "3 + 4 = <<3+4=7>>7\n#### 7"},
    {"question": "Tom has 9 marbles and loses 2. How many are left?", "answer": "9 - 2 = <<9-2=7>>7\n#### 7"},
    {"question": "MIA has 3 stamps, and finds 4!  How many has she", "answer": "#### 7"},
    {"question": "A bag holds 12 nuts. Half are eaten. How many are left?", "answer": 6},
]


@pytest.fixture
def study(tmp_path: Path) -> ProblemStudy:
    file = tmp_path / "own.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS), encoding="utf-8")
    return ProblemStudy(RunOptions(dataset=str(file), output=tmp_path / "out"), str(file), {"harness": "0"})


def measured(study: ProblemStudy, name: str) -> Measurement:
    return find(name).measure(study)


def test_every_problem_is_kept_or_left_out_with_a_reason(study: ProblemStudy) -> None:
    found = measured(study, "4.1-count")
    assert find("4.1-count").rule.holds(found.value)
    assert (found.beside["kept"], found.beside["split_size"]) == (2, 4)
    assert found.beside["removed"] == ["2: repeats problem 0", "3: no solution"]
    assert "problem 2 repeats problem 0; problem 3 no solution" in str(found.answer)


def test_a_problem_that_is_lost_without_a_reason_is_missed(
    study: ProblemStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = study.full
    monkeypatch.setitem(study.__dict__, "full", Cleaned(full.kept, full.removed[1:]))
    assert measured(study, "4.1-count").value == "3 of 4"


def test_a_file_of_gsm8k_that_was_cut_off_is_not_the_complete_set(
    study: ProblemStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = study.full
    cut = Cleaned(replace(full.kept, name="gsm8k"), full.removed)
    monkeypatch.setitem(study.__dict__, "full", cut)
    assert measured(study, "4.1-count").value == "4 of 7473"


def test_the_saved_set_and_what_was_left_out_are_read_back(study: ProblemStudy) -> None:
    assert measured(study, "4.1-saved").value == "equal, present"
    path = study.absolute(PATH)
    assert read_dataset(path) == study.full.kept
    assert read_removed(path) == ((2, "repeats problem 0"), (3, "no solution"))
    entry = study.absolute(INVENTORY).read_text(encoding="utf-8")
    assert "- **Stratification:** None" in entry
    assert "- **Expected time:** not known before a first extraction" in entry


def test_the_inventory_states_the_time_at_the_pace_of_what_was_extracted(study: ProblemStudy) -> None:
    study.pace = lambda: {"small": 4.0, "large": 0.5}
    measured(study, "4.1-saved")
    said = study.absolute(INVENTORY).read_text(encoding="utf-8")
    assert "**Expected time:** small 0 s, large 4 s at the pace of the first sample" in said


@pytest.mark.parametrize("name", ["4.1-count", "4.1-saved", "4.1-clean"])
def test_each_is_about_all_problems_that_are_kept(study: ProblemStudy, name: str) -> None:
    assert measured(study, name).n_problems == 2


def test_phase_4_looked_at_the_complete_set_not_at_the_sample(study: ProblemStudy, tmp_path: Path) -> None:
    run = Run(replace(study.options, n_problems=3, cache_dir=tmp_path / "cache"))
    judged = [result("1.2-max"), result("4.2-shape", study="phase4")]
    first, full = run.complete(judged).run["samples"]
    assert (first["studies"], first["n"], first["complete"]) == (["phase1"], 3, False)
    assert (full["studies"], full["n"], full["complete"]) == (["phase4"], 2, True)
    assert full["split_size"] == 4


def test_a_set_that_is_saved_wrongly_is_noticed(study: ProblemStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.criteria.story_4_1.read_removed", lambda path: ())
    assert measured(study, "4.1-saved").value == "different from memory"


def test_nothing_corrupt_or_repeated_is_left(study: ProblemStudy) -> None:
    assert measured(study, "4.1-clean").value == 0


def test_repetitions_and_empty_solutions_that_stay_are_counted(
    study: ProblemStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.problems import load_split

    monkeypatch.setitem(study.__dict__, "full", Cleaned(load_split(study.dataset, "train"), ()))
    found = measured(study, "4.1-clean")
    assert found.value == 2
    assert (found.beside["corrupt"], found.beside["duplicates"]) == (["3: no solution"], [[2, 0]])


def test_all_of_the_synthetic_split_is_kept(tmp_path: Path) -> None:
    own = ProblemStudy(RunOptions(dataset="synthetic", output=tmp_path), "synthetic", {})
    assert measured(own, "4.1-count").n_problems == 7473
    content = measured(own, "4.1-saved").artifacts[0]
    assert len(json.loads((tmp_path / content).read_text(encoding="utf-8"))["problems"]) == 7473
