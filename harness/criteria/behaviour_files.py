"""The predictions of the study of behaviour, each file written once, with its provenance.

`<model>_baseline.json` and `<model>_attention_pattern_position_{k}.json` (thought k blocked for all later queries) hold a row for
every problem of the test split; `<model>_attention_pattern_variants.json` the problems once, and a row for each of them under
every other condition.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES
from harness.criteria.sorted_answers import stated_problems
from harness.criteria.split_files import SplitFiles
from harness.interventions.designs import block_name

if TYPE_CHECKING:
    from harness.interventions.cached import Answered

Array = NDArray[Any]


class BehaviourFiles(SplitFiles):
    """Writes the predictions."""

    @property
    def answered(self) -> "Answered":
        """All answers, a column for every condition of the design."""
        return self._study.intervened.answered_blocks()

    @cached_property
    def predictions(self) -> dict[str, str]:
        """The files of the baseline and of every thought blocked, by condition."""
        T = self._study.n_latents
        name = self._study.name
        files = {"baseline": f"{name}_baseline.json"}
        files |= {block_name("both", k, T): f"{name}_attention_pattern_position_{k}.json" for k in range(T)}
        return {condition: self._rows(file, condition) for condition, file in files.items()}

    @cached_property
    def variants(self) -> str:
        """The file of all other conditions."""
        study = self._study
        others = [name for name in study.intervened.blocks_design() if name not in self.predictions]
        rows = {name: self._answers(name) for name in others}
        ids = self.problems.ids
        return self._json(
            f"{study.name}_attention_pattern_variants.json",
            {
                "conditions": {name: self._about(name) for name in others},
                "problems": stated_problems(self.asked, study.intervened.classifiers),
                "predictions": [
                    {"id": ids[row], "condition": name, **rows[name][row]} for row in range(len(ids)) for name in others
                ],
            },
        )

    def _rows(self, file: str, condition: str) -> str:
        return self._json(
            file,
            {
                "condition": condition,
                **self._about(condition),
                "predictions": [
                    {**asked._asdict(), **row} for asked, row in zip(self.asked, self._answers(condition), strict=True)
                ],
            },
        )

    def _column(self, condition: str) -> int:
        return list(self._study.intervened.blocks_design()).index(condition)

    def _about(self, condition: str) -> dict[str, Any]:
        """What is done under a condition, and what it costs."""
        numbers = self.answered.numbers[:, self._column(condition)]
        return {
            "interventions": [repr(one) for one in self._study.intervened.blocks_design()[condition]],
            "accuracy": (numbers == self._gold).mean(),
            "parse_rate": np.isfinite(numbers).mean(),
        }

    @property
    def _gold(self) -> Array:
        return np.array([problem.answer for problem in self.problems])

    def _answers(self, condition: str) -> list[dict[str, Any]]:
        """Of every problem what was answered under a condition."""
        intervened, answered, column = self._study.intervened, self.answered, self._column(condition)
        texts, codes = intervened.block_texts(), intervened.classified()
        numbers, gold = answered.numbers[:, column], answered.gold_log_probability[:, column].astype(np.float64)
        perplexity = np.exp(-gold / answered.gold_length)
        right = numbers == self._gold
        return [
            {
                "answer": texts[row][column],
                "number": numbers[row],
                "correct": bool(right[row]),
                "error_class": CODES[codes[row, column]],
                "gold_log_probability": gold[row],
                "gold_perplexity": perplexity[row],
                "kl_from_baseline": answered.divergence[row, column],
            }
            for row in range(len(numbers))
        ]
