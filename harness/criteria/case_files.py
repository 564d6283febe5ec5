"""case_studies.json and a figure of every case, each written once, with its provenance."""

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import CODES
from harness.criteria.behaviour import FIRST
from harness.criteria.cases import RULE, Case, choose
from harness.criteria.split_files import SplitFiles
from harness.interventions.designs import ALL_BLOCKED, SEQUENTIAL, block_name
from harness.interventions.keys import key_names
from harness.measures.importance import paired_drop

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Array = NDArray[Any]
_WITHOUT = {
    ALL_BLOCKED: "all thoughts blocked for all later queries",
    SEQUENTIAL: "thoughts that read only themselves and the one before",
}
LIKELY = 0.1
"""Least probability at which a token is what a thought decodes to, in the words of a case."""


class CaseFiles(SplitFiles):
    """Writes the case studies."""

    @property
    def _condition(self) -> str:
        return self.blocked[0]

    @cached_property
    def drop(self) -> Array:
        """[n]: log-probability that the gold answer loses with the first thought blocked."""
        trials = self._study.intervened.blocks()
        return paired_drop(trials.of("gold", "baseline"), trials.of("gold", self._condition)[:, None])[:, 0]

    @cached_property
    def cases(self) -> list[Case]:
        """The chosen problems, in the order in which they were chosen."""
        trials = self._study.intervened.blocks()
        difficulty = np.array([problem.difficulty for problem in self.problems])
        return choose(trials.of("codes", self._condition), difficulty, self.drop, trials.of("right", "baseline"))

    @cached_property
    def content(self) -> list[dict[str, Any]]:
        """What case_studies.json says of each case."""
        return [self._case(case, path) for case, path in zip(self.cases, self.figures, strict=True)]

    @cached_property
    def studies(self) -> str:
        """case_studies.json."""
        return self._json("case_studies.json", {"blocked": self._condition, "rule": RULE, "cases": self.content})

    @cached_property
    def figures(self) -> list[tuple[str, str]]:
        """Paths of the figure of each case."""
        return [
            self._drawn(
                f"case_studies/{place:02d}_problem_{self.problems[case.row].id}", partial(self._figure, case), str(case)
            )
            for place, case in enumerate(self.cases, start=1)
        ]

    @cached_property
    def _tokens(self) -> dict[int, str]:
        rows = [case.row for case in self.cases]
        return self._study.intervened.about("test").token_texts(self.followed["tokens"][rows, :2])

    def lens(self, row: int, condition: int) -> list[list[tuple[str, float]]]:
        """[T + 1][5]: what the output head reads at each thought and EOT, likeliest first."""
        followed = self.followed
        tokens, probability = followed["tokens"][row, condition], followed["probability"][row, condition]
        return [
            [(self._tokens[int(token)], float(share)) for token, share in zip(*of_position, strict=True)]
            for of_position in zip(tokens, probability, strict=True)
        ]

    def _answers(self, row: int) -> dict[str, dict[str, Any]]:
        study = self._study
        design, T = list(study.intervened.blocks_design()), study.n_latents
        answered, texts = study.intervened.answered_blocks(), study.intervened.block_texts()
        gold = self.problems[row].answer
        shown = ["baseline", *(block_name("both", place, T) for place in range(T)), ALL_BLOCKED, SEQUENTIAL]
        found = {}
        for name in shown:
            column = design.index(name)
            kind = study.intervened.explained(row, column)
            found[name] = {
                "text": texts[row][column],
                "number": answered.numbers[row, column],
                "correct": bool(answered.numbers[row, column] == gold),
                "error_class": kind.error_class,
                "evidence": kind.evidence,
                "gold_log_probability": answered.gold_log_probability[row, column],
            }
        return found

    def _case(self, case: Case, paths: tuple[str, str]) -> dict[str, Any]:
        followed, problem = self.followed, self.problems[case.row]
        T = self._study.n_latents
        attention = self._attention(case.row)
        answers, lens = self._answers(case.row), [self.lens(case.row, place) for place in (0, 1)]
        positions = [*(f"CT{place}" for place in range(T)), "EOT"]
        return {
            "problem_id": problem.id,
            "question": problem.question,
            "solution": problem.solution,
            "gold": problem.answer,
            "difficulty": problem.difficulty,
            "chosen_as": {"error_class": CODES[case.code], "level": case.level},
            "gold_log_probability_drop": case.drop,
            "answers": answers,
            "decodes_to": {
                position: {
                    name: [{"token": token, "probability": share} for token, share in one[place]]
                    for name, one in zip(("baseline", self._condition), lens, strict=True)
                }
                for place, position in enumerate(positions)
            },
            "attention": {
                "key_classes": list(key_names(T)),
                "queries": positions,
                "baseline": attention[0],
                self._condition: attention[1],
            },
            "relative_distance": followed["relative"][case.row, 1],
            "narrative": narrative(case, answers, lens, self._condition, positions),
            "figure": list(paths),
        }

    def _attention(self, row: int) -> Array:
        """[2, T + 1, C]: mean over layers and heads, baseline and blocked."""
        return np.asarray(self.followed["weights"][row, :2].mean(axis=(1, 2), dtype=np.float64))

    def _figure(self, case: Case) -> "Figure":
        from harness.figures.case_study import Answer, case_study_figure

        problem, answers = self.problems[case.row], self._answers(case.row)
        attention = self._attention(case.row)
        rows = {name: answers[name] for name in ("baseline", self._condition, *answers)}
        steps = "1 step" if problem.difficulty == 1 else f"{problem.difficulty} steps"
        return case_study_figure(
            lens_baseline=self.lens(case.row, 0),
            lens_blocked=self.lens(case.row, 1),
            attention_baseline=attention[0],
            attention_blocked=attention[1],
            classes=list(key_names(self._study.n_latents)),
            divergence=np.asarray(self.followed["relative"][case.row, 1]),
            question=problem.question,
            solution=problem.solution,
            answers=[
                Answer(
                    name,
                    one["text"],
                    "UNEXPLAINED" if one["error_class"] == "CALC_ERROR" and not one["evidence"] else one["error_class"],
                    "" if one["correct"] else one["evidence"] or "nothing found that would explain it",
                    float(one["gold_log_probability"]),
                )
                for name, one in rows.items()
            ],
            note=f"{steps}. CT{FIRST} blocked: no later thought and no answer token can read it. The gold answer "
            f"{'loses' if case.drop > 0 else 'wins'} {abs(case.drop):.3g} of log-probability.",
            title=f"{self._study.name}, {self.problems.name} problem {problem.id}: {_outcome(answers, self._condition)}",
        )


def narrative(
    case: Case,
    answers: dict[str, dict[str, Any]],
    lens: list[list[list[tuple[str, float]]]],
    blocked: str,
    positions: list[str],
) -> str:
    """A case in sentences that say what was seen and nothing about why."""
    before, after = answers["baseline"], answers[blocked]
    if after["correct"] and not before["correct"]:
        happened = (
            f"Wrong under the baseline ({_said(before)}{_kind(before)}), the answer is right with CT{FIRST} blocked"
        )
    elif after["correct"]:
        happened = f"The answer is right and stays right with CT{FIRST} blocked"
    elif before["correct"]:
        happened = f"Right under the baseline, the answer with CT{FIRST} blocked is {_said(after)}"
    else:
        happened = (
            f"Already wrong under the baseline ({_said(before)}), the answer with CT{FIRST} blocked is {_said(after)}"
        )
    explained = "" if after["correct"] else f" ({_kind(after).removeprefix(', ')})"
    moved = f"The gold answer's log-probability changes by {-case.drop:+.3g}."
    changed = [
        f"{position} from {_shown(one)} to {_shown(other)}"
        for position, one, other in zip(positions, *lens, strict=True)
        if one[0][0] != other[0][0] and max(one[0][1], other[0][1]) >= LIKELY
    ]
    decoded = (
        f"What the output head reads changes at {', '.join(changed)}."
        if changed
        else f"No token that the output head reads with a probability of {LIKELY:g} or more gives way to another."
    )
    others = [
        _WITHOUT.get(name, f"{name.removeprefix('blocked ')} blocked")
        for name, one in answers.items()
        if name not in ("baseline", blocked) and before["correct"] != one["correct"]
    ]
    turned = "wrong" if before["correct"] else "right"
    also = f" The answer is {turned} with {'; with '.join(others)}." if others else ""
    return f"{happened}{explained}. {moved} {decoded}{also}"


def _outcome(answers: dict[str, dict[str, Any]], condition: str) -> str:
    before, after = (answers[name]["correct"] for name in ("baseline", condition))
    words = {
        (True, True): "stays right",
        (True, False): "is lost",
        (False, True): "is gained",
        (False, False): "stays wrong",
    }
    return f"the answer {words[before, after]} with CT{FIRST} blocked"


def _kind(answer: dict[str, Any]) -> str:
    """The class of a wrong answer with what it was told by."""
    evidence = f": {answer['evidence']}" if answer["evidence"] else ", nothing found that would explain it"
    return f", {answer['error_class']}{evidence}"


def _said(answer: dict[str, Any]) -> str:
    number = answer["number"]
    return f"{number:.15g}" if np.isfinite(number) else "no number"


def _shown(likeliest: list[tuple[str, float]]) -> str:
    token, share = likeliest[0]
    return f"{token.strip()!r} ({share:.2f})"
