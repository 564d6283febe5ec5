"""Verdicts on their way from the processes that judge to the one that reports."""

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from harness.files import cannot_write, digest, write_json
from harness.results import CriterionResult

_PREFIX = ".verdicts-"


def remove_abandoned(output: Path) -> None:
    """Forget what killed runs left in the output folder; only for the run that has it to itself."""
    for folder in output.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


class VerdictStore:
    """A private folder of one run; each verdict is one whole file, whichever process wrote it."""

    def __init__(self, output: Path, run_id: str | None = None) -> None:
        """A new run's store, or with ``run_id`` another process's view of it."""
        self.run_id = run_id or uuid.uuid4().hex[:12]
        self._folder = output / f"{_PREFIX}{self.run_id}"

    def keep(self, result: CriterionResult) -> None:
        """Store one verdict. Errors: ``HarnessError`` when the disk does not take it."""
        write_json(self._folder / f"{digest(result.model, result.id)}.json", result.model_dump(mode="json"))

    def holds_any(self) -> bool:
        """Whether any verdict was kept."""
        return any(self._folder.glob("*.json"))

    def results(self, order: Sequence[tuple[str, str]]) -> list[CriterionResult]:
        """Every verdict kept so far, in the order of ``order``, pairs of scope and criterion id."""
        paths = [self._folder / f"{digest(scope, criterion)}.json" for scope, criterion in order]
        return [CriterionResult.model_validate_json(path.read_text("utf-8")) for path in paths if path.exists()]

    def claim(self, what: str) -> bool:
        """True for the first process of the run that asks for ``what``, and false from then on.

        Errors: ``HarnessError`` when the disk does not take it.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{digest(what)}.claimed").touch(exist_ok=False)
        except FileExistsError:
            return False
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        return True

    def remove(self) -> None:
        """Forget the run."""
        shutil.rmtree(self._folder, ignore_errors=True)
