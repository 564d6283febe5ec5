"""What each class would get of answers that have nothing to do with the problem."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.behaviour.errors import CODES, Classifier


def random_answers(
    classifiers: Sequence[Classifier], texts: Sequence[str | None], draws: int, seed: int
) -> NDArray[np.float64]:
    """Share of each class [draws, 10], in the order of ``CODES``, when every problem gets the answer of another one.

    ``classifiers`` and ``texts`` belong to the same n problems. In each draw the texts are permuted so that none stays where
    it was. NaN for fewer than two problems, which cannot exchange anything.
    """
    n = len(classifiers)
    if n < 2:
        return np.full((draws, len(CODES)), np.nan)
    rng = np.random.default_rng(seed)
    shares = np.empty((draws, len(CODES)))
    for draw in range(draws):
        codes = [
            classifier.classify(texts[other]).code
            for classifier, other in zip(classifiers, _exchange(n, rng), strict=True)
        ]
        shares[draw] = np.bincount(codes, minlength=len(CODES)) / n
    return shares


def near_answers(
    classifiers: Sequence[Classifier], gold: NDArray[np.floating], numbers: NDArray[np.floating], draws: int, seed: int
) -> NDArray[np.float64]:
    """Share of each class among wrong answers [draws, 10] that are as far from the gold answer as the model's, but elsewhere.

    ``gold`` and ``numbers`` [n]: the gold answers and the model's, NaN for none. In each draw the differences between the two
    are dealt among the problems whose number is wrong, so that none keeps its own. Most slips and many reversals are near the
    gold answer, and so is an answer near it for any other reason. NaN for fewer than two wrong numbers.
    """
    wrong = np.flatnonzero(np.isfinite(numbers) & (numbers != gold))
    if len(wrong) < 2:
        return np.full((draws, len(CODES)), np.nan)
    rng = np.random.default_rng(seed)
    away = numbers[wrong] - gold[wrong]
    shares = np.empty((draws, len(CODES)))
    for draw in range(draws):
        dealt = gold[wrong] + away[_exchange(len(wrong), rng)]
        # Ten decimals: what floating point adds to a sum of decimals is no part of an answer.
        texts = [f"{round(float(number), 10):.15g}" for number in dealt]
        codes = [classifiers[row].classify(text).code for row, text in zip(wrong.tolist(), texts, strict=True)]
        shares[draw] = np.bincount(codes, minlength=len(CODES)) / len(wrong)
    return shares


def _exchange(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A permutation without fixed points, each as likely; about one permutation in three is one."""
    while True:
        order = rng.permutation(n)
        if (order != np.arange(n)).all():
            return order
