"""What the files about kinds of errors hold, whoever gives the answers: the study of a model, or files of predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES, Classified, Classifier, near_answers, random_answers
from harness.criteria.taxonomy import taxonomy_summary
from harness.problems import last_number

FULL, SUMMARY = "error_taxonomy_full.json", "error_taxonomy_summary.json"
RANDOM_DRAWS = 20
"""Times that every problem gets the answer to another one."""
NEAR_DRAWS = 10
"""Times that wrong answers exchange how far they are from the gold answer."""


class Asked(NamedTuple):
    """A problem as files of predictions state it."""

    id: int | str
    question: str
    solution: str
    gold: float


def stated_problems(asked: Sequence[Asked], classifiers: Sequence[Classifier]) -> list[dict[str, Any]]:
    """Every problem once, for files with several conditions, with what there is to look for explanations among.

    That is ``steps``, how many calculations of the solution could be read, and ``answer_step``, which of them, counted from 1,
    states the gold answer; None where none does.
    """
    return [
        {
            **problem._asdict(),
            "steps": len(solution.steps),
            "answer_step": None if solution.answer is None else solution.answer + 1,
        }
        for problem, solution in zip(asked, (one.solution for one in classifiers), strict=True)
    ]


def out_of_reach(problems: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many of `stated_problems` have no step that states the gold answer, or no steps at all.

    There the solution cannot be followed from a changed operation or a slip to the answer.
    """
    without = sum(not one["steps"] for one in problems)
    unstated = sum(one["steps"] > 0 and one["answer_step"] is None for one in problems)
    return {
        "of": "problems where no answer can be an OPERATION_REVERSAL or a CALC_ERROR with evidence; without steps no "
        "PARTIAL_ANSWER either",
        "no_step_states_gold": unstated,
        "no_steps": without,
        "n_problems": unstated + without,
    }


@dataclass(frozen=True)
class SortedAnswers:
    """Answers to n problems under K conditions, the first the baseline, and of what kind each is."""

    asked: Sequence[Asked]
    classifiers: Sequence[Classifier]
    names: Sequence[str]
    """Of the conditions."""
    texts: Sequence[Sequence[str | None]]
    """[n][K]."""

    @cached_property
    def found(self) -> list[list[Classified]]:
        """[n][K]: the class of each, and what explains it."""
        return [
            [classifier.classify(text) for text in texts]
            for classifier, texts in zip(self.classifiers, self.texts, strict=True)
        ]

    @cached_property
    def codes(self) -> NDArray[np.int8]:
        """[n, K]: places in ``CODES``."""
        return np.array([[one.code for one in classes] for classes in self.found], dtype=np.int8)

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """[n, K]: the last number of each text, NaN where there is none."""
        read = [[None if text is None else last_number(text) for text in texts] for texts in self.texts]
        return np.array(read, dtype=np.float64)

    def full(self) -> dict[str, Any]:
        """Content of error_taxonomy_full.json, which can be read as a file of predictions.

        ``conditions`` are their names, the baseline first; ``problems`` are `stated_problems`; ``predictions`` has a row for
        every problem and condition: ``id``, ``condition``, ``answer`` (the text), ``number``, ``code`` (of ``CODES``),
        ``error_class`` (of the nine), ``evidence``.
        """
        return {
            "conditions": list(self.names),
            "problems": stated_problems(self.asked, self.classifiers),
            "predictions": [
                {
                    "id": problem.id,
                    "condition": name,
                    "answer": self.texts[row][column],
                    "number": self.numbers[row, column],
                    "code": CODES[found.code],
                    "error_class": found.error_class,
                    "evidence": found.evidence,
                }
                for row, problem in enumerate(self.asked)
                for column, name in enumerate(self.names)
                for found in (self.found[row][column],)
            ],
        }

    def summary(self, compared: Sequence[str], seed: int) -> dict[str, Any]:
        """Content of error_taxonomy_summary.json; ``compared`` are the conditions that stand beside the baseline in its table.

        A :func:`~harness.criteria.taxonomy.taxonomy_summary`, and

        - ``out_of_reach``: in how many problems some classes cannot occur;
        - ``random_answers``: what ``random`` holds, in words; ``near_answers``: shares of each code, of conditions by name, of
          wrong answers as far from the gold answer as the condition's;
        - ``distances``: of conditions by name, how far from gold most wrong numbers are and the share of wrong numbers that are;
        - ``table``: of each code the shares of all problems under the baseline, under each compared condition with the change,
          and of random answers.

        ``seed`` decides the resamples and which answers go to which other problem.
        """
        baseline = self.names[0]
        random = random_answers(self.classifiers, [texts[0] for texts in self.texts], RANDOM_DRAWS, seed)
        return {
            **taxonomy_summary(self.codes, self.names, random, seed),
            "out_of_reach": out_of_reach(stated_problems(self.asked, self.classifiers)),
            "random_answers": f"the baseline's answers dealt to other problems, {RANDOM_DRAWS} times",
            "near_answers": {
                "of": f"differences of wrong numbers from gold dealt among these problems, {NEAR_DRAWS} times; shares of them",
                "conditions": {name: self._near(name, seed) for name in (baseline, *compared)},
            },
            "distances": {name: self._distance(name) for name in (baseline, *compared)},
            "table": self._table(compared, random.mean(axis=0)),
        }

    def _distance(self, name: str) -> dict[str, Any]:
        column = list(self.names).index(name)
        numbers, wrong = self.numbers[:, column], self.codes[:, column] != CODES.index("CORRECT")
        away = np.abs(numbers - np.array([problem.gold for problem in self.asked]))[wrong & np.isfinite(numbers)]
        if not len(away):
            return {"wrong_numbers": 0, "most_common": None, "share": None}
        values, counts = np.unique(away, return_counts=True)
        return {
            "wrong_numbers": len(away),
            "most_common": float(values[counts.argmax()]),
            "share": float(counts.max() / len(away)),
        }

    def _near(self, name: str, seed: int) -> dict[str, float]:
        gold = np.array([problem.gold for problem in self.asked])
        numbers = self.numbers[:, self.names.index(name)]
        shares = near_answers(self.classifiers, gold, numbers, NEAR_DRAWS, seed)
        return dict(zip(CODES, shares.mean(axis=0).tolist(), strict=True))

    def _table(self, compared: Sequence[str], random: NDArray[np.float64]) -> list[dict[str, Any]]:
        shares = np.stack([(self.codes == code).mean(axis=0) for code in range(len(CODES))])
        return [
            {
                "class": code,
                "baseline": shares[place, 0],
                "conditions": {
                    name: {"share": share, "change": share - shares[place, 0]}
                    for name in compared
                    for share in (shares[place, self.names.index(name)],)
                },
                "random": random[place],
            }
            for place, code in enumerate(CODES)
        ]
