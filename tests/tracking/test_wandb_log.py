"""Weights & Biases itself: kept offline, out of reach, cut off, stuck, and read back."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.results import RunResult
from harness.tracking import run_log
from harness.tracking.advance import Advance
from harness.tracking.contents import contents
from harness.tracking.logged import Logged, missing
from harness.tracking.place import LastLog
from harness.tracking.run_log import LogFailed, RunLog, read_log
from tests.tracking.written import MODELS, N, write_run

pytest.importorskip("wandb")

ROOT = Path(__file__).parents[2]
HALF = Advance("tiny-llama: extracting", 3, N, 2.5)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, Path]:
    """A run and its output folder, to which every test may add logs."""
    output = tmp_path_factory.mktemp("reports")
    return write_run(output), output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def kept(written: tuple[RunResult, Path], home: Path) -> LastLog:
    """The log of the whole run, offline."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        return log_whole(written, "offline")


@pytest.fixture(scope="module")
def logged(written: tuple[RunResult, Path], kept: LastLog) -> Logged:
    """The same, read back."""
    return read_log(file_of(kept, written[1]))


def log_whole(written: tuple[RunResult, Path], mode: str) -> LastLog:
    result, output = written
    log = RunLog(output, mode, result.run, ["phase1"])
    log.advance(HALF)
    return log.end(contents(result, output))


def file_of(log: LastLog, output: Path) -> Path:
    assert log.file is not None
    return output / log.file


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


class TestOffline:
    def test_all_of_the_run_is_read_back(self, written: tuple[RunResult, Path], logged: Logged) -> None:
        result, output = written
        assert missing(logged, contents(result, output), result) == []

    def test_so_is_what_was_said_while_it_ran(self, logged: Logged) -> None:
        first = logged.history[0]
        assert [first[f"progress/{key}"] for key in ("work", "processed", "total", "eta_s")] == [
            "tiny-llama: extracting",
            3,
            N,
            2.5,
        ]

    def test_what_was_not_logged_is_missed(
        self, written: tuple[RunResult, Path], logged: Logged, tmp_path: Path
    ) -> None:
        result, _ = written
        shutil.copytree(written[1], tmp_path, dirs_exist_ok=True)
        (tmp_path / f"figures/{MODELS[0]}/2_attention_by_layer.png").write_bytes(b"another picture")
        lacking = missing(logged, contents(result, tmp_path), result)
        assert lacking == [f"image figures/{MODELS[0]}/2_attention_by_layer as the run's files have it"]

    def test_everything_is_in_the_output_folder_and_ignored_there(
        self, written: tuple[RunResult, Path], kept: LastLog, home: Path
    ) -> None:
        assert list(home.rglob("*")) == []
        assert (written[1] / "wandb" / ".gitignore").read_text("utf-8") == "*\n"

    def test_a_damaged_log_is_read_up_to_the_damage(
        self, written: tuple[RunResult, Path], kept: LastLog, tmp_path: Path
    ) -> None:
        whole = file_of(kept, written[1]).read_bytes()
        (tmp_path / "cut.wandb").write_bytes(whole[: len(whole) // 2])
        cut = read_log(tmp_path / "cut.wandb")
        assert not cut.finished
        assert cut.config["seed"] == 42
        (tmp_path / "changed.wandb").write_bytes(whole[:4000] + b"\xff" + whole[4001:])
        changed = read_log(tmp_path / "changed.wandb")
        assert changed.damage is not None
        assert not changed.finished

    def test_what_is_no_log_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "none.wandb").write_text("nothing of the kind", "utf-8")
        assert read_log(tmp_path / "none.wandb").damage is not None
        assert read_log(tmp_path / "absent.wandb").damage is not None


def test_a_server_out_of_reach_is_told_and_the_log_kept_offline_beside_the_earlier_one(
    written: tuple[RunResult, Path], kept: LastLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, output = written
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    earlier = file_of(kept, output).read_bytes()
    last = log_whole(written, "online")
    assert last.notice is not None
    assert f"127.0.0.1:{port} does not answer" in last.notice
    assert missing(read_log(file_of(last, output)), contents(result, output), result) == []
    assert last.file != kept.file
    assert file_of(kept, output).read_bytes() == earlier


def test_no_account_is_told_and_nobody_is_asked_for_one(
    written: tuple[RunResult, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("NETRC", raising=False)
    result, output = written
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        last = RunLog(output, "online", result.run, []).end(None)
    assert last.file is not None
    assert "No API key configured" in str(last.notice)


def test_a_run_that_is_killed_leaves_all_it_said(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from harness.tracking.run_log import RunLog\n"
        "from tests.tracking.test_wandb_log import HALF\n"
        "from tests.tracking.written import run_of\n"
        f"log = RunLog(Path({str(tmp_path)!r}), 'offline', run_of(), ['phase1'])\n"
        "log.advance(HALF)\n"
        "print('said', flush=True)\n"
        "time.sleep(600)\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment)
    assert run.stdout is not None
    assert run.stdout.readline() == b"said\n"
    run.send_signal(signal.SIGKILL)
    run.communicate()
    # What is left to the log's own process ends when the run does.
    until(lambda: any(path.stat().st_size > 100 for path in tmp_path.glob("wandb/offline-run-*/*.wandb")))
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    until(lambda: read_log(file).finished)
    log = read_log(file)
    assert (log.config["model_name"], log.history[0]["progress/work"]) == (", ".join(MODELS), HALF.work)
    assert (log.tables, log.damage) == ({}, None)


def test_a_log_that_is_stuck_is_not_waited_for(
    written: tuple[RunResult, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    result, output = written
    log = RunLog(output, "offline", result.run, [])
    process = log._process
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(run_log, "ENDED_WITHIN", 0.2)
    begun = time.monotonic()
    for _ in range(2000):
        log.advance(HALF)
    with pytest.raises(LogFailed, match="did not end within"):
        log.end(contents(result, output))
    assert time.monotonic() - begun < 10
    assert process.returncode == -signal.SIGKILL


def test_a_log_that_cannot_be_begun_says_why(written: tuple[RunResult, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    result, output = written
    monkeypatch.setenv("WANDB_BASE_URL", "nowhere")
    with pytest.raises(LogFailed, match="ValidationError"):
        RunLog(output, "offline", result.run, []).end(None)


def test_weights_and_biases_that_is_not_installed_is_told_with_the_remedy(
    written: tuple[RunResult, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "is_installed", lambda: False)
    with pytest.raises(LogFailed, match=r"^not installed: pip install 'codi-harness\[wandb\]'$"):
        RunLog(written[1], "offline", written[0].run, [])


def test_the_run_itself_never_imports_it(written: tuple[RunResult, Path]) -> None:
    code = (
        "import sys, harness.tracking.run_log, harness.tracking.logged, harness.criteria.story_3_2\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'wandb'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
