"""Files that are either whole or absent: atomic writes, strict JSON, content digests."""

import errno
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError

PARTIAL = ".partial-"
"""In the names of files that are being written."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A private temporary path beside ``path``; on success it takes the final name in one step.

    Errors: ``HarnessError`` naming the file when the folder cannot be written or the disk is full; the
    file that stood under the final name is then untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}{PARTIAL}", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results are meant to be read by others, as the umask allows.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Remove what killed processes were writing anywhere in a folder; only for who has it to itself."""
    for path in folder.rglob(f".*{PARTIAL}*"):
        path.unlink(missing_ok=True)


def read_text(path: Path, needed: str) -> str:
    """The text of a UTF-8 file, without its byte-order mark; ``needed`` says what a folder is not.

    Errors: ``HarnessError`` when the file is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise HarnessError(f"There is no file {path}. Check the path.") from error
    except IsADirectoryError as error:
        raise HarnessError(f"{path} is a folder; {needed} is needed. Name the file.") from error
    except OSError as error:
        raise HarnessError(f"Cannot read {path}: {error.strerror}. Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise HarnessError(
            f"{path} is not UTF-8 text: byte 0x{error.object[error.start]:02x} in line {line}. Save the file as UTF-8."
        ) from error


def cannot_write(path: Path, error: OSError, elsewhere: str = "another folder") -> HarnessError:
    """What to say of a file or folder that cannot be written: what the system says, and the remedy."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = f"Free some space or choose {elsewhere}" if full else f"Make it writable or choose {elsewhere}"
    return HarnessError(
        f"Cannot write {path}: {error.strerror}. {remedy}; what was written before is intact, and the same command goes on "
        "from there."
    )


def write_text(path: Path, text: str) -> Path:
    """Write ``text`` (UTF-8) atomically; returns ``path``."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write ``content`` as indented JSON, atomically. NaN and infinities become null; numpy is converted."""
    return write_text(path, json.dumps(jsonable(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_array(path: Path, array: np.ndarray) -> Path:
    """Write one array as ``.npy``, atomically."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
    return path


def jsonable(content: Any) -> Any:
    """``content`` in terms of dict, list, str, int, float, bool and None; not-finite numbers are None."""
    if isinstance(content, dict):
        return {str(key): jsonable(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [jsonable(value) for value in content]
    if isinstance(content, np.ndarray):
        return jsonable(content.tolist())
    if isinstance(content, np.generic):
        return jsonable(content.item())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    if isinstance(content, Path):
        return str(content)
    return content


def digest(*parts: bytes | str) -> str:
    """SHA-256 over the parts, each preceded by its length so that no two lists of parts collide."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
