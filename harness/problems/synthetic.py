"""Synthetic word problems: chains of two to five operations whose start value is given last.

A problem names every operation before it names the number they start from ("Max has some stamps. Then Ivy takes away
8. He wins 5. If he started with 12, how many stamps does Max have?"), so no intermediate result can be computed while
the question is read. Running totals stay in 0..99; operands are 1..9 for + and -, 2..5 for * and for exact /.
Problems are written in GSM8K's JSON format (Cobbe et al., arXiv 2110.14168): ``question``, and ``answer`` holding one
line per step with a ``<<a+b=c>>`` annotation and a last line ``#### n``.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Split = Literal["train", "test"]

SPLIT_SIZES: dict[Split, int] = {"train": 7473, "test": 1319}
STEP_COUNTS = (2, 3, 4, 5)
MAX_TOTAL = 99
OPERANDS = {"+": range(1, 10), "-": range(1, 10), "*": range(2, 6), "/": range(2, 6)}

NAMES = {
    "Anna": "she",
    "Ben": "he",
    "Ella": "she",
    "Emma": "she",
    "Ivy": "she",
    "Jack": "he",
    "Leo": "he",
    "Lucy": "she",
    "Max": "he",
    "Mia": "she",
    "Nina": "she",
    "Omar": "he",
    "Paul": "he",
    "Rosa": "she",
    "Sam": "he",
    "Tom": "he",
}
OBJECTS = (
    "apples",
    "balloons",
    "beads",
    "books",
    "cards",
    "coins",
    "cookies",
    "eggs",
    "marbles",
    "pencils",
    "roses",
    "shells",
    "stamps",
    "stickers",
    "stones",
    "toys",
)
OPENINGS = (
    "{name} has some {objects}.",
    "{name} keeps a box of {objects}.",
    "There are some {objects} in the bag of {name}.",
)
OPERATIONS = {
    "+": (
        "Then {other} adds {n}.",
        "{Subject} wins {n}.",
        "{Subject} buys {n} more.",
        "{Subject} finds {n} of them.",
        "Then {subject} collects {n} more.",
        "{Subject} gets {n} from {other}.",
    ),
    "-": (
        "Then {other} takes away {n}.",
        "{Subject} loses {n}.",
        "{Subject} gives {n} to {other}.",
        "{Subject} sells {n} of them.",
        "Then {subject} drops {n}.",
        "{Subject} trades {n} away.",
    ),
    "*": (
        "Then {other} makes it {n} times as many.",
        "The pile grows {n} fold.",
        "{Subject} now gets {n} times as many.",
        "{other} multiplies the pile by {n}.",
    ),
    "/": (
        "{Subject} splits them into {n} equal piles and keeps one.",
        "Then {other} divides the pile by {n}.",
        "{Subject} fills {n} equal boxes and takes one.",
        "Then {subject} keeps one of {n} equal parts.",
    ),
}
ENDINGS = (
    "If {subject} started with {start}, how many {objects} does {name} have?",
    "How many {objects} does {name} have now if {subject} had {start} at first?",
    "How many {objects} are left if {name} started with {start}?",
)
SOLUTION_LINES = (
    "Then {sum} = <<{sum}={total}>>{total} {objects} left.",
    "Now {name} has {sum} = <<{sum}={total}>>{total} {objects}.",
    "That makes {sum} = <<{sum}={total}>>{total} {objects}.",
)


@dataclass(frozen=True)
class Problem:
    """One word problem.

    Attributes:
        question: the text, its start value being the last number in it.
        answer: GSM8K-style solution ending in ``#### n``.
        steps: the chain as (total before, operator, operand, total after).
    """

    question: str
    answer: str
    steps: tuple[tuple[int, str, int, int], ...]


def fold(text: str) -> str:
    """Reduce a text to its lower-case letters and digits, so that case, spaces and punctuation tell nothing apart."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _apply(total: int, operator: str, operand: int) -> int | None:
    """Return the new total, or None where it would leave 0..99, act on nothing or need a fraction."""
    if operator == "+":
        result = total + operand
    elif operator == "-":
        result = total - operand
    elif operator == "*":
        result = total * operand if total else -1
    else:
        result = total // operand if total and total % operand == 0 else -1
    return result if 0 <= result <= MAX_TOTAL else None


@dataclass(frozen=True)
class Emphasis:
    """Which operations a training problem holds more of; 1 everywhere leaves all possible operations equally likely.

    Attributes:
        late_products: how much likelier * and / are than + and - from the third operation on.
        switches: how much likelier an operation is that is a sum (+, -) after a product (*, /) or the reverse.
    """

    late_products: float = 1.0
    switches: float = 1.0

    def weight(self, operator: str, index: int, previous: str | None) -> float:
        """Return the weight of an operator as the operation ``index`` (from 0) after ``previous``."""
        product = operator in "*/"
        weight = self.late_products if product and index >= 2 else 1.0
        return weight * self.switches if previous and (previous in "*/") != product else weight


NO_EMPHASIS = Emphasis()


def _chain(rng: random.Random, count: int, emphasis: Emphasis) -> tuple[tuple[int, str, int, int], ...]:
    total = rng.randint(1, MAX_TOTAL)
    steps: list[tuple[int, str, int, int]] = []
    for index in range(count):
        choices = {
            operator: [n for n in operands if _apply(total, operator, n) is not None]
            for operator, operands in OPERANDS.items()
        }
        operators = [operator for operator, operands in choices.items() if operands]
        previous = steps[-1][1] if steps else None
        operator = rng.choices(operators, [emphasis.weight(operator, index, previous) for operator in operators])[0]
        operand = rng.choice(choices[operator])
        result = _apply(total, operator, operand)
        assert result is not None
        steps.append((total, operator, operand, result))
        total = result
    return tuple(steps)


def make_problem(rng: random.Random, count: int, emphasis: Emphasis = NO_EMPHASIS) -> Problem:
    """Draw one problem.

    Args:
        rng: the generator that every choice is drawn from.
        count: number of operations.
        emphasis: which of the possible operations are likelier.
    """
    steps = _chain(rng, count, emphasis)
    name, other = rng.sample(sorted(NAMES), 2)
    words = {"name": name, "other": other, "objects": rng.choice(OBJECTS), "subject": NAMES[name]}
    words["Subject"] = words["subject"].capitalize()
    sentences = [rng.choice(OPENINGS).format(**words)]
    lines = []
    for before, operator, operand, after in steps:
        sentences.append(rng.choice(OPERATIONS[operator]).format(n=operand, **words))
        lines.append(rng.choice(SOLUTION_LINES).format(sum=f"{before}{operator}{operand}", total=after, **words))
    sentences.append(rng.choice(ENDINGS).format(start=steps[0][0], **words))
    return Problem(" ".join(sentences), "\n".join([*lines, f"#### {steps[-1][3]}"]), steps)


@lru_cache(maxsize=4)
def _both_splits(seed: int) -> tuple[dict[Split, tuple[Problem, ...]], frozenset[str]]:
    taken: set[str] = set()
    splits: dict[Split, tuple[Problem, ...]] = {}
    for split, size in SPLIT_SIZES.items():
        rng = random.Random(f"{split} problems, seed {seed}")
        counts = [STEP_COUNTS[index % len(STEP_COUNTS)] for index in range(size)]
        rng.shuffle(counts)
        problems = []
        for count in counts:
            problem = make_problem(rng, count)
            while (key := fold(problem.question)) in taken:
                problem = make_problem(rng, count)
            taken.add(key)
            problems.append(problem)
        splits[split] = tuple(problems)
    return splits, frozenset(taken)


def generate_split(split: Split, seed: int = 0) -> list[dict[str, str]]:
    """Return one split in GSM8K's format, the same for the same seed.

    Args:
        split: "train" (7,473 problems) or "test" (1,319), each balanced over two to five steps in shuffled order.
        seed: seed of both splits. No question of one split occurs in the other, case, spaces and punctuation aside.

    Returns:
        dictionaries with the keys "question" and "answer".
    """
    return [{"question": p.question, "answer": p.answer} for p in _both_splits(seed)[0][split]]


class TrainingProblems:
    """Endless problems for training a model, none of which is a question of either split.

    Args:
        split_seed: seed of the splits to stay clear of.
    """

    def __init__(self, split_seed: int = 0) -> None:
        self._taken = _both_splits(split_seed)[1]

    def draw(self, rng: random.Random, count: int, emphasis: Emphasis = NO_EMPHASIS) -> Problem:
        """Draw one problem of ``count`` operations; the arguments are those of `make_problem`."""
        while True:
            problem = make_problem(rng, count, emphasis)
            if fold(problem.question) not in self._taken:
                return problem


def training_stream(
    seed: int, max_steps: int = 5, emphasis: Emphasis = NO_EMPHASIS, split_seed: int = 0
) -> Iterator[dict[str, str]]:
    """Yield training problems in GSM8K's format without end, never one of the splits'.

    Args:
        seed: seed of the stream.
        max_steps: longest chain; lengths are drawn evenly from 2 to this.
        emphasis: as for `make_problem`.
        split_seed: seed of the splits to stay clear of.
    """
    rng = random.Random(f"training stream, seed {seed}")
    problems = TrainingProblems(split_seed)
    while True:
        problem = problems.draw(rng, rng.randint(2, max_steps), emphasis)
        yield {"question": problem.question, "answer": problem.answer}
