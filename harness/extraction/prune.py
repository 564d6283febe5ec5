"""Tidying the cache: what was not read lately goes, with its lock."""

import shutil
import time
from pathlib import Path

from filelock import FileLock, Timeout


def prune(cache_dir: Path, days: float) -> tuple[int, int, int]:
    """Remove what was not used for ``days``; what a run holds stays.

    Returns the numbers of extractions and of measurements removed, answers under conditions counting as extractions and
    values on planted samples as measurements, and the bytes freed.
    """
    oldest = time.time() - days * 86_400
    extractions = measurements = freed = 0
    for folder in [*(cache_dir / "extractions").glob("*/"), *(cache_dir / "conditions").glob("*/")]:
        lock = FileLock(folder.with_suffix(".lock"), timeout=0)
        try:
            with lock:
                files = list(folder.glob("*"))
                # The folder's own times do not count: looking into it is a use.
                if max(map(_used, files), default=0) >= oldest:
                    continue
                freed += sum(file.stat().st_size for file in files)
                shutil.rmtree(folder)
        except Timeout:
            continue
        folder.with_suffix(".lock").unlink(missing_ok=True)
        extractions += 1
    for file in [*(cache_dir / "measurements").glob("*.json"), *(cache_dir / "plantings").glob("*.npy")]:
        if _used(file) < oldest:
            freed += file.stat().st_size
            file.unlink()
            measurements += 1
    return extractions, measurements, freed


def _used(path: Path) -> float:
    """When a file was last read or written; file systems that do not keep the first keep the second."""
    about = path.stat()
    return max(about.st_atime, about.st_mtime)
