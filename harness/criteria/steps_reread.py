"""The files of the study of steps read again, and everything in them counted once more in another way."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.nested import in_words, readings
from harness.criteria.sample import RESAMPLES
from harness.problems import Problem
from harness.statistics import percentile_interval, resample_weights

Array = NDArray[Any]
Content = Mapping[str, Any]
Ablated = frozenset[int]
METRICS = {"accuracy": "correct", "gold_log_probability": "gold_log_probability"}
"""Names of the designs' metrics, and of the lists they come from."""
LONGEST = 6
"""Most thoughts whose orders are all gone through."""


def by_hand(value: Callable[[Ablated], Any], T: int) -> dict[str, list[Any]]:
    """Baseline, all ablated and the four designs by position, from the value under any set of ablated thoughts."""
    everything = frozenset(range(T))
    return {
        "baseline": [value(frozenset())],
        "all_ablated": [value(everything)],
        "nested": [value(frozenset()) - value(frozenset(range(count))) for count in range(T)],
        "single": [value(frozenset()) - value(frozenset({one})) for one in range(T)],
        "leave_one_in": [value(everything - {one}) - value(everything) for one in range(T)],
        "shapley": _over_orders(value, T) if T <= LONGEST else _over_coalitions(value, T),
    }


def _over_orders(value: Callable[[Ablated], Any], T: int) -> list[Any]:
    """Mean over all orders in which thoughts come back of what each adds."""
    total: list[Any] = [0.0] * T
    for order in permutations(range(T)):
        gone = frozenset(range(T))
        for one in order:
            total[one] = total[one] + value(gone - {one}) - value(gone)
            gone -= {one}
    return [one / math.factorial(T) for one in total]


def _over_coalitions(value: Callable[[Ablated], Any], T: int) -> list[Any]:
    """The same from the definition: over sizes of what is there already, the mean over such sets of what a thought adds."""
    worth = []
    for one in range(T):
        others = [other for other in range(T) if other != one]
        by_size = [
            sum(
                value(frozenset(others) - frozenset(there)) - value(frozenset(others) - frozenset(there) | {one})
                for there in combinations(others, size)
            )
            / math.comb(T - 1, size)
            for size in range(T)
        ]
        worth.append(sum(by_size) / T)
    return worth


def values_of(content: Content, fill: str, metric: str, among: Iterable[int] | None = None) -> dict[Ablated, Array]:
    """[n] of a metric under each set of ablated thoughts, of the problems in the rows ``among``, all unless given."""
    rows = content["problems"] if among is None else [content["problems"][row] for row in among]
    saved = np.array([row[fill][METRICS[metric]] for row in rows], dtype=np.float64).reshape(len(rows), -1)
    # Nine digits tell two single-precision numbers apart, and this one is the one they stand for.
    table = saved.astype(np.float32).astype(np.float64)
    sets = [frozenset(ablated) for ablated in content["ablated"][:-1]]
    return {ablated: table[:, column] for column, ablated in enumerate(sets)}


def wrong_rows(content: Content, problems: Sequence[Problem], answers: Mapping[str, tuple[Array, Array]]) -> list[str]:
    """What is wrong with the rows: against the problems, and against ``answers``, by fill numbers and gold
    log-probabilities [n, conditions]."""
    T, rows = content["n_latents"], content["problems"]
    wrong = []
    sets = [tuple(ablated) for ablated in content["ablated"]]
    expected = {places for size in range(T + 1) for places in combinations(range(T), size)}
    if (
        set(sets[:-1]) != expected
        or len(sets) != len(expected) + 1
        or sets[0]
        or sets[-1]
        or content["conditions"][-1] != "sham"
    ):
        wrong.append("the conditions")
    if [(row["id"], row["difficulty"], row["gold"]) for row in rows] != [
        (problem.id, problem.difficulty, problem.answer) for problem in problems
    ]:
        wrong.append("the problems")
    if content["n_problems"] != len(rows):
        wrong.append("n_problems")
    for fill, (numbers, gold) in answers.items():
        for row, own_numbers, own_gold in zip(rows, numbers, gold, strict=False):
            saved = np.array(row[fill]["number"], dtype=np.float64)
            if saved.shape != own_numbers.shape or not np.array_equal(saved, own_numbers, equal_nan=True):
                wrong.append(f"numbers of problem {row['id']} ({fill})")
            if row[fill]["correct"] != [int(number == row["gold"]) for number in row[fill]["number"]]:
                wrong.append(f"correct of problem {row['id']} ({fill})")
            if not np.array_equal(np.array(row[fill]["gold_log_probability"], dtype=np.float32), own_gold):
                wrong.append(f"gold log-probabilities of problem {row['id']} ({fill})")
    return wrong


def wrong_designs(content: Content) -> list[str]:
    """What of the four designs is missing, or differs from what the rows give."""
    T, wrong = content["n_latents"], []
    for fill in content["fills"]:
        for metric in METRICS:
            saved = content["designs"].get(fill, {}).get(metric, {})
            means = {ablated: float(column.mean()) for ablated, column in values_of(content, fill, metric).items()}
            for design, expected in by_hand(means.__getitem__, T).items():
                if not _close(_listed(saved.get(design)), expected):
                    wrong.append(f"{design} of {metric} ({fill})")
            whole = means[frozenset()] - means[frozenset(range(T))]
            if not _close([math.fsum(saved.get("shapley") or [math.nan])], [whole]):
                wrong.append(f"sum of Shapley values of {metric} ({fill})")
    return wrong


def wrong_summary(summary: Content, scores: Content, seed: int) -> list[str]:
    """What of the summary differs from what the rows of the scores give."""
    T, fill, wrong = scores["n_latents"], scores["fills"][0], []
    difficulty = [row["difficulty"] for row in scores["problems"]]
    wanted: dict[str, list[int]] = {
        "all": list(range(len(difficulty))),
        **{str(level): [row for row, one in enumerate(difficulty) if one == level] for level in (2, 3, 4)},
        "5+": [row for row, one in enumerate(difficulty) if one >= 5],
    }
    if list(summary["groups"]) != list(wanted):
        return ["the groups"]
    for group, members in wanted.items():
        saved = summary["groups"][group]
        if saved["n_problems"] != len(members):
            wrong.append(f"number of problems, {group}")
        for metric in METRICS:
            if len(members) < 2:
                continue
            columns = values_of(scores, fill, metric, members)
            weights = np.vstack(
                [np.full(len(members), 1 / len(members)), resample_weights(len(members), RESAMPLES, seed)]
            )
            drawn = {ablated: weights @ column for ablated, column in columns.items()}
            for design, expected in by_hand(drawn.__getitem__, T).items():
                found = _listed(saved[metric].get(design))
                if not all(_close([_end(one, end) for one in found], ends) for end, ends in _ends(expected).items()):
                    wrong.append(f"{design} of {metric}, {group}")
    for metric in METRICS:
        by_set = values_of(scores, fill, metric)
        in_order = sorted(by_set, key=lambda ablated: sum(2**one for one in ablated))
        read = readings(np.stack([by_set[one] for one in in_order], axis=1), seed)
        if summary["nested_alone"][metric]["in_words"] != in_words(read):
            wrong.append(f"what the nested design alone says of {metric}")
    if set(summary["designs"]) != {"nested", "single", "leave_one_in", "shapley"}:
        wrong.append("what the designs show")
    return wrong


def _ends(expected: Sequence[Array]) -> dict[str, list[float]]:
    low, high = percentile_interval(np.stack([one[1:] for one in expected], axis=1))
    return {"value": [float(one[0]) for one in expected], "low": low.tolist(), "high": high.tolist()}


def _end(saved: Any, end: str) -> Any:
    return saved.get(end) if isinstance(saved, dict) else None


def _listed(saved: Any) -> list[Any]:
    return saved if isinstance(saved, list) else [saved]


def _close(saved: Sequence[Any], expected: Sequence[float]) -> bool:
    return len(saved) == len(expected) and all(
        one is not None and math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
        for one, other in zip(saved, expected, strict=True)
    )
