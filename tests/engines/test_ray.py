"""The engine on Ray: the bytes of one process, whoever does which chunk and whoever is killed meanwhile."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

import harness
from harness.engines.ray import AHEAD, DEATHS, RayEngine
from harness.engines.replica import Replica
from harness.engines.work import Engine
from harness.errors import HarnessError
from harness.extraction.cached import CachedExtraction
from harness.extraction.decompose import decompose
from harness.extraction.extract import extract_attention
from harness.extraction.question import question_attention
from harness.interventions.answers import answer_conditions, record_reference
from harness.interventions.follow import follow
from harness.interventions.patterns import attention_under
from harness.interventions.values import (
    AblateHeads,
    AblateThought,
    BlockAttention,
    Condition,
    Mean,
    Noise,
    Resample,
    Sham,
)
from harness.models.registry import locate
from harness.models.thoughts import ThoughtModel
from harness.problems import ProblemSet, load_problems
from tests.engines.works import DieOnce, Goes, Log, NotedEngine, OwnError, die, miss, own, say_it, unportable

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROOT = Path(__file__).parents[2]
CPUS = 3
CONDITIONS: list[Condition] = [
    (),
    (Sham(),),
    (AblateThought(positions=(0, 2), layers=(1,), fill=Mean()),),
    (AblateThought(positions=(1,), layers=(2,), fill=Resample()),),
    (AblateThought(positions=(3,), layers=(0,), fill=Noise(1.0)),),
    (AblateHeads(heads=((1, 3),)), BlockAttention(keys=(0,))),
]


@pytest.fixture(scope="module")
def cluster() -> "Iterator[Cluster]":
    """A cluster with room for a worker more than the engine has; it is there before the engine and after it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    # A short path, as sockets lie in it.
    with TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        head = {"num_cpus": CPUS, "temp_dir": folder, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def engine(cluster: "Cluster") -> Iterator[RayEngine]:
    with RayEngine(cluster.address, workers=2) as engine:
        yield engine


@pytest.fixture(scope="module")
def model() -> ThoughtModel:
    return harness.load_model("tiny-gpt2", device="cpu")


@pytest.fixture(scope="module")
def problems() -> ProblemSet:
    return load_problems("synthetic", n=12, seed=5)


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


Study = Callable[[ThoughtModel, ProblemSet, Path, Engine | None], object]


def extraction(model: ThoughtModel, problems: ProblemSet, folder: Path, engine: Engine | None) -> None:
    extract_attention(model, problems, 4, folder=folder, engine=engine)


def contentless(model: ThoughtModel, problems: ProblemSet, folder: Path, engine: Engine | None) -> None:
    fixed = np.linspace(-1, 1, model.n_latents * model.width, dtype=np.float32).reshape(model.n_latents, model.width)
    extract_attention(model, problems, 4, latent_inputs=fixed, folder=folder, engine=engine)


def untrained(model: ThoughtModel, problems: ProblemSet, folder: Path, engine: Engine | None) -> None:
    extraction(ThoughtModel(model.files, untrained_seed=1), problems, folder, engine)


def answers(model: ThoughtModel, problems: ProblemSet, folder: Path, engine: Engine | None) -> None:
    reference = record_reference(model, problems, folder=folder / "reference", batch_size=4, engine=engine)
    answer_conditions(
        model,
        problems,
        CONDITIONS,
        folder=folder / "answers",
        reference=reference,
        seed=7,
        max_tokens=6,
        batch_size=4,
        engine=engine,
    )


def inside(model: ThoughtModel, problems: ProblemSet, folder: Path, engine: Engine | None) -> None:
    blocked: list[Condition] = [(), (BlockAttention(keys=(0,)),)]
    follow(model, problems, blocked, folder=folder / "followed", batch_size=4, engine=engine)
    attention_under(model, problems, blocked, folder=folder / "patterns", batch_size=4, engine=engine)


def beside(model: ThoughtModel, problems: ProblemSet, folder: Path, engine: Engine | None) -> None:
    question_attention(model, problems, folder=folder / "question", engine=engine)
    decompose(model, problems, folder=folder / "parts", engine=engine)


@pytest.mark.parametrize("study", [extraction, contentless, answers, inside, beside, untrained])
def test_two_workers_write_what_one_process_writes_byte_for_byte(
    engine: RayEngine, model: ThoughtModel, problems: ProblemSet, tmp_path: Path, study: Study
) -> None:
    study(model, problems, tmp_path / "here", None)
    study(model, problems, tmp_path / "there", engine)
    assert bytes_in(tmp_path / "there") == bytes_in(tmp_path / "here")


def test_both_workers_work_and_hold_two_chunks_at_most(engine: RayEngine, model: ThoughtModel, tmp_path: Path) -> None:
    many = load_problems("synthetic", n=24)
    ahead: list[int] = []

    @contextmanager
    def slow(label: str, total: int) -> Iterator[Callable[[int], None]]:
        kept: list[int] = []

        def advance(done: int) -> None:
            kept.append(done)
            time.sleep(0.1)
            ahead.append(len(log.begun()) - len(kept))

        yield advance

    for number in range(30):
        log = Log(tmp_path / f"log {number}")
        extract_attention(model, many, 2, engine=NotedEngine(engine, log.path), progress=slow)
        if len({process for process, _ in log.begun()}) == 2:
            break
    else:
        # A worker takes seconds to start, and a run does not wait for the second.
        pytest.fail("no run was done by both workers")
    assert max(ahead) <= 2 * AHEAD
    assert engine.peak_memory("cpu") > 100_000_000
    assert engine.peak_memory("cuda") == 0


def test_a_worker_that_is_killed_costs_what_it_had_and_no_byte(
    engine: RayEngine, model: ThoughtModel, tmp_path: Path
) -> None:
    many, log = load_problems("synthetic", n=60), Log(tmp_path / "log")
    killed: list[int] = []

    @contextmanager
    def kill_one(label: str, total: int) -> Iterator[Callable[[int], None]]:
        kept: list[int] = []

        def advance(done: int) -> None:
            kept.append(done)
            if len(kept) >= 5 and not killed and (busy := log.at_work()):
                os.kill(busy[0], signal.SIGKILL)
                killed.append(busy[0])

        yield advance

    extract_attention(model, many, 3, folder=tmp_path / "here")
    noted = NotedEngine(engine, log.path, seconds=0.1)
    extract_attention(model, many, 3, folder=tmp_path / "there", engine=noted, progress=kill_one)
    assert bytes_in(tmp_path / "there") == bytes_in(tmp_path / "here")
    times = Counter(row for _, row in log.begun())
    again = [row for row, count in times.items() if count > 1]
    assert len(times) == 20
    assert 1 <= len(again) <= AHEAD
    assert killed[0] not in {process for process, _ in log.begun()[-len(again) :]}


def both(engine: RayEngine, model: ThoughtModel) -> set[int]:
    """Wait until both workers have the model; returns their processes."""
    with TemporaryDirectory() as folder:
        log = Log(Path(folder) / "log")
        for _ in range(200):
            list(NotedEngine(engine, log.path, 0.05).run(model, Goes(die, -1), {0: [0], 1: [1]}, [1, 1]))
            if len(processes := {process for process, _ in log.begun()}) == 2:
                return processes
    pytest.fail("only one worker works")


def test_what_a_killed_worker_had_goes_to_one_that_has_nothing_to_do(
    engine: RayEngine, model: ThoughtModel, tmp_path: Path
) -> None:
    two = {0: [0], 1: [1]}
    known = both(engine, model)
    log = Log(tmp_path / "log")
    done = list(NotedEngine(engine, log.path).run(model, Goes(DieOnce(tmp_path / "mark"), 1), two, [1, 1]))
    assert sorted(one.chunk for one in done) == [0, 1]
    first, second = (process for process, row in log.begun() if row == 1)
    assert second != first
    assert {first, second} == known


FOUR = {10 + chunk: [2 * chunk, 2 * chunk + 1] for chunk in range(4)}
"""Four chunks of two rows; number 12 has row 5."""
ONE = {12: FOUR[12]}


def go_wrong(
    engine: RayEngine, model: ThoughtModel, wrong: Callable[[], object], log: Log, chunks: dict[int, list[int]]
) -> None:
    """The second row of chunk 12 goes ``wrong``."""
    list(NotedEngine(engine, log.path).run(model, Goes(wrong, 5), chunks, list(range(20, 28))))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [(say_it, HarnessError("say it so")), (miss, KeyError("missing")), (own, OwnError("an own one"))],
)
def test_an_error_in_the_work_comes_back_as_itself_and_is_not_tried_again(
    engine: RayEngine, model: ThoughtModel, tmp_path: Path, wrong: Callable[[], object], error: Exception
) -> None:
    log = Log(tmp_path / "log")
    with pytest.raises(type(error)) as caught:
        go_wrong(engine, model, wrong, log, ONE)
    assert type(caught.value) is type(error)
    assert caught.value.args == error.args
    assert getattr(caught.value, "number", 4) == 4
    assert f"in {wrong.__name__}" in str(caught.value.__cause__)
    assert len(log.begun()) == 1


def test_an_error_that_cannot_be_sent_is_told_as_text_and_not_tried_again(
    engine: RayEngine, model: ThoughtModel, tmp_path: Path
) -> None:
    log = Log(tmp_path / "log")
    with pytest.raises(Exception, match=r"in unportable\s[^$]*UnportableError: this and that"):
        go_wrong(engine, model, unportable, log, ONE)
    assert len(log.begun()) == 1


def test_work_that_cannot_be_sent_is_told_of(engine: RayEngine, model: ThoughtModel) -> None:
    with pytest.raises(TypeError, match="pickle"):
        next(engine.run(model, Goes(Lock().acquire, 5), ONE, [1] * 6))


def test_workers_go_on_after_a_run_that_was_given_up(
    engine: RayEngine, model: ThoughtModel, problems: ProblemSet, tmp_path: Path
) -> None:
    given_up = engine.run(model, Goes(die, -1), FOUR, [1] * 8)
    next(given_up)
    extraction(model, problems, tmp_path / "there", engine)
    given_up.close()  # type: ignore[attr-defined]
    extraction(model, problems, tmp_path / "again", engine)
    extraction(model, problems, tmp_path / "here", None)
    assert bytes_in(tmp_path / "there") == bytes_in(tmp_path / "here") == bytes_in(tmp_path / "again")


def test_a_chunk_that_ends_every_worker_is_named_with_the_remedy(
    engine: RayEngine, model: ThoughtModel, tmp_path: Path
) -> None:
    log = Log(tmp_path / "log")
    with pytest.raises(
        HarnessError,
        match=r"does chunk 12 \(2 problems of at most 25 tokens\) of tiny-gpt2 ends\..*--ray-workers.* of 3: .*died",
    ):
        go_wrong(engine, model, die, log, FOUR)
    tried = [process for process, row in log.begun() if row == FOUR[12][0]]
    assert len(set(tried)) == len(tried) == DEATHS


def test_workers_that_cannot_start_are_told_of(
    engine: RayEngine, model: ThoughtModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a node where the harness is not installed."""
    list(engine.run(model, Goes(die, -1), ONE, [1] * 8))
    elsewhere = ModuleType("not_on_the_node")
    elsewhere.Replica = type("Replica", (Replica,), {"__module__": elsewhere.__name__})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, elsewhere.__name__, elsewhere)
    monkeypatch.setattr("harness.engines.replica.Replica", elsewhere.Replica)
    said = r"^Workers end before they can do anything on tiny-gpt2\..* of 3: ModuleNotFoundError.*'not_on_the_node'"
    with RayEngine(workers=1) as second, pytest.raises(HarnessError, match=said):
        list(second.run(model, Goes(die, -1), ONE, [1] * 8))


def test_a_cluster_whose_room_others_have_is_waited_for_so_long(
    engine: RayEngine, model: ThoughtModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(engine.run(model, Goes(die, -1), FOUR, [1] * 8))
    monkeypatch.setattr("harness.engines.ray.PLACED_WITHIN", 1.5)
    # The engine of this module has two of the three processors.
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    with RayEngine() as second, pytest.raises(HarnessError, match="found no room for a worker within 2 seconds"):
        list(second.run(model, Goes(die, -1), ONE, [1] * 8))


def test_an_interrupt_ends_a_long_chunk_at_once(engine: RayEngine, model: ThoughtModel, tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    interrupted: list[float] = []

    def interrupt() -> None:
        while not log.path.exists():
            time.sleep(0.05)
        interrupted.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(NotedEngine(engine, log.path, seconds=600).run(model, Goes(die, -1), ONE, [1] * 8))
    finally:
        signal.signal(signal.SIGINT, before)
    (process,) = log.at_work()
    while psutil.pid_exists(process):
        assert time.monotonic() - interrupted[0] < 10


def test_a_cluster_that_was_there_goes_on_without_the_workers(cluster: "Cluster", engine: RayEngine) -> None:
    """The last of this module: its engine is closed."""
    import ray

    engine.close()
    assert not ray.is_initialized()
    RayEngine(cluster.address).check()
    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    deadline = time.monotonic() + 30
    while ray.available_resources().get("CPU") != CPUS and time.monotonic() < deadline:
        time.sleep(0.2)
    assert ray.available_resources()["CPU"] == CPUS
    ray.shutdown()


def test_a_session_of_the_checks_starts_a_cluster_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    arguments = ["--model", "tiny-gpt2", "--engine", "ray", "--workers", "1", "--n-problems", "12", "--batch-size", "5"]
    arguments += ["--controls", "none", "--gate", "validity", "-k", "1.2-shape or 1.2-sums"]
    arguments += ["--cache-dir", str(tmp_path / "cache"), "--output", str(tmp_path / "reports")]
    session = subprocess.Popen(
        [sys.executable, "-m", "pytest", "checks", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    started: dict[int, psutil.Process] = {}
    folders: set[str] = set()
    while session.poll() is None:
        with suppress(psutil.Error):
            for one in psutil.Process(session.pid).children(recursive=True):
                started[one.pid] = one
                folders.update(re.findall(rf"{re.escape(tempfile.gettempdir())}/ray-\w+", " ".join(one.cmdline())))
        time.sleep(0.2)
    said, complained = session.communicate()
    assert session.returncode == 0, said + complained
    assert "2 passed" in said
    assert "raylet" not in said
    assert [line for line in complained.splitlines() if line and not line.startswith("tiny-gpt2: ")] == []

    assert len(folders) == 1
    assert not Path(folders.pop()).exists()
    assert psutil.wait_procs(list(started.values()), timeout=10)[1] == []

    content = json.loads((tmp_path / "reports" / "criteria.json").read_text(encoding="utf-8"))
    assert not [name for name in content["run"]["options"] if "ray" in name or "engine" in name]
    drawn = load_problems("synthetic", split="train", n=12, seed=42)
    here = CachedExtraction(locate("tiny-gpt2"), drawn, tmp_path / "here", batch_size=5)
    here.patterns()
    made = tmp_path / "cache" / "extractions" / here.key("trained")
    for path in [*made.glob("*.npy"), made / "manifest.json"]:
        assert path.read_bytes() == (tmp_path / "here" / "extractions" / made.name / path.name).read_bytes()
