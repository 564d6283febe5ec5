import itertools
import random
import re
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.problems import synthetic
from harness.problems.synthetic import (
    SPLIT_SIZES,
    Emphasis,
    TrainingProblems,
    fold,
    generate_split,
    make_problem,
    training_stream,
)

ANNOTATION = re.compile(r"<<(\d+)([-+*/])(\d+)=(\d+)>>(\d+)")
APPLY = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__, "/": Fraction.__truediv__}


@pytest.fixture(scope="module")
def splits():
    return {split: generate_split(split, seed=3) for split in SPLIT_SIZES}


@pytest.fixture(scope="module")
def problems(splits):
    return [*splits["train"], *splits["test"]]


def folded(text):
    return "".join(character for character in text.lower() if character.isalnum())


def test_splits_have_gsm8ks_sizes_and_fields(splits):
    assert {split: len(problems) for split, problems in splits.items()} == {"train": 7473, "test": 1319}
    assert all(set(problem) == {"question", "answer"} for problem in splits["test"])


def test_same_seed_gives_the_same_splits_and_another_seed_gives_others(splits):
    synthetic._both_splits.cache_clear()
    assert generate_split("test", seed=3) == splits["test"]
    assert generate_split("test", seed=4) != splits["test"]


def test_callers_cannot_change_what_the_next_caller_gets(splits):
    mine = generate_split("test", seed=3)
    mine[0]["question"] = "changed"
    assert generate_split("test", seed=3) == splits["test"]


def test_no_question_occurs_twice_after_folding(problems):
    assert len({folded(problem["question"]) for problem in problems}) == len(problems)


def test_training_stream_never_yields_a_question_of_a_split(splits, problems):
    taken = {folded(problem["question"]) for problem in problems}
    stream = list(itertools.islice(training_stream(0, split_seed=3), 3000))
    assert not taken & {folded(problem["question"]) for problem in stream}


def test_training_problems_skip_a_question_that_a_split_holds():
    source = TrainingProblems(split_seed=3)
    first = source.draw(random.Random(0), 2)
    source._taken = source._taken | {fold(first.question)}
    assert source.draw(random.Random(0), 2).question != first.question


def test_training_stream_is_determined_by_its_seed():
    first, again, other = (list(itertools.islice(training_stream(seed, split_seed=3), 20)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_training_stream_respects_the_longest_chain():
    stream = itertools.islice(training_stream(0, max_steps=3, split_seed=3), 200)
    assert {problem["answer"].count("<<") for problem in stream} == {2, 3}


def test_the_weight_makes_late_multiplications_and_divisions_likelier():
    def share(weight):
        rng = random.Random(0)
        late = [step for _ in range(400) for step in make_problem(rng, 5, Emphasis(late_products=weight)).steps[2:]]
        return sum(step[1] in "*/" for step in late) / len(late)

    assert share(4.0) > share(1.0) + 0.15


def test_emphasis_on_switches_mixes_sums_and_products():
    def share(weight):
        rng = random.Random(0)
        pairs = [
            pair
            for _ in range(400)
            for pair in itertools.pairwise(make_problem(rng, 5, Emphasis(switches=weight)).steps)
        ]
        return sum((a[1] in "*/") != (b[1] in "*/") for a, b in pairs) / len(pairs)

    assert share(4.0) > share(1.0) + 0.15


def test_every_split_is_balanced_over_two_to_five_steps_in_shuffled_order(splits):
    for problems in splits.values():
        counts = [problem["answer"].count("<<") for problem in problems]
        tally = Counter(counts)
        assert set(tally) == {2, 3, 4, 5}
        assert max(tally.values()) - min(tally.values()) <= 1
        early = Counter(counts[:200])
        assert all(20 < early[steps] < 80 for steps in (2, 3, 4, 5))
        assert counts[:8] != sorted(counts[:8])


def test_every_annotation_is_true_and_continues_the_chain(problems):
    for problem in problems:
        *lines, last = problem["answer"].split("\n")
        total = None
        for line in lines:
            [(a, operator, b, result, shown)] = ANNOTATION.findall(line)
            assert APPLY[operator](Fraction(int(a)), Fraction(int(b))) == Fraction(int(result))
            assert shown == result
            assert total is None or a == total
            total = result
        assert last == f"#### {total}"


def test_totals_and_operands_stay_in_their_ranges(problems):
    for problem in problems:
        for a, operator, b, result, _ in ANNOTATION.findall(problem["answer"]):
            assert 0 <= int(a) <= 99
            assert 0 <= int(result) <= 99
            low, high = (1, 9) if operator in "+-" else (2, 5)
            assert low <= int(b) <= high


def test_operands_come_in_order_and_the_start_value_is_the_last_number_of_the_question(problems):
    for problem in problems:
        steps = ANNOTATION.findall(problem["answer"])
        assert re.findall(r"\d+", problem["question"]) == [*(step[2] for step in steps), steps[0][0]]


def test_answers_are_spread_over_many_values(splits):
    answers = Counter(problem["answer"].split("#### ")[1] for problem in splits["test"])
    assert len(answers) > 80
    assert max(answers.values()) < 0.04 * len(splits["test"])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([2, 3, 4, 5]), st.floats(1, 5))
def test_any_seed_gives_a_chain_of_the_asked_length(seed, count, weight):
    problem = make_problem(random.Random(seed), count, Emphasis(weight, weight))
    assert len(problem.steps) == count == problem.answer.count("<<")
    assert "{" not in problem.question + problem.answer


@given(st.text(alphabet="abcXYZ019"), st.text(alphabet=" \t\n.,;?!-'"))
def test_folding_ignores_case_spaces_and_punctuation(text, marks):
    assert fold(marks.join(text.upper())) == fold(text) == text.lower()
