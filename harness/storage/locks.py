"""One process at a time on one folder of the cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from harness.errors import HarnessError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a cache folder, which lies beside it; nested use within a process is free.

    Errors: ``HarnessError`` when the cache cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The same lock object serves nested use within a process.
        lock = FileLock(folder.with_suffix(".lock"), is_singleton=True)
        lock.acquire()
    except OSError as error:
        raise HarnessError(
            f"Cannot write the cache folder {folder.parent}: {error.strerror}. Choose another with --cache-dir."
        ) from error
    try:
        yield
    finally:
        lock.release()
