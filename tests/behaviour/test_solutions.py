"""Reading the calculations of a solution exactly, and following a change through to the answer."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.behaviour.exact import written
from harness.behaviour.solutions import Operand, in_words, parse_solution, value_of
from harness.errors import HarnessError
from tests.behaviour.arithmetic import evaluated


def solution(*annotations: str, gold: str = "1") -> str:
    return " ".join(f"so <<{one}>>" for one in annotations) + f"\n#### {gold}"


@pytest.mark.parametrize(
    ("calculation", "value"),
    [
        ("2+3*4", 14),
        ("(2+3)*4", 20),
        ("20-5-3", 12),
        ("100/10/5", 2),
        ("0.1+0.2", Fraction(3, 10)),
        (".5*10", 5),
        ("5.*2", 10),
        ("05+3", 8),
        ("$12/60", Fraction(1, 5)),
        ("1,200+1", 1201),
        ("20%*50", 10),
        ("50*12.5%", Fraction(25, 4)),
        ("3x4", 12),
        ("3X4", 12),
        ("3×4÷6", 2),
        ("-5+8", 3),
        ("3--2", 5),
        ("-(5+8)", -13),
        ("2**3", 8),
        ("2^3^2", 512),
        ("-2^2", -4),
        ("10/3", Fraction(10, 3)),
    ],
)
def test_a_calculation_is_read_exactly(calculation: str, value: Fraction) -> None:
    (step,) = parse_solution(solution(f"{calculation}=7")).steps
    assert value_of(step.tree) == value
    assert step.result == 7
    assert evaluated(in_words(step.tree)) == value


@pytest.mark.parametrize(
    "annotation",
    [
        "", "5+3", "=8", "5+3=", "5+=8", "5+3=8=8", "a+b=c", "5/0=0", "1/(2-2)=5", "5 3=8", "5(3)=15", "(5+3=8", "9//2=4",
        "5***2=1", "2**0.5=1", "2**-1=1", "2**11=2048", "1,2+3=4", "1,2345=1", "5;3=8", "5%3=2", "1234567890123456+1=2",
        "+".join("1" * 150) + "=150", "9**9**9=1", "((9**10)**10)=1", "5+3=8 apples", "[5+3]=8", "n0+1=2", "5!=8", "٥+3=8",
    ],
)  # fmt: skip
def test_an_annotation_that_is_no_calculation_is_left_out_and_counted(annotation: str) -> None:
    found = parse_solution(solution("2+2=4", annotation, "4*3=12", gold="12"))
    assert found.malformed == 1
    assert [step.result for step in found.steps] == [4, 12]
    assert found.answer == 1


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,+-*/^x()=$% ne<>", max_size=60) | st.text(max_size=30))
def test_no_annotation_breaks_anything(text: str) -> None:
    found = parse_solution(f"<<{text}>> <<1+1=2>> #### 2")
    assert found.steps[-1].result == 2


def test_operands_operators_and_result_are_kept() -> None:
    (step,) = parse_solution(solution("100-50-(30+15)=5")).steps
    assert [operand.value for operand in step.operands] == [100, 50, 30, 15]
    assert [operation.symbol for operation in step.operations] == ["-", "+", "-"]
    assert step.result == 5


def test_a_result_taken_up_is_the_latest_step_that_states_it() -> None:
    found = parse_solution(solution("2+2=4", "1+3=4", "4*5=20", "20-20=0"))
    assert [operand.source for operand in found.steps[2].operands] == [1, None]
    assert [operand.source for operand in found.steps[3].operands] == [2, 2]


def test_equal_results_are_taken_up_in_turn() -> None:
    found = parse_solution("<<30*3=90>> <<18*5=90>> <<90+90=180>> #### 180")
    assert [operand.source for operand in found.steps[2].operands] == [0, 1]
    assert found.needed == (0, 1, 2)
    thrice = parse_solution("<<1+1=2>> <<3-1=2>> <<2*2*2=8>> #### 8")
    assert [operand.source for operand in thrice.steps[2].operands] == [0, 0, 1]


def test_the_result_stated_is_what_is_taken_up_even_where_it_is_rounded() -> None:
    found = parse_solution(solution("10/3=3.33", "3.33*2=6.66", gold="6.66"))
    assert [operand.source for operand in found.steps[1].operands] == [0, None]
    assert value_of(found.steps[0].tree) == Fraction(10, 3)


def test_the_answer_is_the_last_step_with_the_gold_result() -> None:
    found = parse_solution(solution("2*9=18", "10-3=7", "7+11=18", "18/6=3", gold="18"))
    assert found.answer == 2
    assert found.needed == (1, 2)
    assert parse_solution(solution("2+2=4", gold="5")).needed == ()


def test_a_changed_step_is_followed_to_the_answer_and_only_there() -> None:
    found = parse_solution(solution("2+3=5", "5*2=10", "5-1=4", "10+7=17", gold="17"))
    assert found.needed == (0, 1, 3)
    assert found.followed(0, Operand(6)) == {0: 6, 1: 12, 3: 19}
    assert found.followed(1, Operand(11)) == {1: 11, 3: 18}


def test_what_does_not_rest_on_a_change_keeps_its_stated_result() -> None:
    found = parse_solution(solution("10/3=3.33", "2+2=4", "3.33*4=13.32", gold="13.32"))
    assert found.followed(1, Operand(5)) == {1: 5, 2: Fraction("16.65")}


def test_a_change_that_makes_a_later_step_undefined_gives_nothing() -> None:
    found = parse_solution(solution("5-3=2", "10/2=5", "5+1=6", gold="6"))
    assert found.followed(0, Operand(0)) == {0: 0, 1: None, 2: None}


def test_gold_answers_are_read_as_the_problems_are() -> None:
    assert parse_solution("#### 1,234.50").gold == Fraction("1234.5")
    assert parse_solution("no mark", 0.1).gold == Fraction(1, 10)
    with pytest.raises(HarnessError, match="gold answer"):
        parse_solution("no mark")


@settings(max_examples=200, deadline=None)
@given(st.fractions(max_denominator=10**6))
def test_a_number_written_is_the_number(value: Fraction) -> None:
    assert Fraction(written(value)) == value


def test_real_annotations_are_read(gsm8k: Path) -> None:
    found = [
        parse_solution(json.loads(line)["answer"])
        for split in ("train", "test")
        for line in (gsm8k / f"{split}.jsonl").read_text().splitlines()
    ]
    steps = sum(len(one.steps) for one in found)
    assert sum(one.malformed for one in found) < 0.001 * steps
    assert all(value_of(step.tree) == step.result for one in found for step in one.steps)
    assert sum(one.answer is not None for one in found) > 0.9 * len(found)
