"""``codi-harness behaviour`` on files of every form, and what it says of those it cannot read."""

import csv
import json
import shlex
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


def run(folder: Path, *files: Path, seed: int | None = None) -> int:
    named = [part for file in files for part in ("--predictions", str(file))]
    return main(["behaviour", *named, "--output", str(folder), *([] if seed is None else ["--seed", str(seed)])])


def written(folder: Path, which: str) -> Any:
    return json.loads((folder / f"error_taxonomy_{which}.json").read_text())


def under(full: Any, condition: str, *fields: str) -> list[tuple[Any, ...]]:
    """Some fields of the rows of a condition."""
    return [tuple(row[field] for field in fields) for row in full["predictions"] if row["condition"] == condition]


def test_two_conditions_are_classified_written_and_shown(tmp_path: Path, capsys) -> None:
    baseline = saved(tmp_path / "a.json", {"model": "m", "condition": "baseline", "predictions": rows(RIGHT)})
    blocked = saved(tmp_path / "b.json", {"model": "m", "condition": "CT0 blocked", "predictions": rows(WRONG)})
    assert run(tmp_path / "out", baseline, blocked) == 0
    full = written(tmp_path / "out", "full")
    assert full["conditions"] == ["baseline", "CT0 blocked"]
    assert under(full, "baseline", "id", "error_class") == [(0, "CORRECT"), (1, "CORRECT"), (2, "CORRECT")]
    assert under(full, "CT0 blocked", "id", "answer", "number", "code", "error_class", "evidence") == [
        (0, "7", 7, "OPERATION_REVERSAL", "OPERATION_REVERSAL", "12 - 5 = 7 (step 1: - for +)"),
        (1, "12", 12, "PARTIAL_ANSWER", "PARTIAL_ANSWER", "3 x 4 = 12 (step 1)"),
        (2, None, None, "NONE", "NONE", "no text"),
    ]
    summary = written(tmp_path / "out", "summary")
    assert summary["family"] == ["CT0 blocked"]
    assert summary["conditions"]["CT0 blocked"]["classes"]["CORRECT"]["change"]["value"] == -1
    assert summary["conditions"]["CT0 blocked"]["classes"]["CORRECT"]["p"] == 0.25
    assert set(summary["provenance"]["files"]) == {"baseline", "CT0 blocked"}
    chance = random_answers([Classifier(*problem) for problem in PROBLEMS], RIGHT, 20, 42).mean(axis=0)
    assert summary["random"]["classes"]["LOGIC_ERROR"]["share"] == pytest.approx(chance[8])
    shown = capsys.readouterr().out
    assert "baseline (baseline): 0 wrong answers" in shown
    (line,) = [one for one in shown.splitlines() if one.startswith("OPERATION_REVERSAL") and "[" in one]
    assert line.split()[:3] == ["OPERATION_REVERSAL", "1", "0.333"]
    assert line.split()[6] == "+0.333"
    assert "error_taxonomy_full.json" in shown


def test_random_shares_are_printed_beside_shares_of_the_same_base(tmp_path: Path, capsys) -> None:
    # Of the six problems four have the same answer: dealt anew, some are right, and the two bases differ.
    listed = [
        {
            "id": at,
            "question": f"{'abcdef'[at]}?",
            "solution": "<<1+1=2>> #### 2" if at < 4 else "#### 9",
            "answer": "2",
        }
        for at in range(6)
    ]
    assert run(tmp_path, saved(tmp_path / "a.json", listed)) == 0
    random = written(tmp_path, "summary")["random"]["calc_error"]["unexplained"]
    assert random["share"] != pytest.approx(random["among_errors"], abs=0.01)
    lines = capsys.readouterr().out.splitlines()
    (place,) = [at for at, line in enumerate(lines) if line.split()[:1] == ["class"]]
    assert lines[place].split() == ["class", "n", "share", "random", "share", "random"]
    assert lines[place - 1].split() == ["of", "all", "problems", "of", "wrong", "answers"]
    # Each base stands over its own pair of columns.
    assert lines[place - 1].index("of wrong") > lines[place].index("random")
    (unexplained,) = [line.split() for line in lines if line.startswith("  unexplained")]
    shares = [f"{2 / 6:.3f}", f"{random['share']:.3f}", f"{1:.3f}", f"{random['among_errors']:.3f}"]
    assert unexplained == ["unexplained", "2", *shares]


def test_the_summary_has_a_table_of_every_condition_and_its_change(tmp_path: Path) -> None:
    # Names that the table's own fields have too are kept apart.
    files = [
        saved(tmp_path / f"{at}.json", {"condition": name, "predictions": rows(texts)})
        for at, (name, texts) in enumerate({"baseline": RIGHT, "class": WRONG, "random": ["17", None, None]}.items())
    ]
    assert run(tmp_path, *files) == 0
    summary = written(tmp_path, "summary")
    table = {row["class"]: row for row in summary["table"]}
    assert list(table) == summary["codes"]
    assert table["CORRECT"]["baseline"] == 1
    assert table["CORRECT"]["conditions"] == {
        "class": {"share": 0, "change": -1},
        "random": {"share": pytest.approx(1 / 3), "change": pytest.approx(-2 / 3)},
    }
    assert table["NONE"]["conditions"]["random"] == {"share": pytest.approx(2 / 3), "change": pytest.approx(2 / 3)}
    for code in ("CORRECT", "LOGIC_ERROR"):
        assert table[code]["random"] == pytest.approx(summary["random"]["classes"][code]["share"])
    assert list(summary["near_answers"]["conditions"]) == ["baseline", "class", "random"]


def test_the_seed_decides_all_that_is_drawn_and_42_is_the_default(tmp_path: Path, capsys) -> None:
    texts = ["7", "12", "23", "17", "10", "5"] * 5
    listed = [
        {**row, "id": at, "question": f"{row['question']} {at}", "answer": texts[at]}
        for at, row in enumerate(rows(RIGHT) * 10)
    ]
    file = saved(tmp_path / "a.json", listed)
    shown, files = {}, {}
    for name, seed in {"default": None, "same": 42, "other": 7}.items():
        assert run(tmp_path / name, file, seed=seed) == 0
        shown[name] = capsys.readouterr().out.rpartition("written")[0]
        files[name] = [(tmp_path / name / f"error_taxonomy_{which}.json").read_bytes() for which in ("full", "summary")]
    assert shown["default"] == shown["same"] and files["default"] == files["same"]
    assert written(tmp_path / "same", "summary")["provenance"]["seed"] == 42
    one, other = (written(tmp_path / name, "summary") for name in ("same", "other"))
    assert one["random"] != other["random"]
    assert one["near_answers"] != other["near_answers"]
    assert one["conditions"] != other["conditions"]


def test_a_seed_below_zero_is_refused(tmp_path: Path, capsys) -> None:
    assert run(tmp_path / "out", saved(tmp_path / "a.json", rows(RIGHT)), seed=-1) == 4
    assert "--seed is -1" in capsys.readouterr().err


def test_what_was_written_can_be_read_again_and_gives_the_same(tmp_path: Path) -> None:
    named = {"baseline": RIGHT, "sham": RIGHT, "CT0 blocked": WRONG}
    files = [
        saved(tmp_path / f"{at}.json", {"condition": name, "predictions": rows(texts)})
        for at, (name, texts) in enumerate(named.items())
    ]
    assert run(tmp_path / "once", *files) == 0
    assert run(tmp_path / "twice", tmp_path / "once" / "error_taxonomy_full.json") == 0
    for which in ("full", "summary"):
        once, twice = (written(tmp_path / folder, which) for folder in ("once", "twice"))
        assert once.pop("provenance")["files"].keys() == twice.pop("provenance")["files"].keys()
        assert once == twice


def test_rows_that_name_conditions_are_told_apart_in_every_form(tmp_path: Path) -> None:
    listed = [
        {**row, "condition": name} for pair in zip(rows(RIGHT), rows(WRONG), strict=True)
        for name, row in zip(("base", "hidden"), pair, strict=True)
    ]  # fmt: skip
    with (tmp_path / "d.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, listed[0])
        writer.writeheader()
        writer.writerows(listed)
    short = [{key: row[key] for key in ("id", "condition", "answer")} for row in listed]
    stated = [{key: row[key] for key in ("id", "question", "solution")} for row in rows(RIGHT)]
    as_in_gsm8k = [{**{k: row[k] for k in ("id", "question")}, "answer": row["solution"]} for row in stated]
    renamed = [{"id": row["id"], "condition": row["condition"], "output": row["answer"]} for row in short]
    for file in (
        saved(tmp_path / "a.json", {"condition": "of the whole", "predictions": listed}),
        saved(tmp_path / "b.jsonl", "\n".join(map(json.dumps, listed))),
        saved(tmp_path / "c.json", {"problems": stated[::-1], "predictions": short}),
        tmp_path / "d.csv",
        saved(tmp_path / "e.json", {"problems": as_in_gsm8k, "predictions": renamed}),
    ):
        one, other = read_predictions(file)
        assert (one.condition, other.condition) == ("base", "hidden")
        assert [row.solution for row in one.rows] == [row.solution for row in other.rows] == [s for _, s in PROBLEMS]
        assert [row.text for row in one.rows] == RIGHT
        assert [row.text or None for row in other.rows] == WRONG


def test_an_answer_among_the_problems_is_not_taken_for_the_models(tmp_path: Path, capsys) -> None:
    stated = [{"id": 0, "question": "x", "solution": "#### 1", "answer": "1"}]
    assert run(tmp_path, saved(tmp_path / "a.json", {"problems": stated, "predictions": [{"id": 0}]})) == 4
    assert "the model's text is missing" in " ".join(capsys.readouterr().err.split())


def test_conditions_of_a_file_that_repeat_anothers_are_told_apart_and_the_sham_stays_one(tmp_path: Path) -> None:
    baseline = saved(tmp_path / "base.json", {"condition": "baseline", "predictions": rows(RIGHT)})
    several = [{**row, "condition": name} for name in ("baseline", "sham") for row in rows(WRONG)]
    assert run(tmp_path, baseline, saved(tmp_path / "more.json", several)) == 0
    assert written(tmp_path, "full")["conditions"] == ["base", "more (baseline)", "sham"]
    assert written(tmp_path, "summary")["family"] == ["more (baseline)"]


def test_conditions_of_one_file_with_other_problems_are_named(tmp_path: Path, capsys) -> None:
    several = [{**row, "condition": name} for name in ("one", "two") for row in rows(RIGHT)][:-1]
    assert run(tmp_path, saved(tmp_path / "a.json", several)) == 4
    message = " ".join(capsys.readouterr().err.split())
    assert "a.json (two) does not have the same problems as" in message
    assert 'the id "2" is in' in message and "a.json (one) only" in message


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        (["0", 5, "-3"], [0, 5, -3]),
        (["07", "1", "2"], ["07", "1", "2"]),
        (["a", 1, 2], ["a", "1", "2"]),
        ([None, 8, 9], [0, 1, 2]),
        ([None, 8, 8], [0, 1, 2]),
    ],
)
def test_ids_stay_what_they_are_and_places_stand_in_where_some_are_missing(
    tmp_path: Path, ids: list[Any], kept: list[Any]
) -> None:
    listed = [{**row, "id": own} for row, own in zip(rows(RIGHT), ids, strict=True)]
    assert run(tmp_path, saved(tmp_path / "a.json", listed)) == 0
    full = written(tmp_path, "full")
    assert [one["id"] for one in full["problems"]] == [row["id"] for row in full["predictions"]] == kept


def test_problems_in_which_some_classes_cannot_occur_are_counted(tmp_path: Path, capsys) -> None:
    solutions = [
        "<<1+1=2>> #### 2",
        "<<1+1=2>> <<2+2=4>> #### 5",
        "#### 5",
        "<<one>> #### 5",
        "<<2+3=5>> <<2*2=4>> #### 5",
    ]
    listed = [
        {"question": f"{at}?", "solution": solution, "answer": "3"}
        for at, solution in enumerate([*solutions, "#### 6"])
    ]
    assert run(tmp_path, saved(tmp_path / "a.json", listed)) == 0
    counts = written(tmp_path, "summary")["out_of_reach"]
    assert (counts["no_step_states_gold"], counts["no_steps"], counts["n_problems"]) == (1, 3, 4)
    problems = written(tmp_path, "full")["problems"]
    assert [one["steps"] for one in problems] == [1, 2, 0, 0, 2, 0]
    assert [one["answer_step"] for one in problems] == [1, None, None, None, 1, None]
    shown = " ".join(capsys.readouterr().out.split())
    assert "cannot occur in 4 problems: in 1 no step of the solution states the gold answer, 3 have no steps" in shown


def test_problems_of_gsm8k_in_which_some_classes_cannot_occur(tmp_path: Path, gsm8k: Path) -> None:
    lines = [json.loads(line) for line in (gsm8k / "test.jsonl").read_text().splitlines()]
    listed = [{**line, "prediction": "1"} for line in lines]
    assert run(tmp_path, saved(tmp_path / "a.json", listed)) == 0
    counts = written(tmp_path, "summary")["out_of_reach"]
    assert (counts["no_step_states_gold"], counts["no_steps"], counts["n_problems"]) == (93, 18, 111)


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_the_solution_may_be_called_answer_where_the_text_has_another_name(tmp_path: Path, field: str) -> None:
    (read,) = read_predictions(saved(tmp_path / "a.json", rows(["7"] * 3, text=field, solution="answer")))
    assert [row.solution for row in read.rows] == [solution for _, solution in PROBLEMS]
    assert {row.text for row in read.rows} == {"7"}
    assert field in FORM


def test_answer_is_the_text_beside_a_solution(tmp_path: Path) -> None:
    (first, *_) = read_predictions(saved(tmp_path / "a.json", rows(RIGHT)))[0].rows
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
    read = [one for file in files for one in read_predictions(file)]
    assert all(one.rows == read[0].rows for one in read)
    assert [one.condition for one in read] == ["a", "b", "c", "d"]


def test_a_gold_number_stands_in_where_the_solution_has_none(tmp_path: Path) -> None:
    row = {"question": "How many?", "solution": "", "gold": 4.0, "answer": "4"}
    assert read_predictions(saved(tmp_path / "a.json", [row]))[0].rows[0].gold == 4


def test_rows_in_another_order_are_matched(tmp_path: Path) -> None:
    for name, ids in (("by id", True), ("by question", False)):
        files = [
            saved(tmp_path / "base.json", rows(RIGHT, ids=ids)),
            saved(tmp_path / "other.json", rows(WRONG, ids=ids)[::-1]),
        ]
        assert run(tmp_path / name, *files) == 0
        assert under(written(tmp_path / name, "full"), "other", "answer") == [(text,) for text in WRONG]


def test_conditions_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    files = [saved(tmp_path / f"{name}.json", {"condition": "x", "predictions": rows(RIGHT)}) for name in "ab"]
    assert run(tmp_path, *files) == 0
    assert json.loads((tmp_path / "error_taxonomy_full.json").read_text())["conditions"] == ["a", "b"]


def test_a_baseline_that_does_not_come_first_is_refused(tmp_path: Path, capsys) -> None:
    files = [
        saved(tmp_path / f"{name}.json", {"condition": name, "predictions": rows(RIGHT)})
        for name in ("blocked CT0", "baseline")
    ]
    assert run(tmp_path, *files) == 4
    said = " ".join(capsys.readouterr().err.split())
    assert "baseline.json says that it is the baseline, but" in said
    assert "Name the baseline's file first." in said
    assert run(tmp_path, *files[::-1]) == 0


def test_a_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.json", rows(RIGHT))
    command = [sys.executable, "-m", "harness.cli", "behaviour", "--predictions", str(file), "--output", str(tmp_path)]
    shell = f"{shlex.join(command)} | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


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
        ("a.json", {"rows": [], "model": "m"}, 'found: "rows", "model"'),
        ("a.json", {}, "found: no fields"),
        ("a.json", 3, "the number 3"),
        ("a.json", '[{"question": "\tx"}]', "invalid control character at column"),
        ("a.json", '["x', "unterminated string starting at column 2"),
        ("a.json", [{"question": "x", "reply": "1"}], 'the model\'s text is missing (found: "question", "reply")'),
        ("a.json", [{"solution": "#### 1", "answer": "1"}], '"question" is missing (found: "solution", "answer")'),
        (
            "a.csv",
            "frage,solution,answer\nx,#### 1,1\n",
            '"question" is missing (found: "frage", "solution", "answer")',
        ),
        ("a.json", [{"question": None, "solution": "#### 1", "answer": "1"}], 'the field "question" is null'),
        ("a.json", [{**rows(RIGHT)[0], "condition": "x"}, rows(RIGHT)[1]], "in some rows, but not in row 2"),
        ("a.json", [{**rows(RIGHT)[0], "condition": True}], "the condition is the value true"),
        ("a.json", [{**row, "condition": "x"} for row in rows(RIGHT)[:1] * 2], 'in row 2 of the condition "x"'),
        (
            "a.json",
            {"problems": [{"id": 1}, {"id": "1"}], "predictions": [{}]},
            'the id "1" more than once under "problems"',
        ),
        ("a.json", {"problems": ["x", {"id": 1.5}], "predictions": [{"id": 1}]}, "row 1: the model's text is missing"),
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
    assert run(tmp_path, tmp_path) == 4
    message = " ".join(capsys.readouterr().err.split())
    assert f"{tmp_path} is a folder; a .json, .jsonl or .csv file of predictions is needed. Name the file." in message
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


def test_texts_that_part_late_are_shown_where_they_part(tmp_path: Path, capsys) -> None:
    one, other = (
        [{"id": 0, "question": f"{'A long story that is told twice. ' * 3}{end}", "solution": "#### 1", "answer": "1"}]
        for end in ("Tom has 5 apples.", "Tom has 6 apples.")
    )
    assert run(tmp_path, saved(tmp_path / "a.json", one), saved(tmp_path / "b.json", other)) == 4
    message = " ".join(capsys.readouterr().err.split())
    assert 'Tom has 6 apples." instead of "' in message and 'Tom has 5 apples." (they part at character 108)' in message


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
