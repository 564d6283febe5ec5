"""Story 4.2 on a small model and more problems than one checkpoint holds: sound, and with one fault each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.criteria.complete import CompleteStudy, Moments, compared, moments
from harness.criteria.criterion import Criterion, Measurement, NotMeasured
from harness.criteria.evidence import ModelStudy
from harness.criteria.full_scale_report import JOURNAL
from harness.criteria.judged import judged_result
from harness.criteria.registry import find
from harness.criteria.story_4_1 import INVENTORY
from harness.extraction.cached import CachedExtraction
from harness.judging import Run
from harness.measures import NotApplicable
from harness.options import RunOptions
from harness.results import CriterionResult
from harness.storage.costs import Cost
from harness.storage.resumed import Resumed

N = 1100
VALIDATED = [
    "4.3-overlap",
    "4.3-confirmed",
    "4.3-significant",
    "4.3-hubs-paired",
    "4.3-hub-se",
    "4.3-intervals",
    "4.3-report",
    "4.3-figures",
]
NAMES = [
    "4.2-shape",
    "4.2-sums",
    "4.2-checkpoints",
    "4.2-resume",
    "4.2-correlated",
    "4.2-comparison",
    "4.2-variance",
    "4.2-time",
    "4.2-memory",
]


class FewerProblems(Run):
    """A run whose complete training split is the first problems of it, and in which no head is ablated."""

    def judge(self, criterion: Criterion, scope: str) -> CriterionResult:
        if criterion.id == "2.4-causal":
            return judged_result(criterion, scope, Measurement(None, reason="not here"), "skipped")
        return super().judge(criterion, scope)

    def _extraction(self, name: str, sample: Any = "first") -> CachedExtraction:
        extraction = super()._extraction(name, sample)
        if sample == "full":
            problems = replace(extraction.problems, problems=extraction.problems.problems[:N])
            extraction = self._extractions[name, sample] = replace(extraction, problems=problems)
        return extraction


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> RunOptions:
    folder = tmp_path_factory.mktemp("full")
    return RunOptions(
        models=("tiny-gpt2",), n_problems=60, output=folder / "out", cache_dir=folder / "cache", controls="cheap"
    )


@pytest.fixture(scope="module")
def study(options: RunOptions) -> ModelStudy:
    return FewerProblems(options).model_study("tiny-gpt2")


@pytest.fixture
def elsewhere(study: ModelStudy, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All problems together look as if the model's heads were others; results and files are put back afterwards."""
    whole, raw = study.complete.whole, np.load(study.complete.patterns.raw.filename)
    others = np.random.default_rng(0).permutation(raw.shape[1] * raw.shape[2])
    mixed = raw.reshape(len(raw), -1, *raw.shape[3:])[:, others].reshape(raw.shape)
    path = study.absolute(study.complete.validation)
    sound = path.read_bytes()
    for name in ("correlations", "errors", "widths", "heads_of_hubs", "hubs", "verdicts", "validation"):
        getattr(study.complete, name)
        monkeypatch.delitem(study.complete.__dict__, name)
    monkeypatch.setitem(whole.__dict__, "sample", whole.sample.with_raw(mixed))
    yield
    path.write_bytes(sound)


@pytest.fixture
def complete(study: ModelStudy, monkeypatch: pytest.MonkeyPatch) -> CompleteStudy:
    """The complete study, of which a test may change what it likes."""
    whole = study.complete
    for name in ("costs", "comparison", "checkpoints", "moments", "patterns"):
        monkeypatch.setitem(whole.__dict__, name, getattr(whole, name))
    return whole


def measured(study: ModelStudy, name: str) -> Measurement:
    return find(name).measure(study)


@pytest.mark.parametrize("name", [*NAMES, *VALIDATED])
def test_each_holds_on_a_sound_extraction_of_one_population(study: ModelStudy, name: str) -> None:
    found = measured(study, name)
    assert find(name).rule.holds(found.value), found
    for path in found.artifacts:
        assert study.absolute(path).is_file()


def test_each_row_is_about_all_problems_not_about_the_sample(study: ModelStudy) -> None:
    seen = {name: measured(study, name).n_problems for name in [*NAMES, *VALIDATED]}
    # What is cut off and continued, to see whether that changes anything, is a few batches.
    assert seen.pop("4.2-resume") is not None
    assert set(seen.values()) == {N}


def test_the_hub_is_tested_on_the_problems_outside_the_sample(study: ModelStudy) -> None:
    taken = {problem.question for problem in study.problems}
    fresh = [problem.question for problem in study.complete.problems if problem.question not in taken]
    assert N - len(taken) <= len(fresh) < N
    assert measured(study, "4.3-hubs").n_problems == study.complete.validation_content()["hub"]["n"] == len(fresh)


def test_a_problem_of_the_sample_under_another_id_is_not_outside_it(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = list(complete.problems)
    outside = int(np.flatnonzero(complete.outside)[0])
    problems[outside] = replace(problems[outside], question=study.problems[0].question.upper())
    monkeypatch.setattr(complete, "problems", replace(complete.problems, problems=tuple(problems)))
    monkeypatch.delitem(complete.__dict__, "outside")
    assert not complete.outside[outside]
    monkeypatch.delitem(complete.__dict__, "outside")


def test_what_lies_outside_the_sample_alone_decides_the_value_without_it(study: ModelStudy) -> None:
    raw = np.load(study.complete.patterns.raw.filename).astype(np.float64)
    np.testing.assert_allclose(study.complete.rest, raw[study.complete.outside].mean(axis=0), atol=1e-12)


def test_the_whole_array_is_saved_as_it_was_extracted(study: ModelStudy) -> None:
    found = measured(study, "4.2-shape")
    saved = np.load(study.absolute(found.artifacts[0]))
    np.testing.assert_array_equal(saved, np.load(study.complete.patterns.raw.filename))
    assert found.beside["largest rounding error"] == 0
    assert len(saved) == N


def test_checkpoints_hold_all_problems_once_and_in_order(study: ModelStudy) -> None:
    paths = study.complete.checkpoints
    assert [Path(path).name for path in paths] == ["attention_checkpoint_1000.npy", f"attention_checkpoint_{N}.npy"]
    parts = [np.load(study.absolute(path)) for path in paths]
    np.testing.assert_array_equal(np.concatenate(parts), np.load(study.complete.patterns.raw.filename))


def test_a_checkpoint_that_changed_is_named(study: ModelStudy, complete: CompleteStudy) -> None:
    path = study.absolute(complete.checkpoints[1])
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    try:
        assert measured(study, "4.2-checkpoints").value == f"wrong: attention_checkpoint_{N}.npy"
    finally:
        path.write_bytes(sound)


def test_a_checkpoint_of_other_problems_is_named_though_its_checksum_holds(
    study: ModelStudy, complete: CompleteStudy
) -> None:
    one, other = (study.absolute(path) for path in complete.checkpoints)
    checksums = one.with_name("checksums.json")
    sound, known = one.read_bytes(), checksums.read_text()
    swapped = json.loads(known)
    one.write_bytes(other.read_bytes())
    swapped[one.name] = swapped[other.name]
    checksums.write_text(json.dumps(swapped))
    try:
        assert measured(study, "4.2-checkpoints").value == "wrong: attention_checkpoint_1000.npy"
    finally:
        one.write_bytes(sound)
        checksums.write_text(known)


def test_mass_that_is_lost_or_undefined_on_the_last_problem_is_seen(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for value in (-0.02, np.nan):
        totals = np.array(complete.patterns.row_total)
        totals[N - 1, 0, 0, 0] += value
        np.save(tmp_path / "totals.npy", totals)
        mapped = np.load(tmp_path / "totals.npy", mmap_mode="r")
        monkeypatch.setitem(complete.__dict__, "patterns", replace(complete.patterns, row_total=mapped))
        found = measured(study, "4.2-sums")
        assert found.value == pytest.approx(abs(value), abs=1e-5, nan_ok=True)
        assert not find("4.2-sums").rule.holds(found.value)


def test_a_run_that_ends_with_other_bytes_after_a_kill_is_seen(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        CachedExtraction,
        "resumed",
        lambda self: Resumed([64, 32], 32, {"raw.npy": "a", "bot.npy": "b"}, {"raw.npy": "a"}),
    )
    assert measured(study, "4.2-resume").value == "different: bot.npy"


def test_a_comparison_that_says_something_else_is_seen(study: ModelStudy, complete: CompleteStudy) -> None:
    path = study.absolute(complete.comparison)
    sound = path.read_text(encoding="utf-8")
    path.write_text(json.dumps({**json.loads(sound), "variance_reduction": 0.5}), encoding="utf-8")
    try:
        assert measured(study, "4.2-comparison").value == "wrong: variance_reduction"
    finally:
        path.write_text(sound, encoding="utf-8")


def test_a_sample_of_another_population_is_not_like_all_problems(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = np.random.default_rng(0).permuted(complete.moments.mean.reshape(-1)).reshape(complete.moments.mean.shape)
    monkeypatch.setitem(complete.__dict__, "moments", replace(complete.moments, mean=np.tril(other)))
    found = measured(study, "4.2-correlated")
    assert not find("4.2-correlated").rule.holds(found.value)


def test_problems_that_are_the_sample_over_and_over_shrink_no_standard_error(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(complete.__dict__, "moments", replace(complete.first, n=N))
    found = measured(study, "4.2-variance")
    assert found.value == pytest.approx(np.sqrt(N / 60))
    assert not find("4.2-variance").rule.holds(found.value)


def costs(*resident: int, problems: int = 500, seconds: float = 1.0) -> list[Cost]:
    return [Cost(chunk, problems, seconds, one, 0, 0.0) for chunk, one in enumerate(resident)]


@pytest.mark.parametrize(("resident", "holds"), [((100, 100, 105, 109), True), ((100, 100, 120, 140), False)])
def test_memory_that_grows_with_the_problems_fails(
    study: ModelStudy,
    complete: CompleteStudy,
    monkeypatch: pytest.MonkeyPatch,
    resident: tuple[int, ...],
    holds: bool,
) -> None:
    monkeypatch.setitem(complete.__dict__, "costs", costs(*resident))
    assert find("4.2-memory").rule.holds(measured(study, "4.2-memory").value) is holds


def test_memory_needs_more_than_a_thousand_problems(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompleteStudy, "all_costs", costs(100, 100))
    with pytest.raises(NotApplicable, match=r"1,000"):
        measured(study, "4.2-memory")


@pytest.mark.parametrize("name", ["4.2-time", "4.2-memory", "4.2-shape"])
@pytest.mark.parametrize("known", [costs(100, 100), []])
def test_without_what_every_batch_cost_nothing_is_said_of_it(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch, name: str, known: list[Cost]
) -> None:
    monkeypatch.setitem(complete.__dict__, "costs", known)
    with pytest.raises(NotMeasured, match="it was lost"):
        measured(study, name)


@pytest.mark.parametrize(("seconds", "holds"), [(2699.9, True), (2700.0, False)])
def test_three_hours_are_the_sum_of_all_batches(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch, seconds: float, holds: bool
) -> None:
    monkeypatch.setitem(complete.__dict__, "costs", costs(1, 1, 1, 1, seconds=seconds))
    assert find("4.2-time").rule.holds(measured(study, "4.2-time").value) is holds


def test_half_precision_says_how_far_it_is_off(options: RunOptions, study: ModelStudy) -> None:
    half = FewerProblems(replace(options, store="float16", output=options.output / "half")).model_study("tiny-gpt2")
    found = measured(half, "4.2-shape")
    kept = np.load(half.absolute(found.artifacts[0]))
    exact = np.load(study.complete.patterns.raw.filename)
    assert found.beside["kept as"] == "float16" == str(kept.dtype)
    assert found.beside["largest rounding error"] == np.abs(kept.astype(np.float64) - exact).max() > 0
    assert half.patterns.raw.dtype == np.float32
    assert find("4.2-correlated").measure(half).value == pytest.approx(
        measured(study, "4.2-correlated").value, abs=1e-5
    )


def pieces_of(raw: NDArray[Any], size: int) -> Callable[[], list[NDArray[Any]]]:
    return lambda: [raw[start : start + size] for start in range(0, len(raw), size)]


@pytest.mark.parametrize("size", [1, 7, 40])
def test_moments_in_pieces_are_numpys(size: int) -> None:
    raw = np.random.default_rng(1).random((40, 2, 3, 4, 4))
    found = moments(pieces_of(raw, size))
    np.testing.assert_allclose(found.mean, raw.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.error, raw.std(axis=0, ddof=1) / np.sqrt(40), rtol=1e-12)


def test_what_more_problems_change_is_stated_over_causal_cells_alone() -> None:
    rng = np.random.default_rng(2)
    mean, error = np.tril(rng.random((2, 2, 3, 3))), np.tril(rng.random((2, 2, 3, 3))) + np.tri(3)
    spoilt = np.where(np.tri(3) > 0, 0, np.nan)
    found = compared(Moments(25, mean + spoilt, error + spoilt), Moments(400, mean * 2, error / 4))
    assert found["pearson_r"] == pytest.approx(1)
    assert found["expected_standard_error_ratio"] == 0.25
    assert found["over_expected_median"] == pytest.approx(1)
    assert found["variance_reduction"] == pytest.approx(1 - 1 / 16)
    assert found["cells"] == 2 * 2 * 6


def test_other_heads_on_all_problems_are_neither_stable_nor_alike(study: ModelStudy, elsewhere: None) -> None:
    for name in ("4.3-overlap", "4.3-significant"):
        found = measured(study, name)
        assert not find(name).rule.holds(found.value), found


def test_a_hub_counts_where_it_is_above_every_other_position(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, against = complete.hubs
    for q, holds in ((0.0009, True), (0.0011, False)):
        changed = [replace(one, q=1e-9) for one in against[:-1]] + [replace(against[-1], q=q)]
        monkeypatch.setitem(complete.__dict__, "hubs", (hub, changed))
        found = measured(study, "4.3-hubs")
        assert find("4.3-hubs").rule.holds(found.value) is holds
        assert ("is not shown to be read more" in str(found.answer)) is not holds


def test_one_verdict_that_changed_is_named(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, full), *rest = complete.verdicts
    other = first.model_copy(update={"verdict": "fail" if full.verdict == "pass" else "pass"})
    changed = [(other, full), *rest]
    monkeypatch.setitem(complete.__dict__, "verdicts", changed)
    found = measured(study, "4.3-confirmed")
    assert not find("4.3-confirmed").rule.holds(found.value)
    assert [one.split(":")[0] for one in found.beside["changed"]] == [first.id]


def test_what_is_not_judged_on_all_problems_is_named_with_its_reason(study: ModelStudy) -> None:
    left = measured(study, "4.3-confirmed").beside["not compared"]
    assert [one.split(":")[0] for one in left] == ["2.4-stable", "2.4-causal"]
    assert all(len(one.split(": ")[1]) > 0 for one in left)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"overlap": 0.2}, "overlap"),
        ({"top_10_full": []}, "top_10_full"),
        ({"n_full": 7}, "n_full"),
        ({"interval_width_ratio": {}}, "interval_width_ratio"),
    ],
)
def test_a_validation_report_that_says_something_else_is_seen(
    study: ModelStudy, change: dict[str, Any], named: str
) -> None:
    path = study.absolute(study.complete.validation)
    sound = path.read_text(encoding="utf-8")
    path.write_text(json.dumps({**json.loads(sound), **change}), encoding="utf-8")
    try:
        assert named in str(measured(study, "4.3-report").value)
    finally:
        path.write_text(sound, encoding="utf-8")


@pytest.mark.parametrize("name", ["sample", "full", "t", "p", "q", "d"])
def test_a_test_over_heads_that_says_something_else_is_seen(study: ModelStudy, name: str) -> None:
    path = study.absolute(study.complete.validation)
    sound = path.read_text(encoding="utf-8")
    content = json.loads(sound)
    content["hub_scores_over_heads"][2][name] += 0.01
    path.write_text(json.dumps(content), encoding="utf-8")
    try:
        assert measured(study, "4.3-hubs-paired").value == f"wrong: {name} of CT2"
    finally:
        path.write_text(sound, encoding="utf-8")


def test_a_figure_about_other_problems_beside_them_is_seen(study: ModelStudy) -> None:
    _ = study.complete.figures
    stranger = study.absolute("figures/tiny-gpt2_full/3_hub_analysis_old.png")
    stranger.write_bytes(b"png")
    try:
        assert measured(study, "4.3-figures").value == "wrong: 3_hub_analysis_old.png"
    finally:
        stranger.unlink()


def test_the_figures_of_the_sample_stay_what_they_are(study: ModelStudy) -> None:
    before = study.figures.top_heads()
    assert any("N=60" in text for text in before.facts.texts)
    texts = study.complete.figures[0].facts.texts
    assert any(text.startswith("tiny-gpt2, ") and "N=1100" in text for text in texts)
    assert not any("_full" in text for text in texts)


def test_the_document_and_what_goes_with_it_are_as_they_should_be(study: ModelStudy) -> None:
    found = measured(study, "4.4-report")
    assert found.value == "present"
    document = study.absolute(study.full_scale.path).read_text(encoding="utf-8")
    for first, _ in study.complete.verdicts:
        assert f"[{first.id}]" in document
    assert str(found.answer) in study.absolute(JOURNAL).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "before", "after", "named"),
    [
        ("document", "- Confidence intervals are tighter: **pass**", "- Confidence: **fail**", "not as it was written"),
        ("document", "[1.2-max]", "", "1.2-max is not in the document"),
        ("document", " [4.3-report]\n", "\n", "no criterion behind"),
        ("document", "1_top_heads_attention.png", "gone.png", "link to ../../figures/tiny-gpt2_full/gone.png"),
        ("journal", "**Findings:**", "", "the journal lacks the entry"),
        ("inventory", "**Purpose:**", "**Use:**", "the inventory lacks Purpose"),
        ("readme", "SHA-256", "sum", "the README lacks checkpoints and resuming"),
    ],
)
def test_what_is_wrong_with_document_journal_inventory_or_readme_is_seen(
    study: ModelStudy, place: str, before: str, after: str, named: str
) -> None:
    measured(study, "4.4-report")
    written = study.full_scale
    path = study.absolute(
        {"document": written.path, "journal": JOURNAL, "inventory": INVENTORY, "readme": written.readme}[place]
    )
    sound = path.read_text(encoding="utf-8")
    changed = sound.replace(before, after)
    assert changed != sound
    path.write_text(changed, encoding="utf-8")
    try:
        assert named in str(measured(study, "4.4-report").value)
    finally:
        path.write_text(sound, encoding="utf-8")


def test_a_full_scale_finding_that_the_commit_message_lacks_is_seen(
    study: ModelStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.criteria.story_4_4.findings", lambda results: [])
    assert "the commit message lacks 4.3-confirmed" in str(measured(study, "4.4-report").value)


def test_a_saved_array_with_the_values_of_another_problem_is_seen(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study.absolute(complete.raw)
    sound = path.read_bytes()
    np.save(path, np.load(path)[::-1])
    try:
        assert measured(study, "4.2-shape").value == "other values than were extracted"
    finally:
        path.write_bytes(sound)


def test_an_array_of_another_shape_is_told(
    study: ModelStudy, complete: CompleteStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    np.save(tmp_path / "raw.npy", np.load(complete.patterns.raw.filename)[:, :, :, :5, :5])
    fewer = replace(complete.patterns, raw=np.load(tmp_path / "raw.npy", mmap_mode="r"))
    monkeypatch.setitem(complete.__dict__, "patterns", fewer)
    monkeypatch.delitem(complete.__dict__, "raw")
    found = measured(study, "4.2-shape").value
    monkeypatch.undo()
    monkeypatch.delitem(complete.__dict__, "raw", raising=False)
    _ = complete.raw
    assert found == f"[{N}, 4, 8, 5, 5]"


@pytest.mark.parametrize(("name", "attribute"), [("4.3-hub-se", "errors"), ("4.3-intervals", "widths")])
@pytest.mark.parametrize(("ratio", "holds"), [(0.99, True), (1.0, False)])
def test_errors_and_intervals_must_be_smaller_on_all_problems(
    study: ModelStudy,
    complete: CompleteStudy,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    attribute: str,
    ratio: float,
    holds: bool,
) -> None:
    getattr(complete, attribute)
    monkeypatch.setitem(complete.__dict__, attribute, {"incoming": np.array([ratio, ratio])})
    assert find(name).rule.holds(measured(study, name).value) is holds


def test_a_damaged_checkpoint_is_written_again_and_named(study: ModelStudy, complete: CompleteStudy) -> None:
    (path, _) = complete.checkpoints
    place = study.absolute(path)
    sound = place.read_bytes()
    place.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    del complete.__dict__["checkpoints"]
    found = measured(study, "4.2-checkpoints")
    assert found.value == "valid"
    assert found.beside["written again"] == ["attention_checkpoint_1000.npy"]
    assert place.read_bytes() == sound
