"""The rule by which cases are chosen."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.behaviour import CODES
from harness.criteria.cases import CORRECT, WANTED, choose
from harness.problems import LEVELS

ROWS = st.lists(
    st.tuples(st.integers(0, len(CODES) - 1), st.integers(0, 8), st.floats(-5, 5, allow_nan=False)), max_size=60
)


@given(ROWS)
def test_there_are_as_many_as_wanted_or_all_and_none_twice(rows: list[tuple[int, int, float]]) -> None:
    cases = choose(*np.array(rows, dtype=np.float64).reshape(-1, 3).T, np.ones(len(rows), dtype=bool))  # type: ignore[call-arg, arg-type]
    assert len(cases) == min(WANTED, len(rows))
    assert len({case.row for case in cases}) == len(cases)
    for case in cases:
        assert (case.code, min(rows[case.row][1], LEVELS[-1]), case.drop) == (
            rows[case.row][0],
            case.level,
            rows[case.row][2],
        )


@given(ROWS)
def test_no_class_has_two_more_cases_than_one_that_has_problems_left(rows: list[tuple[int, int, float]]) -> None:
    cases = choose(*np.array(rows, dtype=np.float64).reshape(-1, 3).T, np.ones(len(rows), dtype=bool))  # type: ignore[call-arg, arg-type]
    given_, there = Counter(case.code for case in cases), Counter(row[0] for row in rows)
    unfinished = [given_[code] for code in there if given_[code] < there[code]]
    assert not unfinished or max(given_.values()) <= min(unfinished) + 1


def test_a_class_gives_its_largest_loss_and_then_the_difficulty_that_is_rarest_so_far() -> None:
    codes = np.array([4] * 6)
    difficulty = np.array([2, 2, 3, 3, 5, 9])
    drop = np.array([1.0, 6.0, 5.0, 2.0, 3.0, 4.0])
    assert [case.row for case in choose(codes, difficulty, drop, np.ones(6, dtype=bool))] == [1, 2, 5, 4, 3, 0]


def test_cases_are_spread_over_difficulties_and_not_over_one_class_of_them() -> None:
    codes, difficulty = np.repeat(np.arange(4), 40), np.tile([2, 3, 4, 5], 40)
    cases = choose(codes, difficulty, np.linspace(0, 1, 160), np.ones(160, dtype=bool))
    assert Counter(case.level for case in cases) == {2: 3, 3: 3, 4: 3, 5: 3}
    assert Counter(case.code for case in cases) == {0: 3, 1: 3, 2: 3, 3: 3}


def test_the_largest_gain_comes_last_where_no_case_is_gained() -> None:
    codes, difficulty = np.repeat([CORRECT, 4], 30), np.full(60, 3)
    drop = np.linspace(3, -3, 60)
    solved = np.ones(60, dtype=bool)
    assert len(choose(codes, difficulty, drop, solved)) == WANTED
    solved[[20, 25, 28, 55]] = False
    *cases, last = choose(codes, difficulty, drop, solved)
    assert len(cases) == WANTED and [case.row for case in cases] == [
        case.row for case in choose(codes, difficulty, drop, solved | True)
    ]
    assert (last.row, last.code, last.drop) == (28, CORRECT, drop[28])


def test_none_is_added_where_a_case_is_gained_already() -> None:
    codes, solved = np.repeat([CORRECT, 4], 30), np.ones(60, dtype=bool)
    solved[[0, 25]] = False
    cases = choose(codes, np.full(60, 3), np.linspace(3, -3, 60), solved)
    assert len(cases) == WANTED and cases[0].row == 0


@given(ROWS, st.integers(0, 2**60))
def test_cases_stay_within_the_rule_of_the_study(rows: list[tuple[int, int, float]], luck: int) -> None:
    solved = np.array([luck >> place & 1 for place in range(len(rows))], dtype=bool)
    cases = choose(*np.array(rows, dtype=np.float64).reshape(-1, 3).T, solved)  # type: ignore[call-arg, arg-type]
    assert min(WANTED, len(rows)) <= len(cases) <= WANTED + 1
    gained = [case for case in cases if case.code == CORRECT and not solved[case.row]]
    there = any(row[0] == CORRECT and not one for row, one in zip(rows, solved, strict=True))
    assert bool(gained) == there
