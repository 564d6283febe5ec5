"""Hypotheses of your own: what a file that declares them needs, under one name.

A file ``my_checks/test_first_thought.py``, judged by ``pytest checks/ my_checks/``:

    from harness.own import MeanMeasure, Rule, hypothesis, within

    def first_share(mean):  # [..., L, H, T, T] -> [...]
        last = mean[..., -1, :]
        return (last[..., 0] / last.sum(axis=-1)).mean(axis=(-2, -1))

    CRITERIA = [
        hypothesis(
            "X.1-first",
            "The last thought reads the first one",
            "Share of the last thought's attention to thoughts that goes to the first, mean over heads.",
            Rule(">", 0.25),
            MeanMeasure(first_share, within(0, 1)),
        ),
    ]
"""

from typing import Any

from numpy.typing import NDArray

from harness.criteria.blocks import BlockTrials
from harness.criteria.compared import difference
from harness.criteria.criterion import Criterion, Measurement, NotMeasured, Rule
from harness.criteria.declare import Measure
from harness.criteria.declare import hypothesis as declare
from harness.criteria.effects import (
    Effect,
    EffectTest,
    behaviour_study,
    heads_study,
    importance_study,
    sweep_study,
    validation_study,
)
from harness.criteria.hypothesis import Bounds, MeanMeasure, OnPlantings, Selection, TestMeasure, evaluate
from harness.criteria.paired import Pair, PairMeasure, evaluate_pair
from harness.criteria.sample import Sample
from harness.criteria.select import (
    count_of_heads,
    count_of_top,
    largest_position,
    mean_of_top,
    of_top_heads,
    share_of_heads,
    share_of_top,
    share_of_total,
    smallest_of_top,
    top_over_rest,
)
from harness.criteria.story_1_2 import RAW_VALIDITY
from harness.criteria.story_2_6 import SAME
from harness.criteria.story_b_1 import BLOCK_VALIDITY
from harness.criteria.story_i_2 import INTERVENTION_VALIDITY
from harness.criteria.trials import HeadTrials, Trials
from harness.measures import NotApplicable
from harness.results import VerdictName
from harness.statistics.planted import plant

__all__ = [
    "BlockTrials",
    "Criterion",
    "Effect",
    "EffectTest",
    "HeadTrials",
    "MeanMeasure",
    "Measurement",
    "NotApplicable",
    "NotMeasured",
    "OnPlantings",
    "Pair",
    "PairMeasure",
    "Rule",
    "Sample",
    "Selection",
    "TestMeasure",
    "Trials",
    "behaviour_study",
    "count_of_heads",
    "count_of_top",
    "difference",
    "heads_study",
    "hypothesis",
    "importance_study",
    "largest_position",
    "mean_of_top",
    "of_top_heads",
    "plant",
    "share_of_heads",
    "share_of_top",
    "share_of_total",
    "smallest_of_top",
    "sweep_study",
    "top_over_rest",
    "validation_study",
    "verdict_on",
    "within",
]

_GROUNDS: dict[Any, tuple[str, ...]] = {heads_study: RAW_VALIDITY, behaviour_study: BLOCK_VALIDITY}
"""Of measures on answers: those of others are what every ablated thought rests on."""


def within(low: float, high: float) -> Bounds:
    """What a measure can reach in any model: between ``low`` and ``high``."""
    return lambda L, H, T: (low, high)


def hypothesis(
    criterion_id: str,
    statement: str,
    definition: str,
    rule: Rule,
    measure: Measure,
    *,
    rests_on: tuple[str, ...] | None = None,
    null_should_pass: bool = False,
    family: str | None = None,
) -> Criterion:
    """A hypothesis of your own about one model, about two of them, or about what interventions do, as ``measure`` is.

    Args:
        criterion_id: story and name, ``X.1-first``; the story's first part is none of the study's own (1 to 4, I, S, B).
        statement: the claim, in a few words.
        definition: what is measured, in a sentence or two.
        rule: when the measured value passes.
        measure: :class:`MeanMeasure` or :class:`TestMeasure` on attention, :class:`PairMeasure` on two models' attention,
            :class:`Effect` or :class:`EffectTest` on answers under interventions.
        rests_on: ids of the validity criteria without which the verdict is *invalid*; those of the evidence unless given.
        null_should_pass: any model is expected to pass, given problems enough.
        family: what its p-value is corrected over, in words.
    """
    return declare(
        criterion_id,
        statement,
        definition,
        rule,
        measure,
        scope="pair" if isinstance(measure, PairMeasure) else "model",
        rests_on=_grounds(measure) if rests_on is None else rests_on,
        null_should_pass=null_should_pass,
        family=family,
    )


def verdict_on(criterion: Criterion, *raw: NDArray[Any], seed: int = 0) -> VerdictName:
    """``pass`` or ``fail``: the verdict on attention of your making, such as :func:`plant` gives.

    ``raw`` is the attention [n, L, H, T, T] of one model, or of two that are compared, the smaller one first.
    Errors: ``NotApplicable`` where there are too few problems, layers, heads or thoughts for the measure.
    """
    measured = criterion.measure(_Attention(raw, seed))
    return "pass" if criterion.rule.holds(measured.value) else "fail"


class _Attention:
    """Evidence that is attention and nothing else."""

    def __init__(self, raw: tuple[NDArray[Any], ...], seed: int):
        self._samples = [Sample(one, seed, draw_controls=False) for one in raw]

    def evaluate(self, criterion_id: str, measure: MeanMeasure | TestMeasure | PairMeasure, rule: Rule) -> Measurement:
        """The measurement, without controls."""
        if isinstance(measure, PairMeasure):
            smaller, larger = self._samples
            return evaluate_pair(measure, rule, Pair(("smaller", "larger"), (smaller, larger)), controls=False)
        (sample,) = self._samples
        return evaluate(measure, rule, sample, {})


def _grounds(measure: Any) -> tuple[str, ...]:
    """The validity criteria of what a measure looks at."""
    if isinstance(measure, MeanMeasure | TestMeasure):
        return RAW_VALIDITY
    if isinstance(measure, PairMeasure):
        return (*SAME, *RAW_VALIDITY)
    return _GROUNDS.get(measure.where, INTERVENTION_VALIDITY)
