"""The kinds of errors under every condition: result files and figures, each written once, with their provenance.

error_taxonomy_full.json and error_taxonomy_summary.json hold what :class:`~harness.criteria.sorted_answers.SortedAnswers` says;
the table of the latter compares the conditions that hide a thought.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES
from harness.criteria.sorted_answers import FULL, SUMMARY, SortedAnswers
from harness.criteria.split_files import SplitFiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
LABELS = {"CALC_ERROR": "CALC_ERROR (evidence)", "UNEXPLAINED": "CALC_ERROR (unexplained)"}
"""How the two kinds of calculation errors are written."""


class TaxonomyFiles(SplitFiles):
    """Writes the kinds of errors."""

    @cached_property
    def answers(self) -> SortedAnswers:
        """All answers, a column for every condition of the design."""
        intervened = self._study.intervened
        return SortedAnswers(
            self.asked, intervened.classifiers, list(intervened.blocks_design()), intervened.block_texts()
        )

    @cached_property
    def content(self) -> dict[str, Any]:
        """What the summary says, numbers in full."""
        return self.answers.summary(self.blocked, self._study.options.seed)

    @cached_property
    def full(self) -> str:
        """error_taxonomy_full.json."""
        return self._json(FULL, self.answers.full())

    @cached_property
    def summary(self) -> str:
        """error_taxonomy_summary.json."""
        return self._json(SUMMARY, self.content)

    @cached_property
    def figures(self) -> tuple[str, ...]:
        """Paths of error_distributions and error_flow."""
        return (*self._drawn("error_distributions", self._distributions), *self._drawn("error_flow", self._flow))

    def _distributions(self) -> "Figure":
        from harness.figures.error_distributions import error_distributions_figure

        content, names = self.content, ["baseline", *self.blocked]
        of_class = {
            name: {**content["conditions"][name]["classes"], **_apart(content["conditions"][name]["calc_error"])}
            for name in names
        }
        random = {**content["random"]["classes"], **_apart(content["random"]["calc_error"])}

        def numbers(kind: str, end: str) -> Array:
            return np.array([[of_class[name][code][kind][end] for code in CODES] for name in names], dtype=np.float64)

        # The two kinds of calculation errors have no q of their own: together they are one class.
        q = np.array([[of_class[name][code].get("q") for code in CODES] for name in names], dtype=np.float64)
        return error_distributions_figure(
            shares=numbers("share", "value"),
            interval=np.stack([numbers("share", end) for end in ("ci_low", "ci_high")]),
            among_errors=numbers("among_errors", "value"),
            among_errors_interval=np.stack([numbers("among_errors", end) for end in ("ci_low", "ci_high")]),
            random=np.array([random[code]["share"] for code in CODES], dtype=np.float64),
            conditions=names,
            classes=[LABELS.get(code, code) for code in CODES],
            q=q,
            n=content["n_problems"],
            title=self._title("how answers go wrong"),
        )

    def _flow(self) -> "Figure":
        from harness.figures.error_flow import error_flow_figure

        content = self.content
        return error_flow_figure(
            flows=np.array([content["conditions"][name]["flow"] for name in self.blocked]),
            conditions=self.blocked,
            classes=[LABELS.get(code, code) for code in CODES],
            n=content["n_problems"],
            title=self._title("where answers go"),
        )


def _apart(kinds: dict[str, Any]) -> dict[str, Any]:
    """The two kinds of calculation errors by the names of their codes."""
    return {"CALC_ERROR": kinds["evidenced"], "UNEXPLAINED": kinds["unexplained"]}
