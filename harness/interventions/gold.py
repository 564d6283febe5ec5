"""The gold answer as a model would write it: its own wording, with the gold number in place of its number."""

import re
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

_NUMBER = re.compile(r"-?[\d,]*\.?\d+")


def gold_tokens(tokenizer: PreTrainedTokenizerBase, answers: Sequence[str], gold: Sequence[float]) -> list[list[int]]:
    """Token ids of each problem's gold answer.

    ``answers`` are the baseline's texts. Up to their last number they say how this model words an answer ("The answer is:");
    the same words with the gold number are what is scored. Without a number in the text it is the gold number alone.
    """
    wordings = [_before_last_number(text) for text in answers]
    texts = [f"{wording}{_written(number)}" for wording, number in zip(wordings, gold, strict=True)]
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


def _before_last_number(text: str) -> str:
    numbers = list(_NUMBER.finditer(text))
    return text[: numbers[-1].start()] if numbers else ""


def _written(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
