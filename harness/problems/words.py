"""What kind of word each token of a question belongs to, and which problems to show word by word."""

import re
from collections.abc import Sequence

from harness.problems.problem import ProblemSet

TOKEN_CLASSES = ("first token", "number", "operation word", "other", "bot")
FIRST, NUMBER, OPERATION, OTHER, BOT = range(len(TOKEN_CLASSES))


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


OPERATION_WORDS = _listed(
    """
    each every per total altogether combined sum more less fewer left remaining remain remains rest difference
    times fold product average equal equally percent plus minus
    add adds added subtract subtracts subtracted multiply multiplies multiplied divide divides divided
    split splits share shares shared increase increases increased decrease decreases decreased
    gain gains gained win wins won buy buys bought get gets got find finds found collect collects collected earn earns
    earned lose loses lost give gives gave sell sells sold drop drops dropped take takes took trade trades traded
    spend spends spent pay pays paid
    """
)
"""Words that say what is done with the numbers: relations, named operations, and verbs by which one comes to have more or
less. A closed list, chosen beforehand; upper and lower case are the same."""

NUMBER_WORDS = _listed(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
    half halves third thirds quarter quarters fourth fourths fifth fifths tenth tenths
    twice thrice double doubles doubled triple triples tripled dozen dozens
    """
)
"""Words that stand for a quantity, fractions and multiples included. "one" counts also where it is a pronoun; "first" and
"second" only order, and are left out."""

_DIGITS = re.compile(r"(?:(?<!\w)\.)?\d+(?:[.,/]\d+)*")
_WORD = re.compile(r"[^\W\d_]+")
_HYPHENATED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")


def token_classes(text: str, spans: Sequence[tuple[int, int]]) -> list[int]:
    """The class of each token of a prompt, as an index into ``TOKEN_CLASSES``.

    ``spans`` are the tokens' places in ``text`` (start, end), equal for tokens without text of their own (BOS, EOS,
    ``<bot>``); the last token is ``<bot>``. The first token is its own class whether it is BOS or a word of the question,
    since it is read as a sink either way. A number is a run of digits with its separators, decimals and fraction bar
    ("1,200", "3.5", ".5", "1/2") or one of ``NUMBER_WORDS``, hyphenated ones as a whole ("twenty-five"). A token takes the
    class of the word it lies in or overlaps, numbers first: all pieces of a word that the tokenizer cuts have its class.
    """
    # Classes are ordered so that the lowest among a token's letters is the one it takes.
    letters = [OTHER] * len(text)
    for start, end, kind in _marked(text):
        letters[start:end] = [kind] * (end - start)
    classes = [min(letters[start:end], default=OTHER) for start, end in spans]
    classes[0] = FIRST
    classes[-1] = BOT
    return classes


def token_texts(text: str, spans: Sequence[tuple[int, int]], names: Sequence[str]) -> list[str]:
    """What to write for each token: its part of ``text`` with the space before it, its name where it has no text.

    ``names`` are the tokenizer's names of the tokens; one that is written has a space on both sides. Pieces of one
    character that share its place show it once.
    """
    texts, shown = [], 0
    for (start, end), name in zip(spans, names, strict=True):
        texts.append(text[shown:end] if end > start else f" {name} ")
        shown = max(shown, end)
    return texts


def one_per_difficulty(problems: ProblemSet, most: int = 6) -> list[int]:
    """Rows of the first problem of each difficulty, easiest first; unknown difficulty only where there is no other."""
    first: dict[int, int] = {}
    for row, problem in enumerate(problems):
        first.setdefault(problem.difficulty, row)
    known = [first[difficulty] for difficulty in sorted(first) if difficulty]
    return (known or list(first.values()))[:most]


def digit_places(text: str) -> list[tuple[int, int]]:
    """Where runs of digits stand (start, end), each with its separators, decimals and fraction bar."""
    return [digits.span() for digits in _DIGITS.finditer(text)]


def number_word_places(text: str) -> list[tuple[int, int]]:
    """Where each of ``NUMBER_WORDS`` stands (start, end); the parts of hyphenated ones one by one."""
    return [word.span() for word in _WORD.finditer(text) if word[0].lower() in NUMBER_WORDS]


def _marked(text: str) -> list[tuple[int, int, int]]:
    """Places of operation words, then of numbers, which outrank them."""
    marked = [(*word.span(), OPERATION) for word in _WORD.finditer(text) if word[0].lower() in OPERATION_WORDS]
    marked += [(*place, NUMBER) for place in number_word_places(text)]
    marked += [
        (*word.span(), NUMBER)
        for word in _HYPHENATED.finditer(text)
        if all(part in NUMBER_WORDS for part in word[0].lower().split("-"))
    ]
    return marked + [(*place, NUMBER) for place in digit_places(text)]
