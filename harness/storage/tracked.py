"""What git knows, or would take, of a folder. It is asked and nothing else: nothing is added, committed or pushed."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from harness.errors import HarnessError
from harness.files import PARTIAL, read_text, write_text

LARGE = 100_000_000
"""Bytes from which on hosts of repositories refuse a file."""
RAW_PATTERNS = ("attention_patterns_raw.npy", "attention_patterns_full_raw.npy")
CHECKPOINTS = "checkpoints"
LOGS = "wandb"
"""The folder of logs, which has rules of its own."""
RULES = (*RAW_PATTERNS, f"{CHECKPOINTS}/", "/.lock", "/.*.lock", "/docs/*.lock", "/.verdicts-*/", f".*{PARTIAL}*")
"""Lines of an output folder's .gitignore."""

_ABOUT_RULES = "# Raw attention patterns are large and can be extracted again; the others are what a killed run leaves."
_IGNORED = (
    "results/model/attention_patterns_raw.npy",
    "results/model_full/attention_patterns_full_raw.npy",
    "results/model_full/checkpoints/attention_checkpoint_1000.npy",
    "results/model_full/checkpoints/checksums.json",
)
_KEPT = (
    "criteria.json",
    "data/attention_dataset_100_train.json",
    "results/one_vs_other_comparison.json",
    "results/model/attention_patterns_avg.npy",
    "results/model/patterns_summary.npz",
    "results/model/attention_stats.json",
    "results/model/ranked_heads.csv",
)
_KEPT_ENDINGS = ("_avg.npy", "patterns_summary.npz", ".json", ".csv")

_OF_ONE_REPOSITORY = (
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)
"""What git sets for its hooks, which would lead away from the repository that a folder lies in."""


def write_gitignore(folder: Path) -> Path:
    """Give an output folder its .gitignore; returns its path. Rules that are there already stay as they are.

    Errors: ``HarnessError`` when the file cannot be read or written.
    """
    path = folder / ".gitignore"
    before = read_text(path, "an output folder") if path.exists() else ""
    missing = [rule for rule in RULES if rule not in before.splitlines()]
    if missing:
        above = before if before.endswith("\n") or not before else f"{before}\n"
        write_text(path, above + "\n".join([_ABOUT_RULES, *missing]) + "\n")
    return path


def large_files(folder: Path, limit: int = LARGE) -> list[tuple[str, int]]:
    """Files of more than ``limit`` bytes under ``folder`` that git tracks or would take, the largest first.

    Returns the path relative to ``folder`` and the size in bytes of each. In no repository, or where that ignores the
    folder as a whole, what the folder's own .gitignore lets through counts. Errors: ``HarnessError`` when there is no
    folder, or no git to ask.
    """
    with _asked_in(folder, apart=_ignored_as_a_whole(folder)) as where:
        listed = _git([*where, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], folder)
    names = dict.fromkeys(filter(None, listed.decode(errors="surrogateescape").split("\0")))
    sizes = [(name, (folder / name).lstat().st_size) for name in names if (folder / name).is_file()]
    return sorted(((name, size) for name, size in sizes if size > limit), key=lambda found: (-found[1], found[0]))


def ignore_errors(folder: Path) -> list[str]:
    """Where git would take raw patterns, or leave out averages, JSON or CSV; empty when all is as it should be.

    Asked about are the files of the study by name, whether or not they were written, and every file that lies in
    ``folder``. Where the folder is in no repository, or the repository ignores it as a whole, its own .gitignore
    decides alone. Errors: ``HarnessError`` when there is no folder, or no git to ask.
    """
    present = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    expected = dict.fromkeys(_IGNORED, True) | dict.fromkeys(_KEPT, False)
    expected |= {name: fate for name in present if (fate := _should_be_ignored(name)) is not None}
    with _asked_in(folder, apart=_ignored_as_a_whole(folder)) as where:
        asked = "\0".join(expected).encode(errors="surrogateescape")
        told = _git([*where, "check-ignore", "--no-index", "-z", "--stdin"], folder, asked, allowed=(0, 1))
    ignored = set(told.decode(errors="surrogateescape").split("\0"))
    return [
        f"{name} {'is ignored' if name in ignored else 'is not ignored'}"
        for name, should in expected.items()
        if should != (name in ignored)
    ]


def last_commit(path: Path) -> str | None:
    """Short name of the commit that last touched a file.

    None where no commit can be named: no git, no repository, a file that is not committed as it is now, or a clone
    whose history does not reach back that far.
    """
    try:
        changed = _git(["--no-optional-locks", "status", "--porcelain", "--", path.name], path.parent)
        last = _git(["log", "-1", "--decorate", "--format=%h%n%D", "--", path.name], path.parent)
    except HarnessError:
        return None
    name, _, names = last.decode().partition("\n")
    cut_off = "grafted" in [one.strip() for one in names.split(",")]
    return None if changed or cut_off or not name else name


def is_staged(path: Path) -> bool:
    """Whether the next commit has a file at ``path``. Errors: ``HarnessError`` outside of a repository."""
    _in_repository()
    return _run(["cat-file", "-e", _in_index(path)], Path(), dict(os.environ)).returncode == 0


def staged_text(path: Path) -> str:
    """A file as the next commit has it, whatever lies in the folder.

    Errors: ``HarnessError`` outside of a repository, and when the commit has no such file or it is not UTF-8.
    """
    _in_repository()
    done = _run(["cat-file", "blob", _in_index(path)], Path(), dict(os.environ))
    if done.returncode:
        raise HarnessError(f"{path} is not in the next commit. Add it with: git add {path}")
    try:
        return done.stdout.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HarnessError(
            f"{path} is not UTF-8 text as it is staged. Save the file as UTF-8 and add it again."
        ) from error


def _in_repository() -> None:
    # With the variables that a hook is given: they say which index the commit is made from.
    done = _run(["rev-parse", "--git-dir"], Path(), dict(os.environ))
    if done.returncode:
        raise HarnessError(f"Nothing can be staged in {Path.cwd()}: {_reason(done)}. Run this inside of a repository.")


def _in_index(path: Path) -> str:
    return f":./{Path(os.path.relpath(path)).as_posix()}"


def is_raw(name: str) -> bool:
    """Whether a file of an output folder, named relative to it, is left out of what is committed for its size."""
    path = PurePosixPath(name)
    return path.name in RAW_PATTERNS or CHECKPOINTS in path.parts[:-1]


def _should_be_ignored(name: str) -> bool | None:
    """Whether git should leave a file out; None where it does not matter, as for what a run has to itself and for logs."""
    path = PurePosixPath(name)
    if path.parts[0] == LOGS or any(part.startswith(".") for part in path.parts):
        return None
    if is_raw(name):
        return True
    return False if path.name.endswith(_KEPT_ENDINGS) else None


def _repository(folder: Path) -> Path | None:
    """The repository that a folder lies in."""
    done = _run(["rev-parse", "--show-toplevel"], folder, _environment())
    if done.returncode == 0:
        return Path(os.fsdecode(done.stdout.removesuffix(b"\n")))
    if b"not a git repository" in done.stderr:
        return None
    raise HarnessError(f"git says nothing of {folder}: {_reason(done)}.")


def _ignored_as_a_whole(folder: Path) -> bool:
    """Whether no file of a folder can be of interest to a repository, or there is none."""
    root, folder = _repository(folder), folder.resolve()
    if root is None or root == folder:
        return root is None
    done = _run(["check-ignore", "--no-index", "--quiet", "--", f"{folder.name}/"], folder.parent, _environment())
    return done.returncode == 0


@contextmanager
def _asked_in(folder: Path, apart: bool) -> Iterator[list[str]]:
    """Git's arguments for questions about ``folder``: in its own repository, or ``apart`` in an empty one around it."""
    if not apart:
        yield []
        return
    with tempfile.TemporaryDirectory() as place:
        _git(["init", "--quiet", "--template=", place], folder)
        yield [f"--git-dir={place}/.git", f"--work-tree={folder.resolve()}", "-c", f"core.excludesFile={os.devnull}"]


def _git(arguments: Sequence[str], folder: Path, said: bytes = b"", allowed: Sequence[int] = (0,)) -> bytes:
    done = _run(arguments, folder, _environment(), said)
    if done.returncode not in allowed:
        raise HarnessError(f"git says nothing of {folder}: {_reason(done)}.")
    return done.stdout


def _run(
    arguments: Sequence[str], folder: Path, environment: dict[str, str], said: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    if not folder.is_dir():
        raise HarnessError(f"There is no folder {folder} that git could be asked about.")
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            # Messages are told apart by their words.
            env={**environment, "LC_ALL": "C"},
            input=said,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise HarnessError("git is not installed, so nothing is known of what it tracks or ignores.") from error


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OF_ONE_REPOSITORY}


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip().splitlines()[0].removeprefix("fatal: ").rstrip(".")
