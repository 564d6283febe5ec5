import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.problems import Problem, ProblemSet, load_problems
from harness.problems.dataset_file import read_dataset, save_dataset

CREATED = {"created": "2025-01-01T00:00:00Z", "harness": "0.1.0"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PROBLEMS = st.builds(Problem, st.integers(0, 10**6), TEXT, TEXT, st.floats(allow_nan=False, allow_infinity=False))
SETS = st.builds(
    ProblemSet,
    TEXT,
    st.sampled_from(["train", "test"]),
    st.lists(PROBLEMS, max_size=4).map(tuple),
    st.integers(0, 10**6),
    st.none() | st.integers(),
    TEXT,
    TEXT,
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    problems = load_problems("synthetic", n=6, seed=42)
    return save_dataset(problems, tmp_path / "data" / "attention_dataset_6_train.json", CREATED)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problems=SETS)
def test_what_is_read_equals_what_was_saved(problems: ProblemSet, tmp_path: Path) -> None:
    again = read_dataset(save_dataset(problems, tmp_path / "set.json", CREATED))
    assert again == problems
    assert again.fingerprint == problems.fingerprint


def test_the_file_states_metadata_and_every_problem(saved: Path) -> None:
    problems = load_problems("synthetic", n=6, seed=42)
    content = json.loads(saved.read_text(encoding="utf-8"))
    assert content["metadata"] == {
        "name": "synthetic",
        "source": problems.source,
        "licence": "MIT",
        "split": "train",
        "split_size": 7473,
        "sampling": "sorted(random.Random(42).sample(range(7473), 6))",
        "seed": 42,
        "n": 6,
        "fingerprint": problems.fingerprint,
        "stratified": False,
        "provenance": CREATED,
    }
    assert [set(row) for row in content["problems"]] == [{"id", "question", "solution", "answer", "difficulty"}] * 6
    assert [row["difficulty"] for row in content["problems"]] == [problem.difficulty for problem in problems]


def test_saving_again_gives_the_same_bytes(saved: Path) -> None:
    before = saved.read_bytes()
    save_dataset(read_dataset(saved), saved, CREATED)
    assert saved.read_bytes() == before


def test_a_saved_set_is_itself_a_dataset_to_load(saved: Path) -> None:
    loaded = load_problems(saved)
    assert loaded.questions == read_dataset(saved).questions
    assert [problem.answer for problem in loaded] == [problem.answer for problem in read_dataset(saved)]


def edited(path: Path, *place: str | int, value: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    part = content
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "place",
    [
        ("problems", 2, "question"),
        ("problems", 2, "solution"),
        ("problems", 0, "answer"),
        ("problems", 0, "id"),
        ("problems", 0, "difficulty"),
        ("metadata", "name"),
        ("metadata", "fingerprint"),
        ("metadata", "n"),
    ],
)
def test_a_change_made_after_saving_is_noticed(saved: Path, place: tuple[str | int, ...]) -> None:
    edited(saved, *place, value=9999 if place[-1] in ("answer", "id", "difficulty", "n") else "changed")
    with pytest.raises(HarnessError, match="changed after it was saved"):
        read_dataset(saved)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("metadata", "seed"), "x", r"metadata\.seed"),
        (("problems", 3, "answer"), None, r"problems\.3\.answer"),
        (("problems", 3, "extra"), 1, r"problems\.3\.extra"),
        (("metadata",), None, "metadata"),
    ],
)
def test_a_file_of_another_form_is_refused_by_field(saved: Path, place: Any, value: Any, words: str) -> None:
    edited(saved, *place, value=value)
    with pytest.raises(HarnessError, match=words):
        read_dataset(saved)


def test_a_damaged_or_missing_file_is_refused_by_name(saved: Path, tmp_path: Path) -> None:
    saved.write_text(saved.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    with pytest.raises(HarnessError, match=r"attention_dataset_6_train\.json is not JSON"):
        read_dataset(saved)
    saved.write_text("[]", encoding="utf-8")
    with pytest.raises(HarnessError, match="the whole file"):
        read_dataset(saved)
    with pytest.raises(HarnessError, match="There is no file"):
        read_dataset(tmp_path / "absent.json")
