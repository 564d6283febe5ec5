"""Planted answers of every class and near misses, and evidence that an independent evaluator agrees with."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.behaviour import CODES, ERROR_CLASSES, Classified, Classifier, classify
from harness.errors import HarnessError
from harness.problems import last_number
from tests.behaviour.arithmetic import evaluated, lines

QUESTION = "Tom has 12 red and 5 blue boxes with 7 pens each, and gives 31 pens away. How many are left?"
SOLUTION = "<<12+5=17>>17 boxes, <<17*7=119>>119 pens, <<119-31=88>>88 left.\n#### 88"


def answered(text: str, question: str = QUESTION, solution: str = SOLUTION) -> tuple[str, str | None]:
    return tuple(classify(question, solution, text))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "error_class", "evidence"),
    [
        ("", "NONE", "no text"),
        (" \n", "NONE", "no text"),
        ("I do not know.", "NONSENSE", "no number in the text"),
        ("The answer is: 88", "CORRECT", "the gold answer 88"),
        ("First 88.00", "CORRECT", "the gold answer 88"),
        ("88 or -88", "SIGN_ERROR", "-(88) = -88"),
        ("18", "OPERATION_REVERSAL", "12 - 5 = 7 (step 1: - for +), 7 x 7 = 49, 49 - 31 = 18"),
        ("150", "OPERATION_REVERSAL", "119 + 31 = 150 (step 3: + for -)"),
        ("119", "PARTIAL_ANSWER", "17 x 7 = 119 (step 2)"),
        ("17", "PARTIAL_ANSWER", "12 + 5 = 17 (step 1)"),
        ("880", "OFF_BY_FACTOR", "88 x 10 = 880"),
        ("29.33", "OFF_BY_FACTOR", "88 / 3 = 29.33"),
        ("0.088", "OFF_BY_FACTOR", "88 / 1000 = 0.088"),
        ("95", "CALC_ERROR", "12 + 5 = 18 (step 1: off by 1), 18 x 7 = 126, 126 - 31 = 95"),
        ("87", "CALC_ERROR", "17 x 7 = 118 (step 2: off by 1), 118 - 31 = 87"),
        ("48", "CALC_ERROR", "17 x 7 = 79 (step 2: a carry lost), 79 - 31 = 48"),
        ("36", "LOGIC_ERROR", "5 + 31 = 36"),
        ("91", "LOGIC_ERROR", "(12 x 5) + 31 = 91"),
        ("1234", "CALC_ERROR", None),
    ],
)
def test_a_planted_answer_gets_its_class_and_the_calculation(text: str, error_class: str, evidence: str | None) -> None:
    assert answered(text) == (error_class, evidence)


@pytest.mark.parametrize(
    ("not_this", "text"),
    [
        ("NONE", "."),
        ("NONSENSE", "about 3"),
        ("CORRECT", "88 of 100"),
        ("SIGN_ERROR", "-87"),
        ("OPERATION_REVERSAL", "80"),
        ("PARTIAL_ANSWER", "118"),
        ("OFF_BY_FACTOR", "528"),
        ("CALC_ERROR", "91"),
        ("LOGIC_ERROR", "1234"),
    ],
)
def test_a_near_miss_is_not_of_the_class(not_this: str, text: str) -> None:
    assert answered(text)[0] != not_this


def test_the_order_of_the_classes_decides_where_several_fit() -> None:
    # 44 is half the gold answer and 88 - 44; 10 + 34 is a step's result too.
    solution = "<<10+34=44>> <<44*2=88>>\n#### 88"
    assert answered("44", "10 and 34, doubled", solution)[0] == "PARTIAL_ANSWER"
    assert answered("22", "10 and 34, doubled", solution)[0] == "OPERATION_REVERSAL"
    assert answered("176", "10 and 34, doubled", solution)[0] == "OFF_BY_FACTOR"


def test_one_operation_inside_a_longer_step_can_be_reversed_or_slip() -> None:
    solution = "<<100-50-30-15=5>>\n#### 5"
    assert answered("65", "", solution) == ("OPERATION_REVERSAL", "100 - 50 + 30 - 15 = 65 (step 1: + for -)")
    assert answered("-35", "", "<<(100-50)*2-137=-37>>#### -37") == (
        "CALC_ERROR",
        "100 - 50 = 51 (step 1: off by 1), 51 x 2 - 137 = -35",
    )


def test_a_reversal_that_changes_nothing_is_none() -> None:
    assert answered("6", "", "<<6*1=6>> #### 6")[0] == "CORRECT"
    assert answered("5", "", "<<5+0=5>> <<5*1=5>> <<5+2=7>> #### 7")[0] == "PARTIAL_ANSWER"


def test_without_a_step_that_gives_the_gold_answer_nothing_is_reevaluated() -> None:
    solution = "<<12+5=17>>\n#### 88"
    assert answered("7", "", solution) == ("CALC_ERROR", None)
    assert answered("17", "", solution)[0] == "PARTIAL_ANSWER"


def test_answers_with_two_decimals_may_be_rounded_and_others_not() -> None:
    question, solution = "10 apples for 3, and 4", "<<3+4=7>> #### 7"
    assert answered("3.33", question, solution) == ("LOGIC_ERROR", "10 / 3 = 3.33")
    assert answered("3.34", question, solution)[0] != "LOGIC_ERROR"
    assert answered("3.3", question, solution)[0] != "LOGIC_ERROR"
    assert answered("3.333", question, solution) == ("LOGIC_ERROR", "10 / 3 = 3.333")


def test_the_gold_answer_rounded_is_not_right_as_everywhere_else_but_no_mistake_explains_it() -> None:
    assert answered("3.33", "3.3 and 0.033", "<<3.3+0.033=3.333>> #### 3.333") == ("CALC_ERROR", None)


def test_a_slip_starts_from_the_result_that_is_stated() -> None:
    assert answered("4", "", "<<10/3=3>> #### 3") == ("CALC_ERROR", "10 / 3 = 4 (step 1: off by 1)")


def test_a_number_is_used_as_often_as_it_stands_there() -> None:
    solution = "<<1+1=2>> #### 1000"
    assert answered("49", "7 and 9", "#### 1000") == ("CALC_ERROR", None)
    assert answered("49", "7 and 7", "#### 1000") == ("LOGIC_ERROR", "7 x 7 = 49")
    assert answered("14", "7", solution) == ("LOGIC_ERROR", "7 x 2 = 14")
    assert answered("28", "7", solution) == ("CALC_ERROR", None)


def test_number_words_and_percentages_are_numbers_of_the_question() -> None:
    assert answered("40", "half of eighty", "#### 7") == ("LOGIC_ERROR", "0.5 x 80 = 40")
    assert answered("10", "20% of 50", "#### 7") == ("LOGIC_ERROR", "0.2 x 50 = 10")
    assert answered("30", "20% of 50", "#### 7") == ("LOGIC_ERROR", "50 - 20 = 30")
    assert answered("4", "20% of it", "#### 7") == ("CALC_ERROR", None)


def test_two_operations_stand_in_either_order() -> None:
    assert answered("-16", "3, 5 and 7", "#### 1000") == ("LOGIC_ERROR", "5 - (3 x 7) = -16")
    assert answered("56", "3, 5 and 7", "#### 1000") == ("LOGIC_ERROR", "(3 + 5) x 7 = 56")


def test_no_text_at_all_is_none_and_a_huge_number_is_unexplained() -> None:
    one = Classifier(QUESTION, SOLUTION)
    assert one.classify(None).error_class == "NONE"
    assert one.classify("9" * 5000) == Classified("CALC_ERROR", None)
    assert one.classify("0." + "3" * 5000) == Classified("CALC_ERROR", None)


def test_a_gold_answer_of_zero_has_no_other_sign_and_no_multiples() -> None:
    assert answered("-0", "", "<<5-5=0>> #### 0")[0] == "CORRECT"
    assert answered("10", "", "<<5-5=0>> #### 0")[0] == "OPERATION_REVERSAL"


def test_codes_split_the_class_that_may_lack_evidence() -> None:
    assert CODES[:9] == ERROR_CLASSES
    assert [Classified(name, "x").code for name in ERROR_CLASSES] == list(range(9))
    assert Classified("CALC_ERROR", None).code == 9


def test_a_solution_without_a_gold_answer_is_refused_unless_one_is_given() -> None:
    with pytest.raises(HarnessError, match="####"):
        classify("How many?", "<<1+1=2>>", "2")
    assert Classifier("How many?", "<<1+1=2>>", 2.0).classify("2").error_class == "CORRECT"


@st.composite
def problems(draw: st.DrawFn) -> tuple[str, str, Fraction]:
    """A chain of two to four right calculations on numbers of the question."""
    numbers = draw(st.lists(st.integers(1, 60), min_size=3, max_size=5))
    value, annotations = Fraction(numbers[0]), []
    for number in numbers[1:]:
        symbol = draw(st.sampled_from("+-*" if value % number else "+-*/"))
        result = {"+": value + number, "-": value - number, "*": value * number, "/": value / number}[symbol]
        annotations.append(f"<<{value}{symbol}{number}={result}>>")
        value = result
    question = f"There are {', '.join(map(str, numbers))}. How many?"
    return question, f"{' '.join(annotations)}\n#### {value}", value


@settings(max_examples=150, deadline=None)
@given(problems(), st.text() | st.integers(-10_000, 10_000).map(str) | st.decimals(-999, 999, places=2).map(str))
def test_every_text_has_a_class_and_right_is_what_is_right_everywhere(
    problem: tuple[str, str, Fraction], text: str
) -> None:
    question, solution, gold = problem
    found = classify(question, solution, text)
    assert found.error_class in ERROR_CLASSES
    assert (found.error_class == "CORRECT") == (last_number(text) == float(gold))
    assert (found.evidence is None) == (CODES[found.code] == "UNEXPLAINED")


@settings(max_examples=100, deadline=None)
@given(st.text(), st.text(), st.text())
def test_no_question_solution_or_text_breaks_anything(question: str, solution: str, text: str) -> None:
    assert classify(question, f"<<{solution}>> #### 5".replace("####", "", solution.count("####")), text).error_class


@settings(max_examples=400, deadline=None)
@given(problems(), st.integers(-300, 3000), st.sampled_from([1, 10, 100]))
def test_evidence_gives_the_answer(problem: tuple[str, str, Fraction], number: int, per: int) -> None:
    question, solution, gold = problem
    text = f"{number / per:.{len(str(per)) - 1}f}" if per > 1 else str(number)
    answer = Fraction(text)
    assume(answer != gold)
    error_class, evidence = classify(question, solution, text)
    if evidence is None:
        return
    margin = Fraction(1, 200) if per == 100 else 0
    found = lines(evidence)
    assert Fraction(found[-1][1]) == answer
    for at, (left, right, remark) in enumerate(found):
        off = evaluated(left) - Fraction(right)
        if "off by" in remark:
            by = Fraction(remark.rpartition(" ")[2])
            assert abs(abs(off) - by) <= (margin if at == len(found) - 1 else 0)
        elif "replaced" in remark or "lost" in remark:
            assert off != 0
        else:
            assert abs(off) <= (margin if at == len(found) - 1 else 0)
    if error_class == "CALC_ERROR":
        assert sum("step" in remark for *_, remark in found) == 1


def combinations(numbers: list[Fraction]) -> Iterator[Fraction]:
    """Every value of one or two operations on the numbers, each used at most once, by trying all."""

    def joined(a: Fraction, b: Fraction) -> Iterator[Fraction]:
        yield from (a + b, a - b, a * b)
        if b:
            yield a / b

    for a, b in permutations(numbers, 2):
        yield from joined(a, b)
    for a, b, c in permutations(numbers, 3):
        for inner in joined(a, b):
            yield from joined(inner, c)
            yield from joined(c, inner)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.lists(st.integers(31, 60), max_size=2), st.data())
def test_logic_errors_are_exactly_what_trying_all_combinations_finds(
    stated: list[int], between: list[int], data: st.DataObject
) -> None:
    question = " and ".join(map(str, stated))
    # The gold answer is out of reach of all other rules, and no step leads to it.
    solution = " ".join(f"<<{one}={one}>>" for one in between) + "\n#### 7777777"
    every = set(combinations([Fraction(one) for one in (*stated, *between)]))
    classifier = Classifier(question, solution)
    whole = {value for value in every if value.denominator == 1}
    for answer in [*whole, *data.draw(st.lists(st.integers(-400, 4000), max_size=20))]:
        found = classifier.classify(str(answer))
        if answer in between:
            assert found.error_class == "PARTIAL_ANSWER"
        else:
            assert (found.error_class == "LOGIC_ERROR") == (answer in every), (answer, found)
    for text in data.draw(st.lists(st.decimals(-50, 50, places=2).map(str), max_size=20)):
        near = any(abs(value - Fraction(text)) <= Fraction(1, 200) for value in every)
        partial = any(abs(one - Fraction(text)) <= Fraction(1, 200) for one in between)
        assert classifier.classify(text).error_class == (
            "PARTIAL_ANSWER" if partial else "LOGIC_ERROR" if near else "CALC_ERROR"
        )


@pytest.mark.parametrize(
    ("answer", "expected"), [("100", "OPERATION_REVERSAL"), ("93.6", "OPERATION_REVERSAL"), ("7.2", "LOGIC_ERROR")]
)
def test_one_exchange_leaves_the_other_of_two_equal_results_as_it_is(answer: str, expected: str) -> None:
    text = "<<30*3=90>>90, <<18*5=90>>90, <<90+90=180>>180 #### 180"
    found = classify("30 coins thrice and 18 coins 5 times: how many?", text, answer)
    assert (found.error_class == expected) == (expected == "OPERATION_REVERSAL"), found


def test_a_factor_is_tried_before_a_slip() -> None:
    assert classify("8 and 12?", "<<8+12=20>>20 #### 20", "10").error_class == "OFF_BY_FACTOR"
