"""Every intervention does to its rows what the plain way does to one problem at a time, and nothing to any other row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from harness.interventions import (
    BASELINE,
    AblateHeads,
    AblateInput,
    AblateThought,
    BiasAttention,
    BlockAttention,
    Condition,
    Itself,
    Mean,
    Noise,
    Outcome,
    Reference,
    Resample,
    SequentialOnly,
    Setting,
    Sham,
    Shuffle,
    Site,
    Truncate,
    Zero,
    run_batch,
)
from harness.interventions.plan import Rows
from harness.models.thoughts import ThoughtModel
from tests.interventions.oracle import answer_alone
from tests.models.conftest import OWN, Golden

GOLD = [3, 5, 7]
TOKENS = 12
T = 6


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request: pytest.FixtureRequest) -> ThoughtModel:
    """In float64, where two ways to the same number agree to the last digits that matter."""
    golden = Golden(OWN / request.param, None, {"config": CONFIG}, 0, 0, 0, 0)
    model = golden.model()
    model.language.double()
    model.projection.double()
    model.dtype = torch.float64
    return model


CONFIG = {"num_latent": T, "lora_alpha": 16, "remove_eos": True}
QUESTIONS = (
    "Tom has 3 coins. He buys 4 more. How many coins does he have?",
    "Anna sells 12 stamps, then 5. She had 30. How many are left?",
    "A box holds 6 cards. There are 7 boxes, and 2 cards get lost. How many cards are there now?",
    "Max has 9 marbles and gives away 2.",
    "How many?",
)


def prompts_of(model: ThoughtModel) -> list[list[int]]:
    return [model.prompt_ids(question) for question in QUESTIONS]


def run(
    model: ThoughtModel, conditions: Sequence[Condition], numbers: Sequence[int] = range(5), **settings: Any
) -> Outcome:
    prompts = prompts_of(model)
    setting = Setting([f"problem {n}" for n in range(len(QUESTIONS))], max_tokens=TOKENS, keep_logits=True, **settings)
    return run_batch(
        model, [prompts[n] for n in numbers], lambda answers: [GOLD] * len(answers), numbers, conditions, setting
    )


def block(keys: Sequence[int], latents: bool, answer: bool, layers: Sequence[int] | None = None) -> Any:
    def scores(layer: int, position: int, mask: torch.Tensor) -> None:
        applies = latents if position < T else answer
        if applies and (layers is None or layer in layers):
            start = mask.shape[-1] - position - 1
            for key in keys:
                if key < position:
                    mask[..., start + key] = float("-inf")

    return scores


def sequential(layer: int, position: int, mask: torch.Tensor) -> None:
    start = mask.shape[-1] - position - 1
    if position < T:
        mask[..., start : start + max(0, position - 1)] = float("-inf")


def biased(layer: int, position: int, mask: torch.Tensor) -> None:
    start = mask.shape[-1] - position - 1
    if layer == 1 and position in (2, 4):
        mask[:, 3, :, [start + key for key in (1, 3) if key <= position]] += 2.5


def zero(position: int, activation: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(activation)


def at(positions: Sequence[int], value: Any) -> Any:
    return lambda position, activation: value(position, activation) if position in positions else activation


CASES: dict[str, tuple[Condition, dict[str, Any]]] = {
    "baseline": (BASELINE, {}),
    "sham": ((Sham(),), {}),
    "block for latents": ((BlockAttention((0, 2), "latents"),), {"scores": block((0, 2), True, False)}),
    "block for answer": ((BlockAttention((1,), "answer"),), {"scores": block((1,), False, True)}),
    "block for both": ((BlockAttention((3, 5)),), {"scores": block((3, 5), True, True)}),
    "block at one layer": ((BlockAttention((2,), layers=(1,)),), {"scores": block((2,), True, True, (1,))}),
    "block all latents": ((BlockAttention(tuple(range(T))),), {"scores": block(range(T), True, True)}),
    "block for one latent": (
        (BlockAttention((0, 1), (3,)),),
        {"scores": lambda layer, position, mask: block((0, 1), position == 3, False)(layer, position, mask)},
    ),
    "sequential": ((SequentialOnly(),), {"scores": sequential}),
    "zero a thought": ((AblateThought((1, 3), (1,)),), {"residual": {1: at((1, 3), zero)}}),
    "zero at all layers": ((AblateThought((2,), None),), {"residual": dict.fromkeys(range(4), at((2,), zero))}),
    "zero an input": ((AblateInput((0, 4)),), {"fed": at((0, 4), zero)}),
    "zero heads": ((AblateHeads(((0, 1), (2, 3))),), {"head": {(0, 1): zero, (2, 3): zero}}),
    "zero a head once": ((AblateHeads(((1, 2),), positions=(5,)),), {"head": {(1, 2): at((5,), zero)}}),
    "bias": ((BiasAttention(((1, 3),), (2, 4), (1, 3), 2.5),), {"scores": biased}),
    "truncate": ((Truncate(2),), {"n_latents": 2}),
    "no thoughts": ((Truncate(0),), {"n_latents": 0}),
    "two together": (
        (AblateInput((1,)), BlockAttention((0,), "answer")),
        {"fed": at((1,), zero), "scores": block((0,), False, True)},
    ),
}


@pytest.fixture(scope="module")
def together(model: ThoughtModel) -> Outcome:
    """All cases in one run."""
    return run(model, [condition for condition, _ in CASES.values()])


@pytest.fixture(scope="module")
def alone(model: ThoughtModel) -> dict[str, list[tuple[list[int], torch.Tensor, float]]]:
    """By case, every problem by the plain way."""
    layers = range(model.n_layers)

    def of(ways: dict[str, Any]) -> dict[str, Any]:
        if "residual" in ways:
            ways = {**ways, "residual": {layer: way for layer, way in ways["residual"].items() if layer in layers}}
        return ways

    return {
        name: [answer_alone(model, prompt, gold=GOLD, max_tokens=TOKENS, **of(ways)) for prompt in prompts_of(model)]
        for name, (_, ways) in CASES.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_an_intervention_gives_what_the_plain_way_gives(name: str, together: Outcome, alone: Any) -> None:
    place = list(CASES).index(name)
    assert together.eot_logits is not None
    for problem, (ids, logits, gold) in enumerate(alone[name]):
        np.testing.assert_allclose(together.eot_logits[problem, place], logits, atol=1e-5)
        assert together.ids[problem][place] == ids
        assert float(together.gold_log_probability[problem, place]) == pytest.approx(gold, abs=1e-4)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("baseline", "sham")])
def test_every_case_changes_what_it_acts_on(name: str, alone: Any) -> None:
    """Otherwise its comparison with the plain way would prove nothing."""
    moved = [float((one[1] - base[1]).abs().max()) for one, base in zip(alone[name], alone["baseline"], strict=True)]
    assert max(moved) > 1e-3


def test_divergence_is_that_of_the_first_answer_token_from_the_baselines(
    together: Outcome, alone: Any, model: Any
) -> None:
    for place, name in enumerate(CASES):
        for problem in range(len(QUESTIONS)):
            own, base = (
                torch.log_softmax(alone[case][problem][1][: model.eot_id].double(), -1) for case in (name, "baseline")
            )
            expected = float((own.exp() * (own - base)).sum())
            assert float(together.divergence[problem, place]) == pytest.approx(expected, abs=1e-5)


def test_what_a_problem_answers_does_not_depend_on_its_batch(model: ThoughtModel, together: Outcome) -> None:
    for number in (0, 3):
        lone = run(model, [condition for condition, _ in CASES.values()], [number])
        assert lone.ids[0] == together.ids[number]
        torch.testing.assert_close(lone.eot_logits[0], together.eot_logits[number], atol=1e-5, rtol=0)  # type: ignore[index]


def test_many_conditions_are_run_in_parts_without_a_difference(
    model: ThoughtModel, together: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.interventions.engine.MOST_ROWS", 20)
    parts = run(model, [condition for condition, _ in CASES.values()])
    assert parts.ids == together.ids
    torch.testing.assert_close(parts.gold_log_probability, together.gold_log_probability)


class Seen(dict[tuple[Site, int, int], torch.Tensor]):
    """What every place handed on, by place, problem and condition (0: the engine's own baseline)."""

    def __call__(self, site: Site, activations: torch.Tensor, rows: Rows) -> None:
        for row, (problem, condition) in enumerate(zip(rows.numbers.tolist(), rows.conditions.tolist(), strict=True)):
            self[site, problem, condition] = activations[row].clone()


@pytest.fixture(scope="module")
def reference(model: ThoughtModel) -> Reference:
    """Made up, so that nothing can be right by accident."""
    rng = np.random.default_rng(0)
    n, layers, heads = len(QUESTIONS), model.n_layers, model.n_heads

    def drawn(*shape: int) -> np.ndarray:
        return rng.standard_normal((n, T, *shape)).astype(np.float32)

    return Reference(drawn(model.width), drawn(layers, model.width), drawn(layers, heads, model.head_width))


PLACES = {
    Site("thought", 2, 1): lambda fill: AblateThought((2,), (1,), fill),
    Site("input", 3): lambda fill: AblateInput((3,), fill),
    Site("head", 4, 2, 1): lambda fill: AblateHeads(((2, 1),), fill, (4,)),
}


@pytest.mark.parametrize("site", PLACES, ids=lambda site: site.kind)
def test_each_fill_puts_in_what_it_names(model: ThoughtModel, reference: Reference, site: Site) -> None:
    fills = [Zero(), Mean(), Resample(), Shuffle(), Itself(), Noise(0.5), Noise(0.0)]
    seen = Seen()
    run(model, [(PLACES[site](fill),) for fill in fills], reference=reference, observer=seen, seed=3)
    recorded = {"thought": reference.thoughts, "input": reference.inputs, "head": reference.heads}[site.kind]
    index = {"thought": (site.layer,), "input": (), "head": (site.layer, site.head)}[site.kind]
    exchanged, dealt = set(), set()
    for problem in range(len(QUESTIONS)):
        base, zero, mean, resampled, shuffled, itself, noisy, quiet = (seen[site, problem, place] for place in range(8))
        assert not zero.any()
        expected = recorded[(slice(None), site.position, *index)].mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(mean, expected, rtol=1e-6)
        exchanged.add(_which(recorded[(slice(None), site.position, *index)], resampled))
        assert _which(recorded[(slice(None), site.position, *index)], resampled) != problem
        dealt.add(_which(recorded[(problem, slice(None), *index)], shuffled))
        assert torch.equal(itself, base)
        assert torch.equal(quiet, base)
        assert 0.2 < float((noisy - base).std() / base.std(correction=0)) < 0.9
    assert exchanged == set(range(len(QUESTIONS)))
    assert len(dealt) == 1 and dealt != {site.position}


def _which(candidates: np.ndarray, found: torch.Tensor) -> int:
    (number,) = np.flatnonzero((np.abs(candidates - found.numpy()) < 1e-6).all(axis=-1))
    return int(number)


def test_positions_are_exchanged_without_one_keeping_its_own(model: ThoughtModel, reference: Reference) -> None:
    seen = Seen()
    run(model, [(AblateThought(tuple(range(T)), (0,), Shuffle()),)], reference=reference, observer=seen)
    dealt = [_which(reference.thoughts[1, :, 0], seen[Site("thought", position, 0), 1, 1]) for position in range(T)]
    assert sorted(dealt) == list(range(T))
    assert all(dealt[position] != position for position in range(T))


def test_noise_is_that_of_the_problem_whatever_the_batch_and_of_the_seed(model: ThoughtModel) -> None:
    condition: Condition = (AblateInput((1,), Noise(1.0)),)
    many, lone, other = Seen(), Seen(), Seen()
    run(model, [condition], observer=many)
    run(model, [condition], [2], observer=lone)
    run(model, [condition], [2], observer=other, seed=1)
    site = Site("input", 1)
    torch.testing.assert_close(lone[site, 2, 1], many[site, 2, 1], atol=1e-9, rtol=0)
    assert not torch.allclose(other[site, 2, 1], many[site, 2, 1], atol=1e-3)


def test_an_ablated_thought_leaves_everything_before_it_as_it_was(model: ThoughtModel) -> None:
    seen = Seen()
    run(model, [(AblateThought((3,), (1,)),)], observer=seen)
    changed = {
        (site.position, site.layer)
        for (site, problem, place), found in seen.items()
        if site.kind == "thought" and place == 1 and not torch.equal(found, seen[site, problem, 0])
    }
    assert changed == {(3, layer) for layer in range(1, model.n_layers)} | {
        (position, layer) for position in (4, 5) for layer in range(model.n_layers)
    }


def test_a_thought_patched_with_itself_changes_nothing(model: ThoughtModel) -> None:
    whole = (AblateThought(tuple(range(T)), None, Itself()), AblateInput(tuple(range(T)), Itself()))
    outcome = run(model, [BASELINE, whole])
    assert outcome.eot_logits is not None
    assert torch.equal(outcome.eot_logits[:, 0], outcome.eot_logits[:, 1])
    assert all(ids[0] == ids[1] for ids in outcome.ids)


def test_what_needs_the_baselines_activations_says_so(model: ThoughtModel) -> None:
    with pytest.raises(ValueError, match="need the baseline's activations"):
        run(model, [(AblateInput((0,), Mean()),)])


def test_interventions_read_as_they_are_written() -> None:
    shown = repr((AblateThought((2,), (1,), Mean()), BlockAttention((0, 1), "answer"), Sham()))
    assert (
        shown
        == "(AblateThought(positions=(2,), layers=(1,), fill=Mean()), BlockAttention(keys=(0, 1), queries='answer'), Sham())"
    )
    assert eval(shown) == (AblateThought((2,), (1,), Mean()), BlockAttention((0, 1), "answer"), Sham())
