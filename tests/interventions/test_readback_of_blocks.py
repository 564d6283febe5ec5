"""Blocked attention is read back, and what is not blocked as asked is seen."""

from typing import Any

import pytest
import torch

import harness
from harness.interventions import BASELINE, BlockAttention, Condition, SequentialOnly, run_batch
from harness.interventions.branching import Branches
from harness.interventions.designs import READERS, block_name, blocks_design, followed_design
from harness.interventions.engine import Setting
from harness.interventions.keys import KEY_CLASSES, TOKEN_KEYS
from harness.interventions.plan import Plan
from harness.interventions.readback.blocks import BlockReadBack, hidden_keys, read_back_blocks
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet
from harness.problems.words import TOKEN_CLASSES

T = 6
DESIGN = blocks_design(T)


@pytest.fixture(scope="module", params=["tiny-gpt2", "tiny-llama"])
def model(request: pytest.FixtureRequest) -> ThoughtModel:
    return harness.load_model(request.param)


@pytest.fixture(scope="module")
def llama() -> ThoughtModel:
    return harness.load_model("tiny-llama")


def answered(model: ThoughtModel, problems: ProblemSet, conditions: list[Condition]) -> list[list[list[int]]]:
    prompts = [model.prompt_ids(question) for question in problems.questions]
    setting = Setting([str(one) for one in problems.ids])
    return run_batch(model, prompts, lambda answers: [[5]] * len(prompts), range(len(prompts)), conditions, setting).ids


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return harness.load_problems("synthetic", split="test", n=3)


def found_under(model: ThoughtModel, problems: ProblemSet, *names: str) -> BlockReadBack:
    return read_back_blocks(
        model, problems, [DESIGN[name] for name in ("baseline", *names)], batch_size=32, max_tokens=8
    )


def test_every_condition_blocks_what_it_says_and_changes_no_other_weight(
    model: ThoughtModel, problems: ProblemSet
) -> None:
    found = found_under(model, problems, *list(DESIGN)[1:])
    assert found.blocked == 0
    assert found.cut > 0
    assert max(found.others, found.output) < 1e-5


def test_it_looks_as_far_as_the_longest_answer_of_the_first_and_the_last_batch(llama: ThoughtModel) -> None:
    problems, conditions = harness.load_problems("synthetic", split="test", n=9), [BASELINE, DESIGN["blocked CT0"]]
    answers = answered(llama, problems, conditions)
    found = read_back_blocks(llama, problems, conditions, batch_size=4)
    order = sorted(range(9), key=lambda row: len(llama.prompt_ids(problems.questions[row])))
    shown = [*order[:4], order[8]]
    longest = max(len(ids) for row in shown for ids in answers[row])
    # The last token of an answer is chosen, not fed; the token after EOT stands at T + 1.
    assert found.last_position == T + longest - 1


@pytest.mark.parametrize("leak", ["from the number on", "in larger batches", "in scoring", "in the last batch"])
def test_a_block_that_is_lost_in_one_place_alone_is_seen(
    llama: ThoughtModel, leak: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = harness.load_problems("synthetic", split="test", n=9)
    proper = Plan.bias
    sizes: list[int] = []

    def leaking(self: Plan, layer: int, queries: range, keys: int) -> torch.Tensor | None:
        sizes.append(len(self.rows.conditions))
        lost = {
            "from the number on": keys > T + 4,
            "in larger batches": len(self.rows.conditions) > 60,
            "in scoring": len(queries) > 1,
            "in the last batch": int(self.rows.numbers.max()) in last,
        }[leak]
        return None if lost else proper(self, layer, queries, keys)

    lengths = [len(llama.prompt_ids(question)) for question in problems.questions]
    last = sorted(range(9), key=lambda row: (lengths[row], row))[8:]
    conditions = list(DESIGN.values())
    monkeypatch.setattr(Plan, "bias", leaking)
    assert read_back_blocks(llama, problems, conditions, batch_size=4).blocked > 0
    assert max(sizes) > 60


def test_in_16_bits_weights_are_those_of_the_rounded_products(problems: ProblemSet) -> None:
    found = found_under(harness.load_model("tiny-llama", dtype="bfloat16"), problems, *list(DESIGN)[1:])
    assert found.blocked == 0
    assert 1e-5 < max(found.others, found.output) < 2e-2


def test_a_block_that_is_lost_is_seen(
    model: ThoughtModel, problems: ProblemSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "bias", lambda self, layer, queries, keys: None)
    found = found_under(model, problems, "blocked CT0")
    assert found.blocked > 1e-3
    assert found.others > 1e-3


def test_a_block_that_only_lowers_scores_is_seen(
    model: ThoughtModel, problems: ProblemSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.interventions.plan.BLOCKED", -5.0)
    assert found_under(model, problems, "blocked CT0").blocked > 0


def test_a_key_too_many_is_seen(model: ThoughtModel, problems: ProblemSet, monkeypatch: pytest.MonkeyPatch) -> None:
    proper = Plan.bias

    def more(self: Plan, layer: int, queries: range, keys: int) -> torch.Tensor | None:
        bias = proper(self, layer, queries, keys)
        if bias is not None and keys > 3:
            bias = bias.clone()
            bias[self.rows.conditions == 1, ..., 2] = float("-inf")
        return bias

    monkeypatch.setattr(Plan, "bias", more)
    found = found_under(model, problems, "blocked CT0")
    assert found.blocked == 0
    assert found.others > 1e-3


def test_a_question_token_that_nobody_asked_to_hide_is_seen(
    model: ThoughtModel, problems: ProblemSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Branches.__init__

    def hiding(self: Branches, *arguments: Any) -> None:
        made(self, *arguments)
        self._padding = self._padding.clone()
        self._padding[..., -3] = float("-inf")

    monkeypatch.setattr(Branches, "__init__", hiding)
    found = found_under(model, problems, "blocked CT0")
    assert found.blocked == 0
    assert found.others > 1e-3


@pytest.mark.parametrize(
    ("condition", "query", "hidden"),
    [
        ((BlockAttention((0, 2)),), 1, {0}),
        ((BlockAttention((0, 2)),), T, {0, 2}),
        ((BlockAttention((0,), "latents"),), T + 1, set()),
        ((BlockAttention((0,), "answer"),), 3, set()),
        ((BlockAttention((0,), "answer"),), T + 1, {0}),
        ((BlockAttention((0,), (5,)), BlockAttention((1,), "answer")), 5, {0}),
        ((BlockAttention((0,), layers=(1,)),), 3, set()),
        ((SequentialOnly(),), 4, {0, 1, 2}),
        ((SequentialOnly(),), T, set()),
        ((SequentialOnly(),), 0, set()),
    ],
)
def test_what_a_condition_hides_from_a_query(condition: Condition, query: int, hidden: set[int]) -> None:
    assert hidden_keys(condition, query, 0, T) == hidden


def test_the_design_hides_each_thought_from_each_kind_of_reader_and_runs_nothing_twice() -> None:
    assert list(DESIGN)[:2] == ["baseline", "sham"]
    assert len(DESIGN) == 2 + 6 + 5 + 4 + 2
    assert len({repr(condition) for condition in DESIGN.values()}) == len(DESIGN)
    assert all(block_name(readers, position, T) in DESIGN for readers in READERS for position in range(T))
    assert list(followed_design(T)) == ["baseline", "blocked CT0", "blocked CT4"]
    assert list(followed_design(5)) == ["baseline", "blocked CT0"]


@pytest.mark.parametrize(
    ("readers", "position", "interventions"),
    [
        ("latents", 5, (BlockAttention((5,), "latents"),)),
        ("matched", 4, (BlockAttention((4,), (5,)), BlockAttention((4,), "answer"))),
        ("matched", 5, (BlockAttention((5,), "answer"),)),
    ],
)
def test_a_condition_that_stands_for_another_one_gives_its_bytes(
    model: ThoughtModel, problems: ProblemSet, readers: Any, position: int, interventions: Condition
) -> None:
    prompts = [model.prompt_ids(question) for question in problems.questions]
    conditions = [DESIGN[block_name(readers, position, T)], interventions]
    setting = Setting([str(one) for one in problems.ids], max_tokens=8, keep_logits=True)
    outcome = run_batch(model, prompts, lambda answers: [[5]] * len(prompts), range(len(prompts)), conditions, setting)
    assert outcome.eot_logits is not None
    assert outcome.eot_logits[:, 0].equal(outcome.eot_logits[:, 1])
    assert all(one[0] == one[1] for one in outcome.ids)


def test_with_matched_readers_the_last_thought_and_the_answer_cannot_read_and_the_others_can() -> None:
    for position in range(4):
        condition = DESIGN[block_name("matched", position, T)]
        blind = [query for query in range(position + 1, T + 3) if position in hidden_keys(condition, query, 0, T)]
        assert blind == [5, 6, 7, 8]


def test_classes_of_tokens_are_sorted_into_classes_of_keys() -> None:
    named = {TOKEN_CLASSES[token]: KEY_CLASSES[key] for token, key in enumerate(TOKEN_KEYS)}
    assert named == {
        "first token": "first token",
        "number": "question numbers",
        "operation word": "other question tokens",
        "other": "other question tokens",
        "bot": "bot",
    }
