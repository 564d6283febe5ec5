"""``codi-harness behaviour`` on files of every form, and what it says of those it cannot read."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.behaviour import Classifier, random_answers
from harness.behaviour.predictions import FORM, TEXT_FIELDS, read_predictions
from harness.cli import main

PROBLEMS = [
    ("Tom has 12 and buys 5. How many?", "<<12+5=17>>\n#### 17"),
    ("Ann has 3 times 4 and gives 2. How many?", "<<3*4=12>> <<12-2=10>>\n#### 10"),
    ("Sam halves 30 and 6. How much is it?", "<<30/2=15>> <<15+6=21>>\n#### 21"),
]
RIGHT = ["17", "10", "21"]
WRONG = ["7", "12", None]


def rows(
    texts: list[str | None], *, ids: bool = True, text: str = "answer", solution: str = "solution"
) -> list[dict[str, Any]]:
    return [
        {**({"id": at} if ids else {}), "question": question, solution: worked, text: answer}
        for at, ((question, worked), answer) in enumerate(zip(PROBLEMS, texts, strict=True))
    ]


def saved(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def run(folder: Path, *files: Path) -> int:
    return main(
        ["behaviour", *(part for file in files for part in ("--predictions", str(file))), "--output", str(folder)]
    )


def test_two_conditions_are_classified_written_and_shown(tmp_path: Path, capsys) -> None:
    baseline = saved(tmp_path / "a.json", {"model": "m", "condition": "baseline", "predictions": rows(RIGHT)})
    blocked = saved(tmp_path / "b.json", {"model": "m", "condition": "CT0 blocked", "predictions": rows(WRONG)})
    assert run(tmp_path / "out", baseline, blocked) == 0
    full = json.loads((tmp_path / "out" / "error_taxonomy_full.json").read_text())
    assert full["conditions"] == ["baseline", "CT0 blocked"]
    assert [one["conditions"]["baseline"]["error_class"] for one in full["problems"]] == ["CORRECT"] * 3
    assert [one["conditions"]["CT0 blocked"] for one in full["problems"]] == [
        {"answer": "7", "number": 7, "error_class": "OPERATION_REVERSAL", "evidence": "12 - 5 = 7 (step 1: - for +)"},
        {"answer": "12", "number": 12, "error_class": "PARTIAL_ANSWER", "evidence": "3 x 4 = 12 (step 1)"},
        {"answer": None, "number": None, "error_class": "NONE", "evidence": "no text"},
    ]
    summary = json.loads((tmp_path / "out" / "error_taxonomy_summary.json").read_text())
    assert summary["family"] == ["CT0 blocked"]
    assert summary["conditions"]["CT0 blocked"]["classes"]["CORRECT"]["change"]["value"] == -1
    assert summary["conditions"]["CT0 blocked"]["classes"]["CORRECT"]["p"] == 0.25
    assert set(summary["provenance"]["files"]) == {"baseline", "CT0 blocked"}
    chance = random_answers([Classifier(*problem) for problem in PROBLEMS], RIGHT, 20, 0).mean(axis=0)
    assert summary["random"]["classes"]["LOGIC_ERROR"]["share"] == pytest.approx(chance[8])
    shown = capsys.readouterr().out
    assert "baseline (baseline): 0 wrong answers" in shown
    (line,) = [one for one in shown.splitlines() if one.startswith("OPERATION_REVERSAL") and "[" in one]
    assert line.split()[:4] == ["OPERATION_REVERSAL", "1", "0.333", "0.333"]
    assert line.split()[5] == "+0.333"
    assert "error_taxonomy_full.json" in shown


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_the_solution_may_be_called_answer_where_the_text_has_another_name(tmp_path: Path, field: str) -> None:
    read = read_predictions(saved(tmp_path / "a.json", rows(["7"] * 3, text=field, solution="answer")))
    assert [row.solution for row in read.rows] == [solution for _, solution in PROBLEMS]
    assert {row.text for row in read.rows} == {"7"}
    assert field in FORM


def test_answer_is_the_text_beside_a_solution(tmp_path: Path) -> None:
    (first, *_) = read_predictions(saved(tmp_path / "a.json", rows(RIGHT))).rows
    assert (first.text, first.solution, first.gold, first.id) == ("17", PROBLEMS[0][1], 17.0, "0")


def test_every_form_of_file_gives_the_same_rows(tmp_path: Path) -> None:
    listed = rows(["7", "1,2", "a\nb"])
    with (tmp_path / "d.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, listed[0])
        writer.writeheader()
        writer.writerows(listed)
    files = [
        saved(tmp_path / "a.json", listed),
        saved(tmp_path / "b.json", {"predictions": listed}),
        saved(tmp_path / "c.jsonl", "\n".join(map(json.dumps, listed)) + "\n\n"),
        tmp_path / "d.csv",
    ]
    read = [read_predictions(file).rows for file in files]
    assert all(one == read[0] for one in read)
    assert [read_predictions(file).condition for file in files] == ["a", "b", "c", "d"]


def test_a_gold_number_stands_in_where_the_solution_has_none(tmp_path: Path) -> None:
    row = {"question": "How many?", "solution": "", "gold": 4.0, "answer": "4"}
    assert read_predictions(saved(tmp_path / "a.json", [row])).rows[0].gold == 4


def test_rows_in_another_order_are_matched(tmp_path: Path) -> None:
    for name, ids in (("by id", True), ("by question", False)):
        files = [
            saved(tmp_path / "base.json", rows(RIGHT, ids=ids)),
            saved(tmp_path / "other.json", rows(WRONG, ids=ids)[::-1]),
        ]
        assert run(tmp_path / name, *files) == 0
        full = json.loads((tmp_path / name / "error_taxonomy_full.json").read_text())
        assert [one["conditions"]["other"]["answer"] for one in full["problems"]] == WRONG


def test_conditions_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    files = [saved(tmp_path / f"{name}.json", {"condition": "x", "predictions": rows(RIGHT)}) for name in "ab"]
    assert run(tmp_path, *files) == 0
    assert json.loads((tmp_path / "error_taxonomy_full.json").read_text())["conditions"] == ["a", "b"]


def test_a_single_problem_can_be_classified(tmp_path: Path) -> None:
    assert run(tmp_path, saved(tmp_path / "a.json", rows(RIGHT)[:1])) == 0
    summary = json.loads((tmp_path / "error_taxonomy_summary.json").read_text())
    assert summary["random"]["classes"]["CORRECT"]["share"] is None


LONE = '[{"question": "\\ud800", "solution": "#### 1", "answer": "1"}]'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "{", "is not JSON"),
        ("a.json", "", "no predictions"),
        ("a.json", [], "no predictions"),
        ("a.json", {"predictions": []}, "no predictions"),
        ("a.json", {"rows": []}, 'without a list under "predictions"'),
        ("a.json", 3, "the number 3"),
        ("a.json", [3], "row 1: the number 3 instead of an object"),
        ("a.json", [*rows(RIGHT), {"question": "x", "solution": "#### 1"}], "row 4: the model's text is missing"),
        ("a.json", [{"question": "x", "answer": "#### 1"}], "row 1: the model's text is missing"),
        ("a.json", [{"solution": "#### 1", "answer": "1"}], 'row 1: the field "question" is missing'),
        ("a.json", [{"question": "x", "prediction": "1"}], 'row 1: the field "answer" is missing'),
        ("a.json", [{"question": "x", "solution": "#### 1", "answer": 1}], 'the field "answer" is the number 1'),
        ("a.json", [{"question": "x", "solution": "1", "answer": "1"}], "does not end in ####"),
        ("a.json", [{"question": "x", "solution": "#### y", "answer": "1"}], "does not end in ####"),
        ("a.json", [{"id": 1.5, "question": "x", "solution": "#### 1", "answer": "1"}], "the id is the number 1.5"),
        ("a.json", rows(RIGHT)[:1] * 2, 'the id "0" again in row 2'),
        ("a.json", rows(RIGHT, ids=False)[:1] * 2, "again in row 2"),
        ("a.json", LONE, "surrogate"),
        ("a.jsonl", '{"question": 1}\n{', "line 1"),
        ("a.jsonl", json.dumps(rows(RIGHT)[0]) + "\n{", "line 2: not JSON"),
        ("a.csv", "question,solution,answer\nx,#### 1\n", "line 2: 2 cells under 3 columns"),
        ("a.csv", "question,question\n", "more than once"),
        ("a.csv", 'question,solution,answer\n"x,1,2\n', "is not CSV"),
        ("a.csv", "question,solution,answer\n", "no predictions"),
        ("a.txt", "x", "must end in .json"),
    ],
)
def test_bad_input_is_one_paragraph_and_status_4(tmp_path: Path, capsys, name: str, content: Any, said: str) -> None:
    file = saved(tmp_path / name, content)
    assert run(tmp_path / "out", file) == 4
    shown = capsys.readouterr()
    message = " ".join(shown.err.split())
    assert said in message and name in message
    assert "\n\n" not in shown.err and "Traceback" not in shown.err and not shown.out
    assert not (tmp_path / "out").exists()


def test_missing_files_and_folders_are_named(tmp_path: Path, capsys) -> None:
    assert run(tmp_path, tmp_path / "none.json") == 4
    assert "none.json" in capsys.readouterr().err
    good = saved(tmp_path / "a.json", rows(RIGHT))
    assert run(good / "below", good) == 4
    assert "Cannot write" in capsys.readouterr().err
    assert run(tmp_path, good, good) == 4
    assert "named twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (rows(RIGHT)[:2], 'the id "2" is in'),
        ([*rows(RIGHT), {**rows(RIGHT)[0], "id": 9}], 'the id "9" is in'),
        ([{**row, "question": row["question"] + "!"} for row in rows(RIGHT)], 'of the id "0" the question is'),
        ([{**row, "solution": "#### 3"} for row in rows(RIGHT)], 'of the id "0" the solution is'),
        (rows(RIGHT, ids=False)[:2], 'the question "Sam halves'),
    ],
)
def test_files_of_other_problems_name_the_first_difference(tmp_path: Path, capsys, other: Any, said: str) -> None:
    first, second = saved(tmp_path / "a.json", rows(RIGHT)), saved(tmp_path / "b.json", other)
    assert run(tmp_path / "out", first, second) == 4
    message = " ".join(capsys.readouterr().err.split())
    assert f"{second} does not have the same problems as {first}" in message
    assert said in message


def test_the_command_needs_no_model_and_no_torch(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.json", rows(RIGHT))
    code = (
        "import sys; from harness.cli import main; "
        f"main(['behaviour', '--predictions', {str(file)!r}, '--output', {str(tmp_path)!r}]); "
        "sys.exit(bool({'torch', 'pandas', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_the_table_of_a_notebook_has_a_row_for_each_answer() -> None:
    questions, solutions = zip(*PROBLEMS, strict=True)
    table = harness.classify_errors(questions, solutions, ["7", float("nan"), "987654"])
    assert table.columns.tolist() == ["error_class", "evidence"]
    assert table.error_class.tolist() == ["OPERATION_REVERSAL", "NONE", "CALC_ERROR"]
    assert table.evidence.tolist() == ["12 - 5 = 7 (step 1: - for +)", "no text", None]
    assert harness.classify_errors([], [], []).columns.tolist() == ["error_class", "evidence"]
    frame = pd.DataFrame({"q": questions, "s": solutions, "a": RIGHT}, index=[5, 6, 7])
    assert (harness.classify_errors(frame.q, frame.s, frame.a).error_class == "CORRECT").all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((["a"], ["#### 1"], ["1", "2"]), "1 questions, 1 solutions, 2 answer_texts"),
        ((["a", "b"], ["#### 1", "no mark"], ["1", "2"]), "Row 1: .*####"),
        ((["a", 3], ["#### 1", "#### 1"], ["1", "2"]), "Row 1: the question is 3"),
        ((["a"], ["#### 1"], [np.float64(3)]), "Row 0: the answer text is"),
    ],
)
def test_columns_that_cannot_be_used_are_named(arguments: Any, said: str) -> None:
    with pytest.raises(harness.HarnessError, match=said):
        harness.classify_errors(*arguments)
