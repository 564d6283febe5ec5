"""The result files and figures on which problems suffer from a blocked thought, each written once, with its provenance.

problem_sensitivity_full.json: ``problems``, a row each with ``id``, every one of ``features``, ``impact`` in the order of
``conditions`` (a thought blocked each), and ``baseline_right``.

problem_sensitivity_summary.json: ``all``, the problems of a known number of operations, and ``baseline_right``, those of them
that the baseline solves. Both hold

- ``relations``: Pearson's and Spearman's correlation of every feature with the impact of every blocked thought, p over 9,999
  pairings of problems, q over all of one kind of correlation, 95 % bootstrap interval over problems;
- ``types``: mean impact by type of problem;
- ``high_impact``: by thought, means of every feature over problems of impact above 0.5 and over the rest, p by permutation, q
  over features and thoughts;
- ``regression``: by thought, its impact on all features together, each divided by its standard deviation: coefficients,
  intervals and p with HC3 covariance, q over coefficients and thoughts, features that are left out with the reason.

In a family a test that is undefined, as a feature or the impact does not vary, counts as one with p = 1; a coefficient that is
left out is no test.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.behaviour import FEATURES
from harness.criteria.blocks import BlockTrials
from harness.criteria.sensitivity import known_ones
from harness.criteria.sensitivity_tables import named, studied, summarised
from harness.criteria.split_files import SplitFiles
from harness.interventions.designs import HIDDEN, block_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEATURE_WORDS = {
    "n_tokens": "Tokens of the question",
    "n_operations": "Operations",
    "n_operation_types": "Kinds of operations",
    "max_number": "Largest number",
    "multi_step": "Three or more operations",
    "has_division": "Division",
    "has_multiplication": "Multiplication",
    "has_fractions": "Fractions",
}
"""Of every feature, how it is called in figures."""
TYPE_WORDS = {"5+": "5 or more", "fewer": "fewer than 3"}
"""Types of problems that are called otherwise in figures than in files."""
SCATTER, TYPES = "problem_sensitivity_scatter", "problem_sensitivity_types"


class SensitivityFiles(SplitFiles):
    """Writes which problems suffer."""

    @property
    def trials(self) -> BlockTrials:
        """What was answered with thoughts blocked."""
        return self._study.intervened.blocks()

    @property
    def ids(self) -> tuple[int, ...]:
        """The problems, in the order of the trials."""
        return self.problems.ids

    @cached_property
    def full(self) -> str:
        """problem_sensitivity_full.json."""
        trials = self.trials
        solved = trials.of("right", "baseline").astype(bool)
        rows = zip(self.ids, trials.features, trials.impact(), solved, strict=True)
        return self._json(
            "problem_sensitivity_full.json",
            {
                **self._about,
                "problems": [
                    {
                        "id": number,
                        **dict(zip(FEATURES, features, strict=True)),
                        "impact": impact,
                        "baseline_right": right,
                    }
                    for number, features, impact, right in rows
                ],
            },
        )

    @cached_property
    def summary(self) -> str:
        """problem_sensitivity_summary.json."""
        return self._json(
            "problem_sensitivity_summary.json",
            {
                **self._about,
                "operations_unknown": len(self.trials) - self.content["all"]["n_problems"],
                "baseline_accuracy": self.trials.of("right", "baseline").mean(),
                **self.content,
            },
        )

    @cached_property
    def content(self) -> dict[str, dict[str, Any]]:
        """What the summary holds about both groups of problems, numbers in full."""
        return summarised(self.trials)

    @cached_property
    def figures(self) -> dict[str, tuple[str, str]]:
        """Paths by name; none where the model has not both of the thoughts that they show."""
        if len(studied(self.trials.T)) < len(HIDDEN):
            return {}
        return {SCATTER: self._drawn(SCATTER, self._scatter), TYPES: self._drawn(TYPES, self._types)}

    def _scatter(self) -> "Figure":
        from harness.figures.problem_sensitivity import problem_sensitivity_scatter

        few = known_ones(self.trials)
        positions = studied(few.T)
        found = {(one["feature"], one["condition"]): one for one in self.content["all"]["relations"]}

        def table(kind: str, number: str) -> Any:
            return np.array(
                [[found[name, named(position)][kind][number] for position in positions] for name in FEATURES]
            )

        return problem_sensitivity_scatter(
            features=few.features,
            impact=few.impact()[:, positions],
            feature_names=[FEATURE_WORDS[name] for name in FEATURES],
            conditions=self._conditions,
            thoughts=positions,
            pearson=table("pearson", "r"),
            spearman=table("spearman", "r"),
            q=table("spearman", "q"),
            title=self._title("which problems suffer, by feature", len(few)),
        )

    def _types(self) -> "Figure":
        from harness.figures.problem_sensitivity import problem_sensitivity_types

        positions = studied(self.trials.T)
        rows = self.content["all"]["types"]
        table = np.array(
            [
                [[row["impact"][position][end] for position in positions] for row in rows]
                for end in ("mean", "ci_low", "ci_high")
            ]
        )
        return problem_sensitivity_types(
            names=[TYPE_WORDS.get(row["name"], row["name"]) for row in rows],
            headings=[row["by"].capitalize() for row in rows],
            means=table[0],
            interval=table[1:],
            counts=[row["n_problems"] for row in rows],
            conditions=self._conditions,
            thoughts=positions,
            title=self._title("which problems suffer, by type", self.content["all"]["n_problems"]),
        )

    @property
    def _conditions(self) -> list[str]:
        T = self.trials.T
        return [block_name("both", position, T) for position in studied(T)]

    @property
    def _about(self) -> dict[str, Any]:
        T = self.trials.T
        return {
            "n_latents": T,
            "features": list(FEATURES),
            "conditions": [named(position) for position in range(T)],
            "studied": [named(position) for position in studied(T)],
        }
