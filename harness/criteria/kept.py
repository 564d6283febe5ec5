"""The result files of an earlier run, looked at again."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.criteria.criterion import NotMeasured
from harness.files import replacing

NEEDS_MODEL = "needs the model"


def lacking(what: str) -> NotMeasured:
    """Why a criterion cannot be judged from results; a gate does not compare what is skipped for such a reason."""
    return NotMeasured(f"{NEEDS_MODEL}: {what}")


@dataclass(frozen=True)
class Kept:
    """The files of an earlier run in ``folder``; those that are looked at are brought over into ``output``."""

    folder: Path
    output: Path

    def file(self, relative: str) -> str:
        """A file's path relative to either folder. Errors: ``NotMeasured`` where there is none."""
        if not (self.folder / relative).is_file():
            raise lacking(f"{relative} is not among the results in {self.folder}")
        with replacing(self.output / relative) as temporary:
            shutil.copyfile(self.folder / relative, temporary)
        return relative

    def there(self, *relative: str) -> tuple[str, ...]:
        """Those of the files that there are."""
        return tuple(self.file(one) for one in relative if (self.folder / one).is_file())
