"""The summary of codes whose truth is known, against tests and resamples written out here."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control

from harness.behaviour import CODES, ERROR_CLASSES
from harness.criteria.taxonomy import flow, members, taxonomy_summary
from harness.statistics import resample_weights

CHANCE = np.tile([0.0, 0.0, 0.02, 0.0, 0.01, 0.02, 0.05, 0.1, 0.4, 0.4], (3, 1))
NONE, CORRECT, REVERSAL, CALC, LOGIC, UNEXPLAINED = (
    CODES.index(name) for name in ("NONE", "CORRECT", "OPERATION_REVERSAL", "CALC_ERROR", "LOGIC_ERROR", "UNEXPLAINED")
)


def drawn(n: int = 200, conditions: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 10, (n, conditions)).astype(np.int8)


def test_shares_count_all_problems_and_the_wrong_answers_apart() -> None:
    codes = np.array([[CORRECT] * 6 + [CALC] * 2 + [UNEXPLAINED] + [LOGIC]], dtype=np.int8).T
    one = taxonomy_summary(codes, ["baseline"], CHANCE, 0)["conditions"]["baseline"]
    assert one["n_errors"] == 4
    calc = one["classes"]["CALC_ERROR"]
    assert (calc["count"], calc["share"]["value"], calc["among_errors"]["value"]) == (
        3,
        pytest.approx(0.3),
        pytest.approx(0.75),
    )
    assert one["calc_error"]["evidenced"]["among_errors"]["value"] == pytest.approx(0.5)
    assert one["calc_error"]["unexplained"]["count"] == 1
    assert one["classes"]["CORRECT"]["among_errors"] == {"value": None, "ci_low": None, "ci_high": None}
    assert sum(each["count"] for each in one["classes"].values()) == 10


def test_accuracy_that_falls_raises_shares_of_all_but_not_among_errors() -> None:
    before = [CORRECT] * 100 + [UNEXPLAINED] * 20 + [LOGIC] * 20
    after = [CORRECT] * 20 + [UNEXPLAINED] * 60 + [LOGIC] * 60
    codes = np.array([before, after], dtype=np.int8).T
    found = taxonomy_summary(codes, ["baseline", "ct0"], CHANCE, 0)["conditions"]["ct0"]["classes"]["CALC_ERROR"]
    assert found["change"]["ci_low"] > 0 and found["q"] < 0.05
    assert found["change_among_errors"]["value"] == pytest.approx(0)
    assert found["change_among_errors"]["ci_low"] < 0 < found["change_among_errors"]["ci_high"]


def test_p_is_the_binomial_test_and_q_is_over_conditions_and_classes_without_the_sham() -> None:
    codes, names = drawn(), ["baseline", "ct0", "sham", "ct4"]
    found = taxonomy_summary(codes, names, CHANCE, 0)
    assert found["family"] == ["ct0", "ct4"]
    expected = {}
    for k in (1, 2, 3):
        for name in ERROR_CLASSES:
            before, after = (
                np.isin(codes[:, at], [CALC, UNEXPLAINED] if name == "CALC_ERROR" else [CODES.index(name)])
                for at in (0, k)
            )
            lost, gained = int((before & ~after).sum()), int((after & ~before).sum())
            expected[names[k], name] = binomtest(lost, lost + gained).pvalue
            assert found["conditions"][names[k]]["classes"][name]["p"] == pytest.approx(expected[names[k], name])
    family = [key for key in expected if key[0] != "sham"]
    assert len(family) == 18
    for key, q in zip(family, false_discovery_control([expected[key] for key in family]), strict=True):
        assert found["conditions"][key[0]]["classes"][key[1]]["q"] == pytest.approx(q)
    assert all(one["q"] is None for one in found["conditions"]["sham"]["classes"].values())
    assert all(one["q"] is None for one in found["conditions"]["ct0"]["calc_error"].values())


def test_intervals_resample_problems_and_keep_them_paired() -> None:
    codes = drawn(conditions=2)
    found = taxonomy_summary(codes, ["baseline", "ct0"], CHANCE, 5)["conditions"]["ct0"]["classes"]["LOGIC_ERROR"]
    changes, ratios = [], []
    for weights in resample_weights(200, 2000, 5):
        share = [sum(weights[codes[:, k] == LOGIC]) for k in (0, 1)]
        wrong = [sum(weights[codes[:, k] != CORRECT]) for k in (0, 1)]
        changes.append(share[1] - share[0])
        ratios.append(share[1] / wrong[1] - share[0] / wrong[0])
    for name, values in (("change", changes), ("change_among_errors", ratios)):
        low, high = np.quantile(values, [0.025, 0.975])
        assert found[name]["ci_low"] == pytest.approx(low, abs=1e-12)
        assert found[name]["ci_high"] == pytest.approx(high, abs=1e-12)


def test_a_condition_that_equals_the_baseline_changes_nothing() -> None:
    codes = np.repeat(drawn(conditions=1), 2, axis=1)
    found = taxonomy_summary(codes, ["baseline", "same"], CHANCE, 0)["conditions"]["same"]
    for one in found["classes"].values():
        assert one["change"] == {"value": 0, "ci_low": 0, "ci_high": 0}
        assert one["p"] == one["q"] == 1
    assert (np.array(found["flow"]) == np.diag(np.bincount(codes[:, 0], minlength=10))).all()


def test_the_flow_counts_each_problem_once_from_row_to_column() -> None:
    before, after = np.array([2, 2, 2, 9], dtype=np.int8), np.array([2, 7, 7, 2], dtype=np.int8)
    counts = flow(before, after)
    assert counts.shape == (10, 10) and counts.sum() == 4
    assert (counts[2, 2], counts[2, 7], counts[9, 2]) == (1, 2, 1)


def test_both_kinds_of_calculation_errors_are_one_class() -> None:
    codes = np.array([CALC, UNEXPLAINED, LOGIC], dtype=np.int8)
    assert members(codes, "CALC_ERROR").tolist() == [True, True, False]
    assert members(codes, "LOGIC_ERROR").tolist() == [False, False, True]


def test_random_shares_are_means_over_draws_among_all_and_among_errors() -> None:
    draws = np.array([CHANCE[0], np.eye(10)[CORRECT]])
    found = taxonomy_summary(drawn(), list("abcd"), draws, 0)["random"]
    assert found["classes"]["CALC_ERROR"]["share"] == pytest.approx(0.25)
    assert found["calc_error"]["unexplained"]["share"] == pytest.approx(0.2)
    assert found["classes"]["LOGIC_ERROR"]["among_errors"] == pytest.approx(0.2 / 0.49)
    assert found["classes"]["CORRECT"]["among_errors"] is None


def test_what_is_undefined_is_null_and_all_of_it_can_be_written() -> None:
    codes = np.full((5, 2), CORRECT, dtype=np.int8)
    found = taxonomy_summary(codes, ["baseline", "ct0"], np.full((2, 10), np.nan), 0)
    json.dumps(found, allow_nan=False)
    assert found["conditions"]["ct0"]["classes"]["NONE"]["among_errors"]["value"] is None
    assert found["random"]["classes"]["NONE"] == {"share": None, "among_errors": None}


def test_a_baseline_alone_is_described_without_tests() -> None:
    found = taxonomy_summary(drawn(conditions=1), ["baseline"], CHANCE, 0)
    assert found["family"] == []
    assert set(found["conditions"]["baseline"]["classes"]["NONE"]) == {"count", "share", "among_errors"}
