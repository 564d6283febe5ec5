"""What all result files and figures about the whole test split have in common."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.criteria.drawings import drawn_once
from harness.criteria.sorted_answers import Asked
from harness.files import digest, jsonable, write_json
from harness.interventions.designs import followed_design
from harness.measures import NotApplicable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.criteria.evidence import ModelStudy
    from harness.problems import ProblemSet


class SplitFiles:
    """Writes about one model on the test split; paths are relative to the output folder."""

    def __init__(self, study: "ModelStudy"):
        self._study = study
        self._written: dict[str, Any] = {}

    @property
    def problems(self) -> "ProblemSet":
        """The test split."""
        return self._study.intervened.problems("test")

    @property
    def asked(self) -> list[Asked]:
        """Its problems as files of predictions state them."""
        return [Asked(one.id, one.question, one.solution, one.answer) for one in self.problems]

    @property
    def blocked(self) -> list[str]:
        """Names of the conditions that block the study's thoughts, the first thought first.

        Errors: ``NotApplicable`` where no thought comes after another one.
        """
        names = list(followed_design(self._study.n_latents))[1:]
        if not names:
            raise NotApplicable("needs at least 2 thoughts")
        return names

    @property
    def followed(self) -> dict[str, Any]:
        """What happens inside under them, the baseline before; see :class:`~harness.interventions.follow.Followed`."""
        _ = self.blocked
        return self._study.intervened.followed()

    def _json(self, name: str, content: dict[str, Any]) -> str:
        """Write a result file, with the model, the problems and where all of it comes from."""
        study, problems = self._study, self.problems
        relative = f"results/{study.name}/{name}"
        about = {"model": study.name, "dataset": problems.name, "split": problems.split, "n_problems": len(problems)}
        came_from = {**study.provenance, "dataset_fingerprint": problems.fingerprint}
        whole = jsonable({**about, **content, "provenance": came_from})
        write_json(study.absolute(relative), whole)
        self._written[relative] = whole
        return relative

    def as_written(self, relative: str) -> bool:
        """Whether a result file still holds what these files wrote into it."""
        content = json.loads(self._study.absolute(relative).read_text(encoding="utf-8"))
        return bool(content == self._written[relative])

    def _drawn(self, name: str, make: "Callable[[], Figure]", shows: str = "") -> tuple[str, str]:
        """Paths of a figure; ``shows`` names what it shows of the answers, where that is not all."""
        study = self._study
        answers = study.intervened.about("test").key(repr(study.intervened.blocks_design()))
        content = digest(answers, self.problems.name, str(study.options.seed), shows)
        return drawn_once(study.options.output, f"figures/{study.name}/{name}", make, content)

    def _title(self, what: str, n: int | None = None) -> str:
        """``n``: the problems that are shown, where not all are."""
        problems = self.problems
        return f"{self._study.name}, {problems.name} {problems.split}, N={len(problems) if n is None else n}: {what}"
