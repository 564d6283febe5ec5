"""The predictions of the study of behaviour, each file written once, with its provenance.

`<model>_baseline.json` and `<model>_attention_pattern_position_{k}.json` (thought k hidden from all later queries) hold a row for
every problem of the test split; `<model>_attention_pattern_variants.json` the answers under all other conditions.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES
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
        """The files of the baseline and of every thought hidden, by condition."""
        T = self._study.n_latents
        name = self._study.name
        files = {"baseline": f"{name}_baseline.json"}
        files |= {block_name("both", k, T): f"{name}_attention_pattern_position_{k}.json" for k in range(T)}
        return {condition: self._rows(file, condition) for condition, file in files.items()}

    @cached_property
    def variants(self) -> str:
        """The file of all other conditions."""
        study, answered = self._study, self.answered
        design = study.intervened.blocks_design()
        texts, codes = study.intervened.block_texts(), study.intervened.classified()
        problems = self.problems
        gold = np.array([problem.answer for problem in problems])
        others = [name for name in design if name not in self.predictions]
        return self._json(
            f"{study.name}_attention_pattern_variants.json",
            {
                "problem_ids": list(problems.ids),
                "conditions": {
                    name: {
                        "interventions": [repr(one) for one in design[name]],
                        "accuracy": (answered.numbers[:, column] == gold).mean(),
                        "answer": [of_problem[column] for of_problem in texts],
                        "number": answered.numbers[:, column],
                        "correct": (answered.numbers[:, column] == gold).astype(int),
                        "error_class": [CODES[code] for code in codes[:, column]],
                        "gold_log_probability": answered.gold_log_probability[:, column],
                    }
                    for name, column in ((name, list(design).index(name)) for name in others)
                },
            },
        )

    def _rows(self, file: str, condition: str) -> str:
        study, answered = self._study, self.answered
        design = study.intervened.blocks_design()
        column = list(design).index(condition)
        texts, codes = study.intervened.block_texts(), study.intervened.classified()
        numbers, gold = answered.numbers[:, column], answered.gold_log_probability[:, column].astype(np.float64)
        perplexity = np.exp(-gold / answered.gold_length)
        problems = self.problems
        right = numbers == np.array([problem.answer for problem in problems])
        return self._json(
            file,
            {
                "condition": condition,
                "interventions": [repr(one) for one in design[condition]],
                "accuracy": right.mean(),
                "parse_rate": np.isfinite(numbers).mean(),
                "predictions": [
                    {
                        "id": problem.id,
                        "question": problem.question,
                        "solution": problem.solution,
                        "gold": problem.answer,
                        "answer": texts[row][column],
                        "number": numbers[row],
                        "correct": bool(right[row]),
                        "error_class": CODES[codes[row, column]],
                        "gold_log_probability": gold[row],
                        "gold_perplexity": perplexity[row],
                        "kl_from_baseline": answered.divergence[row, column],
                    }
                    for row, problem in enumerate(problems)
                ],
            },
        )
