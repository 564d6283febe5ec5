"""What a position can read, sorted into classes: tokens of the question, and the thoughts."""

from harness.problems.words import BOT, FIRST, NUMBER, TOKEN_CLASSES

KEY_CLASSES = ("first token", "question numbers", "other question tokens", "bot")
"""Classes of the question's keys; after them come each thought and EOT, classes of their own."""
NUMBERS = KEY_CLASSES.index("question numbers")
_OF_TOKEN = {FIRST: "first token", NUMBER: "question numbers", BOT: "bot"}
TOKEN_KEYS = tuple(
    KEY_CLASSES.index(_OF_TOKEN.get(token_class, "other question tokens")) for token_class in range(len(TOKEN_CLASSES))
)
"""The class of key of each class of token."""
SHOWN_TOKENS = 5
"""Tokens that a position is said to decode to."""


def key_names(T: int) -> tuple[str, ...]:
    """All classes of keys of a model with T thoughts."""
    return (*KEY_CLASSES, *(f"CT{position}" for position in range(T)), "EOT")
