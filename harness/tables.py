"""Extractions, answers and their errors as tables for a notebook."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from harness.behaviour import classify
from harness.errors import HarnessError
from harness.extraction.patterns import AttentionPatterns
from harness.interventions import Condition, Intervention
from harness.measures import HEAD_SCORES, LAYER_TYPES, TooFewLatents, layer_type
from harness.problems import ProblemSet
from harness.storage.progress import Progress, quiet

if TYPE_CHECKING:
    from harness.engines.work import Engine
    from harness.models.thoughts import ThoughtModel


def head_scores(patterns: AttentionPatterns) -> pd.DataFrame:
    """One row per head of the mean pattern: layer, head, layer_type and every score of single heads; L * H rows.

    ``flow``, ``skip`` and the others are shares and means of attention weights, without a unit. A score is NaN for a head
    that reads no thoughts. Errors: none; scores that need more latents than the model has are left out.
    """
    mean = patterns.raw.mean(axis=0, dtype=np.float64)
    layers, heads = mean.shape[:2]
    table = pd.DataFrame(
        {
            "layer": np.repeat(np.arange(layers), heads),
            "head": np.tile(np.arange(heads), layers),
            "layer_type": np.repeat(np.array(LAYER_TYPES)[layer_type(layers)], heads),
        }
    )
    for name, score in HEAD_SCORES.items():
        try:
            table[name] = score(mean).ravel()
        except TooFewLatents:
            continue
    return table


def classify_errors(
    questions: Sequence[str], solutions: Sequence[str], answer_texts: Sequence[str | None]
) -> pd.DataFrame:
    """What kind of answer each text is: one row per problem, in the order given, from three columns of n rows.

    ``solutions`` end in ``####`` and the gold answer; calculations marked ``<<48/2=24>>`` in them are what most errors are
    explained by. ``answer_texts`` are what the model wrote, None or NaN for nothing; the last number in one is its answer.

    Columns: ``error_class``, one of ``harness.behaviour.ERROR_CLASSES``, and ``evidence``, the calculation that gives the
    wrong number, such as "12 - 5 = 7 (step 1: - for +), 7 x 2 = 14". A CALC_ERROR whose evidence is None is a wrong number
    that nothing explains, not one that is known to be miscalculated.
    Errors: ``HarnessError`` for columns of different lengths, a row that is no text, or a solution without a gold answer,
    naming the row (counted from 0).
    """
    lengths = {"questions": len(questions), "solutions": len(solutions), "answer_texts": len(answer_texts)}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise HarnessError(f"There are {found}; give one of each for every problem.")
    rows = []
    for row, (question, solution, answer) in enumerate(zip(questions, solutions, answer_texts, strict=True)):
        # A table has NaN where a text is missing.
        text = None if pd.api.types.is_scalar(answer) and pd.isna(answer) else answer
        for name, value in (("question", question), ("solution", solution), ("answer text", text)):
            if not isinstance(value, str) and not (value is None and name == "answer text"):
                raise HarnessError(f"Row {row}: the {name} is {value!r}, not a text; give a text.")
        try:
            rows.append(classify(question, solution, text))
        except HarnessError as error:
            raise HarnessError(f"Row {row}: {error}") from error
    return pd.DataFrame(rows, columns=["error_class", "evidence"], dtype=object)


def run_conditions(
    model: "ThoughtModel",
    problems: ProblemSet,
    conditions: Sequence[Intervention | Condition],
    *,
    folder: str | Path | None = None,
    seed: int = 42,
    max_tokens: int = 256,
    progress: Progress = quiet,
    engine: "Engine | None" = None,
) -> pd.DataFrame:
    """Answers under interventions: a row for every problem and condition, the baseline first.

    A condition is an intervention, or a tuple of several that act together. Results stream to ``folder`` and a run that was
    cut off there is continued; without it they go to a temporary one. ``seed`` decides noise and who is exchanged with whom.
    ``engine`` runs the model; this process unless named.

    Columns: ``problem_id``, ``difficulty``, ``condition`` (as it reads in Python), ``text``, ``number`` (NaN for none),
    ``gold``, ``correct``, ``gold_log_probability`` (nats, of the gold answer in the model's own words),
    ``gold_perplexity`` and ``kl_from_baseline`` (nats, of the first answer token's distribution).
    Errors: ``HarnessError`` for a condition that cannot act on the model, a question that does not fit its positions, or a
    folder that cannot be written.
    """
    from harness.interventions.answers import answer_conditions, record_reference
    from harness.interventions.cached import needs_reference
    from harness.interventions.sound import Sizes, as_conditions

    sizes = Sizes(model.n_layers, model.n_heads, model.n_latents)
    every: list[Condition] = [(), *as_conditions(conditions, model.name, sizes)]
    with TemporaryDirectory() as temporary:
        place = Path(temporary if folder is None else folder)
        reference = None
        if needs_reference(every):
            reference = record_reference(model, problems, folder=place / "reference", progress=progress, engine=engine)
        answers = answer_conditions(
            model,
            problems,
            every,
            folder=place / "answers",
            reference=reference,
            seed=seed,
            max_tokens=max_tokens,
            progress=progress,
            engine=engine,
        )
        texts, perplexity = answers.texts(model), answers.gold_perplexity
        return pd.DataFrame(
            {
                "problem_id": problem.id,
                "difficulty": problem.difficulty,
                "condition": ", ".join(map(repr, condition)) or "baseline",
                "text": texts[row][column],
                "number": answers.numbers[row, column],
                "gold": problem.answer,
                "correct": bool(answers.numbers[row, column] == problem.answer),
                "gold_log_probability": float(answers.gold_log_probability[row, column]),
                "gold_perplexity": perplexity[row, column],
                "kl_from_baseline": float(answers.divergence[row, column]),
            }
            for row, problem in enumerate(problems)
            for column, condition in enumerate(every)
        )
