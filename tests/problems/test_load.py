import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.files import digest
from harness.problems import Problem, ProblemSet, load_problems, load_split, second_sample
from harness.problems.files import Row
from harness.problems.rows import LISTED_FAULTS, problems_of

GOOD = {"question": "What is 2 + 3?", "answer": "It is 2 + 3 = <<2+3=5>>5.\n#### 5"}


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def refusal(dataset: str | Path, **arguments: Any) -> str:
    with pytest.raises(HarnessError) as caught:
        load_problems(dataset, **arguments)
    message = str(caught.value)
    assert "\n" not in message, "an error is one paragraph"
    assert len(message) < 1500
    return message


def row_fault(row: Any) -> str:
    with pytest.raises(HarnessError) as caught:
        problems_of([Row("line 7", row)], "here.jsonl")
    message = str(caught.value)
    assert message.startswith("here.jsonl has 1 row of 1 that cannot be used. line 7: ")
    return message


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    rows = [{"question": f"What is {i} + 0?", "answer": f"<<{i}+0={i}>>\n#### {i}"} for i in range(50)]
    return jsonl(tmp_path / "numbered.jsonl", *rows)


def test_the_sample_is_what_random_sample_draws_in_the_order_of_the_split(numbered: Path) -> None:
    for n, seed in ((1, 0), (7, 42), (49, 42), (50, 3)):
        drawn = load_problems(numbered, n=n, seed=seed)
        assert list(drawn.ids) == sorted(random.Random(seed).sample(range(50), n))
        assert [problem.answer for problem in drawn] == list(drawn.ids)
        assert (drawn.seed, drawn.split_size, len(drawn)) == (seed, 50, n)
        assert list(drawn.ids) == eval(drawn.sampling, {"random": random}), "the stated recipe draws the same"


def test_without_n_every_problem_comes_and_nothing_is_drawn(numbered: Path) -> None:
    everything = load_problems(numbered)
    assert everything.ids == tuple(range(50))
    assert everything.seed is None
    assert everything == load_split(numbered, "train")
    assert "complete split" in everything.sampling


def test_a_file_is_each_of_its_splits_and_named_by_its_stem(numbered: Path) -> None:
    train, test = load_problems(numbered, "train"), load_problems(numbered, "test")
    assert train.problems == test.problems
    assert (train.name, train.split, test.split) == ("numbered", "train", "test")


@given(text=st.text(), number=st.integers(-(10**12), 10**12))
def test_what_a_row_says_is_what_the_problem_says(text: str, number: int) -> None:
    question, steps = f"Q{text}".encode(errors="ignore").decode(), text.encode(errors="ignore").decode()
    solution = f"{steps.replace('#', '')}\n#### {number:,}"
    (problem,) = problems_of([Row("line 1", {"question": question, "answer": solution})], "x")
    assert problem == Problem(0, question, solution, float(number))


@pytest.mark.parametrize(
    ("gold", "number"),
    [("1,234", 1234), ("1,234,567.25", 1234567.25), ("-7", -7), ("0", 0), ("12000", 12000), ("2.50", 2.5)],
)
def test_gold_numbers_are_read_with_their_thousands_separators(gold: str, number: float) -> None:
    (problem,) = problems_of([Row("line 1", {"question": "Q", "answer": f"S #### {gold} "})], "x")
    assert problem.answer == number
    (bare,) = problems_of([Row("line 1", {"question": "Q", "answer": gold})], "x")
    assert (bare.answer, bare.solution) == (number, "")


def test_a_bare_number_may_have_its_solution_beside_it() -> None:
    (problem,) = problems_of([Row("line 1", {"question": "Q", "answer": 5, "solution": "<<2+3=5>>"})], "x")
    assert (problem.answer, problem.solution, problem.difficulty) == (5.0, "<<2+3=5>>", 1)


@pytest.mark.parametrize(
    "gold", ["abc", "", "$5", "5%", "1,23", "12,34,567", "5.", ".5", "1e3", "nan", "5 apples", "٥"]
)
def test_a_gold_answer_that_is_not_a_plain_number_is_refused(gold: str) -> None:
    message = row_fault({"question": "Q", "answer": f"S #### {gold}"})
    assert 'after #### in the field "answer"' in message
    assert (f'"{gold}"' if gold else "nothing") in message


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([1, 2], "a list instead of an object"),
        ("text", "a text instead of an object"),
        (None, "null instead of an object"),
        ({"answer": "#### 1"}, 'field "question" is missing'),
        ({"question": None, "answer": "#### 1"}, 'field "question" is missing'),
        ({"question": " \n", "answer": "#### 1"}, 'field "question" is empty'),
        ({"question": 3, "answer": "#### 1"}, 'field "question" is the number 3; a text is needed'),
        ({"question": "\ud800", "answer": "#### 1"}, "surrogate"),
        ({"question": "Q"}, 'field "answer" is missing'),
        ({"question": "Q", "answer": "  "}, 'field "answer" is empty'),
        ({"question": "Q", "answer": "It is five."}, 'has no #### and is no number: "It is five."'),
        ({"question": "Q", "answer": True}, 'field "answer" is the value true'),
        ({"question": "Q", "answer": [5]}, 'field "answer" is a list'),
        ({"question": "Q", "answer": float("nan")}, "not finite"),
        ({"question": "Q", "answer": float("inf")}, "not finite"),
        ({"question": "Q", "answer": 10**400}, "not finite"),
        ({"question": "Q", "answer": "#### " + "9" * 400}, "not finite"),
        ({"question": "Q", "answer": "#### 1 or #### 2"}, "#### 2 times"),
        ({"question": "Q", "answer": 5, "solution": ["a"]}, 'field "solution" is a list'),
        ({"question": "Q", "answer": 5, "solution": "#### 6"}, 'ends in "6" but "answer" is 5'),
    ],
)
def test_a_row_that_is_no_problem_is_refused_by_place_field_and_finding(row: Any, words: str) -> None:
    assert words in row_fault(row)


def test_a_few_bad_rows_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "bad.jsonl", GOOD, *[{"question": ""}] * 8)
    message = refusal(file)
    assert f"{file} has 8 rows of 9" in message
    assert [f"line {k}:" in message for k in range(1, 10)] == [False] + [True] * LISTED_FAULTS + [False] * 3
    assert message.endswith("and 3 more.")


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    file = tmp_path / "gaps.jsonl"
    unusual = json.dumps(GOOD | {"question": "a\u2028b\x85c"}, ensure_ascii=False)
    file.write_bytes(f"\n{unusual}\r\n\r\n{{oops\r\n".encode())
    message = refusal(file)
    assert "line 4: not JSON" in message
    assert "1 row of 2" in message


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jsonl", b"", "the file is empty"),
        ("blank.jsonl", b" \n\n", "the file is empty"),
        ("empty.json", b"", "the file is empty"),
        ("none.json", b"[]", "the file is empty"),
        ("latin.jsonl", b'{"question": "ok"}\n{"question": "caf\xe9"}', "byte 0xe9 in line 2"),
        ("broken.json", b'[\n{"question": "Q",\n]', "at line 3, column 1"),
        ("object.json", b'{"rows": []}', 'no list of problems: it is an object without exactly one list under "data"'),
        ("number.json", b"3", "it is the number 3"),
        ("lines.json", b'{"question": "a"}\n{"question": "b"}', "let its name end in .jsonl"),
        ("twice.json", b'[{"question": "a", "question": "b"}]', 'field "question" more than once: "a" and "b"'),
        ("twice.jsonl", b'{"question": "a", "question": "b"}', "line 1: not JSON (one object has the field"),
        ("deep.json", b"[" * 100_000, "nested too deeply"),
        ("long.json", b"[" + b"9" * 5000 + b"]", "is not JSON"),
        ("nan.json", b'[{"question": "Q", "answer": NaN}]', "row 1: "),
        ("table.csv", b"question,answer", "must end in .json"),
    ],
)
def test_a_file_that_holds_no_problems_is_refused_by_name_with_a_remedy(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    message = refusal(file)
    assert str(file) in message
    assert words in message


def test_a_file_that_is_not_there_a_folder_and_an_unknown_name_are_told_apart(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "absent.jsonl")
    (tmp_path / "folder.json").mkdir()
    assert "is a folder" in refusal(tmp_path / "folder.json")
    assert "choose gsm8k" in refusal("gsm8")
    assert "Not a directory" in refusal(jsonl(tmp_path / "file.jsonl", GOOD) / "below.jsonl")
    assert "File name too long" in refusal("x" * 300 + ".json")
    assert 'no split "validation"' in refusal("gsm8k", split="validation")


def test_a_sample_that_cannot_be_drawn_names_both_numbers(numbered: Path) -> None:
    assert "51 problems were asked for, but numbered.jsonl has 50" in refusal(numbered, n=51)
    assert "7474 problems were asked for, but the train split of synthetic has 7473" in refusal("synthetic", n=7474)
    assert "is 0; ask for at least 1" in refusal(numbered, n=0)
    assert "is -3; ask for at least 1" in refusal(numbered, n=-3)
    assert "is 2.5; give a whole number" in refusal(numbered, n=2.5)
    assert "seed is None; give a whole number" in refusal(numbered, n=2, seed=None)


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"data": rows}, lambda rows: {"problems": rows}])
def test_a_json_list_gives_the_problems_of_the_same_jsonl_and_of_datasets(tmp_path: Path, wrap: Any) -> None:
    import datasets

    rows = [GOOD | {"question": f"Wie groß ist {i} + 0?"} for i in range(5)]
    content = wrap(rows)
    file = tmp_path / "own.json"
    file.write_text("\ufeff" + json.dumps(content), encoding="utf-8")
    problems = load_problems(file)
    assert problems.problems == load_problems(jsonl(tmp_path / "own.jsonl", *rows)).problems
    file.write_text(json.dumps(content), encoding="utf-8")
    field = next(iter(content)) if isinstance(content, dict) else None
    oracle = datasets.load_dataset("json", data_files=str(file), field=field, cache_dir=str(tmp_path), split="train")
    assert list(problems.questions) == list(oracle["question"])
    assert [problem.solution for problem in problems] == list(oracle["answer"])


def test_gsm8k_is_read_from_the_folder_that_is_named(tmp_path: Path) -> None:
    jsonl(tmp_path / "test.jsonl", GOOD)
    problems = load_problems("gsm8k", split="test", path=str(tmp_path))
    assert (problems.name, problems.split, problems.questions) == ("gsm8k", "test", (GOOD["question"],))
    assert "MIT" in problems.source
    assert str(tmp_path) not in problems.source, "the same problems have the same provenance everywhere"
    assert "has no train.jsonl" in refusal("gsm8k", path=tmp_path)
    assert "there is no such folder" in refusal("gsm8k", path=tmp_path / "absent")


def test_gsm8k_comes_from_the_hub_when_no_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    rows = [GOOD, GOOD | {"question": "And 3 + 2?"}]
    asked: list[Any] = []

    def load_dataset(*names: str, split: str) -> Any:
        asked.append((*names, split))
        return datasets.Dataset.from_list(rows)

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    problems = load_problems("gsm8k", split="test", n=1)
    assert asked == [("openai/gsm8k", "main", "test")]
    jsonl(tmp_path / "test.jsonl", *rows)
    local = load_problems("gsm8k", split="test", n=1, path=tmp_path)
    assert problems == local
    assert problems.fingerprint == local.fingerprint


def test_a_hub_that_cannot_be_reached_names_the_local_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*names: str, split: str) -> Any:
        raise ConnectionError("Couldn't reach\nthe Hub.")

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    message = refusal("gsm8k")
    assert "Couldn't reach the Hub" in message
    assert "--gsm8k-path" in message


def test_the_synthetic_splits_load_like_gsm8k() -> None:
    problems = load_problems("synthetic", n=20, seed=42)
    assert (problems.name, problems.split_size) == ("synthetic", 7473)
    assert all(2 <= problem.difficulty <= 5 for problem in problems)
    assert load_split("synthetic", "test").split_size == 1319
    assert problems == load_problems("synthetic", n=20, seed=42)


def test_a_fingerprint_is_sha256_and_changes_with_everything_it_covers() -> None:
    problem = Problem(3, "Q", "S", 5.0)
    base = ProblemSet("set", "train", (problem,), 10, None, "here")
    assert base.fingerprint == digest("set", "train", "3", "Q", "S", "5.0")
    assert len(base.fingerprint) == hashlib.sha256().digest_size * 2
    others = [
        ProblemSet("other", "train", (problem,), 10, None, "here"),
        ProblemSet("set", "test", (problem,), 10, None, "here"),
        *(
            ProblemSet("set", "train", (changed,), 10, None, "here")
            for changed in (
                Problem(4, "Q", "S", 5.0),
                Problem(3, "QS", "", 5.0),
                Problem(3, "Q", "T", 5.0),
                Problem(3, "Q", "S", 6.0),
            )
        ),
        ProblemSet("set", "train", (problem, problem), 10, None, "here"),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 1 + len(others)
    assert ProblemSet("set", "train", (problem,), 11, 7, "there").fingerprint == base.fingerprint


def test_importing_problems_loads_no_heavy_library() -> None:
    heavy = {"datasets", "torch", "pandas", "pydantic", "transformers", "harness.problems.synthetic"}
    code = f"import sys, harness.problems; print(sorted({heavy!r} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("split", "size", "unannotated", "negative"), [("train", 7473, 95, 3), ("test", 1319, 18, 2)])
def test_every_row_of_gsm8k_is_a_problem(gsm8k: Path, split: str, size: int, unannotated: int, negative: int) -> None:
    problems = load_split("gsm8k", split, gsm8k)
    assert len(problems) == problems.split_size == size
    assert sum(problem.difficulty == 0 for problem in problems) == unannotated
    assert sum(problem.answer < 0 for problem in problems) == negative
    rows = [json.loads(line) for line in (gsm8k / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(problems.questions) == [row["question"] for row in rows]
    assert [p.answer for p in problems] == [float(row["answer"].split("####")[1].replace(",", "")) for row in rows]
    assert [p.difficulty for p in problems] == [row["answer"].count("<<") for row in rows]


def test_a_second_sample_is_as_large_disjoint_and_follows_the_stated_formula() -> None:
    first = load_problems("synthetic", n=100, seed=42)
    second = second_sample(first, "synthetic", 42)
    assert len(second) == 100
    assert not set(first.ids) & set(second.ids)
    remaining = [row for row in range(7473) if row not in first.ids]
    assert list(second.ids) == sorted(random.Random(43).sample(remaining, 100))


def test_too_few_problems_for_a_second_sample_are_counted() -> None:
    first = load_problems("synthetic", n=4000, seed=42)
    with pytest.raises(HarnessError, match="needs 4000 more problems, the train split of synthetic has 3473 left"):
        second_sample(first, "synthetic", 42)
