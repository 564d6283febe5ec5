"""One process at a time on one folder of the cache, or one document."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from harness.files import cannot_write


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder or file, which lies beside it; nested use within a process is free.

    Errors: ``HarnessError`` when nothing can be written there.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The same lock object serves nested use within a process.
        lock = FileLock(folder.with_suffix(".lock"), is_singleton=True)
        lock.acquire()
    except OSError as error:
        raise cannot_write(folder.parent, error, "another folder with --cache-dir or --output") from error
    try:
        yield
    finally:
        lock.release()
