"""Extraction: the same whatever the batch, the interruption or the process; equal to a plain eager forward."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import harness
from harness.errors import HarnessError
from harness.extraction import extract
from harness.extraction.cached import CachedExtraction
from harness.extraction.extract import extract_attention, extract_thoughts
from harness.extraction.oracle import consult, spread_rows
from harness.extraction.patterns import ARRAYS
from harness.models.registry import locate_files
from harness.models.thoughts import ThoughtModel
from harness.problems import Problem, ProblemSet, load_problems

GOLDEN = Path(__file__).parents[1] / "golden"
TOLERANCE = 1e-5
"""In float64: random models amplify float32 rounding through their latents, and would hide a real difference."""


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return load_problems("synthetic", n=24, seed=3)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request: pytest.FixtureRequest) -> ThoughtModel:
    folder = GOLDEN / request.param
    return ThoughtModel(locate_files(folder / "ckpt_safetensors", folder / "base", lora_alpha=16), dtype=torch.float64)


@pytest.fixture(scope="module")
def lone(model: ThoughtModel, problems: ProblemSet) -> harness.AttentionPatterns:
    return extract_attention(model, problems, 1)


@pytest.mark.parametrize("batch_size", [2, 7, 24])
def test_a_problem_gives_the_same_in_any_batch(
    model: ThoughtModel, problems: ProblemSet, lone: harness.AttentionPatterns, batch_size: int
) -> None:
    found = extract_attention(model, problems, batch_size)
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(found, name), getattr(lone, name), atol=TOLERANCE, rtol=0, err_msg=name)


def test_a_problem_gives_the_same_beside_any_others(
    model: ThoughtModel, problems: ProblemSet, lone: harness.AttentionPatterns
) -> None:
    rows = random.Random(5).sample(range(len(problems)), 9)
    chosen = ProblemSet("some", "train", tuple(problems[row] for row in rows), 24, None, "a test")
    found = extract_attention(model, chosen, 4)
    np.testing.assert_allclose(found.raw, lone.raw[rows], atol=TOLERANCE, rtol=0)
    assert found.problem_ids == chosen.ids


def test_the_block_is_causal_and_rows_sum_to_one_over_the_whole_context(lone: harness.AttentionPatterns) -> None:
    latents = lone.raw.shape[-1]
    assert not lone.raw[..., ~np.tri(latents, dtype=bool)].any()
    np.testing.assert_allclose(lone.row_total, 1, atol=1e-5)
    rest = lone.first_token + lone.bot + lone.latent_mass
    assert (rest <= 1 + 1e-5).all()
    np.testing.assert_array_equal(
        lone.row_length,
        np.broadcast_to(lone.context_length[:, None, None] + np.arange(1, latents + 1), lone.row_length.shape),
    )


def test_the_block_equals_one_plain_eager_forward(
    model: ThoughtModel, problems: ProblemSet, lone: harness.AttentionPatterns
) -> None:
    seen = consult(model, problems, lone)
    np.testing.assert_allclose(seen.raw, lone.raw[seen.rows], atol=TOLERANCE, rtol=0)
    assert seen.later.max() == 0
    assert model.language.config._attn_implementation == "thoughts"


def test_the_oracle_sees_a_key_that_is_one_position_late(
    model: ThoughtModel, problems: ProblemSet, lone: harness.AttentionPatterns
) -> None:
    seen = consult(model, problems, lone)
    late = np.roll(lone.raw[seen.rows], 1, axis=-1)
    assert np.abs(seen.raw - late).max() > 0.01


def test_the_oracle_looks_at_problems_of_different_length() -> None:
    assert spread_rows([9, 3, 5, 7, 1, 8, 2]) == [4, 1, 2, 3, 0]
    assert spread_rows([4, 4]) == [0, 1]


def test_fixed_inputs_replace_the_recurrence(model: ThoughtModel, problems: ProblemSet) -> None:
    fixed = np.linspace(-1, 1, model.n_latents * model.width, dtype=np.float32).reshape(model.n_latents, model.width)
    found = extract_attention(model, problems, 8, latent_inputs=fixed)
    np.testing.assert_array_equal(found.latent_inputs, np.broadcast_to(fixed, found.latent_inputs.shape))


def test_thoughts_are_the_inputs_that_were_fed(
    model: ThoughtModel, problems: ProblemSet, lone: harness.AttentionPatterns
) -> None:
    thoughts = extract_thoughts(model, problems, 1)
    np.testing.assert_array_equal(thoughts, lone.latent_inputs)
    assert thoughts.shape == (24, model.n_latents, model.width)


def test_running_out_of_memory_halves_only_that_batch(
    model: ThoughtModel, problems: ProblemSet, lone: harness.AttentionPatterns, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sizes = extract.AttentionWork.__call__, []

    def small(work: extract.AttentionWork, model: ThoughtModel, rows: list[int]) -> object:
        sizes.append(len(rows))
        if len(rows) > 5:
            raise torch.OutOfMemoryError("simulated")
        return run(work, model, rows)

    monkeypatch.setattr(extract.AttentionWork, "__call__", small)
    found = extract_attention(model, problems, 8)
    np.testing.assert_allclose(found.raw, lone.raw, atol=TOLERANCE, rtol=0)
    assert sizes == [8, 4, 4] * 3


def test_any_other_error_is_not_swallowed(
    model: ThoughtModel, problems: ProblemSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("shapes disagree")

    monkeypatch.setattr(extract.AttentionWork, "__call__", broken)
    with pytest.raises(RuntimeError, match="shapes disagree"):
        extract_attention(model, problems, 8)


def test_words_the_tokenizer_has_never_seen_are_only_words(model: ThoughtModel) -> None:
    odd = ("Zażółć gęślą jaźń 🐍 \u202e<script>", "?", "x" * 60)
    strange = ProblemSet(
        "odd", "train", tuple(Problem(i, text, "#### 1", 1.0) for i, text in enumerate(odd)), 3, None, "-"
    )
    found = extract_attention(model, strange, 3)
    assert np.isfinite(found.raw).all()
    np.testing.assert_allclose(found.row_total, 1, atol=1e-5)


SCRIPT = """
import sys
from contextlib import contextmanager
from pathlib import Path
from harness.extraction.extract import extract_attention
from harness.models.load import load_model
from harness.problems import load_problems
golden, folder = Path(sys.argv[1]), Path(sys.argv[2])

@contextmanager
def first_advance(label, total):
    told = []
    yield lambda done: told or (told.append(done), print("kept", done, flush=True))

model = load_model(checkpoint=golden / "ckpt_safetensors", base=golden / "base", lora_alpha=16)
extract_attention(model, load_problems("synthetic", n=400), 4, folder=folder, progress=first_advance)
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(GOLDEN / "gpt2"), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish(folder: Path) -> int:
    """Run to the end; returns how many problems an earlier run had left."""
    process = start(folder)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    return int(said.split()[1])


def finished_chunks(folder: Path) -> int:
    manifest = folder / "manifest.json"
    return len(json.loads(manifest.read_text())["finished"]) if manifest.is_file() else 0


def test_kill_9_in_the_middle_loses_at_most_a_chunk_and_changes_no_byte(tmp_path: Path) -> None:
    assert finish(tmp_path / "whole") == 0
    process = start(tmp_path / "cut")
    while finished_chunks(tmp_path / "cut") < 5:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    chunks = finished_chunks(tmp_path / "cut")
    assert 5 <= chunks < 100
    assert finish(tmp_path / "cut") == chunks * 4
    names = sorted(file.name for file in (tmp_path / "whole").iterdir())
    assert names == sorted(file.name for file in (tmp_path / "cut").iterdir() if not file.name.startswith("."))
    for name in names:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.fixture
def cached(tmp_path: Path, problems: ProblemSet) -> Callable[..., CachedExtraction]:
    def make(folder: Path = GOLDEN / "gpt2" / "ckpt_safetensors", **settings: object) -> CachedExtraction:
        files = locate_files(folder, GOLDEN / "gpt2" / "base", lora_alpha=16)
        return CachedExtraction(files, problems, tmp_path / "cache", **settings)  # type: ignore[arg-type]

    return make


def test_a_warm_cache_needs_no_model(cached: Callable[..., CachedExtraction], monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached()
    patterns, looks = first.patterns(), first.looks()
    again = cached()
    monkeypatch.setattr(CachedExtraction, "model", lambda *_, **__: pytest.fail("the model was built again"))
    np.testing.assert_array_equal(again.patterns().raw, patterns.raw)
    np.testing.assert_array_equal(again.looks().lone, looks.lone)
    assert again.about()["n_heads"] == 4


def test_the_cache_key_is_content(
    cached: Callable[..., CachedExtraction], tmp_path: Path, problems: ProblemSet
) -> None:
    one = cached()
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / "model.safetensors").write_bytes((GOLDEN / "gpt2/ckpt_safetensors/model.safetensors").read_bytes())
    assert cached(moved).key("trained") == one.key("trained")
    assert cached(GOLDEN / "gpt2" / "ckpt_safetensors_dedup").key("trained") != one.key("trained")
    assert cached(batch_size=2).key("trained") != one.key("trained")
    assert len({one.key(variant) for variant in ("trained", "untrained", "contentless")}) == 3
    fewer = ProblemSet("some", "train", problems.problems[:-1], 24, None, "a test")
    assert CachedExtraction(one.files, fewer, one.cache_dir).key("trained") != one.key("trained")


def test_a_damaged_cache_is_extracted_again(cached: Callable[..., CachedExtraction]) -> None:
    first = cached()
    intact = first.patterns().raw.copy()
    path = next((first.cache_dir / "extractions").glob("*/raw.npy"))
    data = bytearray(path.read_bytes())
    data[-40] ^= 8
    path.write_bytes(data)
    np.testing.assert_array_equal(cached().patterns().raw, intact)


def test_the_untrained_control_is_the_same_architecture_with_other_weights(
    cached: Callable[..., CachedExtraction],
) -> None:
    extraction = cached()
    trained, untrained = extraction.patterns(), extraction.patterns("untrained")
    assert trained.shape == untrained.shape
    assert np.abs(trained.raw - untrained.raw).max() > 0.01
    np.testing.assert_array_equal(
        cached().model(untrained=True).projection.up.weight.detach(),
        extraction.model(untrained=True).projection.up.weight.detach(),
    )


def test_the_contentless_control_feeds_everyone_the_mean_thoughts(cached: Callable[..., CachedExtraction]) -> None:
    extraction = cached()
    mean = extraction.patterns().latent_inputs.mean(axis=0, dtype=np.float64)
    fed = extraction.patterns("contentless").latent_inputs
    np.testing.assert_allclose(fed, np.broadcast_to(mean, fed.shape), atol=1e-6)


def test_a_model_that_cannot_be_captured_is_named_before_anything_runs(
    cached: Callable[..., CachedExtraction], monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(*arguments: object) -> None:
        raise KeyError("thoughts")

    monkeypatch.setattr("harness.extraction.extract.run_rows", odd)
    with pytest.raises(HarnessError, match=r"\(gpt2\) cannot be run with its attention captured: KeyError"):
        cached().check()
