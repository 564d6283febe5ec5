"""Which heads are ablated, on which problems, and which answers they are told by."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.criteria.intervened import Intervened
from harness.interventions import AblateHeads, Mean, Resample, Zero
from harness.measures import composite_score
from harness.options import RunOptions
from harness.statistics import plant

L, H, N = 4, 8, 12


class Planted(Intervened):
    """Attention and answers made up: a head's ablation gives the number 100 layer + head, a set's the sum of theirs."""

    def __init__(self, forward: list[int], **options: Any):
        super().__init__(SimpleNamespace(options=RunOptions(**options)), lambda sample, source: None)  # type: ignore[arg-type]
        self.forward = forward
        self.asked: list[tuple[str, str]] = []

    def patterns(self, sample: Any, source: Any = "trained") -> Any:
        self.asked.append((sample, source))
        heads = self.forward if sample == "second" else [0, 1, 2]
        return SimpleNamespace(raw=plant("chain", 0.9, n=N, L=L, H=H, T=6, seed=0, heads=heads, noise=0.02))

    def problems(self, sample: Any) -> Any:
        return [SimpleNamespace(answer=float(number)) for number in range(N)]

    def answered(self, sample: Any, design: Any, source: Any = "trained", label: str = "") -> Any:
        assert sample == "first"
        numbers = np.tile(np.arange(N, dtype=float)[:, None], (1, len(design)))
        for column, condition in enumerate(design.values()):
            for one in condition:
                if isinstance(one, AblateHeads):
                    lost = sum(layer + head for layer, head in one.heads) % N
                    numbers[:lost, column] = -1
        return SimpleNamespace(numbers=numbers)


FORWARD = [3, 9, 10, 17, 20, 26, 29, 31]


def test_the_heads_that_the_second_sample_ranks_first_are_chosen() -> None:
    study = Planted(FORWARD)
    plan = study.heads_plan()
    assert study.asked == [("second", "trained")]
    assert sorted(plan.chosen) == FORWARD
    scores = composite_score(study.patterns("second").raw.mean(axis=0, dtype=np.float64)).ravel()
    np.testing.assert_array_equal(plan.composite, scores)
    assert list(plan.chosen) == sorted(FORWARD, key=lambda place: -scores[place])


def test_a_quarter_of_the_heads_is_chosen_and_random_sets_hold_none_of_them() -> None:
    plan = Planted(FORWARD).heads_plan()
    chosen = {divmod(place, H) for place in plan.chosen}
    assert len(chosen) == L * H // 4
    assert len(plan.others) == len(set(plan.others)) == 200
    assert all(len(one) == 8 and not chosen & set(one) for one in plan.others)


def test_it_is_said_whether_sets_have_as_many_heads_of_every_layer() -> None:
    matched = Planted(FORWARD).heads_plan()
    layers = [sum(place // H == layer for place in FORWARD) for layer in range(L)]
    assert matched.layered
    assert all([sum(one == layer for one, _ in heads) for layer in range(L)] == layers for heads in matched.others)
    assert not Planted(list(range(8))).heads_plan().layered


def test_every_fill_and_every_head_alone_is_tried() -> None:
    plan = Planted(FORWARD).heads_plan()
    design = plan.design
    assert [sum(name.startswith(f"{fill} random") for name in design) for fill in ("mean", "zero", "resample")] == [
        200,
        100,
        100,
    ]
    chosen = tuple(divmod(place, H) for place in plan.chosen)
    for name, fill in (("mean", Mean()), ("zero", Zero()), ("resample", Resample())):
        assert design[f"{name} chosen"] == (AblateHeads(chosen, fill),)
        assert design[f"{name} random 7"] == (AblateHeads(plan.others[7], fill),)
    assert design["mean L2H5"] == (AblateHeads(((2, 5),), Mean()),)
    assert len(design) == 2 + 3 + 400 + L * H


@pytest.mark.parametrize("fill", ["mean", "zero", "resample"])
def test_answers_go_with_the_heads_they_were_given_without(fill: str) -> None:
    study = Planted(FORWARD)
    trials, plan = study.heads(), study.heads_plan()
    assert trials.baseline.all() and trials.sham_right.all()

    def lost(heads: Any) -> int:
        return sum(layer + head for layer, head in heads) % N

    chosen = [divmod(place, H) for place in plan.chosen]
    expected = [lost(chosen), *map(lost, plan.others[: 200 if fill == "mean" else 100])]
    assert (N - trials.sets[fill].sum(axis=0)).tolist() == expected
    alone = [lost([divmod(place, H)]) for place in range(L * H)]
    assert (N - trials.single.sum(axis=0)).tolist() == alone
    assert trials.draws == 200


def test_controls_that_need_no_other_extraction_are_cheap() -> None:
    assert Planted(FORWARD, controls="none").controls == frozenset()
    cheap = {"sham", "random", "uniform-context"}
    assert Planted(FORWARD, controls="cheap").controls == cheap
    assert Planted(FORWARD).controls == {*cheap, "contentless"}
    assert Planted(FORWARD, control_model="m").controls == {*cheap, "contentless", "control-model"}
