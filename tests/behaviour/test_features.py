"""Features of problems whose answers are plain to see."""

import pytest

from harness.behaviour import FEATURES, features
from harness.problems import Problem


def of(question: str, *annotations: str) -> dict[str, float | bool]:
    return features(Problem(0, question, " ".join(f"<<{one}>>" for one in annotations) + "\n#### 7", 7.0), 30)


def test_every_feature_is_there_in_order() -> None:
    assert tuple(of("How many?")) == FEATURES


def test_operations_are_counted_inside_annotations() -> None:
    found = of("He has 3 and 1,200.", "3+4-2=5", "5*2=10", "10+1=11")
    assert found["n_tokens"] == 30
    assert (found["n_operations"], found["n_operation_types"], found["max_number"]) == (4, 3, 1200)
    assert found["multi_step"] is True
    assert found["has_multiplication"] is True
    assert found["has_division"] is False


@pytest.mark.parametrize(
    ("annotations", "several"), [(["3+4=7"], False), (["3+4=7", "7-2=5"], False), (["1+1+1+1=4"], True)]
)
def test_several_steps_are_three_operations(annotations: list[str], several: bool) -> None:
    assert of("", *annotations)["multi_step"] is several


def test_a_minus_sign_is_no_operation_and_a_percent_sign_no_division() -> None:
    found = of("", "-5+8=3", "20%*50=10")
    assert (found["n_operations"], found["has_division"]) == (2, False)


def test_malformed_annotations_count_for_nothing() -> None:
    found = of("", "8/2", "5/0=1", "2*x*=4")
    assert (found["n_operations"], found["n_operation_types"], found["has_division"]) == (0, 0, False)


@pytest.mark.parametrize(
    ("question", "fractions"),
    [
        ("1/2 of 8", True),
        ("0.5 of 8", True),
        ("half of 8", True),
        ("two thirds of 9", True),
        ("4/2 of 8", False),
        ("2.0 of 8", False),
        ("12.5% of 8", False),
        ("the third of 8", True),
        ("the third day of 8", False),
        ("twice 8", False),
    ],
)
def test_fractions_are_numbers_that_are_not_whole(question: str, fractions: bool) -> None:
    assert of(question)["has_fractions"] is fractions


def test_the_largest_number_may_be_a_word_and_is_0_where_there_is_none() -> None:
    assert of("two hundred and 150%")["max_number"] == 200
    assert of("How many?")["max_number"] == 0
