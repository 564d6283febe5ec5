"""The kinds of errors under every condition: result files and figures, each written once, with their provenance.

error_taxonomy_full.json has a row for every problem and condition; error_taxonomy_summary.json is a
:func:`~harness.criteria.taxonomy.taxonomy_summary` with a ``table`` beside it: baseline, thought hidden, change, answers drawn at
random.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES, near_answers, random_answers
from harness.criteria.split_files import SplitFiles
from harness.criteria.taxonomy import taxonomy_summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
LABELS = {"CALC_ERROR": "CALC_ERROR (evidence)", "UNEXPLAINED": "CALC_ERROR (unexplained)"}
"""How the two kinds of calculation errors are written."""
RANDOM_DRAWS = 20
"""Times that every problem gets the answer to another one."""
NEAR_DRAWS = 10
"""Times that wrong answers exchange how far they are from the gold answer."""


class TaxonomyFiles(SplitFiles):
    """Writes the kinds of errors."""

    @cached_property
    def content(self) -> dict[str, Any]:
        """What the summary says, numbers in full."""
        study = self._study
        codes, names = study.intervened.classified(), list(study.intervened.blocks_design())
        texts = [of_problem[0] for of_problem in study.intervened.block_texts()]
        random = random_answers(study.intervened.classifiers, texts, RANDOM_DRAWS, study.options.seed)
        return {
            **taxonomy_summary(codes, names, random, study.options.seed),
            "random_answers": f"the baseline's answers dealt to other problems, {RANDOM_DRAWS} times",
            "near_answers": {
                "of": f"differences of wrong numbers from gold dealt among these problems, {NEAR_DRAWS} times; shares of them",
                "conditions": {name: self._near(names.index(name)) for name in ("baseline", *self.hidden)},
            },
            "table": self._table(codes, names, random.mean(axis=0)),
        }

    def _near(self, column: int) -> dict[str, float]:
        intervened = self._study.intervened
        gold = np.array([problem.answer for problem in self.problems])
        numbers = intervened.answered_blocks().numbers[:, column]
        shares = near_answers(intervened.classifiers, gold, numbers, NEAR_DRAWS, self._study.options.seed)
        return dict(zip(CODES, shares.mean(axis=0), strict=True))

    def _table(self, codes: Array, names: list[str], random: Array) -> list[dict[str, Any]]:
        shares = np.stack([(codes == code).mean(axis=0) for code in range(len(CODES))])
        return [
            {
                "class": code,
                "baseline": shares[place, 0],
                **{
                    name: {"share": of_condition, "change": of_condition - shares[place, 0]}
                    for name in self.hidden
                    for of_condition in (shares[place, names.index(name)],)
                },
                "random": random[place],
            }
            for place, code in enumerate(CODES)
        ]

    @cached_property
    def full(self) -> str:
        """error_taxonomy_full.json."""
        study = self._study
        names = list(study.intervened.blocks_design())
        return self._json(
            "error_taxonomy_full.json",
            {
                "predictions": [
                    {
                        "id": problem.id,
                        "condition": name,
                        "code": CODES[found.code],
                        "error_class": found.error_class,
                        "evidence": found.evidence,
                    }
                    for row, problem in enumerate(self.problems)
                    for column, name in enumerate(names)
                    for found in (study.intervened.explained(row, column),)
                ]
            },
        )

    @cached_property
    def summary(self) -> str:
        """error_taxonomy_summary.json."""
        return self._json("error_taxonomy_summary.json", self.content)

    @cached_property
    def figures(self) -> tuple[str, ...]:
        """Paths of error_distributions and error_flow."""
        return (*self._drawn("error_distributions", self._distributions), *self._drawn("error_flow", self._flow))

    def _distributions(self) -> "Figure":
        from harness.figures.error_distributions import error_distributions_figure

        content, names = self.content, ["baseline", *self.hidden]
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
            flows=np.array([content["conditions"][name]["flow"] for name in self.hidden]),
            conditions=self.hidden,
            classes=[LABELS.get(code, code) for code in CODES],
            n=content["n_problems"],
            title=self._title("where answers go"),
        )


def _apart(kinds: dict[str, Any]) -> dict[str, Any]:
    """The two kinds of calculation errors by the names of their codes."""
    return {"CALC_ERROR": kinds["evidenced"], "UNEXPLAINED": kinds["unexplained"]}
