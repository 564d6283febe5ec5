"""The word-level tokenizer of the embedded models.

Words, single punctuation marks and whole numbers are tokens; every number from 0 to 200 has one. Anything else becomes
``<unk>``, so every text can be encoded.
"""

import re

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from harness.problems import synthetic

TOKEN_PATTERN = r"<<|>>|\d+|[A-Za-z]+|[^\sA-Za-z0-9]"
UNKNOWN, BOS, EOS = "<unk>", "<s>", "</s>"
LARGEST_NUMBER = 200
ANSWER_PREFIX = "The answer is:"


def vocabulary() -> list[str]:
    """Return every token in id order: special tokens, numbers, then words and marks sorted."""
    templates = [*synthetic.OPENINGS, *synthetic.ENDINGS, *synthetic.SOLUTION_LINES, *synthetic.NAMES]
    templates += [*synthetic.OBJECTS, *(text for texts in synthetic.OPERATIONS.values() for text in texts)]
    templates += [pronoun for name in synthetic.NAMES.values() for pronoun in (name, name.capitalize())]
    templates += [ANSWER_PREFIX, "+ - * / = << >> #"]
    text = re.sub(r"\{\w+\}", " ", " ".join(templates)).replace("<<{", "<< {")
    words = set(re.findall(TOKEN_PATTERN, text))
    return [UNKNOWN, BOS, EOS, *(str(n) for n in range(LARGEST_NUMBER + 1)), *sorted(words)]


def build_tokenizer(prepend_bos: bool) -> PreTrainedTokenizerFast:
    """Build the tokenizer.

    Args:
        prepend_bos: whether an encoded text begins with ``<s>``, as LLaMA's does and GPT-2's does not.
    """
    tokens = vocabulary()
    ids = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Split(Regex(TOKEN_PATTERN), behavior="removed", invert=True)
    tokenizer.post_processor = TemplateProcessing(
        single=f"{BOS} $A" if prepend_bos else "$A",
        pair=f"{BOS} $A $B:1" if prepend_bos else "$A $B:1",
        special_tokens=[(BOS, ids[BOS])] if prepend_bos else [],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=UNKNOWN, bos_token=BOS, eos_token=EOS)
