"""Does a run that was cut off end as one that was not? Tried on a copy of a finished one."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.files import digest, file_digest
from harness.storage.checkpoints import checkpoint_name
from harness.storage.store import chunk_sizes, tear


@dataclass(frozen=True)
class Resumed:
    """What a run that was cut off in its last batch left when it was continued, and what it had left before.

    ``batches``: problems of each batch, kept as soon as it is done; ``repeated``: those of the batch that ran again;
    ``before`` and ``after``: the digest of every file.
    """

    batches: list[int]
    repeated: int
    before: dict[str, str]
    after: dict[str, str]


def continued(folder: Path, run: Callable[[Path], object]) -> Resumed:
    """Cut a copy of the finished store in ``folder`` off in its last batch, and let ``run`` go on with it."""
    with tempfile.TemporaryDirectory(prefix="resumed-", dir=folder.parent) as temporary:
        copy = Path(temporary) / "copy"
        shutil.copytree(folder, copy)
        repeated = tear(copy)
        (copy / checkpoint_name(sum(chunk_sizes(folder)))).unlink(missing_ok=True)
        run(copy)
        return Resumed(chunk_sizes(folder), repeated, _digests(folder), _digests(copy))


def _digests(folder: Path) -> dict[str, str]:
    """Of the arrays, of checkpoints, and of what the manifest says: an earlier version may have put its spaces elsewhere."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    arrays = {path.name: file_digest(path) for path in sorted(folder.glob("*.npy"))}
    return {**arrays, "manifest.json": digest(json.dumps(manifest))}
