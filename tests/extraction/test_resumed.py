"""An extraction cut off and continued on trial, as criterion 4.2-resume has it done."""

import random
from pathlib import Path

import numpy as np
import pytest

from harness.extraction import cached as module
from harness.extraction.cached import CachedExtraction
from harness.models.registry import locate_files
from harness.problems import load_problems
from harness.storage.checkpoints import write_checkpoint

GPT2 = Path(__file__).parents[1] / "golden" / "gpt2"


@pytest.fixture
def extraction(tmp_path: Path) -> CachedExtraction:
    files = locate_files(GPT2 / "ckpt_safetensors", GPT2 / "base", lora_alpha=16)
    return CachedExtraction(files, load_problems("synthetic", n=10, seed=3), tmp_path, batch_size=2)


def test_arrays_checkpoints_and_their_checksums_end_as_they_were(extraction: CachedExtraction) -> None:
    found = extraction.resumed()
    assert (found.batches, found.repeated) == ([2, 1, 2, 1, 2], 2)
    assert found.before == found.after
    assert set(found.before) >= {"raw.npy", "manifest.json", *(f"attention_checkpoint_{n}.npy" for n in (3, 6, 8))}


def test_a_checkpoint_written_otherwise_the_second_time_is_seen(
    extraction: CachedExtraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = random.Random(1)

    def off(folder: Path, problems: range, rows: object) -> None:
        number = numbers.random()
        write_checkpoint(folder, problems, lambda few: np.full(len(few), number))

    monkeypatch.setattr(module, "write_checkpoint", off)
    found = extraction.resumed()
    assert [name for name in found.before if found.before[name] != found.after[name]] == ["attention_checkpoint_8.npy"]


def test_it_is_tried_in_what_attention_is_kept_in(
    extraction: CachedExtraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    right = write_checkpoint

    def seen(folder: Path, problems: range, rows):
        kept.append(rows(problems).dtype)
        return right(folder, problems, rows)

    monkeypatch.setattr(module, "write_checkpoint", seen)
    extraction.stored = "float16"
    extraction.resumed()
    assert set(kept) == {np.dtype(np.float16)}


def test_it_is_tried_again_when_the_code_that_keeps_results_is_another(
    extraction: CachedExtraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = extraction.resumed()
    monkeypatch.setattr(module, "continued", lambda whole, run: pytest.fail("tried again"))
    assert extraction.resumed() == first
    monkeypatch.setattr(module, "storing_code", lambda: "another")
    with pytest.raises(pytest.fail.Exception, match="tried again"):
        extraction.resumed()
