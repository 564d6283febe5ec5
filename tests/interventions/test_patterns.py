"""What thoughts read under conditions is what an eager forward of one problem says; without any it is the extraction's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import harness
from harness.interventions import (
    BASELINE,
    BiasAttention,
    BlockAttention,
    Condition,
    Setting,
    Sham,
    attention_under,
    run_batch,
)
from harness.interventions.branching import Branches
from harness.interventions.patterns import attend_batch
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet
from harness.storage.store import ArrayStore
from tests.interventions.oracle import attend_alone
from tests.interventions.test_engine import CASES, QUESTIONS, T, model, prompts_of

__all__ = ["model"]

CONDITIONS = [condition for condition, _ in CASES.values()]


def attended(model: ThoughtModel, conditions: Sequence[Condition] = CONDITIONS) -> torch.Tensor:
    numbers = range(len(QUESTIONS))
    return attend_batch(model, prompts_of(model), numbers, conditions, Setting([str(number) for number in numbers]))


@pytest.fixture(scope="module")
def together(model: ThoughtModel) -> torch.Tensor:
    """[problems, cases, L, H, T + 1, T]: all cases in one run."""
    return attended(model)


@pytest.mark.parametrize("name", CASES)
def test_weights_under_a_condition_are_those_of_an_eager_forward(
    model: ThoughtModel, together: torch.Tensor, name: str
) -> None:
    ways: dict[str, Any] = dict(CASES[name][1])
    if "residual" in ways:
        ways["residual"] = {layer: way for layer, way in ways["residual"].items() if layer < model.n_layers}
    for problem, prompt in enumerate(prompts_of(model)):
        alone = attend_alone(model, prompt, **ways)
        np.testing.assert_allclose(together[problem, list(CASES).index(name)], alone, atol=1e-5)


def test_a_blocked_key_gets_no_weight_and_the_others_what_a_softmax_without_it_gives(model: ThoughtModel) -> None:
    """One layer is blocked, so that what its queries and keys are is known from the baseline."""
    blocked = (BlockAttention((1, 3), layers=(0,)),)
    before, after = (attended(model, [one])[:, 0, 0].double() for one in (BASELINE, blocked))
    later = torch.arange(T + 1)[:, None] > torch.arange(T)
    gone = later & torch.isin(torch.arange(T), torch.tensor([1, 3]))
    assert not after[..., gone].any()
    assert (before[..., gone] > 0).all()
    # The first thought that cannot read a key still has the thoughts of the baseline behind it.
    first = before[:, :, 2] / (1 - before[:, :, 2, 1:2])
    np.testing.assert_allclose(after[:, :, 2, [0, 2]], first[..., [0, 2]], atol=1e-6)
    itself = torch.eye(T, dtype=torch.bool)
    assert (after[:, :, :T][..., itself] > 0).all()


def test_conditions_that_are_run_in_parts_are_kept_in_their_places(
    model: ThoughtModel, together: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.interventions.engine.MOST_ROWS", 20)
    torch.testing.assert_close(attended(model), together)


def test_a_sham_changes_no_weight(model: ThoughtModel) -> None:
    found = attended(model, [BASELINE, (Sham(),), (BiasAttention(((0, 1),), (2,), (1,), 0.0),)])
    assert torch.equal(found[:, 1], found[:, 0])
    assert torch.equal(found[:, 2], found[:, 0])


def test_nothing_is_watched_where_nobody_asked(model: ThoughtModel, monkeypatch: pytest.MonkeyPatch) -> None:
    watches = []
    made = Branches.__init__

    def noted(self: Branches, *arguments: Any) -> None:
        watches.append(arguments[3])
        made(self, *arguments)

    monkeypatch.setattr(Branches, "__init__", noted)
    run_batch(
        model, prompts_of(model)[:1], lambda answers: [[0]], [0], [(Sham(),)], Setting(["a problem"], max_tokens=1)
    )
    assert watches == [None, None]
    attended(model, [BASELINE])
    assert watches[2] is not None


@pytest.fixture(scope="module", params=["tiny-gpt2", "tiny-llama"])
def embedded(request: pytest.FixtureRequest) -> ThoughtModel:
    return harness.load_model(request.param)


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return harness.load_problems("synthetic", n=20, seed=5)


HUB: Condition = (BiasAttention(((1, 3), (2, 0)), (2, 3, 4, 5), (1,), 4.0),)


def test_without_a_condition_it_is_the_extraction(embedded: ThoughtModel, problems: ProblemSet, tmp_path: Path) -> None:
    found = attention_under(embedded, problems, [HUB, BASELINE], folder=tmp_path, batch_size=7)
    extracted = harness.extract_attention(embedded, problems)
    np.testing.assert_allclose(found.raw[:, 1], extracted.raw, atol=1e-5)
    np.testing.assert_allclose(found.answer_attention[:, 1], extracted.answer_attention, atol=1e-5)
    assert np.abs(found.raw[:, 0] - extracted.raw).max() > 0.1


def test_a_run_that_was_cut_off_ends_with_the_same_bytes(
    embedded: ThoughtModel, problems: ProblemSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    attention_under(embedded, problems, [HUB], folder=whole, batch_size=7)
    written = ArrayStore.write

    def once(self: ArrayStore, chunk: int, values: Any) -> None:
        if chunk == 1:
            raise KeyboardInterrupt
        written(self, chunk, values)

    with monkeypatch.context() as patch:
        patch.setattr(ArrayStore, "write", once)
        with pytest.raises(KeyboardInterrupt):
            attention_under(embedded, problems, [HUB], folder=cut, batch_size=7)
    batches = []
    monkeypatch.setattr(ArrayStore, "write", lambda *given: (batches.append(given[1]), written(*given)))
    attention_under(embedded, problems, [HUB], folder=cut, batch_size=7)
    assert batches == [1, 2]
    for file in sorted(whole.iterdir()):
        assert (cut / file.name).read_bytes() == file.read_bytes(), file.name
