"""What the nested design alone would have got wrong, told for outcomes whose truth is known."""

from collections.abc import Callable

import numpy as np
import pytest

from harness.criteria.nested import Reading, in_short, in_words, readings
from harness.measures import NotApplicable, TooFewLatents

T = 6
Gone = frozenset[int]


def outcomes(right: Callable[[int, Gone], float], n: int = 60, T: int = T) -> np.ndarray:
    sets = [frozenset(one for one in range(T) if number >> one & 1) for number in range(1 << T)]
    return np.array([[right(problem, gone) for gone in sets] for problem in range(n)], dtype=float)


def read(right: Callable[[int, Gone], float]) -> dict[str, Reading]:
    return {one.name: one for one in readings(outcomes(right), 0)}


def wrong(found: dict[str, Reading]) -> set[str]:
    return {name for name, one in found.items() if one.wrong}


def test_where_only_the_last_thought_matters_its_flat_curve_says_that_none_does() -> None:
    found = read(lambda problem, gone: 5 not in gone)
    assert wrong(found) == {"last"}
    assert "never ablates CT5, worth 1.000 [1.000, 1.000] of 1.000 in all" in found["last"].sentence
    assert found["gradient"].numbers["nested_late_minus_early"].value == 0


def test_where_only_the_first_thought_matters_its_rise_says_that_later_ones_do() -> None:
    found = read(lambda problem, gone: 0 not in gone)
    assert wrong(found) == {"gradient"}
    assert "the earlier ones do" in found["gradient"].sentence
    assert found["gradient"].numbers["nested_late_minus_early"].value == pytest.approx(1 / 3)
    assert found["gradient"].numbers["shapley_early_minus_late"].value == pytest.approx(1 / 3)


def test_of_two_thoughts_that_stand_in_for_each_other_it_blames_the_second() -> None:
    found = read(lambda problem, gone: not {0, 1} <= gone)
    assert wrong(found) == {"gradient", "steps", "alone"}
    assert "CT0 0.000 against 0.500" in found["steps"].sentence
    assert "CT1 1.000 against 0.500" in found["steps"].sentence
    assert "costs more than its thought alone: CT1 1.000 against 0.000 alone" in found["alone"].sentence
    assert found["alone"].numbers["all_ablated_minus_sum_of_single"].value == pytest.approx(1)


def test_where_all_thoughts_are_needed_it_blames_the_first() -> None:
    found = read(lambda problem, gone: not gone)
    assert wrong(found) == {"gradient", "steps", "alone", "last"}
    assert "because more thoughts are gone; that later ones matter more is not shown" in found["gradient"].sentence
    assert "CT0 1.000 against 0.167" in found["steps"].sentence and "and 3 more" in found["steps"].sentence
    assert "costs less than its thought alone: CT1 0.000 against 1.000 alone" in found["alone"].sentence


def test_where_thoughts_add_up_alike_only_the_gradient_and_the_end_mislead() -> None:
    found = read(lambda problem, gone: problem % T not in gone)
    assert wrong(found) == {"gradient", "last"}
    assert "that later ones matter more is not shown" in found["gradient"].sentence


def test_where_later_thoughts_do_matter_more_it_would_have_got_nothing_wrong() -> None:
    worth = [0, 0, 1, 2, 3, 0]
    owner = [one for one, count in enumerate(worth) for _ in range(10 * count)]
    found = read(lambda problem, gone: owner[problem] not in gone)
    assert wrong(found) == set()
    assert "later thoughts do matter more" in found["gradient"].sentence
    assert in_words(list(found.values())).startswith("Read alone, the nested design would not have misled.")


def test_where_nothing_matters_it_would_have_got_nothing_wrong() -> None:
    found = read(lambda problem, gone: problem % 2)
    assert wrong(found) == set()
    assert list(found) == ["nothing"]
    words = "All thoughts ablated together cost 0.000 [0.000, 0.000]: there is nothing to share out."
    assert in_words(list(found.values())) == in_short(list(found.values())) == words


def test_a_last_thought_that_nothing_reads_is_left_out_of_early_against_late() -> None:
    """All thoughts but the last are worth the same: early ones seem to matter more because of that one."""
    (said, *_) = readings(outcomes(lambda problem, gone: problem % (T - 1) not in gone, n=400), 0)
    assert said.wrong
    assert f"the earlier ones do, not clearly so without CT{T - 1}" in said.sentence
    assert said.numbers["shapley_early_minus_late"].sign == 1
    assert said.numbers["shapley_early_minus_late_without_the_last"].sign == 0


def test_short_words_say_the_first_thing_and_count_the_rest() -> None:
    found = list(readings(outcomes(lambda problem, gone: 5 not in gone), 0))
    assert in_short(found) == in_words(found)
    both = list(read(lambda problem, gone: problem % T not in gone).values())
    first = next(one for one in both if one.wrong)
    assert in_short(both) == (
        f"Read alone, the nested design would have misled. {first.sentence} It would have misled in 1 more ways, named beside."
    )


def test_only_what_would_have_been_wrong_is_said() -> None:
    found = readings(outcomes(lambda problem, gone: 5 not in gone), 0)
    words = in_words(found)
    assert words == f"Read alone, the nested design would have misled. {found[-1].sentence}"


def test_noise_alone_is_seldom_called_wrong() -> None:
    """Thoughts without effect, answers at random: 5 % for each of four readings at most, roughly."""
    rng = np.random.default_rng(2)
    told = [
        sum(one.wrong for one in readings(rng.random((40, 16)) < 0.8, seed))  # T = 4
        for seed in range(60)
    ]
    assert np.mean(told) / 4 < 0.12


def test_intervals_hold_for_resampled_problems() -> None:
    rng = np.random.default_rng(3)
    values = outcomes(lambda problem, gone: rng.random() < 0.9 - 0.1 * len(gone), 200)
    gradient = readings(values, 1)[0].numbers["shapley_early_minus_late"]
    assert gradient.low < gradient.value < gradient.high
    assert gradient.high - gradient.low == pytest.approx(
        2 * 1.96 * np.std(_early_less_late(values)) / 200**0.5, rel=0.1
    )


def _early_less_late(values: np.ndarray) -> np.ndarray:
    from harness.measures.subsets import shapley

    worth = shapley(values)
    return worth[:, :3].mean(axis=1) - worth[:, 3:].mean(axis=1)


def test_too_little_to_say_anything_is_said() -> None:
    with pytest.raises(TooFewLatents, match="at least 2 latents"):
        readings(np.ones((5, 2)), 0)
    with pytest.raises(NotApplicable, match="2 problems"):
        readings(np.ones((1, 64)), 0)
