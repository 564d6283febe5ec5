"""A run's log as the run sees it: a process that it tells of its work, and that it never waits for before its end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from harness.files import digest, jsonable
from harness.tracking.advance import Advance
from harness.tracking.contents import Contents, Table, config_of, model_names, tags_of
from harness.tracking.logged import Logged
from harness.tracking.place import FOLDER, LastLog

ENDED_WITHIN = 150.0
"""Seconds that a log may take to end, what it still has to send included."""
_MODULE = "harness.tracking.wandb_log"


class LogFailed(Exception):
    """There is no log, or it could not be ended; the message says why."""


class RunLog:
    """Tells the process that keeps the log; what it cannot take at once is left out rather than waited for."""

    def __init__(self, output: Path, mode: str, run: Mapping[str, Any], studies: Sequence[str]):
        """Start it; ``run`` is the object of that name of ``criteria.json``, ``studies`` are those about to be judged.

        Errors: ``LogFailed`` where Weights & Biases is not installed.
        """
        if not is_installed():
            raise LogFailed("not installed: pip install 'codi-harness[wandb]'")
        self._output = output.resolve()
        folder = self._output / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        with (folder / "errors.txt").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, "keep", str(self._output)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(folder),
                # What ends the run, be it from the keyboard, must leave it time to end the log.
                start_new_session=True,
            )
        self._pipe = self._process.stdin.fileno()  # type: ignore[union-attr]
        begin = {
            "mode": mode,
            "config": config_of(run),
            "tags": tags_of(run, studies),
            "name": f"{' and '.join(model_names(run))}, {run['dataset']['n']} of {run['dataset']['name']}",
            "group": _group(run),
        }
        self._tell(begin)
        os.set_blocking(self._pipe, False)

    def advance(self, advance: Advance) -> None:
        """Log how far a piece of work is."""
        row = {
            "progress/work": advance.work,
            "progress/processed": advance.done,
            "progress/total": advance.total,
            "progress/eta_s": advance.seconds_left,
        }
        self._tell(["advance", row])

    def end(self, contents: Contents | None) -> LastLog:
        """End the log, with its contents or, for a run that has none, as failed. Errors: ``LogFailed``."""
        last = b"" if contents is None else _line(["contents", jsonable(asdict(contents))])
        try:
            said, _ = self._process.communicate(last, ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            self._kill()
            raise LogFailed(f"the log did not end within {ENDED_WITHIN:.0f} s") from None
        answers: dict[str, Any] = {}
        for line in said.splitlines():
            answers |= {key: value for key, value in json.loads(line).items() if value is not None}
        if "error" in answers or "file" not in answers:
            raise LogFailed(answers.get("error") or _last_line(self._output / FOLDER / "errors.txt"))
        return LastLog(answers["file"], answers.get("notice"))

    def _tell(self, message: Any) -> None:
        # A process that ended says why in the end.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._pipe, _line(message))

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def is_installed() -> bool:
    """Whether Weights & Biases is; a folder called wandb, as its logs are in, is no proof of it."""
    try:
        distribution("wandb")
    except PackageNotFoundError:
        return False
    return True


def read_log(path: Path) -> Logged:
    """Read a log back from its own file, in a process of its own. Errors: ``LogFailed`` where it cannot be done."""
    command = [sys.executable, "-P", "-m", _MODULE, "read", str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, env=_environment(path.parent), check=True, timeout=ENDED_WITHIN
        )
    except subprocess.SubprocessError as error:
        raise LogFailed(str(error)) from error
    content = json.loads(done.stdout)
    if "error" in content:
        raise LogFailed(content["error"])
    return Logged(**{**content, "tables": {key: Table(**one) for key, one in content["tables"].items()}})


def _line(message: Any) -> bytes:
    return json.dumps(jsonable(message)).encode() + b"\n"


def _environment(folder: Path) -> dict[str, str]:
    """Nothing is asked, nothing reported, and nothing written outside ``folder``."""
    packages = str(Path(__file__).parents[2])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH")))),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
        "WANDB_CACHE_DIR": str(folder / ".cache"),
        "WANDB_DATA_DIR": str(folder / ".data"),
    }


def _group(run: Mapping[str, Any]) -> str:
    """The same for runs of the same models on the same problems with the same options."""
    settings = {key: run.get(key) for key in ("models", "dataset", "seed", "options", "declarations_sha256")}
    fingerprints = [one.get("fingerprint") for one in run["models"]]
    return digest(json.dumps(jsonable({**settings, "models": fingerprints}), sort_keys=True))[:12]


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "the log ended early"
