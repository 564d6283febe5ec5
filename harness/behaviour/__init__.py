"""What kind of answer a text is, and what a problem asks of the one who solves it: functions of text and numbers."""

from harness.behaviour.errors import CODES, ERROR_CLASSES, Classified, Classifier, classify
from harness.behaviour.features import FEATURES, features
from harness.behaviour.shuffled import near_answers, random_answers

__all__ = [
    "CODES",
    "ERROR_CLASSES",
    "FEATURES",
    "Classified",
    "Classifier",
    "classify",
    "features",
    "near_answers",
    "random_answers",
]
