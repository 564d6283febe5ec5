import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.problems import (
    Problem,
    ProblemSet,
    clean,
    duplicates,
    fold,
    incomplete,
    load_problems,
    load_split,
    overlap,
)

WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1), min_size=1)
PUNCTUATION = st.text(" \t\n.,;:!?'\"()[]{}-–—’“”…_&@#", min_size=1)


def asking(*questions: str) -> ProblemSet:
    problems = tuple(Problem(id, question, "S #### 1", 1.0) for id, question in enumerate(questions))
    return ProblemSet("set", "train", problems, len(problems), None, "here")


@given(words=WORDS, data=st.data())
def test_case_space_and_punctuation_between_words_tell_nothing_apart(words: list[str], data: st.DataObject) -> None:
    other = "".join(
        data.draw(PUNCTUATION) + data.draw(st.sampled_from([word, word.upper(), word.title()])) for word in words
    )
    assert fold(other) == fold(" ".join(words)) == "".join(words)


@given(words=WORDS, others=WORDS)
def test_different_letters_stay_different(words: list[str], others: list[str]) -> None:
    assert (fold(" ".join(words)) == fold(" ".join(others))) == ("".join(words) == "".join(others))


@given(st.lists(st.integers(0, 10**9), min_size=1), st.lists(st.integers(0, 10**9), min_size=1))
def test_lists_of_numbers_fold_together_only_when_they_are_the_same(numbers: list[int], others: list[int]) -> None:
    folded = fold("; ".join(f"{number:,}" for number in numbers))
    assert folded == fold(" and\n".join(map(str, numbers)).replace("and", ","))
    assert (folded == fold("; ".join(map(str, others)))) == (numbers == others)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("Don't!", "Don’t"),
        ("a 5-year-old", "a 5 year old"),
        ("costs $1,000.", "costs $1000"),
        ("5 - 3", "5-3"),
        ("It is \u22125", "it is -5"),
        ("and/or", "and or"),
        ("Stra\u00dfe", "STRASSE"),
        ("\uff21\u00a0\ufb01", "a fi"),
        ("wait...5 men", "wait, 5 men"),
        ("\u0915\u093f\u0924\u093e\u092c!", "\u0915\u093f\u0924\u093e\u092c"),
    ],
)
def test_spellings_of_one_text_fold_together(one: str, same: str) -> None:
    assert fold(one) == fold(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3.5 kg", "35 kg"),
        ("3.5 kg", "3 5 kg"),
        ("$.50", "$50"),
        ("5 - 3", "5 + 3"),
        ("5 * 3", "5 / 3"),
        ("it is -5", "it is 5"),
        ("10 % of it", "10 of it"),
        ("3 5-dollar bills", "35-dollar bills"),
        ("from 10\u201415", "from 1015"),
        ("\u0915\u093f", "\u0915\u0940"),
    ],
)
def test_texts_that_differ_in_number_formula_or_letter_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_every_repetition_is_told_with_the_first_of_its_kind() -> None:
    assert duplicates(asking("One?", "Two?", "one", "Three", "ONE !", "two")) == [(2, 0), (4, 0), (5, 1)]
    assert duplicates(asking("One?", "Two?")) == []


def test_overlap_names_the_problems_that_the_other_set_asks_too() -> None:
    assert overlap(asking("One?", "Two?", "Three?"), asking("three", "Four", "ONE")) == [0, 2]
    assert overlap(asking("One?"), asking("Two?")) == []


def test_what_a_problem_lacks_is_named() -> None:
    whole = Problem(0, "Q", "S", 1.0)
    broken = [Problem(1, " ", "S", 1.0), Problem(2, "Q", "", 1.0), Problem(3, "\n", "S", math.nan)]
    lacks = [(1, "no question"), (2, "no solution"), (3, "no question, no numeric answer")]
    assert incomplete([whole, *broken]) == lacks
    assert incomplete([whole]) == []


def test_cleaning_keeps_and_removes_every_problem_once_with_its_reason() -> None:
    problems = (
        Problem(0, "One?", "", 1.0),
        Problem(1, "one", "S", 1.0),
        Problem(2, "Two", "S", 1.0),
        Problem(3, "ONE", "S", 1.0),
    )
    cleaned = clean(ProblemSet("set", "train", problems, 4, None, "here"))
    assert cleaned.kept.ids == (1, 2)
    assert cleaned.removed == ((0, "no solution"), (3, "repeats problem 1"))
    assert len(cleaned.kept) + len(cleaned.removed) == cleaned.kept.split_size
    assert "2 of the 4" in cleaned.kept.sampling
    assert clean(cleaned.kept).kept == cleaned.kept


def test_a_question_asked_again_with_another_answer_is_removed_for_that() -> None:
    problems = (Problem(0, "One?", "S", 1.0), Problem(1, "one", "S", 1.0), Problem(2, "ONE", "S", 2.0))
    cleaned = clean(ProblemSet("set", "train", problems, 3, None, "here"))
    assert cleaned.removed == ((1, "repeats problem 0"), (2, "repeats problem 0 with another answer"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_gsm8k_is_complete_and_free_of_duplicates(gsm8k: Path, split: str) -> None:
    problems = load_split("gsm8k", split, gsm8k)
    assert incomplete(problems) == []
    assert duplicates(problems) == []
    plain = {"".join(filter(str.isalnum, problem.question.casefold())) for problem in problems}
    assert len(plain) == len(problems), "not even with every sign removed are two questions the same"


def test_the_sample_of_the_study_is_not_in_the_test_split(gsm8k: Path) -> None:
    sample = load_problems("gsm8k", n=100, seed=42, path=gsm8k)
    test = load_split("gsm8k", "test", gsm8k)
    assert sample.ids[:5] == (53, 204, 217, 244, 260)
    assert overlap(sample, test) == duplicates(sample) == []
    assert overlap(test, test) == list(test.ids)


def test_the_synthetic_splits_are_clean_and_disjoint() -> None:
    train, test = load_split("synthetic", "train"), load_split("synthetic", "test")
    assert duplicates(train) == duplicates(test) == incomplete(train) == incomplete(test) == []
    assert overlap(train, test) == []
