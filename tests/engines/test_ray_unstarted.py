"""What the engine on Ray says and decides before anything is started."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from harness.engines.ray import RayEngine, places
from harness.errors import HarnessError
from harness.judging import Run
from harness.options import RunOptions

ROOT = Path(__file__).parents[2]
LAZY = """
import sys
from harness.judging import Run
from harness.options import RunOptions

run = Run(RunOptions(engine="ray", ray_workers=2))
run._engine.check()
list(run._engine.run(None, None, {}, []))
run.close()
print([name for name in ("ray", "torch") if name in sys.modules])
"""


def test_nothing_heavy_is_imported_until_a_chunk_has_to_run() -> None:
    found = subprocess.run([sys.executable, "-c", LAZY], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_ray_that_is_not_installed_is_told_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.engines.ray.find_spec", lambda name: None)
    said = r"^--engine ray needs Ray, which is not installed: pip install 'codi-harness\[ray\]'$"
    with pytest.raises(HarnessError, match=said):
        next(RayEngine().run(None, lambda model, rows: {}, {0: [0]}, [1]))  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match=said):
        Run(RunOptions(engine="ray", output=tmp_path, cache_dir=tmp_path)).preflight()


@contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """An address where somebody listens and gives an answer to what is said first, or none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(100)
                    if answer is not None:
                        connection.sendall(answer)
                    connection.recv(100)

        thread = Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
    thread.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [(None, "timed out"), (b"HTTP/1.1 400 Bad Request\r\n", "something else listens there")],
)
def test_an_address_where_no_cluster_answers_is_told_soon(
    answer: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engines.ray.ANSWERED_WITHIN", 0.5)
    begun = time.monotonic()
    with (
        listening(answer) as address,
        pytest.raises(HarnessError, match=rf"No Ray cluster answers at {address}: {said}"),
    ):
        RayEngine(address).check()
    assert time.monotonic() - begun < 5


def test_an_address_where_nobody_listens_is_told_before_anything_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    options = RunOptions(engine="ray", ray_address=address, output=tmp_path, cache_dir=tmp_path)
    with pytest.raises(HarnessError, match=rf"No Ray cluster answers at {address}: .*refused.*`ray start --head`"):
        Run(options).preflight()


@pytest.mark.parametrize("address", ["here", "ray://10.0.0.1:10001", ":6379", "10.0.0.1:port"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(HarnessError, match=rf"--ray-address is '{address}'; it takes HOST:PORT"):
        RayEngine(address).check()


@pytest.mark.parametrize(
    ("nodes", "device", "threads", "asked", "expected"),
    [
        ([{"CPU": 16, "GPU": 8}], "cuda", 4, None, (8, {"num_cpus": 0, "num_gpus": 1})),
        ([{"CPU": 16, "GPU": 8}, {"CPU": 64}, {"GPU": 4}], "cuda", 4, None, (12, {"num_cpus": 0, "num_gpus": 1})),
        ([{"CPU": 16, "GPU": 8}], "cuda", 4, 3, (3, {"num_cpus": 0, "num_gpus": 1})),
        ([{"CPU": 16.0, "GPU": 8}], "cpu", 4, None, (4, {"num_cpus": 4})),
        ([{"CPU": 6}, {"CPU": 6}], "cpu", 4, None, (2, {"num_cpus": 4})),
        ([{"CPU": 2}], "cpu", 8, None, (1, {"num_cpus": 2})),
        ([{"CPU": 2}, {"CPU": 4}], "cpu", 8, None, (1, {"num_cpus": 4})),
        ([{"CPU": 4}], "cpu", 1, 3, (3, {"num_cpus": 1})),
    ],
)
def test_a_worker_for_each_gpu_or_for_as_many_processors_as_it_has_threads(
    nodes: list[dict[str, float]],
    device: str,
    threads: int,
    asked: int | None,
    expected: tuple[int, dict[str, float]],
) -> None:
    assert places(nodes, device, threads, asked) == expected


@pytest.mark.parametrize(
    ("nodes", "device", "asked", "said"),
    [
        ([{"CPU": 4}], "cuda", None, "The Ray cluster has no GPU, which a model on cuda needs"),
        ([{"GPU": 4}], "cpu", None, "The Ray cluster has no CPU, which a model on cpu needs"),
        ([], "cpu", None, "The Ray cluster has no CPU"),
        (
            [{"CPU": 4}, {"CPU": 3}],
            "cpu",
            4,
            r"--ray-workers is 4, but the Ray cluster has room for 3 \(CPU for each: 2\)",
        ),
        ([{"CPU": 9, "GPU": 2}], "cuda", 3, "--ray-workers is 3, but the Ray cluster has room for 2"),
    ],
)
def test_a_cluster_without_room_is_told_of(
    nodes: list[dict[str, float]], device: str, asked: int | None, said: str
) -> None:
    with pytest.raises(HarnessError, match=said):
        places(nodes, device, 2, asked)
