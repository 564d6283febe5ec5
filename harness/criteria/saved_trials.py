"""What an earlier run answered under interventions, read back from its result files for the same measures to judge.

Right and wrong, log-probabilities and answer attention are kept exactly. Log-probabilities of pairs and triplets in the
importance study are not, nor what thoughts read of a question in the study of behaviour; no measure that is taken of these files
asks for them.
"""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.behaviour import Classifier, features
from harness.criteria.blocks import BlockTrials
from harness.criteria.criterion import Measurement, Rule
from harness.criteria.effects import CHEAP, Effect, EffectTest, Source, evaluate_effect
from harness.criteria.importance_files import ImportanceFiles
from harness.criteria.kept import Kept, lacking
from harness.criteria.remembered import remembered, statistics_code
from harness.criteria.trials import HeadTrials, Trials
from harness.errors import HarnessError
from harness.files import digest, file_digest, read_text
from harness.interventions.designs import AT_LARGEST, block_name, blocks_design, name_of
from harness.measures.subsets import positions_of, subset_of
from harness.options import RunOptions
from harness.problems import Problem

if TYPE_CHECKING:
    from harness.criteria.evidence import ModelStudy

Array = NDArray[Any]
Content = Mapping[str, Any]
Read = TypeVar("Read")


class SavedImportanceFiles(ImportanceFiles):
    """The files of the importance study as they were written."""

    def __init__(self, study: "ModelStudy", kept: Kept):
        super().__init__(study)
        self._kept = kept
        self._folder = f"results/{study.name}"

    @cached_property
    def ablations(self) -> str:
        """A row for every problem and position, and every condition."""
        return self._kept.file(f"{self._folder}/token_ablation_results_{self._n}.json")

    @cached_property
    def attention(self) -> str:
        """Attention from EOT to each latent."""
        return self._kept.file(f"{self._folder}/attention_weights_{self._n}.json")

    @cached_property
    def summary(self) -> str:
        """Summary statistics."""
        return self._kept.file(f"{self._folder}/summary_statistics.json")


class SavedTrials:
    """The outcomes of one model's intervention studies, from the files in ``kept``.

    ``fingerprint`` is the model's: files of another one are refused. Errors of every method: ``NotMeasured`` for a file that is
    not there, ``HarnessError`` for one that is not what the harness wrote.
    """

    def __init__(self, options: RunOptions, name: str, fingerprint: str, kept: Kept):
        self._options = options
        self._name = name
        self._fingerprint = fingerprint
        self._kept = kept

    def importance(self, source: Source = "trained") -> Trials:
        """Each thought alone, pairs and triplets zeroed at the middle layer, with attention from the answer position."""
        return self._importance

    def sweep(self, source: Source = "trained") -> Trials:
        """Every set of thoughts zeroed, on the sweep's problems."""
        return self._sweep

    def validation(self, source: Source = "trained") -> Trials:
        """The same on the problems that the sweep is validated on."""
        return self._validation

    def heads(self, source: Source = "trained") -> HeadTrials:
        """Errors: ``NotMeasured``: the answers without heads are not kept."""
        raise lacking("answers without heads are not kept")

    def blocks(self, source: Source = "trained") -> BlockTrials:
        """Thoughts blocked for later queries on the whole test split."""
        return self._blocks

    def evaluate(self, criterion_id: str, measure: Effect[Any] | EffectTest[Any], rule: Rule) -> Measurement:
        """A hypothesis' measurement with the controls that are made of the same answers, kept on disk by content."""
        controls = frozenset(() if self._options.controls == "none" else CHEAP)
        settings = f"{criterion_id}:{rule!r}:{sorted(controls)}:{self._options.seed}"
        key = digest("from results", self._content, settings, statistics_code())[:32]
        path = self._options.cache_dir / "measurements" / f"{key}.json"
        return remembered(path, lambda: evaluate_effect(measure, rule, self, controls))

    @cached_property
    def _content(self) -> str:
        folder = self._kept.folder / "results" / self._name
        return digest(*(f"{path.name}:{file_digest(path)}" for path in sorted(folder.glob("*.json"))))

    @cached_property
    def _importance(self) -> Trials:
        n = self._options.n_problems
        return self._built(
            lambda answers, weights: importance_trials(answers, weights, self._options.seed),
            f"token_ablation_results_{n}.json",
            f"attention_weights_{n}.json",
        )

    @cached_property
    def _sweep(self) -> Trials:
        return self._built(lambda scores: sweep_trials(scores, self._options.seed), "step_importance_scores.json")

    @cached_property
    def _validation(self) -> Trials:
        return self._built(lambda scores: sweep_trials(scores, self._options.seed), "step_importance_validation.json")

    @cached_property
    def _blocks(self) -> BlockTrials:
        sensitivity = "problem_sensitivity_full.json"
        T = self._built(lambda content: int(content["n_latents"]), sensitivity)
        return self._built(
            lambda variants, asked, *files: block_trials(files, variants, asked, self._options.seed),
            f"{self._name}_attention_pattern_variants.json",
            sensitivity,
            f"{self._name}_baseline.json",
            *(f"{self._name}_attention_pattern_position_{k}.json" for k in range(T)),
        )

    def _built(self, build: Callable[..., Read], *names: str) -> Read:
        """What is made of result files."""
        contents, path = [], Path()
        try:
            for name in names:
                path = self._kept.output / self._kept.file(f"results/{self._name}/{name}")
                contents.append(json.loads(read_text(path, "a result file")))
                if contents[-1]["provenance"]["model_fingerprint"] != self._fingerprint:
                    raise HarnessError(
                        f"{self._kept.folder / 'results' / self._name / name} is about another model than the attention "
                        "beside it. Run the checks on the model again, into a folder of its own."
                    )
            return build(*contents)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            listed = " and ".join(str(self._kept.folder / "results" / self._name / name) for name in names)
            raise HarnessError(
                f"{listed}: not what the harness wrote ({type(error).__name__}: {error}). Restore from version control, or run "
                "the checks on the model again."
            ) from error


def importance_trials(answers: Content, weights: Content, seed: int) -> Trials:
    """Of token_ablation_results and attention_weights."""
    T, ids = answers["n_latents"], answers["problem_ids"]
    sets = [number for number in range(1 << T) if number.bit_count() <= AT_LARGEST]
    names = [name_of("zero", positions_of(number, T)) if number else "baseline" for number in sets]
    of_row = {(row["problem_id"], row["ablated_position"]): row for row in answers["results"]}
    gold = np.full((len(ids), len(sets)), np.nan)
    for place in (None, *range(T)):
        column = sets.index(0 if place is None else subset_of((place,)))
        gold[:, column] = [of_row[one, place]["gold_log_probability"] for one in ids]
    if weights["problem_ids"] != ids:
        raise ValueError("other problems")
    return Trials(
        T=T,
        sets=tuple(sets),
        right=np.array([answers["conditions"][name]["correct"] for name in names], dtype=bool).T,
        gold=gold,
        sham_right=np.array(answers["conditions"]["sham"]["correct"], dtype=bool),
        sham_gold=np.full(len(ids), np.nan),
        difficulty=np.array([of_row[one, None]["difficulty"] for one in ids]),
        seed=seed,
        attention=np.array(weights["all_layers"], dtype=np.float64),
    )


def sweep_trials(scores: Content, seed: int) -> Trials:
    """Of step_importance_scores, or of step_importance_validation with the first of its fills."""
    rows, fill = scores["problems"], scores["fills"][0]
    right = np.array([row[fill]["correct"] for row in rows], dtype=bool)
    # Nine digits tell two single-precision numbers apart, and this one is the one they stand for.
    gold = np.array([row[fill]["gold_log_probability"] for row in rows]).astype(np.float32).astype(np.float64)
    return Trials(
        T=scores["n_latents"],
        sets=tuple(subset_of(tuple(ablated)) for ablated in scores["ablated"][:-1]),
        right=right[:, :-1],
        gold=gold[:, :-1],
        sham_right=right[:, -1],
        sham_gold=gold[:, -1],
        difficulty=np.array([row["difficulty"] for row in rows]),
        seed=seed,
    )


def block_trials(files: tuple[Content, ...], variants: Content, asked: Content, seed: int) -> BlockTrials:
    """Of the predictions, the baseline's first and then one file for every thought blocked, and of what problems are like.

    Every answer is sorted into its class once more.
    """
    T = asked["n_latents"]
    rows: dict[str, list[Content]] = {"baseline": files[0]["predictions"]}
    rows |= {block_name("both", k, T): file["predictions"] for k, file in enumerate(files[1:])}
    for row in variants["predictions"]:
        rows.setdefault(row["condition"], []).append(row)
    problems = [Problem(one["id"], one["question"], one["solution"], one["gold"]) for one in files[0]["predictions"]]
    ids = [problem.id for problem in problems]
    names = list(blocks_design(T))
    if (
        any([row["id"] for row in rows[name]] != ids for name in names)
        or [one["id"] for one in asked["problems"]] != ids
    ):
        raise ValueError("other problems")
    classifiers = [Classifier(problem.question, problem.solution, problem.answer) for problem in problems]
    codes = [
        [classifier.classify(row["answer"]).code for classifier, row in zip(classifiers, rows[name], strict=True)]
        for name in names
    ]
    unknown = np.full((len(ids), T), np.nan)
    return BlockTrials(
        T=T,
        names=tuple(names),
        right=np.array([[row["correct"] for row in rows[name]] for name in names], dtype=bool).T,
        gold=np.array([[row["gold_log_probability"] for row in rows[name]] for name in names], dtype=np.float64).T,
        codes=np.array(codes, dtype=np.int8).T,
        features=np.array(
            [
                list(features(problem, int(row["n_tokens"])).values())
                for problem, row in zip(problems, asked["problems"], strict=True)
            ],
            dtype=np.float64,
        ),
        numbers=unknown,
        evenly=unknown,
        seed=seed,
    )
