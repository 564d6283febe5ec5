"""Reading the number off an answer."""

import pytest

from harness.problems import last_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The answer is : 1,234 or -7.5", -7.5),
        ("12 and then 3.", 3.0),
        ("1,000,000 stamps", 1_000_000.0),
        ("none at all", None),
        ("", None),
    ],
)
def test_the_last_number_of_a_text_is_its_answer(text: str, number: float | None) -> None:
    assert last_number(text) == number
