"""Story B.1: what the model answers when later queries cannot read a thought."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.behaviour import FIRST, LATE, first_matters, first_more_than_late, late_hardly_matters
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.evidence import ModelStudy
from harness.interventions.designs import block_name

BLOCK_VALIDITY = ("B.1-sham", "B.1-readback")
READ_BACK = "0 and <= 1e-5 (2e-2 in 16-bit)"


def complete(study: ModelStudy) -> Measurement:
    """Rows of the prediction files, each problem once in the order of the split, as they were answered."""
    own, split = study.behaviour_files, study.intervened.problems("test")
    answered, design = own.answered, list(study.intervened.blocks_design())
    wrong = []
    for condition, path in own.predictions.items():
        rows = json.loads(study.absolute(path).read_text(encoding="utf-8"))["predictions"]
        same = _as_answered(rows, split.ids, answered.numbers[:, design.index(condition)])
        wrong += [] if same else [f"{path}: {len(rows)} rows"]
    if len(split) != split.split_size:
        wrong.append(f"{len(split)} of {split.split_size} problems")
    variants = json.loads(study.absolute(own.variants).read_text(encoding="utf-8"))
    others = set(design) - set(own.predictions)
    of_condition: dict[str, list[dict[str, Any]]] = {}
    for row in variants["predictions"]:
        of_condition.setdefault(row["condition"], []).append(row)
    if set(of_condition) != others or not all(
        _as_answered(rows, split.ids, answered.numbers[:, design.index(name)]) for name, rows in of_condition.items()
    ):
        wrong.append(own.variants)
    wrong += [
        f"{path} is not as written" for path in (*own.predictions.values(), own.variants) if not own.as_written(path)
    ]
    return Measurement(
        "== size of the test set" if not wrong else f"wrong: {', '.join(wrong)}",
        n_problems=len(split),
        beside={"rows": len(split), "conditions": len(design), "split_size": split.split_size},
        artifacts=(*own.predictions.values(), own.variants),
    )


def _as_answered(rows: Sequence[dict[str, Any]], ids: Sequence[int], numbers: NDArray[np.float64]) -> bool:
    """Whether saved rows are of these problems, in their order, with these numbers [n], NaN for none."""
    found = np.array([row["number"] for row in rows], dtype=np.float64)
    return [row["id"] for row in rows] == list(ids) and np.array_equal(found, numbers, equal_nan=True)


def sham(study: ModelStudy) -> Measurement:
    """Problems whose answer tokens, gold log-probability or divergence under the sham are not the baseline's."""
    answered = study.behaviour_files.answered
    column = list(study.intervened.blocks_design()).index("sham")
    same = (answered.tokens[:, column] == answered.tokens[:, 0]).all(axis=1)
    same &= answered.gold_log_probability[:, column] == answered.gold_log_probability[:, 0]
    same &= answered.divergence[:, column] == 0
    return Measurement(int((~same).sum()), n_problems=len(same), beside={"outputs": len(same)})


def read_back(study: ModelStudy) -> Measurement:
    """The largest weight on blocked keys, and difference of the others from the run's own softmax without them."""
    design = study.intervened.blocks_design()
    found = study.intervened.about("test").read_back_blocks(list(design.values()))
    tolerance = 1e-5 if study.options.dtype == "float32" else 2e-2
    holds = found["cut"] > 0 and found["blocked"] == 0 and max(found["others"], found["output"]) <= tolerance
    return Measurement(
        READ_BACK if holds else f"{found['blocked']:.3g} and {max(found['others'], found['output']):.3g}",
        beside={**found, "tolerance": tolerance},
    )


def _files(study: ModelStudy) -> Sequence[str]:
    own, T = study.behaviour_files.predictions, study.n_latents
    shown = ["baseline", *(block_name("both", position, T) for position in (FIRST, LATE) if position < T)]
    return [own[name] for name in shown]


CRITERIA = (
    Criterion(
        "B.1-complete",
        "acceptance",
        "All predictions are kept",
        "Rows of the saved predictions, for the baseline and each thought blocked: every problem of the test split once, in "
        "order, with the number that was answered. The other conditions lie in a file of their own, each with as many answers.",
        Rule("is", "== size of the test set"),
        complete,
    ),
    Criterion(
        "B.1-sham",
        "validity",
        "Sham equals baseline",
        "Problems whose answer tokens, gold log-probability or divergence under a sham differ from the baseline's in any bit.",
        Rule("==", 0),
        sham,
    ),
    Criterion(
        "B.1-readback",
        "validity",
        "Blocked attention is blocked and nothing else is",
        "The first and the last batch of problems are answered again, all conditions side by side. At every thought, EOT and "
        "every token fed after it, of the answer and of the gold answer that is scored, all layers and heads: the largest weight "
        "on a blocked key; and the largest difference of any weight, and of what the heads hand on, from a softmax in float64 "
        "of the run's own scores without the blocked keys.",
        Rule("is", READ_BACK),
        read_back,
    ),
    hypothesis(
        "B.1-ct0",
        "Blocking CT0 lowers accuracy",
        "No later thought and no answer token can read CT0. McNemar's exact two-sided test of the answers with and without, "
        "Benjamini-Hochberg over all thoughts blocked in turn; 1 where accuracy does not fall. As control other thoughts, "
        "drawn at random, take its place in all problems.",
        Rule("<", 0.001),
        first_matters(),
        rests_on=BLOCK_VALIDITY,
        family="B.1-ct0",
        shown=_files,
    ),
    hypothesis(
        "B.1-specific",
        "CT0 matters more than CT4",
        "Accuracy lost with CT0 blocked less that with CT4 blocked, once blocked for all later queries, once for the last "
        "thought and the answer alone, so that both lose as many readers; the smaller lower end of the two 95 % bootstrap "
        "intervals over problems.",
        Rule(">", 0),
        first_more_than_late(),
        rests_on=BLOCK_VALIDITY,
        shown=_files,
    ),
    hypothesis(
        "B.1-ct4",
        "Blocking CT4 hardly matters",
        "Accuracy lost with CT4 blocked for all that comes later: how far from 0 the 95 % "
        "intervals over problems by bootstrap and by score (Tango 1998) reach at most, to either side; where few answers change "
        "the bootstrap has hardly any width, however few the problems are.",
        Rule("between", (-0.05, 0.05)),
        late_hardly_matters(),
        rests_on=BLOCK_VALIDITY,
        null_should_pass=True,
        shown=_files,
    ),
)
