"""What cannot act on a model is refused by name."""

from typing import Any

import pytest

from harness.errors import HarnessError
from harness.interventions import (
    AblateHeads,
    AblateInput,
    AblateThought,
    BiasAttention,
    BlockAttention,
    Itself,
    Mean,
    Noise,
    Resample,
    SequentialOnly,
    Sham,
    Shuffle,
    Truncate,
    Zero,
)
from harness.interventions.sound import Sizes, as_conditions

SIZES = Sizes(layers=4, heads=8, latents=6)


@pytest.mark.parametrize(
    "sound",
    [
        Sham(),
        AblateThought((0, 5), (3,), Mean()),
        AblateThought((0,), None, Resample()),
        AblateInput((5,), Noise(0.0)),
        AblateHeads(((3, 7),), Zero(), (0,)),
        AblateHeads(((0, 0),), Itself()),
        BlockAttention((0, 5), "answer", (0,)),
        BlockAttention((0,), (1, 2)),
        SequentialOnly(),
        SequentialOnly((0,)),
        BiasAttention(((0, 1),), (5,), (0,), -3.0),
        Truncate(0),
        Truncate(6),
        (Sham(), AblateInput((0,), Shuffle())),
        (),
    ],
)
def test_what_can_act_is_a_condition(sound: Any) -> None:
    assert as_conditions([sound], "m", SIZES) == [sound if isinstance(sound, tuple) else (sound,)]


def test_a_list_of_interventions_acts_together() -> None:
    assert as_conditions([[Sham(), Truncate(3)]], "m", SIZES) == [(Sham(), Truncate(3))]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            AblateThought((6,), (2,)),
            "AblateThought(positions=(6,), layers=(2,)) cannot act on m: its thoughts are 0 to 5.",
        ),
        (AblateThought((-1,), (2,)), "its thoughts are 0 to 5"),
        (AblateThought((), (2,)), "positions are thoughts in a tuple with at least one"),
        (AblateThought(2, (2,)), "positions are thoughts in a tuple"),
        (AblateThought((2,), (4,)), "its layers are 0 to 3"),
        (AblateThought((2,), (2,), Mean), "fill is one of Zero(), Mean()"),
        (AblateThought((2,), (2,), "mean"), "fill is one of Zero(), Mean()"),
        (AblateInput((0,), Noise(-1)), "the noise's sigma is a finite number, 0 or more"),
        (AblateInput((0,), Noise(float("nan"))), "the noise's sigma is a finite number"),
        (AblateHeads(((1, 8),)), "its layers are 0 to 3, its heads 0 to 7"),
        (AblateHeads(((4, 0),)), "its layers are 0 to 3"),
        (AblateHeads((1, 3)), "heads are pairs of layer and head"),
        (AblateHeads(()), "heads are pairs of layer and head"),
        (AblateHeads(((1, 3),), Zero(), (6,)), "its thoughts are 0 to 5"),
        (BlockAttention((9,)), "its thoughts are 0 to 5"),
        (BlockAttention((0,), "answers"), 'queries are "latents", "answer", "both" or thoughts'),
        (SequentialOnly((7,)), "its layers are 0 to 3"),
        (BiasAttention(((0, 1),), (5,), (0,), float("inf")), "the bias is a finite number"),
        (Truncate(7), "it has 6 thoughts, of which 0 to 6 can be kept"),
        (Truncate(-1), "it has 6 thoughts"),
        (Sham, "it is not an intervention"),
        ("sham", "it is not an intervention"),
    ],
)
def test_what_cannot_act_is_refused_with_what_could(wrong: Any, said: str) -> None:
    with pytest.raises(HarnessError) as error:
        as_conditions([Sham(), wrong], "m", SIZES)
    assert said in str(error.value)


def test_a_lone_intervention_is_no_list() -> None:
    with pytest.raises(HarnessError, match=r"Conditions come as a list, not as Sham\(\)"):
        as_conditions(Sham(), "m", SIZES)  # type: ignore[arg-type]
