"""Composite scores and functional types against plain counting, published formulas and planted heads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from harness.measures import (
    FUNCTIONAL_TYPES,
    composite_normalised,
    composite_score,
    flow,
    functional_type,
    hub_score,
    matches_type,
    min_max,
    normalise_rows,
    overlap,
    row_scores,
    skip,
    specialisation,
    three_scores,
    upper_decile,
)
from harness.statistics import plant


def patterns(seed: int = 0, L: int = 3, H: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.tril(rng.dirichlet(np.ones(7), size=(L, H, 6))[..., :6])


def one_of_each() -> np.ndarray:
    """Head 0 is a chain, head 1 a hub, head 2 a skip, head 3 reads itself, [1, 4, 6, 6]."""
    size = {"n": 1, "L": 1, "H": 1, "T": 6, "seed": 0, "noise": 0, "latent_mass": 0.95}
    chain, skipping = (plant(kind, 0.98, **size)[0, 0, 0] for kind in ("chain", "skip"))  # type: ignore[arg-type]
    hub = np.where(np.arange(6) == 1, np.tri(6) * 0.95, 0.0)
    kinds = [chain, hub, skipping]
    return np.stack([*kinds, np.eye(6) * 0.9])[None]


def test_the_composite_is_the_weighted_sum_of_raw_scores() -> None:
    mean = patterns()
    expected = 0.4 * flow(mean) + 0.4 * hub_score(mean) + 0.2 * skip(mean)
    np.testing.assert_allclose(composite_score(mean), expected, rtol=1e-12)


def test_the_normalised_composite_uses_each_score_mapped_to_0_1_over_heads() -> None:
    mean = patterns(1)

    def mapped(scores: np.ndarray) -> np.ndarray:
        return (scores - scores.min()) / (scores.max() - scores.min())

    expected = 0.4 * mapped(flow(mean)) + 0.4 * mapped(hub_score(mean)) + 0.2 * mapped(skip(mean))
    np.testing.assert_allclose(composite_normalised(mean), expected, rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (2, 3, 4), elements=st.floats(-5, 5, allow_subnormal=False)))
def test_min_max_reaches_both_ends_or_is_all_zero(scores: np.ndarray) -> None:
    for one, found in zip(scores, min_max(scores), strict=True):
        if np.ptp(one) <= 1e-9 * max(1, abs(one.max())):
            assert (found == 0).all()
        else:
            assert (found.min(), found.max()) == (0, 1)
            assert (np.diff(found.ravel()[np.argsort(one, axis=None)]) >= 0).all()


def test_a_null_head_stays_null_and_moves_no_other() -> None:
    scores = np.array([[0.2, np.nan, 0.4], [0.3, 0.2, 0.4]])
    np.testing.assert_array_equal(min_max(scores), min_max(np.where(np.isnan(scores), 0.3, scores)) + 0 * scores)


@pytest.mark.parametrize(
    ("low", "high", "differ"),
    [(0.0, 1e-9, False), (0.0, 1.1e-9, True), (1000 - 5e-7, 1000.0, False), (998.0, 1000.0, True)],
)
def test_scores_differ_beyond_a_billionth_of_their_size_or_of_one(low: float, high: float, differ: bool) -> None:
    assert min_max(np.array([[low, high]])).tolist() == [[0, float(differ)]]


def test_each_kind_of_head_gets_its_type() -> None:
    names = [FUNCTIONAL_TYPES[index] for index in functional_type(one_of_each())[0]]
    assert names[0] == "Forward Flow"
    assert names[1] == "Hub Aggregator" or names[1] == "Multi-Purpose"
    assert names[3] == "None"


@pytest.mark.parametrize(
    ("normalised", "expected"),
    [
        ((0.5, 0.5, 0.5), "Forward Flow"),
        ((0.2, 0.5, 0.5), "Hub Aggregator"),
        ((0.1, 0.2, 0.3), "Skip Connection"),
        ((0.71, 0.71, 0.0), "Multi-Purpose"),
        ((0.7, 0.71, 0.0), "Hub Aggregator"),
        ((0.0, 0.8, 0.9), "Multi-Purpose"),
        ((0.0, 0.0, 0.0), "None"),
        ((np.nan, 0.9, 0.9), "None"),
    ],
)
def test_the_largest_score_names_the_type_unless_two_are_high(
    monkeypatch: pytest.MonkeyPatch, normalised: tuple[float, ...], expected: str
) -> None:
    monkeypatch.setattr(
        "harness.measures.composite.normalised_scores", lambda mean: np.array(normalised)[:, None, None]
    )
    assert FUNCTIONAL_TYPES[functional_type(patterns())[0, 0]] == expected


def test_a_head_without_attention_leaves_the_types_of_others() -> None:
    mean = one_of_each()
    mean[0, 3] = 0
    kinds = functional_type(mean)[0]
    assert kinds[3] == FUNCTIONAL_TYPES.index("None")
    assert FUNCTIONAL_TYPES.index("None") not in kinds[:3]


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([(1, 1), (1, 2), (3, 4), (1, 11), (4, 8), (7, 3), (8, 32)]),
    st.integers(0, 1000),
    st.sampled_from([0.0, 0.3]),
)
def test_the_upper_decile_is_the_90th_percentile_of_the_heads_that_have_a_score(
    shape: tuple[int, int], seed: int, missing: float
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(2, *shape)).round(1)
    scores[rng.random(scores.shape) < missing] = np.nan
    for one, found in zip(scores, upper_decile(scores), strict=True):
        if np.isnan(one).all():
            assert np.isnan(found)
        else:
            assert found == pytest.approx(np.nanpercentile(one, 90), abs=1e-12)


def test_where_the_decile_falls_on_a_head_that_head_is_not_above_it() -> None:
    for heads in range(11, 200, 10):
        scores = np.random.default_rng(heads).normal(size=(1, heads))
        assert (scores > upper_decile(scores)).sum() == (heads - 1) // 10


@pytest.mark.parametrize(("L", "H"), [(5, 7), (3, 7)])
def test_a_type_is_matched_where_its_own_score_is_in_the_models_highest_tenth(L: int, H: int) -> None:
    for seed in range(5):
        mean = patterns(seed, L, H)
        scores = {"Forward Flow": flow(mean), "Hub Aggregator": hub_score(mean), "Skip Connection": skip(mean)}
        above = {name: values > np.percentile(values, 90) for name, values in scores.items()}
        for layer, head in np.ndindex(L, H):
            kind = FUNCTIONAL_TYPES[functional_type(mean)[layer, head]]
            high = sum(values[layer, head] for values in above.values())
            expected = high >= 2 if kind == "Multi-Purpose" else above[kind][layer, head]
            assert matches_type(mean)[layer, head] == expected, (kind, high)


def test_a_head_without_a_type_matches_none() -> None:
    mean = np.zeros((4, 5, 6, 6))
    mean[0, 0] = patterns()[0, 0]
    assert not matches_type(mean)[functional_type(mean) == FUNCTIONAL_TYPES.index("None")].any()
    assert not matches_type(np.broadcast_to(patterns()[0, 0], (3, 4, 6, 6))).any()


def test_heads_that_differ_by_rounding_alone_have_no_type_to_match() -> None:
    mean = np.broadcast_to(patterns()[0, 0], (3, 4, 6, 6)).copy()
    mean[1, 2, 5, 0] += 1e-12
    assert (three_scores(mean)[2] > upper_decile(three_scores(mean)[2])).sum() == 1
    assert not matches_type(mean).any()


def test_specialisation_is_1_minus_relative_entropy() -> None:
    mean = patterns(2)
    shares = composite_score(mean).ravel()
    expected = 1 - entropy(shares / shares.sum()) / np.log(shares.size)
    assert float(specialisation(mean)) == pytest.approx(float(expected))


def test_specialisation_is_0_for_equal_heads_and_1_for_a_single_one() -> None:
    same = np.broadcast_to(patterns()[0, 0], (3, 4, 6, 6))
    assert float(specialisation(same)) == pytest.approx(0, abs=1e-12)
    alone = np.zeros((3, 4, 6, 6))
    alone[1, 2] = patterns()[0, 0]
    assert float(specialisation(alone)) == 1
    assert float(specialisation(alone[1:2, 1:3])) == 1
    with np.errstate(all="raise"):
        assert np.isnan(specialisation(alone[1:2, 2:3]))


def test_overlap_counts_shared_heads_whatever_their_order() -> None:
    assert overlap(np.array([1, 2, 3, 4]), np.array([4, 9, 1, 8])) == 0.5
    np.testing.assert_array_equal(overlap(np.array([[0, 1], [2, 3]]), np.array([[1, 0], [4, 5]])), [1, 0])


def test_row_scores_are_the_three_scores_of_rows_with_mass_one() -> None:
    mean = patterns(2)
    rows = normalise_rows(mean)
    for found, score in zip(row_scores(mean), (flow, hub_score, skip), strict=True):
        np.testing.assert_allclose(found, score(rows), rtol=1e-12)


def test_row_scores_leave_empty_rows_out() -> None:
    mean = patterns(3)
    mean[0, 0] = 0
    mean[0, 1, 5] = 0
    mean[0, 2, 2] = 0
    flows, hubs, skips = row_scores(mean)
    assert np.isnan([flows[0, 0], hubs[0, 0], skips[0, 0], skips[0, 1]]).all()
    rows = normalise_rows(mean[0, 2])
    columns = [sum(rows[i, j] for i in (0, 1, 3, 4, 5)) for j in range(6)]
    assert hubs[0, 2] == pytest.approx(np.var(columns))
    assert flows[0, 2] == pytest.approx(sum(rows[i, j] for i in (1, 3, 4, 5) for j in range(i)) / 5)
    assert np.isfinite(flows).sum() == np.isfinite(hubs).sum() == 11
    assert np.isfinite(skips).sum() == 10
