"""What a blocked key's weight becomes, against a softmax that is written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from harness.measures.redistribution import gained, in_proportion

SCORES = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 6)), elements=st.floats(-5, 5))


@given(SCORES, st.data())
def test_scores_that_stay_as_they_were_give_the_weight_away_in_proportion(
    scores: np.ndarray, data: st.DataObject
) -> None:
    key = data.draw(st.integers(0, scores.shape[1] - 1))
    blocked = scores.copy()
    blocked[:, key] = -np.inf
    before, after = softmax(scores, axis=-1), softmax(blocked, axis=-1)
    np.testing.assert_allclose(gained(before, after, key), in_proportion(before, key), atol=1e-12)


@given(SCORES, st.data())
def test_gains_and_prediction_sum_to_the_weight_removed_whatever_the_scores_become(
    scores: np.ndarray, data: st.DataObject
) -> None:
    key = data.draw(st.integers(0, scores.shape[1] - 1))
    other = data.draw(arrays(np.float64, scores.shape, elements=st.floats(-5, 5)))
    other[:, key] = -np.inf
    before, after = softmax(scores, axis=-1), softmax(other, axis=-1)
    for found in (gained(before, after, key), in_proportion(before, key)):
        assert found.shape == (len(scores), scores.shape[1] - 1)
        np.testing.assert_allclose(found.sum(axis=-1), before[:, key], atol=1e-12)


def test_a_reaction_is_what_lies_beyond_proportion() -> None:
    before, after = np.array([0.5, 0.25, 0.25]), np.array([0.0, 0.75, 0.25])
    assert gained(before, after, 0).tolist() == [0.5, 0.0]
    assert in_proportion(before, 0).tolist() == [0.25, 0.25]


def test_a_query_that_read_nothing_else_is_taken_to_give_all_the_same() -> None:
    assert in_proportion(np.array([1.0, 0.0, 0.0]), 0).tolist() == [0.5, 0.5]
