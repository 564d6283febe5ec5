"""The benchmark of a whole training set: what it counts, and that it runs on any machine."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import full_scale, parts
from benchmarks.bound import Bound, Counts, Machine, bound
from benchmarks.extraction import naive
from benchmarks.full_scale import Job, main, with_padding
from benchmarks.parts import Parts, Place
from benchmarks.shapes import Shape, shaped_model
from harness.extraction.extract import extract_attention
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet, load_problems

SMALL = Shape(2, 128, 3000)


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return load_problems("synthetic", n=12, seed=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, problems: ProblemSet) -> ThoughtModel:
    folder = tmp_path_factory.mktemp("shape")
    return shaped_model(folder, "small", SMALL, problems.questions, "cpu", torch.float32)


def test_a_model_of_a_shape_thinks_and_the_naive_way_sees_the_same(model: ThoughtModel, problems: ProblemSet) -> None:
    assert (model.n_layers, model.n_heads, model.n_latents, model.width) == (2, 2, 6, 128)
    assert model.language.get_input_embeddings().weight.shape == (3003, 128)
    found = extract_attention(model, problems, 5).raw
    assert found.std(axis=0).max() > 0
    np.testing.assert_allclose(found, naive(model, problems), atol=1e-5)


def test_a_model_is_built_where_it_runs(tmp_path: Path, problems: ProblemSet) -> None:
    built = shaped_model(tmp_path, "elsewhere", SMALL, problems.questions, "meta", torch.bfloat16)
    weights = [*built.language.parameters(), *built.projection.parameters()]
    assert {(weight.device.type, weight.dtype) for weight in weights} == {("meta", torch.bfloat16)}
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors")) < 10_000


def test_the_operations_of_the_bound_are_those_that_torch_counts(model: ThoughtModel) -> None:
    prompts = [[*range(1, 40), model.bot_id]] * 3
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        context = model.encode(prompts)
        model.think(context)
        model.end_thinking(context)
    counted = {str(op): count for op, count in counter.get_flop_counts()["Global"].items()}
    attention = counted.pop("aten.bmm")
    counts, machine = Counts.of(model), Machine(1.0, 1.0)
    linear = bound(replace(counts, heads=0), [[40] * 3], machine).operations
    # Biases and norms are parameters that multiply nothing.
    assert linear == pytest.approx(sum(counted.values()), rel=0.01)
    # Of each query's keys torch counts all 40, the later ones included, in each of two layers and two heads of width 64.
    later = 4 * 2 * 2 * 64 * 3 * (40 * 40 - 40 * 41 // 2)
    assert bound(counts, [[40] * 3], machine).operations - linear == attention - later


def test_the_bound_is_of_operations_or_of_bytes_whichever_takes_longer() -> None:
    counts = Counts(parameters=100, projection=10, layers=1, heads=2, key_heads=1, head_width=4, latents=1, value=2)
    # Two prompts: encoding, one thought, EOT.
    encode = 2 * 100 * 5 + 4 * 8 * (6 + 3)
    think = 2 * 110 * 2 + 4 * 8 * (4 + 3)
    end = 2 * 100 * 2 + 4 * 8 * (5 + 4)
    moved = [2 * (100 + 8 * 5), 2 * (110 + 8 * 5), 2 * (100 + 8 * 7)]
    assert bound(counts, [[3, 2]], Machine(1.0, 1e9)) == Bound(encode, think + end, encode + think + end, sum(moved))
    assert bound(counts, [[3, 2]], Machine(1e9, 1.0)) == Bound(
        moved[0], moved[1] + moved[2], encode + think + end, sum(moved)
    )
    twice = bound(counts, [[3, 2], [3, 2]], Machine(1.0, 1e9))
    assert twice.seconds == 2 * (encode + think + end)


def test_padding_makes_every_prompt_as_long_as_the_longest_of_its_batch() -> None:
    assert with_padding([[1, 3], [2]]) == [[3, 3], [2]]


def test_a_part_is_timed_without_the_parts_within_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def passing(seconds: float, then: Callable[[], object] = lambda: None) -> Callable[[], None]:
        def run() -> None:
            now[0] += seconds
            then()

        return run

    work = SimpleNamespace(inner=passing(3.0))
    work.middle = passing(20.0, lambda: (work.inner(), work.inner()))
    work.outer = passing(100.0, lambda: (work.middle(),))
    monkeypatch.setattr(parts.time, "perf_counter", lambda: now[0])
    found = Parts(passing(0.0))
    with found.watching([Place(work, name, name) for name in ("outer", "middle", "inner")]):
        work.outer()
        work.inner()
    assert found.seconds == {"outer": 100, "middle": 20, "inner": 9}
    work.inner()
    assert found.seconds["inner"] == 9


def test_a_part_lasts_until_the_device_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now, queued = [0.0], [0.0]

    def settle() -> None:
        now[0] += queued[0]
        queued[0] = 0.0

    def launch() -> None:
        queued[0] += 5.0

    work = SimpleNamespace(first=launch, second=lambda: None)
    monkeypatch.setattr(parts.time, "perf_counter", lambda: now[0])
    found = Parts(settle)
    with found.watching([Place(work, "first", "first"), Place(work, "second", "second")]):
        work.first()
        work.second()
    assert found.seconds == {"first": 5, "second": 0}


def test_a_sample_has_problems_of_every_length(model: ThoughtModel, problems: ProblemSet, tmp_path: Path) -> None:
    job = Job(model, problems, 4, np.dtype(np.float16), tmp_path)
    lengths = sorted(job.lengths)
    assert job.some(12).lengths == lengths
    assert job.some(4).lengths == lengths[1::3]
    assert job.some(99).lengths == lengths


def test_it_runs_small_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = (
        "--shape llama-1b --layers 2 --hidden 128 --vocabulary 4000 --n-problems 24 --batch-size 8 --rounds 2 --profile"
    )
    main([*asked.split(), "--naive-problems", "3", "--device", "cpu", "--folder", str(tmp_path)])
    said = capsys.readouterr().out
    assert "--folder DIR" in said and str(tmp_path) not in said
    assert not list(tmp_path.iterdir())
    rows = [line.split("|")[1:-1] for line in said.splitlines() if line.startswith("| ")]
    values = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    for way in ("stored", "in memory", "without capture", "naive (extrapolated from 3)", "bound"):
        seconds, rate, ratio = map(float, values[way])
        assert seconds >= 0 and rate > 0 and ratio >= 0, way
    assert values["stored"][2] == "1.00"
    phases = [*full_scale.PHASES, "rest"]
    assert sum(float(values[phase][1].rstrip("%")) for phase in phases) == pytest.approx(100, abs=0.5)
    # What is never called has been renamed, and its time is lost in the rest.
    assert {place.part for place in full_scale.PLACES} <= set(values)
    assert re.search(r"[1-9]\.\d\d times the tokens with padding", said)
