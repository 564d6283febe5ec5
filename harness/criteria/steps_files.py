"""The result files and the figure of the study of steps, each written once, with its provenance.

step_importance_scores.json holds the sweep, step_importance_validation.json the same on other problems with two fills. Both:

- ``conditions``: names in the order of all lists below; ``ablated``: the thoughts each ablates (a sham, which ablates none,
  comes last).
- ``problems``: a row each with ``id``, ``difficulty``, ``gold`` and, under the name of each fill, three lists by condition:
  ``correct`` (1 or 0), ``number`` (null for none) and ``gold_log_probability``.
- ``designs``: by fill and metric, ``baseline`` and ``all_ablated``, then by position ``nested``, ``single``,
  ``leave_one_in`` and ``shapley``, means over problems.

step_importance_summary_stats.json holds ``groups``: by difficulty and metric the same designs, each a list of positions with
``value``, ``low`` and ``high`` (95 % bootstrap interval over problems); and in words what a design shows (``designs``), how
problems were chosen (``chosen``), and what the nested design alone would have got wrong (``nested_alone``, where a number
with its interval is a list of three).
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.drawings import Drawing, drawing_code, saved
from harness.criteria.nested import in_short, in_words, readings
from harness.criteria.sample import RESAMPLES
from harness.criteria.trials import Trials
from harness.files import digest, write_json
from harness.measures import NotApplicable
from harness.measures.subsets import DESIGNS, positions_of
from harness.problems import LEVELS, ProblemSet
from harness.statistics import percentile_interval, resample_weights

if TYPE_CHECKING:
    from harness.criteria.evidence import ModelStudy
    from harness.criteria.intervened import SampleName
    from harness.interventions.cached import Answered

Array = NDArray[Any]
METRICS: Mapping[str, str] = {"accuracy": "right", "gold_log_probability": "gold"}
"""Names in the files, and those of the trials."""
FILLS = ("zero", "mean")
"""What stands in for an ablated thought on the validation sample; the first is the sweep's."""
ALL = "all"


def groups(difficulty: Array) -> dict[str, Array]:
    """Masks [n]: all problems, then those of each level of difficulty."""
    levels = np.minimum(difficulty, LEVELS[-1])
    named = {f"{level}+" if level == LEVELS[-1] else str(level): levels == level for level in LEVELS}
    return {ALL: np.ones(len(difficulty), dtype=bool), **named}


def answer_rows(problems: ProblemSet, answered: "Mapping[str, Answered]") -> list[dict[str, Any]]:
    """What each problem was answered under every condition of each fill."""
    return [
        {
            "id": problem.id,
            "difficulty": problem.difficulty,
            "gold": problem.answer,
            **{
                fill: {
                    "correct": (one.numbers[row] == problem.answer).astype(int),
                    "number": one.numbers[row],
                    # Nine digits are enough to read the same single-precision number again.
                    "gold_log_probability": [float(f"{value:.9g}") for value in one.gold_log_probability[row]],
                }
                for fill, one in answered.items()
            },
        }
        for row, problem in enumerate(problems)
    ]


def mean_designs(trials: Trials) -> dict[str, dict[str, Any]]:
    """By metric: baseline, all ablated, and what each design gives by position, means over problems."""
    found = {}
    for name, metric in METRICS.items():
        values = trials.subsets(metric).astype(np.float64)
        found[name] = {
            "baseline": values[:, 0].mean(),
            "all_ablated": values[:, -1].mean(),
            **{design: of(values).mean(axis=0) for design, of in DESIGNS.items()},
        }
    return found


def summarised(trials: Trials) -> dict[str, dict[str, Any]]:
    """By group and metric: number of problems, baseline, all ablated, and every design by position, with intervals."""
    found: dict[str, dict[str, Any]] = {}
    for group, members in groups(trials.difficulty).items():
        some = trials.where(members)
        found[group] = {"n_problems": len(some)}
        for name, metric in METRICS.items():
            values = some.subsets(metric).astype(np.float64)
            found[group][name] = {
                "baseline": _spread(values[:, [0]], trials.seed)[0],
                "all_ablated": _spread(values[:, [-1]], trials.seed)[0],
                **{design: _spread(of(values), trials.seed) for design, of in DESIGNS.items()},
            }
    return found


def _spread(values: Array, seed: int) -> list[dict[str, float]]:
    """Mean over problems of each column of values [n, k], with its interval; NaN where n is too small."""
    n, k = values.shape
    low = high = np.full(k, np.nan)
    if n > 1:
        low, high = percentile_interval(resample_weights(n, RESAMPLES, seed) @ values)
    means = values.mean(axis=0) if n else np.full(k, np.nan)
    return [
        dict(zip(("value", "low", "high"), map(float, one), strict=True)) for one in zip(means, low, high, strict=True)
    ]


def nested_alone(trials: Trials) -> dict[str, Any]:
    """By metric what the nested design alone would have got wrong, in words and with every number."""
    found: dict[str, Any] = {}
    for name, metric in METRICS.items():
        try:
            read = readings(trials.subsets(metric), trials.seed)
        except NotApplicable as error:
            why = f"Not to be told: {error}."
            found[name] = {"in_short": why, "in_words": why, "readings": []}
        else:
            found[name] = {
                "in_short": in_short(read),
                "in_words": in_words(read),
                "readings": [one.__dict__ for one in read],
            }
    return found


def chosen_in_words(problems: ProblemSet) -> str:
    """How problems were chosen, and that what the model answers had no part in it."""
    how = "Stratified by difficulty" if problems.stratified else "Drawn from all alike"
    return (
        f"{how}, not by outcome: nothing that the model answers decided which problems are among the {len(problems)}. From the "
        f"{problems.split} split of {problems.name}; {problems.sampling}."
    )


class StepsFiles:
    """Writes what the study of steps leaves; paths are relative to the output folder."""

    def __init__(self, study: "ModelStudy"):
        self._study = study

    @property
    def trials(self) -> Trials:
        """The sweep."""
        return self._study.intervened.sweep()

    def problems(self, sample: "SampleName") -> ProblemSet:
        """The problems of the sweep or of the validation."""
        return self._study.intervened.problems(sample)

    def answered(self, sample: "SampleName", fill: str = FILLS[0]) -> "Answered":
        """All answers about a sample with a fill."""
        intervened = self._study.intervened
        design = intervened.sweep_design(fill=fill)
        return intervened.answered(sample, design, label=f"{len(design)} conditions, {sample}")

    @cached_property
    def scores(self) -> str:
        """step_importance_scores.json."""
        return self._table("step_importance_scores.json", "sweep", FILLS[:1])

    @cached_property
    def validation(self) -> str:
        """step_importance_validation.json."""
        return self._table("step_importance_validation.json", "validation", FILLS)

    @cached_property
    def summary(self) -> str:
        """step_importance_summary_stats.json."""
        return self._json("step_importance_summary_stats.json", "sweep", self.content)

    @cached_property
    def content(self) -> dict[str, Any]:
        """What the summary holds, numbers in full."""
        from harness.figures.step_importance import DESIGNS as EXPLAINED

        trials = self.trials
        return {
            "model": self._study.name,
            "layer": self._study.n_layers // 2,
            "fill": FILLS[0],
            "n_latents": trials.T,
            "chosen": chosen_in_words(self.problems("sweep")),
            "designs": {
                design: {"shows": shows.removeprefix("Shows: "), "cannot_show": hides.removeprefix("Cannot show: ")}
                for design, (_, _, shows, hides) in zip(DESIGNS, EXPLAINED, strict=True)
            },
            "nested_alone": nested_alone(trials),
            "groups": summarised(trials),
        }

    @cached_property
    def figure(self) -> Drawing:
        """step_importance: the four designs by position and difficulty."""
        from harness.figures.step_importance import step_importance_figure

        study, found = self._study, self.content["groups"]
        ends = np.array(
            [
                [
                    [[[one[end] for one in group[metric][design]] for design in DESIGNS] for group in found.values()]
                    for metric in METRICS
                ]
                for end in ("value", "low", "high")
            ]
        )
        names = [
            f"{'all problems' if name == ALL else f'{name} steps'} (n={one['n_problems']})"
            for name, one in found.items()
        ]
        figure = step_importance_figure(
            values=ends[0],
            interval=ends[1:],
            groups=names,
            title=f"{study.name}, {self.problems('sweep').name}, N={len(self.trials)}: what thoughts are worth, by design",
        )
        content = study.intervened.about("sweep").key(repr(study.intervened.sweep_design()))
        source = f"codi-harness: content {digest(content, drawing_code(), self.problems('sweep').name)[:32]}"
        return saved(study.options.output, f"figures/{study.name}/step_importance", figure, source)

    def _table(self, name: str, sample: "SampleName", fills: tuple[str, ...]) -> str:
        study, problems = self._study, self.problems(sample)
        T = study.n_latents
        numbers = range(1 << T)
        return self._json(
            name,
            sample,
            {
                "model": study.name,
                "layer": study.n_layers // 2,
                "fills": list(fills),
                "n_problems": len(problems),
                "n_latents": T,
                "split": problems.split,
                "chosen": chosen_in_words(problems),
                "conditions": [
                    *("+".join(f"CT{one}" for one in positions_of(number, T)) or "baseline" for number in numbers),
                    "sham",
                ],
                "ablated": [*(positions_of(number, T) for number in numbers), ()],
                "designs": {fill: mean_designs(study.intervened.subsets(sample, fill=fill)) for fill in fills},
                "problems": answer_rows(problems, {fill: self.answered(sample, fill) for fill in fills}),
            },
        )

    def _json(self, name: str, sample: "SampleName", content: dict[str, Any]) -> str:
        study = self._study
        relative = f"results/{study.name}/{name}"
        about = {**study.provenance, "dataset_fingerprint": self.problems(sample).fingerprint}
        write_json(study.absolute(relative), {**content, "provenance": about})
        return relative
