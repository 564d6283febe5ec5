"""Story S.1: early thoughts ablated together, beside every other way to ask what a thought is worth."""

import json
from collections.abc import Callable
from math import inf
from typing import Any

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.effects import sweep_study, validation_study
from harness.criteria.evidence import ModelStudy
from harness.criteria.hypothesis import undefined
from harness.criteria.importance import CONTROL_DRAWS, accuracy
from harness.criteria.steps import (
    complex_need_early,
    complex_need_early_half,
    early_matter_more,
    importance_depends_on_difficulty,
    simple_are_robust,
)
from harness.criteria.steps_files import ALL
from harness.criteria.steps_reread import wrong_designs
from harness.criteria.story_i_2 import INTERVENTION_VALIDITY
from harness.measures.subsets import DESIGNS

GROUNDS = (*INTERVENTION_VALIDITY, "S.1-design")
SECONDS_PER_HOUR = 3600.0
GIGABYTE = 1e9


def designs(study: ModelStudy) -> Measurement:
    """The four designs in the saved scores, counted again from the saved answers; and what the nested one would hide."""
    files = study.steps_files
    content = json.loads(study.absolute(files.scores).read_text(encoding="utf-8"))
    wrong = wrong_designs(content)
    whole = files.content["groups"][ALL]["accuracy"]
    return Measurement(
        "present" if not wrong else f"wrong: {', '.join(wrong)}",
        n_problems=len(files.trials),
        answer=files.content["nested_alone"]["accuracy"]["in_short"],
        beside={
            "baseline": whole["baseline"]["value"],
            "all_ablated": whole["all_ablated"]["value"],
            **{design: [one["value"] for one in whole[design]] for design in DESIGNS},
            "by_accuracy": files.content["nested_alone"]["accuracy"]["in_words"],
            "by_gold_log_probability": files.content["nested_alone"]["gold_log_probability"]["in_words"],
        },
        artifacts=(*files.figure.paths, files.scores),
    )


def _figure(study: ModelStudy) -> tuple[str, str]:
    return study.steps_files.figure.paths


def _of_the_run(value: Callable[[dict[str, Any]], float]) -> Callable[[ModelStudy], Measurement]:
    """A number about the run that finished the sweep."""

    def measure(study: ModelStudy) -> Measurement:
        about = study.steps_files.answered("sweep").about
        if not about["problems_run"]:
            return undefined("the run that finished the sweep had no problem left to answer")
        return Measurement(
            value(about),
            n_problems=about["problems_run"],
            attainable=(0.0, inf),
            beside={name: about[name] for name in ("problems_run", "seconds", "peak_memory_bytes", "device")},
        )

    return measure


CRITERIA = (
    hypothesis(
        "S.1-baseline",
        "Baseline accuracy above 70 % on an unselected sample",
        "Share of the sweep's problems answered rightly without an intervention; as many of each difficulty, whatever the "
        "model makes of them. Its controls change what the thoughts hold, as a sham of no intervention is none.",
        Rule(">", 0.70),
        accuracy(sweep_study, validation_study),
    ),
    hypothesis(
        "S.1-complex",
        "Complex problems depend on early thoughts",
        "Problems of 4 and more steps: correct under the baseline less correct with one early thought (0..T//2-1) zeroed "
        "alone at the middle layer, mean over these thoughts; two-sided p over random signs, 9,999 draws. The claim has a "
        f"direction: a mean that is not above 0 counts as p = 1. Draws of the random control use {CONTROL_DRAWS} random signs.",
        Rule("<", 0.05),
        complex_need_early(),
        rests_on=GROUNDS,
        shown=_figure,
    ),
    hypothesis(
        "S.1-complex-nested",
        "Complex problems are sensitive to early zeroing (nested)",
        "Problems of 4 and more steps: McNemar's exact two-sided test of correct answers under the baseline and with the "
        "whole early half (0..T//2-1) zeroed together. Accuracy that does not fall counts as p = 1. The late half stands "
        "beside.",
        Rule("<", 0.05),
        complex_need_early_half(),
        rests_on=GROUNDS,
        shown=_figure,
    ),
    hypothesis(
        "S.1-early-late",
        "Early thoughts matter more than late ones on complex problems",
        "Problems of 4 and more steps: mean exact Shapley value, in accuracy, of early positions (0..T//2-1) less that of "
        "the others; lower end of the 95 % bootstrap interval over problems. What leaves the middle layer at the last "
        "thought is read by the layers above alone; the difference without that thought stands beside it.",
        Rule(">", 0),
        early_matter_more(),
        rests_on=GROUNDS,
        shown=_figure,
    ),
    hypothesis(
        "S.1-difficulty",
        "Importance depends on difficulty",
        "What S.1-complex averages, at 4 and more steps less at 1 to 3; two-sided p over 9,999 permutations of which "
        f"problems are the complex ones. Draws of the random control use {CONTROL_DRAWS} permutations.",
        Rule("<", 0.05),
        importance_depends_on_difficulty(),
        rests_on=GROUNDS,
        shown=_figure,
    ),
    hypothesis(
        "S.1-simple",
        "Simple problems are robust",
        "Problems of 1 to 3 steps: accuracy with the whole early half (0..T//2-1) zeroed, divided by accuracy under the "
        "baseline.",
        Rule(">=", 0.9),
        simple_are_robust(),
        rests_on=GROUNDS,
        null_should_pass=True,
        shown=_figure,
    ),
    Criterion(
        "S.1-design",
        "validity",
        "The nested design is compared with its own count",
        "step_importance_scores.json holds by position what the nested design, each thought alone, each thought left in "
        "alone and the exact Shapley value say, for accuracy and gold log-probability; re-read, each counted again from the "
        "saved answers under all 2^T sets in another way (Shapley values over all orders), Shapley values summing to "
        "baseline less all ablated.",
        Rule("is", "present"),
        designs,
    ),
    Criterion(
        "S.1-throughput",
        "hypothesis",
        "At least 250 problems per hour",
        "Problems answered under all conditions per hour, in the run that finished the sweep; loading the model is not "
        "counted.",
        Rule(">=", 250),
        _of_the_run(lambda about: about["problems_run"] / about["seconds"] * SECONDS_PER_HOUR),
        null_should_pass=True,
    ),
    Criterion(
        "S.1-memory",
        "hypothesis",
        "Fits in 40 GB of GPU memory",
        "Most memory that the run that finished the sweep had at once, in GB of 1e9 bytes: what was allocated on the "
        "accelerator, or on a CPU all memory of the process, whatever else it did before.",
        Rule("<", 40),
        _of_the_run(lambda about: about["peak_memory_bytes"] / GIGABYTE),
        null_should_pass=True,
    ),
)
