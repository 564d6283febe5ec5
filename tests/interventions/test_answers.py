"""Answers under many conditions: the same in any batch, continued where they were cut off, gold ones worded as the model's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.interventions import (
    BASELINE,
    AblateThought,
    Answers,
    Condition,
    Mean,
    Reference,
    Sham,
    Truncate,
    answer_conditions,
    record_reference,
)
from harness.interventions.gold import gold_tokens
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet
from harness.storage.store import ArrayStore

CONDITIONS: tuple[Condition, ...] = (
    BASELINE,
    (Sham(),),
    (AblateThought(tuple(range(6)), (2,)),),
    (AblateThought((0,), (2,), Mean()),),
    (Truncate(0),),
)


@pytest.fixture(scope="module")
def model() -> ThoughtModel:
    return harness.load_model("tiny-gpt2")


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return harness.load_problems("synthetic", split="test", n=20, seed=5)


@pytest.fixture(scope="module")
def reference(model: ThoughtModel, problems: ProblemSet, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return record_reference(model, problems, folder=tmp_path_factory.mktemp("reference"), batch_size=8)


@pytest.fixture(scope="module")
def answers(
    model: ThoughtModel, problems: ProblemSet, reference: Reference, tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    folder = tmp_path_factory.mktemp("answers")
    return answer_conditions(
        model, problems, CONDITIONS, folder=folder, reference=reference, max_tokens=12, batch_size=8
    )


def test_the_baseline_answers_as_the_model_does(model: ThoughtModel, problems: ProblemSet, answers: Answers) -> None:
    texts = answers.texts(model)
    assert [one[0] for one in texts] == model.generate(problems.questions, max_tokens=12)
    assert [one[4] for one in texts] == model.generate(problems.questions, max_tokens=12, n_latents=0)


def test_a_sham_is_the_baseline_and_ablations_cost_answers(
    model: ThoughtModel, problems: ProblemSet, answers: Answers
) -> None:
    np.testing.assert_array_equal(answers.tokens[:, 1], answers.tokens[:, 0])
    np.testing.assert_array_equal(answers.gold_log_probability[:, 1], answers.gold_log_probability[:, 0])
    assert not answers.divergence[:, :2].any()
    right = answers.numbers == np.array([one.answer for one in problems])[:, None]
    assert right[:, 0].mean() > 0.7
    assert right[:, 2].mean() < 0.4
    assert (answers.gold_log_probability[:, 0] - answers.gold_log_probability[:, 2]).mean() > 1
    assert answers.divergence[:, 4].mean() > 0.1


def test_the_gold_answer_is_likely_where_the_model_is_right(
    model: ThoughtModel, problems: ProblemSet, answers: Answers
) -> None:
    right = answers.numbers[:, 0] == [one.answer for one in problems]
    assert np.median(answers.gold_perplexity[right, 0]) < 1.2
    np.testing.assert_allclose(
        answers.gold_perplexity, np.exp(-answers.gold_log_probability / answers.gold_length[:, None]), rtol=1e-6
    )


def test_the_gold_answer_has_the_models_own_words(model: ThoughtModel) -> None:
    (own,) = gold_tokens(model.tokenizer, ["The answer is : 12"], [7.0])
    assert model.decode(own) == model.decode(model.tokenizer("The answer is : 7")["input_ids"])
    (bare,) = gold_tokens(model.tokenizer, ["nothing"], [7.0])
    assert model.decode(bare) == "7"
    (cut,) = gold_tokens(model.tokenizer, ["from 3 to 1,250 ."], [8.0])
    assert model.decode(cut) == model.decode(model.tokenizer("from 3 to 8")["input_ids"])


def test_batches_decide_no_answer(
    model: ThoughtModel, problems: ProblemSet, reference: Reference, answers: Answers, tmp_path: Path
) -> None:
    other = answer_conditions(
        model, problems, CONDITIONS, folder=tmp_path, reference=reference, max_tokens=12, batch_size=3
    )
    np.testing.assert_array_equal(other.tokens, answers.tokens)
    np.testing.assert_allclose(other.gold_log_probability, answers.gold_log_probability, atol=1e-3)


def test_a_run_that_was_cut_off_is_continued_and_ends_with_the_same_bytes(
    model: ThoughtModel, problems: ProblemSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditions = CONDITIONS[:3]
    settings: dict[str, Any] = {"max_tokens": 6, "batch_size": 8}
    whole = answer_conditions(model, problems, conditions, folder=tmp_path / "whole", **settings)
    written = ArrayStore.write

    def cut_off(self: ArrayStore, chunk: int, values: Any) -> None:
        if chunk == 1:
            raise KeyboardInterrupt
        written(self, chunk, values)

    monkeypatch.setattr(ArrayStore, "write", cut_off)
    with pytest.raises(KeyboardInterrupt):
        answer_conditions(model, problems, conditions, folder=tmp_path / "cut", **settings)
    again: list[int] = []
    monkeypatch.setattr(
        ArrayStore, "write", lambda self, chunk, values: (again.append(chunk), written(self, chunk, values))[0]
    )
    continued = answer_conditions(model, problems, conditions, folder=tmp_path / "cut", **settings)
    assert again == [1, 2]
    for name in ("tokens", "gold_log_probability", "gold_length", "divergence"):
        assert np.array(getattr(continued, name)).tobytes() == np.array(getattr(whole, name)).tobytes()


def test_the_reference_is_what_the_model_computes_alone(
    model: ThoughtModel, problems: ProblemSet, reference: Reference
) -> None:
    context = model.encode([model.prompt_ids(problems[4].question)])
    inputs, _ = model.think(context)
    np.testing.assert_allclose(reference.inputs[4], inputs[0], atol=1e-4)
    assert reference.thoughts.shape == (20, 6, 4, 128)
    assert reference.heads.shape == (20, 6, 4, 8, 16)
    assert np.isfinite(reference.heads).all() and reference.heads.any(axis=(0, 1, 4)).all()


def test_a_folder_with_other_answers_is_not_continued(
    model: ThoughtModel, problems: ProblemSet, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"folder": tmp_path, "max_tokens": 6}
    answer_conditions(model, problems, [BASELINE, (Sham(),)], **settings)
    other = answer_conditions(model, problems, [BASELINE, (Truncate(0),)], **settings)
    assert (other.tokens[:, 1] != other.tokens[:, 0]).any()
    first = np.array(answer_conditions(model, problems, [BASELINE], **settings).tokens)
    fixed = np.zeros((6, 128), dtype=np.float32)
    assert (answer_conditions(model, problems, [BASELINE], latent_inputs=fixed, **settings).tokens != first).any()


def test_a_table_has_a_row_for_every_problem_and_condition(model: ThoughtModel, problems: ProblemSet) -> None:
    conditions = [harness.Sham(), (AblateThought((0,), (2,), Mean()), harness.Truncate(5))]
    table = harness.run_conditions(model, problems, conditions, max_tokens=8)
    assert len(table) == 20 * 3
    assert table.condition.unique().tolist() == [
        "baseline",
        "Sham()",
        "AblateThought(positions=(0,), layers=(2,), fill=Mean()), Truncate(n_latents=5)",
    ]
    baseline, sham = (table[table.condition == name].reset_index() for name in ("baseline", "Sham()"))
    assert baseline.text.tolist() == model.generate(problems.questions, max_tokens=8)
    columns = ["text", "number", "gold_log_probability", "gold_perplexity", "kl_from_baseline"]
    assert baseline[columns].equals(sham[columns])
    assert baseline.correct.tolist() == (baseline.number == baseline.gold).tolist()
    assert baseline.problem_id.tolist() == list(problems.ids)
