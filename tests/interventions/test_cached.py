"""Answers by content: run once, checked when read, different where anything that decides them differs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.extraction.cached import CachedExtraction
from harness.interventions import AblateInput, AblateThought, Mean, Resample, Sham, Zero, answer_conditions
from harness.interventions.cached import CachedAnswers, needs_reference
from harness.models.registry import locate
from harness.problems import ProblemSet

CONDITIONS = [(), (Sham(),), (AblateThought((0,), (2,), Mean()),), (AblateThought((1,), (2,), Zero()),)]


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return harness.load_problems("synthetic", split="test", n=12, seed=3)


@pytest.fixture(scope="module")
def extraction(problems: ProblemSet, tmp_path_factory: pytest.TempPathFactory) -> CachedExtraction:
    return CachedExtraction(locate("tiny-llama", None, None), problems, tmp_path_factory.mktemp("cache"))


def again(extraction: CachedExtraction, *, seed: int = 1, contentless: bool = False) -> CachedAnswers:
    """As another process would see them: without a model, which must not be needed."""
    fresh = CachedExtraction(extraction.files, extraction.problems, extraction.cache_dir)
    return CachedAnswers(fresh, seed, "contentless" if contentless else "trained")


@pytest.fixture(scope="module")
def answers(extraction: CachedExtraction) -> CachedAnswers:
    found = CachedAnswers(extraction, 1)
    found.answers(CONDITIONS, "test")
    return found


def test_they_are_those_of_a_plain_run(
    answers: CachedAnswers, extraction: CachedExtraction, problems: ProblemSet, tmp_path: Path
) -> None:
    from harness.interventions import Reference

    reference = Reference(**answers.reference_arrays())
    plain = answer_conditions(extraction.model(), problems, CONDITIONS, folder=tmp_path, reference=reference, seed=1)
    found = answers.answers(CONDITIONS, "test")
    np.testing.assert_array_equal(found.tokens, plain.tokens)
    np.testing.assert_array_equal(found.numbers, plain.numbers)
    assert answers.texts(CONDITIONS, "test") == plain.texts(extraction.model())
    assert found.about["problems_run"] == 12
    assert found.about["seconds"] > 0
    assert found.about["peak_memory_bytes"] > 50_000_000


def test_the_second_time_nothing_runs(
    answers: CachedAnswers, extraction: CachedExtraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = answers.answers(CONDITIONS, "test")
    texts = answers.texts(CONDITIONS, "test")
    monkeypatch.setattr(CachedExtraction, "model", lambda self: pytest.fail("the model was asked for"))
    second = again(extraction)
    np.testing.assert_array_equal(second.answers(CONDITIONS, "test").gold_log_probability, first.gold_log_probability)
    assert second.texts(CONDITIONS, "test") == texts


def test_a_run_cut_off_in_its_last_batch_ends_with_the_files_it_had(
    extraction: CachedExtraction, answers: CachedAnswers
) -> None:
    small = CachedAnswers(
        CachedExtraction(extraction.files, extraction.problems, extraction.cache_dir, batch_size=5), 1
    )
    found = small.resumed(CONDITIONS, "test")
    assert (found.batches, found.repeated) == ([5, 5, 2], 2)
    assert found.before == found.after
    assert set(found.before) >= {"tokens.npy", "gold_log_probability.npy", "numbers.npy", "manifest.json"}
    assert not list((extraction.cache_dir / "conditions").glob("resumed-*"))


def test_a_continued_run_that_answers_otherwise_is_noticed(
    extraction: CachedExtraction, answers: CachedAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.interventions import answers as module

    right = module.run_batch

    def off(*arguments):
        outcome = right(*arguments)
        return replace(outcome, divergence=outcome.divergence + 1e-6)

    answers.answers(CONDITIONS, "test")
    monkeypatch.setattr(module, "run_batch", off)
    found = answers.resumed(CONDITIONS, "test")
    assert [name for name in found.before if found.before[name] != found.after[name]] == [
        "divergence.npy",
        "manifest.json",
    ]


def test_what_decides_them_is_in_their_key(extraction: CachedExtraction, answers: CachedAnswers) -> None:
    what = repr(CONDITIONS)
    other_problems = harness.load_problems("synthetic", split="test", n=12, seed=4)
    moved = CachedExtraction(extraction.files, other_problems, extraction.cache_dir)
    keys = [
        answers.key(what),
        answers.key(repr(CONDITIONS[:2])),
        again(extraction, seed=2).key(what),
        again(extraction, contentless=True).key(what),
        CachedAnswers(moved, 1).key(what),
    ]
    assert len(set(keys)) == len(keys)
    assert again(extraction).key(what) == answers.key(what)


def test_a_damaged_batch_is_run_again(extraction: CachedExtraction, answers: CachedAnswers) -> None:
    conditions = CONDITIONS[:2]
    first = answers.answers(conditions, "test")
    expected = np.array(first.tokens)
    (folder,) = [
        path.parent for path in extraction.cache_dir.glob("conditions/*/tokens.npy") if len(np.load(path)[0]) == 2
    ]
    damaged = np.lib.format.open_memmap(folder / "tokens.npy", mode="r+")
    damaged[3] = 7
    damaged.flush()
    np.testing.assert_array_equal(again(extraction).answers(conditions, "test").tokens, expected)


def test_without_content_every_thought_is_the_mean_one(extraction: CachedExtraction, problems: ProblemSet) -> None:
    answers = CachedAnswers(extraction, 1, "contentless")
    fixed = answers.latent_inputs()
    assert fixed is not None
    np.testing.assert_allclose(fixed, extraction.patterns().latent_inputs.mean(axis=0), atol=1e-6)
    found = answers.answers(CONDITIONS[:2], "test")
    by_condition = CachedAnswers(extraction, 1).answers([(AblateInput(tuple(range(6)), Mean()),)], "test")
    np.testing.assert_array_equal(found.tokens[:, 0], by_condition.tokens[:, 0])
    np.testing.assert_array_equal(found.tokens[:, 0], found.tokens[:, 1])
    gold = np.array([problem.answer for problem in problems])
    assert (found.numbers[:, 0] == gold).mean() < (
        CachedAnswers(extraction, 1).answers([()], "t").numbers[:, 0] == gold
    ).mean()


def test_the_means_of_the_contentless_model_are_its_own(extraction: CachedExtraction) -> None:
    own, without = (CachedAnswers(extraction, 1, variant).reference_arrays() for variant in ("trained", "contentless"))  # type: ignore[arg-type]
    assert np.ptp(without["inputs"], axis=0).max() == 0
    assert np.ptp(own["inputs"], axis=0).max() > 0.1


def test_answers_are_forgotten_with_all_that_belongs_to_them(problems: ProblemSet, tmp_path: Path) -> None:
    extraction = CachedExtraction(locate("tiny-llama", None, None), problems, tmp_path)
    own, other = CachedAnswers(extraction, 1), CachedAnswers(extraction, 1, "contentless")
    for answers in (own, other):
        answers.answers([()], "test")
    own.reference_arrays()
    elsewhere = CachedExtraction(
        extraction.files, harness.load_problems("synthetic", n=3), tmp_path, loaded=extraction.loaded
    )
    CachedAnswers(elsewhere, 1).answers([()], "test")
    own.forget()
    (left,) = tmp_path.glob("conditions/*/about.json")
    assert json.loads(left.read_text())["n_problems"] == 3


def test_only_fills_from_the_baseline_need_it() -> None:
    assert not needs_reference([(), (Sham(),), (AblateThought((0,), (1,), Zero()),)])
    assert needs_reference([(), (AblateThought((0,), (1,), Resample()),)])


def test_activations_are_read_back_as_asked(answers: CachedAnswers) -> None:
    conditions = [(AblateThought((0, 2), (2,), Zero()),), (AblateThought((1,), (2,), Mean()),)]
    found = answers.read_back(conditions)
    assert (found["fill"], found["earlier"]) == (0.0, 0.0)
    assert found["places"] == 12 * 3
    path = next(answers.extraction.cache_dir.glob("conditions/*/found.json"))
    assert json.loads(path.read_text()) == found


def test_a_fill_that_misses_and_one_that_comes_too_early_are_noticed(
    extraction: CachedExtraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.interventions.engine import Batch
    from harness.interventions.plan import Plan
    from harness.interventions.readback.fills import read_back
    from harness.interventions.reference import Site

    conditions = [(AblateThought((2,), (2,), Zero()),)]
    right = Plan.filled

    def halved(self: Plan, site: Site, activations):
        filled = right(self, site, activations)
        return activations / 2 if site == Site("thought", 2, 2) else filled

    def early(self: Plan, site: Site, activations):
        if site == Site("thought", 2, 1) and len(self.conditions) > 1:
            activations = activations.index_copy(
                0, (self.rows.conditions == 1).nonzero().flatten(), activations[self.rows.conditions == 1] * 1.001
            )
        return right(self, site, activations)

    model, problems = extraction.model(), extraction.problems
    kept = Batch._leaves

    def never_handed_on(self: Batch, layer: int):
        leaves = kept(self, layer)
        return lambda module, arguments, residual: (leaves(module, arguments, residual), residual)[1]

    with monkeypatch.context() as lost:
        lost.setattr(Batch, "_leaves", never_handed_on)
        assert read_back(model, problems, conditions, None, 0).fill > 0.1
    monkeypatch.setattr(Plan, "filled", halved)
    assert read_back(model, problems, conditions, None, 0).fill > 0.1
    monkeypatch.setattr(Plan, "filled", early)
    found = read_back(model, problems, conditions, None, 0)
    assert found.fill == 0
    assert found.earlier > 0
