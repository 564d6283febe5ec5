"""Where the log of a run lies in its output folder, or why there is none."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.files import read_text, write_json

FOLDER = "wandb"
"""Everything about logs, relative to the output folder."""
_LAST = f"{FOLDER}/last_run.json"


@dataclass(frozen=True)
class LastLog:
    """What became of the log of the last run in an output folder."""

    file: str | None
    """The log's own file, relative to the output folder; None where nothing was logged."""
    notice: str | None = None
    """What went wrong, if anything did."""

    def write(self, output: Path) -> None:
        """Keep it in ``output``. Errors: ``HarnessError`` where that cannot be written."""
        write_json(output / _LAST, asdict(self))


def last_log(output: Path) -> LastLog:
    """What became of the log of the last run in ``output`` that was to be logged, and came to its end."""
    path = output / _LAST
    if not path.is_file():
        return LastLog(None, "no log was kept")
    return LastLog(**json.loads(read_text(path, "what a logged run left")))


def forget_last_log(output: Path) -> None:
    """A new run is on."""
    (output / _LAST).unlink(missing_ok=True)
