"""The evidence of intervention studies: what one model answers when thoughts or heads are ablated.

Everything is run when first asked for, kept on disk by content, and kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import Classified, Classifier, features
from harness.criteria.blocks import BlockTrials
from harness.criteria.criterion import Measurement, NotMeasured, Rule
from harness.criteria.effects import CHEAP, INTERVENED, ControlName, Effect, EffectTest, Source, evaluate_effect
from harness.criteria.remembered import remembered, statistics_code
from harness.criteria.trials import HeadTrials, Trials
from harness.errors import HarnessError
from harness.files import digest
from harness.interventions.cached import Answered, CachedAnswers
from harness.interventions.designs import (
    AT_LARGEST,
    HEAD_FILLS,
    Design,
    blocks_design,
    followed_design,
    heads_design,
    importance_design,
    name_of,
    subsets_design,
)
from harness.interventions.keys import NUMBERS
from harness.measures import composite_score, top_k
from harness.measures.subsets import positions_of
from harness.problems import ProblemSet
from harness.statistics import random_head_sets

if TYPE_CHECKING:
    from harness.criteria.evidence import ModelStudy
    from harness.extraction.patterns import AttentionPatterns

Array = NDArray[Any]
SampleName = Literal["first", "second", "importance", "validation", "sweep", "test", "full"]
"""Problems that a run looks at: the sample of the attention study, a second one, those of the interventions, and all."""
MOST_HEADS = 10
SHARE_OF_HEADS = 4
"""Heads ablated together: ten, or a quarter of the model's."""


@dataclass(frozen=True)
class HeadsPlan:
    """Conditions with heads ablated; the random sets; composite score [L * H]; the places of the chosen heads in it."""

    design: Design
    others: list[tuple[tuple[int, int], ...]]
    composite: Array
    chosen: tuple[int, ...]
    layered: bool
    """Whether every random set has as many heads of each layer as the chosen one."""


class Intervened:
    """Answers under interventions, of a model and of what it is compared with.

    ``at`` gives the answers of a source about a sample of problems. Errors of every method: ``NotMeasured`` where a sample
    cannot be drawn.
    """

    def __init__(self, study: "ModelStudy", at: Callable[[SampleName, Source], CachedAnswers]):
        self._study = study
        self._at = at
        self._known: dict[tuple[str, Source], Any] = {}

    def about(self, sample: SampleName, source: Source = "trained") -> CachedAnswers:
        """The answers of a source about a sample."""
        try:
            return self._at(sample, source)
        except HarnessError as error:
            raise NotMeasured(str(error)) from error

    def problems(self, sample: SampleName) -> ProblemSet:
        """The problems of a sample."""
        return self.about(sample).extraction.problems

    def patterns(self, sample: SampleName, source: Source = "trained") -> "AttentionPatterns":
        """The attention of a source on a sample."""
        answers = self.about(sample, source)
        return answers.extraction.patterns(answers.variant)

    def importance_design(self, source: Source = "trained") -> Design:
        """The conditions of the importance study."""
        L, T = self._sizes(source)
        return importance_design(L, T, self._study.options.ablate_at)

    def sweep_design(self, source: Source = "trained", fill: str = "zero") -> Design:
        """The conditions of the sweep over all sets of thoughts."""
        return subsets_design(*self._sizes(source), fill)

    def answered(self, sample: SampleName, design: Design, source: Source = "trained", label: str = "") -> Answered:
        """The answers under a design's conditions."""
        return self.about(sample, source).answers(list(design.values()), label or sample)

    def importance(self, source: Source = "trained") -> Trials:
        """Each thought alone, pairs and triplets zeroed at the middle layer, with attention from the answer position."""
        known = ("importance", source)
        if known not in self._known:
            T = self._sizes(source)[1]
            sets = [number for number in range(1 << T) if number.bit_count() <= AT_LARGEST]
            attention = self.patterns("importance", source).answer_attention.mean(axis=2, dtype=np.float64)
            design = self.importance_design(source)
            self._known[known] = self._thoughts("importance", source, design, sets, attention)
        return self._known[known]

    def sweep(self, source: Source = "trained") -> Trials:
        """Every set of thoughts zeroed at the middle layer, on the sweep's problems."""
        return self.subsets("sweep", source)

    def validation(self, source: Source = "trained") -> Trials:
        """The same on the problems that the sweep is validated on."""
        return self.subsets("validation", source)

    def subsets(self, sample: SampleName, source: Source = "trained", fill: str = "zero") -> Trials:
        """Every set of thoughts ablated at the middle layer."""
        known = (f"{sample} {fill}", source)
        if known not in self._known:
            design = self.sweep_design(source, fill)
            self._known[known] = self._thoughts(sample, source, design, range(1 << self._sizes(source)[1]), fill=fill)
        return self._known[known]

    def blocks(self, source: Source = "trained") -> BlockTrials:
        """Thoughts blocked for later queries on the whole test split."""
        known = ("blocks", source)
        if known not in self._known:
            design, T = self.blocks_design(source), self._sizes(source)[1]
            problems, answered = self.problems("test"), self.answered_blocks(source)
            followed = self.followed(source)
            counts, numbers = followed["counts"], followed["weights"][:, 0, :, :, :T, NUMBERS]
            self._known[known] = BlockTrials(
                T=T,
                names=tuple(design),
                right=self._right("test", answered),
                gold=answered.gold_log_probability.astype(np.float64),
                codes=self.classified(source),
                features=np.array(
                    [
                        list(features(problem, int(tokens)).values())
                        for problem, tokens in zip(problems, counts.sum(axis=1) - 1, strict=True)
                    ],
                    dtype=np.float64,
                ),
                numbers=numbers.mean(axis=(1, 2), dtype=np.float64),
                evenly=counts[:, [NUMBERS]] / (counts.sum(axis=1, keepdims=True) + np.arange(1, T + 1)),
                seed=self._study.options.seed,
            )
        return self._known[known]

    def blocks_design(self, source: Source = "trained") -> Design:
        """The conditions of the study of behaviour."""
        return blocks_design(self._sizes(source)[1])

    def answered_blocks(self, source: Source = "trained") -> Answered:
        """All its answers."""
        return self.answered("test", self.blocks_design(source), source, self._blocks_label(source))

    def block_texts(self, source: Source = "trained") -> list[list[str]]:
        """[n][C]: its answers as text."""
        known = ("texts", source)
        if known not in self._known:
            conditions = list(self.blocks_design(source).values())
            self._known[known] = self.about("test", source).texts(conditions, self._blocks_label(source))
        texts: list[list[str]] = self._known[known]
        return texts

    def explained(self, row: int, column: int, source: Source = "trained") -> Classified:
        """The class of one of its answers, and why."""
        return self.classifiers[row].classify(self.block_texts(source)[row][column])

    def classified(self, source: Source = "trained") -> Array:
        """[n, C]: the error class of each of its answers, a place in ``CODES``."""
        known = ("classified", source)
        if known not in self._known:
            self._known[known] = np.array(
                [
                    [classifier.classify(text).code for text in texts]
                    for classifier, texts in zip(self.classifiers, self.block_texts(source), strict=True)
                ],
                dtype=np.int8,
            )
        return self._known[known]

    @cached_property
    def classifiers(self) -> list[Classifier]:
        """What sorts answers to each problem of the test split."""
        return [Classifier(problem.question, problem.solution, problem.answer) for problem in self.problems("test")]

    def followed(self, source: Source = "trained") -> dict[str, Array]:
        """What happens inside with the study's two thoughts blocked; the arrays of a :class:`Followed`.

        Where no thought has another after it there is the baseline alone.
        """
        known = ("followed", source)
        if known not in self._known:
            design = followed_design(self._sizes(source)[1])
            label = f"inside, {len(design)} conditions"
            self._known[known] = self.about("test", source).followed(list(design.values()), label)
        arrays: dict[str, Array] = self._known[known]
        return arrays

    def _blocks_label(self, source: Source) -> str:
        return f"{len(self.blocks_design(source))} conditions, test split"

    def heads(self, source: Source = "trained") -> HeadTrials:
        """The heads that the second sample ranks first, random sets and single heads ablated on the first sample."""
        known = ("heads", source)
        if known not in self._known:
            plan = self.heads_plan(source)
            answered = self.answered("first", plan.design, source, f"{len(plan.design)} sets of heads")
            right = self._right("first", answered)
            names = list(plan.design)
            first = {fill: names.index(f"{fill} chosen") for fill in HEAD_FILLS}
            tried = {fill: sum(name.startswith(f"{fill} random") for name in names) for fill in HEAD_FILLS}
            self._known[known] = HeadTrials(
                baseline=right[:, 0],
                sham_right=right[:, names.index("sham")],
                sets={fill: right[:, first[fill] : first[fill] + 1 + count] for fill, count in tried.items()},
                single=right[:, -len(plan.composite) :],
                composite=plan.composite,
                chosen=plan.chosen,
                seed=self._study.options.seed,
                layered=plan.layered,
            )
        return self._known[known]

    def heads_plan(self, source: Source = "trained") -> "HeadsPlan":
        """Which heads are ablated."""
        known = ("heads plan", source)
        if known not in self._known:
            self._known[known] = self._plan_heads(source)
        return self._known[known]

    def _plan_heads(self, source: Source) -> "HeadsPlan":
        composite = composite_score(self.patterns("second", source).raw.mean(axis=0, dtype=np.float64))
        L, H = composite.shape
        k = min(MOST_HEADS, L * H // SHARE_OF_HEADS)
        places = tuple(int(place) for place in top_k(composite, k))
        chosen = [divmod(place, H) for place in places]
        others = random_head_sets(chosen, L, H, self._study.options.seed)
        counts = [sum(layer == one for layer, _ in chosen) for one in range(L)]
        layered = all([sum(layer == one for layer, _ in heads) for one in range(L)] == counts for heads in others)
        return HeadsPlan(heads_design(chosen, others, L, H), others, composite.ravel(), places, layered)

    def heads_key(self) -> str:
        """Content key of the answers without heads."""
        return self.about("first").key(repr(list(self.heads_plan().design.values())))

    def evaluate(self, criterion_id: str, measure: Effect[Any] | EffectTest[Any], rule: Rule) -> Measurement:
        """A hypothesis' measurement with all controls, kept on disk by content."""
        names = "".join(f"{sample}:{self._fingerprint(sample)};" for sample in get_args(SampleName))
        settings = f"{criterion_id}:{rule!r}:{sorted(self.controls)}:{self._study.options.ablate_at}"
        key = digest(self.about("first").key(names), self._control_key(), settings, statistics_code())[:32]
        path = self._study.options.cache_dir / "measurements" / f"{key}.json"
        return remembered(path, lambda: evaluate_effect(measure, rule, self, self.controls))

    @cached_property
    def controls(self) -> frozenset[ControlName]:
        """Those that were asked for and can be had."""
        match self._study.options.controls:
            case "none":
                return frozenset()
            case "cheap":
                return frozenset(CHEAP)
            case "all":
                there = self._study.options.control_model is not None
                return frozenset(name for name in (*CHEAP, *INTERVENED) if name != "control-model" or there)

    def _control_key(self) -> str:
        return self.about("first", "control-model").key("") if "control-model" in self.controls else ""

    def _fingerprint(self, sample: SampleName) -> str:
        try:
            return self.problems(sample).fingerprint
        except NotMeasured:
            return "none"

    def _sizes(self, source: Source) -> tuple[int, int]:
        about = self.about("first", source).extraction.about()
        return about["n_layers"], about["n_latents"]

    def _right(self, sample: SampleName, answered: Answered) -> Array:
        gold = np.array([problem.answer for problem in self.problems(sample)])
        return np.asarray(answered.numbers == gold[:, None])

    def _thoughts(
        self,
        sample: SampleName,
        source: Source,
        design: Design,
        sets: "range | list[int]",
        attention: Array | None = None,
        fill: str = "zero",
    ) -> Trials:
        label = f"{len(design)} conditions, {sample}"
        answered = self.answered(sample, design, source, label)
        names, T = list(design), self._sizes(source)[1]
        columns = [names.index(name_of(fill, positions_of(number, T)) if number else "baseline") for number in sets]
        right, gold = self._right(sample, answered), answered.gold_log_probability.astype(np.float64)
        sham = names.index("sham")
        return Trials(
            T=T,
            sets=tuple(sets),
            right=right[:, columns],
            gold=gold[:, columns],
            sham_right=right[:, sham],
            sham_gold=gold[:, sham],
            difficulty=np.array([problem.difficulty for problem in self.problems(sample)]),
            seed=self._study.options.seed,
            attention=attention,
        )
