"""Story I.2: every thought ablated alone, in pairs and in triplets, and whether the ablation did what it says."""

import json
from itertools import combinations
from math import comb

import numpy as np

from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.declare import hypothesis
from harness.criteria.evidence import ModelStudy
from harness.criteria.importance import accuracy, last_less_largest_other, some_position_matters
from harness.interventions.designs import FILLS, name_of, places
from harness.interventions.values import AblateThought

INTERVENTION_VALIDITY = ("I.2-sham", "I.2-selfpatch", "I.2-readback")
"""What every statement about an ablated thought rests on."""


def complete(study: ModelStudy) -> Measurement:
    """Rows of the saved results: one for every problem and every position, one for every problem's baseline."""
    path = study.importance_files.ablations
    content = json.loads(study.absolute(path).read_text(encoding="utf-8"))
    ids, T = content["problem_ids"], content["n_latents"]
    places = {(row["problem_id"], row["ablated_position"]) for row in content["results"]}
    expected = {(problem, place) for problem in ids for place in (None, *range(T))}
    rows = len(content["results"])
    whole = places == expected and rows == len(expected) == study.options.n_problems * (T + 1)
    return Measurement("== n (T+1)" if whole else rows, n_problems=len(ids), beside={"rows": rows}, artifacts=(path,))


def differing(study: ModelStudy, *starts: str) -> Measurement:
    """Outputs of conditions, by the start of their names, that are not the baseline's: tokens, probabilities, divergence."""
    files, answered = study.importance_files, study.importance_files.answered
    names = [name for name in study.intervened.importance_design() if name.startswith(starts)]
    columns = [files.column(name) for name in names]
    same = (answered.tokens[:, columns] == answered.tokens[:, :1]).all(axis=2)
    same &= answered.gold_log_probability[:, columns] == answered.gold_log_probability[:, :1]
    same &= answered.divergence[:, columns] == 0
    return Measurement(int((~same).sum()), n_problems=len(same), beside={"outputs": int(same.size)})


def read_back(study: ModelStudy) -> Measurement:
    """Largest difference of replaced activations from what was asked, and of all computed before them from the baseline's."""
    T = study.n_latents
    layers = places(study.n_layers)["middle"]
    conditions = [
        (AblateThought(positions, layers, FILLS[fill]),)
        for fill in ("zero", "mean")
        for size in (1, 2)
        for positions in combinations(range(T), size)
    ]
    found = study.intervened.about("importance").read_back(conditions)
    if not found["places"]:
        return Measurement("nothing replaced was taken up by a later layer", beside=dict(found))
    return Measurement(max(found["fill"], found["earlier"]), beside=dict(found))


def parse_rate(study: ModelStudy) -> Measurement:
    """The share of answers that hold a number, for every condition, in the saved results and held against the answers."""
    files = study.importance_files
    path = files.ablations
    conditions = json.loads(study.absolute(path).read_text(encoding="utf-8"))["conditions"]
    design = list(study.intervened.importance_design())
    rates = np.isfinite(files.answered.numbers).mean(axis=0)
    there = list(conditions) == design and all(
        abs(conditions[name]["parse_rate"] - rate) < 1e-9 and "accuracy" in conditions[name]
        for name, rate in zip(design, rates, strict=True)
    )
    least = design[int(rates.argmin())]
    return Measurement(
        "present" if there else "differs from the answers",
        beside={"baseline": float(rates[0]), "least": float(rates.min()), "least_condition": least},
        artifacts=(path,),
    )


def pairs(study: ModelStudy) -> Measurement:
    """Conditions with two and with three thoughts ablated, each with an answer for every problem."""
    path = study.importance_files.ablations
    content = json.loads(study.absolute(path).read_text(encoding="utf-8"))
    T, n = content["n_latents"], len(content["problem_ids"])
    wanted = [name_of("zero", positions) for size in (2, 3) for positions in combinations(range(T), size)]
    found = [name for name in wanted if len(content["conditions"].get(name, {"correct": []})["correct"]) == n]
    return Measurement(
        "complete" if len(found) == comb(T, 2) + comb(T, 3) else f"{len(found)} of {len(wanted)} conditions",
        beside={"conditions": len(found)},
        n_problems=n,
        artifacts=(path,),
    )


CRITERIA = (
    Criterion(
        "I.2-complete",
        "acceptance",
        "Every position is ablated on every problem",
        "Rows of token_ablation_results_{n}.json: each problem's baseline and each of its positions, every one once.",
        Rule("is", "== n (T+1)"),
        complete,
        from_results=True,
    ),
    Criterion(
        "I.2-sham",
        "validity",
        "A sham ablation changes nothing",
        "Problems whose answer tokens, gold log-probability or divergence under a sham differ from the baseline's in any bit.",
        Rule("==", 0),
        lambda study: differing(study, "sham"),
    ),
    Criterion(
        "I.2-selfpatch",
        "validity",
        "A thought patched with itself changes nothing",
        "The same for every thought at the middle layer, and all thoughts at all layers, replaced by the activation they had.",
        Rule("==", 0),
        lambda study: differing(study, "itself"),
    ),
    Criterion(
        "I.2-readback",
        "validity",
        "The ablated activation is what was asked",
        "Residual stream as the layer after the ablated one takes it up: largest absolute difference from zero, or from the mean "
        "over problems, and of every activation computed before from the baseline's. Single thoughts and pairs, 16 problems.",
        Rule("==", 0),
        read_back,
    ),
    Criterion(
        "I.2-parse",
        "acceptance",
        "Parse rate is reported apart from accuracy",
        "Share of answers in which a number is found, for every condition, beside its accuracy.",
        Rule("is", "present"),
        parse_rate,
    ),
    hypothesis(
        "I.2-baseline",
        "The model solves the task",
        "Share of the stratified test problems answered rightly without an intervention.",
        Rule(">", 0.5),
        accuracy(),
    ),
    hypothesis(
        "I.2-matters",
        "Some position matters",
        "McNemar's exact test of the answers with and without the thought whose ablation (zero, middle layer) loses the largest "
        "share of the problems; Benjamini-Hochberg over all positions; 1 where more answers are gained than lost. Cross-fitted: "
        "p where half of the problems choose the position. As control every problem loses thoughts at random places.",
        Rule("<", 0.05),
        some_position_matters(),
        rests_on=INTERVENTION_VALIDITY,
        family="I.2-matters",
        shown=lambda study: study.importance_files.figure(0),
    ),
    hypothesis(
        "I.2-last",
        "The last thought matters most",
        "Accuracy lost without the last thought less the largest loss without another one; lower end of the 95 % bootstrap "
        "interval over problems, the other one chosen anew in every resample. What leaves the middle layer at the last thought "
        "is read by the layers above alone, so it is at a disadvantage here; blocked and input zero in figure 1 are not.",
        Rule(">", 0),
        last_less_largest_other(),
        rests_on=INTERVENTION_VALIDITY,
        shown=lambda study: study.importance_files.figure(1),
    ),
    Criterion(
        "I.2-pairs",
        "acceptance",
        "Pairs and triplets",
        "Every two and every three thoughts ablated together, on every problem.",
        Rule("is", "complete"),
        pairs,
        from_results=True,
    ),
)
