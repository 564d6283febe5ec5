"""The kinds of errors under every condition: result files and figures, each written once, with their provenance.

error_taxonomy_full.json and error_taxonomy_summary.json hold what :class:`~harness.criteria.sorted_answers.SortedAnswers` says;
the table of the latter compares the conditions that block a thought.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES
from harness.criteria.errors import EVIDENCED, kind_tests
from harness.criteria.sorted_answers import FULL, SUMMARY, SortedAnswers
from harness.criteria.split_files import SplitFiles
from harness.interventions.designs import block_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
LABELS = {"CALC_ERROR": "CALC_ERROR (evidence)", "UNEXPLAINED": "CALC_ERROR (unexplained)"}
"""How the two kinds of calculation errors are written."""
BOTH_KINDS = "CALC_ERROR (both)"


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
        return self.answers.summary(self._each_blocked, self._study.options.seed)

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

        content, names = self.content, ["baseline", *self._each_blocked]
        # The two kinds of calculation errors stand below the class that they make up together.
        others = [code for code in CODES if code not in LABELS]
        rows = [*others, BOTH_KINDS, *LABELS]
        of_row = {
            name: _by_row(one["classes"], one["calc_error"])
            for name, one in [*((name, content["conditions"][name]) for name in names), ("random", content["random"])]
        }

        def numbers(kind: str, end: str) -> Array:
            return np.array([[of_row[name][row][kind][end] for row in rows] for name in names], dtype=np.float64)

        def random(kind: str) -> Array:
            return np.array([of_row["random"][row][kind] for row in rows], dtype=np.float64)

        return error_distributions_figure(
            shares=numbers("share", "value"),
            interval=np.stack([numbers("share", end) for end in ("ci_low", "ci_high")]),
            among_errors=numbers("among_errors", "value"),
            among_errors_interval=np.stack([numbers("among_errors", end) for end in ("ci_low", "ci_high")]),
            random=random("share"),
            among_errors_random=random("among_errors"),
            among_errors_near=np.array(
                [[_near(content["near_answers"]["conditions"][name], row) for row in rows] for name in names]
            ),
            conditions=names,
            wrong=[content["conditions"][name]["n_errors"] for name in names],
            classes=[LABELS.get(row, row) for row in rows],
            q=np.array([[of_row[name][row].get("q") for row in rows] for name in names], dtype=np.float64),
            among_errors_q=self._among_errors_q(names, rows),
            n=content["n_problems"],
            title=self._title("how answers go wrong"),
        )

    def _among_errors_q(self, names: list[str], rows: list[str]) -> Array:
        """[K, C]: q of the two kinds of wrong answers that are tested; NaN elsewhere."""
        trials = self._study.intervened.blocks()
        tests = kind_tests(trials)
        q = np.full((len(names), len(rows)), np.nan)
        of_condition = {trials.names[column]: tests.q[:, place] for place, column in enumerate(tests.columns)}
        for place, name in enumerate(names):
            if name in of_condition:
                q[place, [rows.index(CODES[code]) for code in EVIDENCED]] = of_condition[name]
        return q

    def _flow(self) -> "Figure":
        from harness.figures.error_flow import error_flow_figure

        content = self.content
        return error_flow_figure(
            flows=np.array([content["conditions"][name]["flow"] for name in self._each_blocked]),
            conditions=self._each_blocked,
            classes=[LABELS.get(code, code) for code in CODES],
            n=content["n_problems"],
            title=self._title("where answers go"),
        )

    @property
    def _each_blocked(self) -> list[str]:
        """The conditions that block one thought for all that comes later, every thought's."""
        T = self._study.n_latents
        return [block_name("both", position, T) for position in range(T)]


def _near(shares: dict[str, float], row: str) -> float:
    return shares["CALC_ERROR"] + shares["UNEXPLAINED"] if row == BOTH_KINDS else shares[row]


def _by_row(classes: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    """What is said of each row: the classes, in place of calculation errors both kinds apart and together."""
    return {
        **classes,
        BOTH_KINDS: classes["CALC_ERROR"],
        "CALC_ERROR": kinds["evidenced"],
        "UNEXPLAINED": kinds["unexplained"],
    }
