"""The result files and figures of the importance study, each written once, with its provenance."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.criterion import NotMeasured
from harness.criteria.drawings import drawn_once
from harness.criteria.importance import DRAWS, PROBES, attention_at, correlation_interval, drops, probe_layers
from harness.criteria.sample import RESAMPLES
from harness.criteria.trials import Trials, set_name
from harness.files import digest, write_json
from harness.interventions.designs import FILLS, WHOLE, name_of
from harness.measures.importance import centred, correlation, correlation_parts, importance
from harness.measures.subsets import positions_of
from harness.problems import LEVELS
from harness.statistics import (
    benjamini_hochberg,
    mcnemar_p,
    percentile_interval,
    resample_weights,
    within_problem_p,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.criteria.evidence import ModelStudy
    from harness.interventions.cached import Answered

Array = NDArray[Any]
FIGURES = (
    "1_importance_by_position",
    "2_importance_heatmap",
    "3_attention_vs_importance",
    "4_correlation_by_position",
)


class ImportanceFiles:
    """Writes what the importance study leaves; paths are relative to the output folder."""

    def __init__(self, study: "ModelStudy"):
        self._study = study
        self._n = study.options.n_problems

    @property
    def trials(self) -> Trials:
        """What was answered with thoughts ablated."""
        return self._study.intervened.importance()

    @property
    def label(self) -> str:
        """What the conditions are called while they run."""
        return f"{len(self._study.intervened.importance_design())} conditions, importance"

    @property
    def answered(self) -> "Answered":
        """All answers of the study, by the names of its design."""
        intervened = self._study.intervened
        return intervened.answered("importance", intervened.importance_design(), label=self.label)

    def figure(self, number: int) -> tuple[str, str]:
        """Paths of one of the four figures."""
        return self.figures[number]

    def column(self, name: str) -> int:
        """Where a condition lies in the answers."""
        return list(self._study.intervened.importance_design()).index(name)

    @cached_property
    def ablations(self) -> str:
        """token_ablation_results_{n}.json: a row for every problem and position, the baseline included, and every condition.

        ``results``: rows of the study's own ablation. ``conditions``: of all, accuracy and share of answers with a number
        apart, means of the other metrics, and right or wrong for every problem.
        """
        study, answered = self._study, self.answered
        design = study.intervened.importance_design()
        problems = study.intervened.problems("importance")
        right = answered.numbers == np.array([problem.answer for problem in problems])[:, None]
        perplexity = np.exp(-answered.gold_log_probability.astype(np.float64) / answered.gold_length[:, None])
        places = [None, *range(study.n_latents)]
        columns = [0, *(self.column(name_of("zero", (position,))) for position in range(study.n_latents))]
        worth = importance(right[:, 0], right[:, columns])
        texts = study.intervened.about("importance").texts(list(design.values()), self.label)
        rows = [
            {
                "problem_id": problem.id,
                "difficulty": problem.difficulty,
                "gold": problem.answer,
                "ablated_position": place,
                "answer": texts[number][column],
                "number": answered.numbers[number, column],
                "correct": bool(right[number, column]),
                "importance": int(worth[number, index]),
                "gold_log_probability": answered.gold_log_probability[number, column],
                "gold_perplexity": perplexity[number, column],
                "kl_from_baseline": answered.divergence[number, column],
            }
            for number, problem in enumerate(problems)
            for index, (place, column) in enumerate(zip(places, columns, strict=True))
        ]
        conditions = {
            name: {
                "interventions": [repr(one) for one in condition],
                "accuracy": right[:, column].mean(),
                "parse_rate": np.isfinite(answered.numbers[:, column]).mean(),
                "mean_gold_log_probability": answered.gold_log_probability[:, column].mean(dtype=np.float64),
                "mean_gold_perplexity": perplexity[:, column].mean(),
                "mean_kl_from_baseline": answered.divergence[:, column].mean(dtype=np.float64),
                "correct": right[:, column].astype(int),
            }
            for column, (name, condition) in enumerate(design.items())
        }
        return self._json(
            f"token_ablation_results_{self._n}.json",
            {
                "model": study.name,
                "layer": study.n_layers // 2,
                "fill": "zero",
                "n_problems": len(problems),
                "n_latents": study.n_latents,
                "problem_ids": list(problems.ids),
                "results": rows,
                "conditions": conditions,
            },
        )

    @cached_property
    def attention(self) -> str:
        """attention_weights_{n}.json: from EOT to each latent, mean over heads, [n][3][T] at the probe layers; all beside it."""
        trials = self.trials
        assert trials.attention is not None
        layers = probe_layers(trials.attention.shape[1])
        return self._json(
            f"attention_weights_{self._n}.json",
            {
                "model": self._study.name,
                "from": "the EOT query, whose output decides the first answer token",
                "probe_layers": dict(zip(PROBES, layers, strict=True)),
                "problem_ids": list(self._study.intervened.problems("importance").ids),
                "shape": [len(trials), len(layers), trials.T],
                "attention_weights": trials.attention[:, list(layers)],
                "all_layers": trials.attention,
            },
        )

    @cached_property
    def statistics(self) -> dict[str, Any]:
        """What summary_statistics.json holds, numbers in full."""
        trials = self.trials
        effect, attention = drops(trials), trials.attention
        assert attention is not None
        layers = attention.shape[1]
        worth = importance(trials.of("right"), trials.singles("right"))
        p = mcnemar_p(trials.of("right"), trials.singles("right"))
        middle = attention_at(trials, "middle")
        low, high = self._interval(effect)
        across, across_ends = self._across(middle, effect)
        return {
            "overall_correlation": [
                {
                    "layer": layer,
                    "probe": next(
                        (name for name, at in zip(PROBES, probe_layers(layers), strict=True) if at == layer), None
                    ),
                    **self._correlated(attention[:, layer], effect),
                    "r_gold_log_probability": _r(attention[:, layer], drops(trials, "gold")),
                }
                for layer in range(layers)
            ],
            "per_token": [
                {
                    "position": position,
                    "importance": worth[:, position].mean(),
                    "accuracy_drop": effect[:, position].mean(),
                    "accuracy_drop_ci_low": low[position],
                    "accuracy_drop_ci_high": high[position],
                    "gold_log_probability_drop": drops(trials, "gold")[:, position].mean(),
                    **{
                        f"accuracy_drop_{fill.replace(' ', '_')}": self._of_fill(fill)[0][position]
                        for fill in (*FILLS, *WHOLE)
                        if fill != "zero"
                    },
                    "p": p[position],
                    "q": benjamini_hochberg(p)[position],
                    "attention_at_middle_layer": middle[:, position].mean(),
                    "correlation_across_problems": across[position],
                    "correlation_ci_low": across_ends[0][position],
                    "correlation_ci_high": across_ends[1][position],
                }
                for position in range(trials.T)
            ],
            "by_difficulty": {
                name: self._of_difficulty(trials.where(members)) for name, members in self._levels().items()
            },
            "other_places": {
                place: {fill: self._of_fill(fill, place)[0] for fill in FILLS}
                for place in self._study.options.ablate_at
            },
            "pairs": self._together(2),
            "triplets": self._together(3),
        }

    @cached_property
    def summary(self) -> str:
        """summary_statistics.json: correlation by layer, per token and by difficulty; the two questions answered with numbers."""
        content = self.statistics
        tokens, trials = content["per_token"], self.trials
        largest = max(tokens, key=lambda one: (one["importance"], -one["position"]))
        middle = next(one for one in content["overall_correlation"] if one["layer"] == trials_layer(trials, "middle"))
        return self._json(
            "summary_statistics.json",
            {
                "model": self._study.name,
                "n_problems": len(trials),
                "baseline_accuracy": trials.of("right").mean(),
                "effect": "right under the baseline less right with the thought zeroed at the middle layer",
                **content,
                "rq1": {
                    "question": "Which thoughts matter for the answer?",
                    "position": largest["position"],
                    "importance": largest["importance"],
                    "q": largest["q"],
                    "answer": f"{_which_matter(tokens)} {_last_in_words(tokens[-1])}",
                },
                "rq2": {
                    "question": "Does attention from the answer position say which thoughts matter?",
                    "layer": middle["layer"],
                    "r": middle["r"],
                    "p": middle["p"],
                    "answer": _does_attention_say(middle),
                },
            },
        )

    @cached_property
    def figures(self) -> list[tuple[str, str]]:
        """Paths of the four figures."""
        study = self._study
        draw = (self._by_position, self._heatmap, self._scatter, self._correlations)
        content = digest(study.intervened.about("importance").key(repr(study.intervened.importance_design())))
        return [
            drawn_once(
                study.options.output, f"figures/{study.name}/importance/{name}", one, content + study.problems.name
            )
            for name, one in zip(FIGURES, draw, strict=True)
        ]

    def _by_position(self) -> "Figure":
        from harness.figures.importance import importance_by_position

        effect = drops(self.trials)
        others = {fill: self._of_fill(fill) for fill in (*FILLS, *WHOLE) if fill != "zero"}
        return importance_by_position(
            drop=effect.mean(axis=0),
            interval=self._interval(effect),
            q=np.array([one["q"] for one in self.statistics["per_token"]]),
            others={fill: drop for fill, (drop, _) in others.items()},
            baseline_accuracy=float(self.trials.of("right").mean()),
            parse_rate={"zero": self._of_fill("zero")[1], **{fill: rate for fill, (_, rate) in others.items()}},
            baseline_parse_rate=float(np.isfinite(self.answered.numbers[:, 0]).mean()),
            title=self._title("what each thought is worth"),
        )

    def _heatmap(self) -> "Figure":
        from harness.figures.importance_cells import importance_heatmap

        return importance_heatmap(
            drop=drops(self.trials),
            baseline_right=self.trials.of("right"),
            difficulty=self.trials.difficulty,
            title=self._title("which thoughts each problem needs"),
        )

    def _scatter(self) -> "Figure":
        from harness.figures.attention_importance import attention_vs_importance

        effect, layers = drops(self.trials), [trials_layer(self.trials, name) for name in PROBES]
        attention = np.stack([attention_at(self.trials, name) for name in PROBES])
        found = [self.statistics["overall_correlation"][layer] for layer in layers]
        return attention_vs_importance(
            attention=attention,
            attention_interval=np.stack([self._interval(centred(one)) for one in attention]),
            effect=effect,
            effect_interval=self._interval(centred(effect)),
            layers=layers,
            r=np.array([one["r"] for one in found]),
            interval=np.array([[one["r_ci_low"], one["r_ci_high"]] for one in found]).T,
            p=np.array([one["p"] for one in found]),
            effect_label="Right under the baseline less right without the thought",
            title=self._title("attention from the answer position, and importance"),
        )

    def _correlations(self) -> "Figure":
        from harness.figures.attention_importance import correlation_by_position

        content = self.statistics
        tokens, by_layer = content["per_token"], content["overall_correlation"]
        of_difficulty = {name: one["correlation"] for name, one in content["by_difficulty"].items()}
        return correlation_by_position(
            by_position=np.array([one["correlation_across_problems"] for one in tokens]),
            by_position_interval=np.array(
                [[one["correlation_ci_low"], one["correlation_ci_high"]] for one in tokens]
            ).T,
            by_layer=np.array([one["r"] for one in by_layer]),
            by_layer_interval=np.array([[one["r_ci_low"], one["r_ci_high"]] for one in by_layer]).T,
            probe=[trials_layer(self.trials, name) for name in PROBES],
            by_difficulty={name: (one["r"], one["r_ci_low"], one["r_ci_high"]) for name, one in of_difficulty.items()},
            title=self._title("where attention goes with importance"),
        )

    def _levels(self) -> dict[str, Array]:
        levels = np.minimum(self.trials.difficulty, LEVELS[-1])
        names = [f"{level}+" if level == LEVELS[-1] else str(level) for level in LEVELS]
        return {name: levels == level for name, level in zip(names, LEVELS, strict=True) if (levels == level).any()}

    def _of_difficulty(self, trials: Trials) -> dict[str, Any]:
        effect = drops(trials)
        low, high = self._interval(effect)
        return {
            "n": len(trials),
            "baseline_accuracy": trials.of("right").mean(),
            "importance": importance(trials.of("right"), trials.singles("right")).mean(axis=0),
            "accuracy_drop": effect.mean(axis=0),
            "accuracy_drop_ci_low": low,
            "accuracy_drop_ci_high": high,
            "correlation": self._correlated(attention_at(trials, "middle"), effect),
        }

    def _together(self, size: int) -> list[dict[str, Any]]:
        """What several thoughts ablated together cost, and what that is beyond the sum of each alone."""
        trials = self.trials
        alone = drops(trials)
        found = []
        for number in (one for one in trials.sets if one.bit_count() == size):
            positions = positions_of(number, trials.T)
            together = trials.of("right").astype(float) - trials.of("right", *positions)
            beyond = together - alone[:, list(positions)].sum(axis=1)
            low, high = self._interval(beyond[:, None])
            found.append(
                {
                    "positions": list(positions),
                    "name": set_name(number, trials.T),
                    "accuracy_drop": together.mean(),
                    "beyond_the_sum": beyond.mean(),
                    "beyond_the_sum_ci_low": low[0],
                    "beyond_the_sum_ci_high": high[0],
                }
            )
        return found

    def _of_fill(self, fill: str, place: str = "middle") -> tuple[Array, Array]:
        """[T] accuracy drop and [T] share of answers with a number."""
        gold = np.array([problem.answer for problem in self._study.intervened.problems("importance")])
        columns = [self.column(name_of(fill, (position,), place)) for position in range(self.trials.T)]
        numbers = self.answered.numbers[:, columns]
        return self.trials.of("right").mean() - (numbers == gold[:, None]).mean(axis=0), np.isfinite(numbers).mean(
            axis=0
        )

    def _correlated(self, attention: Array, effect: Array) -> dict[str, float]:
        r = _r(attention, effect)
        low, high = correlation_interval(attention, effect, self.trials.seed)
        p = within_problem_p(attention, effect, DRAWS, self.trials.seed) if np.isfinite(r) else float("nan")
        return {"r": r, "r_ci_low": low, "r_ci_high": high, "p": p}

    def _across(self, attention: Array, effect: Array) -> tuple[Array, tuple[Array, Array]]:
        """Correlation across problems at each position [T], and its interval."""

        def r(weights: Array) -> Array:
            mean_a, mean_e = weights @ attention, weights @ effect
            joint = weights @ (attention * effect) - mean_a * mean_e
            spread = (weights @ attention**2 - mean_a**2) * (weights @ effect**2 - mean_e**2)
            return np.divide(
                joint, np.sqrt(np.maximum(spread, 0)), out=np.full(joint.shape, np.nan), where=spread > 1e-24
            )

        n = len(attention)
        drawn = r(resample_weights(n, RESAMPLES, self.trials.seed))
        known = np.isfinite(drawn).all(axis=0)
        low, high = (np.where(known, end, np.nan) for end in percentile_interval(np.where(known, drawn, 0.0)))
        return r(np.full((1, n), 1 / n))[0], (low, high)

    def _interval(self, values: Array) -> Array:
        """[2, k]: 95 % bootstrap interval over problems of the mean of values [n, k]."""
        return np.stack(percentile_interval(resample_weights(len(values), RESAMPLES, self.trials.seed) @ values))

    def _title(self, what: str) -> str:
        study = self._study
        return f"{study.name}, {study.problems.name}, N={len(self.trials)}: {what}"

    def _json(self, name: str, content: dict[str, Any]) -> str:
        study = self._study
        relative = f"results/{study.name}/{name}"
        fingerprint = study.intervened.problems("importance").fingerprint
        about = {**study.provenance, "dataset_fingerprint": fingerprint}
        write_json(study.absolute(relative), {**content, "provenance": about})
        return relative


def trials_layer(trials: Trials, place: str) -> int:
    """The layer at one of the probes. Errors: ``NotMeasured`` where no attention is known."""
    if trials.attention is None:
        raise NotMeasured("no attention of these problems is known")
    return probe_layers(trials.attention.shape[1])[PROBES.index(place)]


def _r(attention: Array, effect: Array) -> float:
    return float(correlation(correlation_parts(attention, effect).mean(axis=0)))


def _which_matter(tokens: list[dict[str, Any]]) -> str:
    told = [one for one in tokens if one["q"] < 0.05 and one["accuracy_drop"] > 0]
    if not told:
        return "No thought alone costs accuracy beyond chance (McNemar, q < 0.05)."
    ordered = sorted(told, key=lambda one: -one["accuracy_drop"])
    each = ", ".join(f"CT{one['position']} ({one['accuracy_drop']:.3g}, q = {one['q']:.2g})" for one in ordered)
    return f"Accuracy falls without {each}."


def _last_in_words(last: dict[str, Any]) -> str:
    return (
        f"CT{last['position']}, the last, acts through the layers above the ablated one alone ({last['accuracy_drop']:.3g}); "
        f"with nothing reading it accuracy falls by {last['accuracy_drop_blocked']:.3g}, with its input zeroed by "
        f"{last['accuracy_drop_input_zero']:.3g}."
    )


def _does_attention_say(middle: dict[str, Any]) -> str:
    if not np.isfinite(middle["r"]):
        return "Whether attention says so is undefined: attention or importance does not vary within problems."
    told = middle["p"] < 0.05
    said = "says so" if told and middle["r"] > 0 else "says the opposite" if told else "is not shown to say so"
    return f"Attention at the middle layer {said} (r = {middle['r']:.2g} within problems, p = {middle['p']:.2g})."
