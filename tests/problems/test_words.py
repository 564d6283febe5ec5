import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from harness.problems import Problem, ProblemSet, load_problems
from harness.problems.words import (
    NUMBER,
    NUMBER_WORDS,
    OPERATION,
    OPERATION_WORDS,
    OTHER,
    TOKEN_CLASSES,
    one_per_difficulty,
    token_classes,
    token_texts,
)

TEXTS = [
    "Janet buys 1,200 eggs, sells half of them at $3.50 each and keeps twenty-five.",
    "A 3/4 share, .5 more, then 10% less: what is left altogether?",
    "There are 16 ducks. Each lays 2 eggs per day, twice a week.",
]


def words_in(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]


def classified(text: str, spans: list[tuple[int, int]]) -> dict[int, list[str]]:
    """Texts of the tokens of each class, a special token before and ``<bot>`` behind."""
    end = (len(text), len(text))
    kinds = token_classes(text, [(0, 0), *spans, end])[1:-1]
    return {
        kind: [text[start:stop] for (start, stop), one in zip(spans, kinds, strict=True) if one == kind]
        for kind in range(len(TOKEN_CLASSES))
    }


def test_numbers_and_operation_words_are_found() -> None:
    first, second, third = (classified(text, words_in(text)) for text in TEXTS)
    assert first[NUMBER] == ["1,200", "half", "$3.50", "twenty-five."]
    assert first[OPERATION] == ["buys", "sells", "each"]
    assert second[NUMBER] == ["3/4", ".5", "10%"]
    assert second[OPERATION] == ["share,", "more,", "less:", "left", "altogether?"]
    assert third[NUMBER] == ["16", "2", "twice"]
    assert third[OPERATION] == ["Each", "per"]


@pytest.mark.parametrize(
    ("text", "number", "rest"),
    [
        ("1,200", "1,200", ""),
        ("3.50.", "3.50", "."),
        ("$.75", ".75", "$"),
        ("10%", "10", "%"),
        ("5kg", "5", "kg"),
        ("twenty-five", "twenty-five", ""),
        ("two-year", "two", "-year"),
        ("someone", "", "someone"),
        ("second", "", "second"),
        ("HALF", "HALF", ""),
    ],
)
def test_a_number_is_its_digits_and_what_joins_them(text: str, number: str, rest: str) -> None:
    found = classified(text, [(place, place + 1) for place in range(len(text))])
    assert ("".join(found[NUMBER]), "".join(found[OTHER])) == (number, rest)


@given(st.sampled_from(TEXTS), st.data())
def test_pieces_of_a_word_have_the_class_of_the_word(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(text) - 1)))
    spans = list(pairwise([0, *sorted(cuts), len(text)]))
    kinds = token_classes(text, [(0, 0), *spans, (len(text), len(text))])[1:-1]
    letters = token_classes(text, [(0, 0), *((at, at + 1) for at in range(len(text))), (0, 0)])[1:-1]
    for (start, end), kind in zip(spans, kinds, strict=True):
        inside = set(letters[start:end])
        assert kind == (NUMBER if NUMBER in inside else OPERATION if OPERATION in inside else OTHER)
    for word in re.finditer(r"[A-Za-z]+|\d+(?:[.,/]\d+)*", text):
        assert len(set(letters[word.start() : word.end()])) == 1


def test_the_first_token_and_bot_are_classes_of_their_own_whatever_they_say() -> None:
    assert [TOKEN_CLASSES[kind] for kind in token_classes("3 each", [(0, 1), (1, 6), (6, 6)])] == [
        "first token",
        "operation word",
        "bot",
    ]
    with_bos = token_classes("3 each", [(0, 0), (0, 1), (1, 6), (6, 6)])
    assert [TOKEN_CLASSES[kind] for kind in with_bos] == ["first token", "number", "operation word", "bot"]
    with_eos = token_classes("3 each", [(0, 1), (1, 6), (6, 6), (6, 6)])
    assert TOKEN_CLASSES[with_eos[2]] == "other"


def test_no_word_is_in_both_lists_and_all_are_lower_case() -> None:
    assert not OPERATION_WORDS & NUMBER_WORDS
    assert all(word == word.lower() and word.isalpha() for word in OPERATION_WORDS | NUMBER_WORDS)


def byte_level(text: list[str]) -> Tokenizer:
    """A byte-level BPE tokenizer as GPT-2's, with few merges, so that most words are cut."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet))
    return tokenizer


def with_spaces_marked(text: list[str]) -> Tokenizer:
    """A BPE tokenizer that writes spaces as SentencePiece does, as LLaMA's first one."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(vocab_size=90, special_tokens=["<unk>"]))
    return tokenizer


@pytest.mark.parametrize("train", [byte_level, with_spaces_marked])
@pytest.mark.parametrize("text", [*TEXTS, "Zażółć 12 🐍 jaźń and 3½ more"])
def test_tokens_of_real_tokenizers_join_to_the_question_and_numbers_stay_whole(train, text: str) -> None:
    encoded = train(TEXTS).encode(text)
    spans = [*encoded.offsets, (len(text), len(text))]
    texts = token_texts(text, spans, [*encoded.tokens, "<bot>"])
    assert "".join(texts) == text + " <bot> "
    kinds = token_classes(text, spans)[1:-1]
    for number in re.finditer(r"\d+(?:[.,/]\d+)*", text[1:]):
        inside = range(number.start() + 1, number.end() + 1)
        covering = [
            kind
            for (start, end), kind in zip(encoded.offsets[1:], kinds, strict=True)
            if set(range(start, end)) & set(inside)
        ]
        assert covering
        assert set(covering) == {NUMBER}


def test_the_first_problem_of_each_difficulty_is_shown() -> None:
    problems = load_problems("synthetic", n=40, seed=1)
    rows = one_per_difficulty(problems)
    assert [problems[row].difficulty for row in rows] == [2, 3, 4, 5]
    assert all(problem.difficulty != problems[row].difficulty for row in rows for problem in problems.problems[:row])
    assert one_per_difficulty(problems, 2) == rows[:2]


def test_problems_without_a_worked_solution_are_shown_only_when_there_are_no_others() -> None:
    unknown, known = Problem(0, "How many?", "#### 1", 1.0), Problem(1, "How many?", "<<1+1=2>> #### 2", 2.0)
    assert one_per_difficulty(ProblemSet("mixed", "train", (unknown, known), 2, None, "-")) == [1]
    assert one_per_difficulty(ProblemSet("plain", "train", (unknown, unknown), 2, None, "-")) == [0]
