"""The files on which problems suffer read again, and what they hold counted once more in another way from the rows."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr, rankdata, spearmanr, t

from harness.criteria.blocks import BlockTrials
from harness.criteria.sample import RESAMPLES
from harness.statistics import resample_weights

Array = NDArray[Any]
Content = Mapping[str, Any]
PAIRINGS = 1999
"""Random pairings that a saved p is held against: others than it came from."""
ERRORS = 6
"""Standard errors that two such p may lie apart."""
GROUPS = ("all", "baseline_right")


class Rows:
    """The saved problems of a group, as columns: features by name, impact by condition."""

    def __init__(self, full: Content, group: str):
        rows = [row for row in full["problems"] if row["n_operations"] > 0]
        self.rows = rows if group == "all" else [row for row in rows if row["baseline_right"]]
        self.features = {name: np.array([row[name] for row in self.rows], np.float64) for name in full["features"]}
        self.impact = {
            name: np.array([row["impact"][place] for row in self.rows], np.float64)
            for place, name in enumerate(full["conditions"])
        }

    def __len__(self) -> int:
        return len(self.rows)


def wrong_rows(full: Content, trials: BlockTrials, ids: Sequence[int]) -> list[str]:
    """What of the rows is not what was answered."""
    rows = full["problems"]
    if [row["id"] for row in rows] != list(ids) or full["n_problems"] != len(rows):
        return ["the problems"]
    right = trials.right.astype(bool)
    blocked = [trials.names.index(f"blocked {name}") for name in full["conditions"]]
    wrong = [] if len(blocked) == trials.T else ["the conditions"]
    for row, features, answers in zip(rows, trials.features, right, strict=True):
        before = answers[0]
        lost = [int(before and not answers[one]) - int(answers[one] and not before) for one in blocked]
        if [row[name] for name in full["features"]] != features.tolist():
            wrong.append(f"features of problem {row['id']}")
        if row["impact"] != lost:
            wrong.append(f"impact of problem {row['id']}")
        if row["baseline_right"] is not bool(before):
            wrong.append(f"baseline of problem {row['id']}")
    return wrong


def wrong_summary(full: Content, summary: Content, seed: int) -> list[str]:
    """What of the summary, high-impact problems aside, differs from what the rows give."""
    rows = full["problems"]
    wrong = [] if summary["n_problems"] == len(rows) else ["n_problems"]
    if not _close(summary["baseline_accuracy"], np.mean([row["baseline_right"] for row in rows])):
        wrong.append("baseline_accuracy")
    if summary["operations_unknown"] != sum(row["n_operations"] == 0 for row in rows):
        wrong.append("operations_unknown")
    for group in GROUPS:
        some, saved = Rows(full, group), summary[group]
        if saved["n_problems"] != len(some):
            wrong.append(f"{group}: n_problems")
        elif len(some) > 1:
            found = [*_wrong_relations(some, saved, seed), *_wrong_types(some, saved, seed)]
            found += _wrong_regressions(some, saved, summary["studied"])
            wrong += [f"{group}: {one}" for one in found]
    return wrong


def wrong_high(full: Content, summary: Content, seed: int) -> list[str]:
    """What of the description of high-impact problems is missing, or differs from what the rows give."""
    wrong = []
    for group in GROUPS:
        some, saved = Rows(full, group), summary[group]["high_impact"]
        if len(some) < 2:
            continue
        if list(saved) != summary["studied"]:
            return [f"{group}: the thoughts"]
        members = {name: some.impact[name] > 0.5 for name in saved}
        own_p = _pairings(list(some.features.values()), [one.astype(np.float64) for one in members.values()])
        tests = []
        for column, (condition, one) in enumerate(saved.items()):
            high = members[condition]
            if (one["n_high"], one["n_rest"]) != (high.sum(), (~high).sum()):
                wrong.append(f"{group}: sizes, {condition}")
            if [row["feature"] for row in one["features"]] != list(some.features):
                wrong.append(f"{group}: features, {condition}")
                continue
            for place, row in enumerate(one["features"]):
                values = some.features[row["feature"]]
                expected = _means(values, high, seed)
                differ = [name for name, number in expected.items() if not _close(row[name], number)]
                if not _likely(row["p"], own_p[place, column], PAIRINGS):
                    differ.append("p")
                wrong += [f"{group}: {name} of {row['feature']}, {condition}" for name in differ]
                tests.append(row)
        wrong += [f"{group}: {one}" for one in _wrong_q(tests, "high impact")]
    return wrong


def _means(values: Array, members: Array, seed: int) -> dict[str, float]:
    inside, outside = values[members], values[~members]
    if not len(inside) or not len(outside):
        there = {"high": inside, "rest": outside}
        means = {name: float(some.mean()) if len(some) else math.nan for name, some in there.items()}
        return {**means, "difference": math.nan, "ci_low": math.nan, "ci_high": math.nan}
    sides = [_counts(len(values), seed)[:, some] for some in (members, ~members)]
    sizes = [counts.sum(axis=1) for counts in sides]
    low = high = math.nan
    if all((size > 0).all() for size in sizes):
        low, high = _ends(sides[0] @ inside / sizes[0] - sides[1] @ outside / sizes[1])
    return {
        "high": float(inside.mean()),
        "rest": float(outside.mean()),
        "difference": float(inside.mean() - outside.mean()),
        "ci_low": low,
        "ci_high": high,
    }


def _wrong_relations(rows: Rows, saved: Content, seed: int) -> list[str]:
    features, impact = list(rows.features), list(rows.impact)
    found = {(one["feature"], one["condition"]): one for one in saved["relations"]}
    if list(found) != [(feature, condition) for feature in features for condition in impact]:
        return ["the correlations"]
    wrong = []
    for kind, of in (("pearson", pearsonr), ("spearman", spearmanr)):
        columns = [*rows.features.values(), *rows.impact.values()]
        drawn = _resampled(columns, len(features), kind == "spearman", seed)
        ranked = columns if kind == "pearson" else [rankdata(one) for one in columns]
        p = _pairings(ranked[: len(features)], ranked[len(features) :])
        for (feature, condition), one in found.items():
            place = features.index(feature), impact.index(condition)
            first, second = rows.features[feature], rows.impact[condition]
            varies = np.ptp(first) > 0 and np.ptp(second) > 0
            low, high = _ends(drawn[(slice(None), *place)])
            expected = {"r": of(first, second)[0] if varies else math.nan, "ci_low": low, "ci_high": high}
            differ = [name for name, number in expected.items() if not _close(one[kind][name], number)]
            if not _likely(one[kind]["p"], p[place], PAIRINGS):
                differ.append("p")
            wrong += [f"{kind} {name} of {feature} and {condition}" for name in differ]
        wrong += _wrong_q([one[kind] for one in found.values()], kind)
    return wrong


def _wrong_types(rows: Rows, saved: Content, seed: int) -> list[str]:
    operations = rows.features["n_operations"]
    members: dict[tuple[str, str], Array] = {
        **{("operations", str(count)): operations == count for count in range(1, 5)},
        ("operations", "5+"): operations > 4,
        ("several operations", "3 or more"): operations > 2,
        ("several operations", "fewer"): operations < 3,
    }
    for what in ("division", "multiplication", "fractions"):
        members[what, "with"] = rows.features[f"has_{what}"] == 1
        members[what, "without"] = rows.features[f"has_{what}"] == 0
    counts = _counts(len(rows), seed)
    if [(one["by"], one["name"]) for one in saved["types"]] != list(members):
        return ["the types"]
    wrong = []
    for one, there in zip(saved["types"], members.values(), strict=True):
        if one["n_problems"] != there.sum():
            wrong.append(f"number of problems, {one['by']} {one['name']}")
            continue
        if [each["condition"] for each in one["impact"]] != list(rows.impact):
            wrong.append(f"the thoughts, {one['by']} {one['name']}")
            continue
        for each in one["impact"]:
            values = rows.impact[each["condition"]][there]
            sizes, sums = counts[:, there].sum(axis=1), counts[:, there] @ values
            low, high = _ends(sums / sizes) if (sizes > 0).all() else (math.nan, math.nan)
            expected = {"mean": sum(values) / len(values) if len(values) else math.nan, "ci_low": low, "ci_high": high}
            wrong += [
                f"{name} of {each['condition']}, {one['by']} {one['name']}"
                for name, number in expected.items()
                if not _close(each[name], number)
            ]
    return wrong


def _wrong_regressions(rows: Rows, saved: Content, studied: Sequence[str]) -> list[str]:
    if list(saved["regression"]) != list(studied):
        return ["the regressions"]
    wrong: list[str] = []
    tests = []
    for condition, one in saved["regression"].items():
        names = [row["feature"] for row in one["coefficients"]]
        if {*names, *one["left_out"]} != set(rows.features) or len(names) + len(one["left_out"]) != len(rows.features):
            wrong.append(f"features of the regression, {condition}")
            continue
        standard = [(rows.features[name] - rows.features[name].mean()) / rows.features[name].std() for name in names]
        design = np.column_stack([np.ones(len(rows)), *standard])
        redundant = [
            name
            for name in one["left_out"]
            if np.linalg.matrix_rank(np.column_stack([design, rows.features[name]]), 1e-6 * len(rows)) > design.shape[1]
        ]
        wrong += [f"{name} was left out of the regression, {condition}" for name in redundant]
        if one["n_problems"] != len(rows) or not _close(one["condition_number"], np.linalg.cond(design), 1e-4):
            wrong.append(f"size of the regression, {condition}")
        if one["reason"] is None:
            wrong += [f"{name}, {condition}" for name in _wrong_fit(design, rows.impact[condition], one)]
        tests += one["coefficients"]
    return [*wrong, *_wrong_q(tests, "regression")]


def _wrong_fit(design: Array, outcome: Array, saved: Content) -> Iterator[str]:
    """Coefficients by the normal equations, their HC3 covariance written out."""
    inverse = np.linalg.inv(design.T @ design)
    estimates = inverse @ design.T @ outcome
    left = outcome - design @ estimates
    leverage = np.array([row @ inverse @ row for row in design])
    spread = np.sqrt(np.diag(inverse @ (design.T * (left / (1 - leverage)) ** 2) @ design @ inverse))
    free = len(design) - design.shape[1]
    if not _close(
        saved["r_squared"], 1 - left @ left / ((outcome - outcome.mean()) @ (outcome - outcome.mean())), 1e-6
    ):
        yield "r_squared"
    for row, estimate, error in zip(saved["coefficients"], estimates[1:], spread[1:], strict=True):
        margin = t.ppf(0.975, free) * error
        expected = {
            "value": estimate,
            "ci_low": estimate - margin,
            "ci_high": estimate + margin,
            "p": 2 * t.sf(abs(estimate / error), free),
        }
        for name, number in expected.items():
            if not _close(row[name], number, 1e-6):
                yield f"{name} of the coefficient of {row['feature']}"


def _wrong_q(tests: Sequence[Content], family: str) -> list[str]:
    """Benjamini-Hochberg step by step: the largest p stays, each smaller one is scaled by its rank."""
    known = [1.0 if one["p"] is None else one["p"] for one in tests]
    expected = [math.nan] * len(tests)
    least = 1.0
    for rank, place in reversed(list(enumerate(sorted(range(len(known)), key=known.__getitem__), start=1))):
        least = min(least, known[place] * len(known) / rank)
        expected[place] = math.nan if tests[place]["p"] is None else least
    right = all(_close(one["q"], number) for one, number in zip(tests, expected, strict=True))
    return [] if right else [f"q of the {family}"]


def _pairings(first: Sequence[Array], second: Sequence[Array]) -> Array:
    """[F, K]: two-sided p of the sum of products under random pairings, one after the other; NaN where either is constant."""
    x, y = (np.column_stack(columns) for columns in (first, second))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    observed = np.abs(x.T @ y)
    tie = 1e-9 * np.sqrt(np.outer((x * x).sum(axis=0), (y * y).sum(axis=0)))
    rng, hits = np.random.default_rng(1), np.ones_like(observed)
    for _ in range(PAIRINGS):
        hits += np.abs(x.T @ y[rng.permutation(len(y))]) >= observed - tie
    constant = np.ptp(np.column_stack(first), axis=0)[:, None] * np.ptp(np.column_stack(second), axis=0) == 0
    return np.where(constant, math.nan, hits / (1 + PAIRINGS))


def _likely(saved: float | None, own: float, draws: int) -> bool:
    """Whether two p-values of one test lie as close as random draws let them."""
    if saved is None or math.isnan(own):
        return saved is None and math.isnan(own)
    middle = (saved + own) / 2
    return 0 < saved <= 1 and abs(saved - own) <= ERRORS * math.sqrt(middle * (1 - middle) / draws) + 2 / draws


def _resampled(columns: Sequence[Array], features: int, ranked: bool, seed: int) -> Array:
    """[draws, F, K]: correlations of problems that are written out as often as they were drawn."""
    table = np.column_stack(columns)
    drawn = []
    for counts in _counts(len(table), seed):
        again = np.repeat(table, counts, axis=0)
        again = rankdata(again, axis=0) if ranked else again
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.asarray(np.corrcoef(again.T))[:features, features:]
        constant = np.ptp(again, axis=0) == 0
        drawn.append(np.where(constant[:features, None] | constant[features:], math.nan, found))
    return np.array(drawn)


def _counts(n: int, seed: int) -> Array:
    """[draws, n]: how often each problem was drawn."""
    return np.rint(resample_weights(n, RESAMPLES, seed) * n).astype(np.int64)


def _ends(drawn: Array) -> tuple[float, float]:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _close(saved: Any, expected: Any, relative: float = 1e-7) -> bool:
    if saved is None or math.isnan(expected):
        return saved is None and bool(math.isnan(expected))
    return math.isclose(saved, float(expected), rel_tol=relative, abs_tol=1e-9)
