"""The class of an answer: right, or the simplest explanation of the wrong number that can be written down.

The classes are tried in the order of ``ERROR_CLASSES``, except that a wrong number for which there is no explanation at all is
a ``CALC_ERROR`` without evidence. That is a remainder, not a finding about calculation, and has a code of its own.

- ``NONE``: no text. ``NONSENSE``: a text without a number.
- ``CORRECT``: the last number of the text is the gold answer, as everywhere in the harness.
- ``SIGN_ERROR``: the gold answer with the other sign.
- ``OPERATION_REVERSAL``: the gold solution with one + for -, - for +, x for / or / for x.
- ``PARTIAL_ANSWER``: the result of another step of the gold solution.
- ``OFF_BY_FACTOR``: the gold answer multiplied or divided by 2, 3, 4, 5, 10, 100 or 1000.
- ``CALC_ERROR``: the gold solution with one slip (`harness.behaviour.slips`) in one operation, the rest followed through.
- ``LOGIC_ERROR``: one or two operations + - x / on numbers of the question and intermediate results, each used at most once
  where it stands. A percentage can be taken as written or as a fraction of 100.

A value explains an answer when it equals it exactly or, for an answer written with two or more decimals, when it is off by at
most half a unit of the last one. The gold answer rounded is neither right nor explained by anything.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.behaviour.exact import SYMBOLS, Exact, calculated, exact, plain, written
from harness.behaviour.quantities import quantities
from harness.behaviour.slips import slips
from harness.behaviour.solutions import Node, Operand, Operation, exchanged, in_words, parse_solution, value_of
from harness.problems.answers import last_numeral

ERROR_CLASSES = (
    "NONE",
    "NONSENSE",
    "CORRECT",
    "SIGN_ERROR",
    "OPERATION_REVERSAL",
    "PARTIAL_ANSWER",
    "OFF_BY_FACTOR",
    "CALC_ERROR",
    "LOGIC_ERROR",
)
"""The nine classes, in the order they are tried."""

CODES = (*ERROR_CLASSES, "UNEXPLAINED")
"""Classes as indices: those of ``ERROR_CLASSES``, where CALC_ERROR has evidence, then CALC_ERROR without any."""

FACTORS = (2, 3, 4, 5, 10, 100, 1000)
REVERSED = {"+": "-", "-": "+", "*": "/", "/": "*"}

_LONGEST = 100
"""Characters of the longest number that is looked for an explanation of: none could be given for a longer one."""
_CLOSE = 1e-12
"""What floating point may be off by, relative to the largest number involved; what is this close is compared exactly."""
_CHAINS: tuple[tuple[str, bool, Callable[..., NDArray[np.float64]]], ...] = (
    ("+", False, lambda pair, third: pair + third),
    ("-", False, lambda pair, third: pair - third),
    ("-", True, lambda pair, third: third - pair),
    ("*", False, lambda pair, third: pair * third),
    ("/", False, lambda pair, third: pair / third),
    ("/", True, lambda pair, third: third / pair),
)
"""How a third number joins two: the operator, and whether it stands before them."""


class Classified(NamedTuple):
    """The class of an answer and what explains it: None for an unexplained ``CALC_ERROR`` only."""

    error_class: str
    evidence: str | None

    @property
    def code(self) -> int:
        """Index into ``CODES``."""
        return CODES.index("UNEXPLAINED" if self.evidence is None else self.error_class)


class _Answer(NamedTuple):
    """A number as a text writes it; a value within `margin` of it is the same."""

    value: Exact
    margin: Exact

    def is_met_by(self, value: Exact) -> bool:
        return value == self.value or (self.margin != 0 and -self.margin <= value - self.value <= self.margin)


class _Values:
    """Exact values that answers are looked for among; the first of equal ones counts."""

    def __init__(self, values: Iterable[Exact]):
        self._places: dict[Exact, int] = {}
        for at, value in enumerate(values):
            self._places.setdefault(value, at)

    def first(self, answer: _Answer) -> int | None:
        """Index of the first that meets an answer."""
        if answer.margin == 0:
            return self._places.get(answer.value)
        return next((at for value, at in self._places.items() if answer.is_met_by(value)), None)


class _Change(NamedTuple):
    """One step of the solution calculated otherwise: the operation, what stands in its place, and how to call that."""

    value: Exact
    step: int
    operation: Operation
    instead: Node
    name: str


class _Term(NamedTuple):
    """A number to calculate with; no two of the same place can be used together."""

    value: Exact
    place: int


class Classifier:
    """Classifies the answers to one problem; what all of them are held against is worked out once, when it is needed.

    >>> apples = Classifier("Tom has 12 apples and buys 5. How many has he?", "12 + 5 = <<12+5=17>>17 #### 17")
    >>> apples.classify("7 apples")
    Classified(error_class='OPERATION_REVERSAL', evidence='12 - 5 = 7 (step 1: - for +)')
    """

    def __init__(self, question: str, solution: str, gold: float | None = None):
        """``gold`` is for a solution that does not end in ``####`` and a number.

        Errors: ``HarnessError`` when the gold answer is neither given nor there.
        """
        self.question = question
        self.solution = parse_solution(solution, gold)
        self._known: dict[str | None, Classified] = {}

    def classify(self, text: str | None) -> Classified:
        """The class of an answer text and its evidence; never fails, whatever the text."""
        if text not in self._known:
            self._known[text] = self._classify(text)
        return self._known[text]

    def _classify(self, text: str | None) -> Classified:
        if text is None or not text.strip():
            return Classified("NONE", "no text")
        numeral = last_numeral(text)
        if numeral is None:
            return Classified("NONSENSE", "no number in the text")
        gold = self.solution.gold
        if float(numeral) == float(gold):
            return Classified("CORRECT", f"the gold answer {written(gold)}")
        answer = _answer(numeral) if len(numeral) <= _LONGEST else None
        # The gold answer rounded is not right, as only the number itself is, but no mistake explains it either.
        if answer is not None and not answer.is_met_by(gold):
            for error_class, explain in (
                ("SIGN_ERROR", self._sign),
                ("OPERATION_REVERSAL", self._reversal),
                ("PARTIAL_ANSWER", self._partial),
                ("OFF_BY_FACTOR", self._factor),
                ("CALC_ERROR", self._slip),
                ("LOGIC_ERROR", self._logic),
            ):
                evidence = explain(answer)
                if evidence is not None:
                    return Classified(error_class, evidence)
        return Classified("CALC_ERROR", None)

    def _sign(self, answer: _Answer) -> str | None:
        gold = self.solution.gold
        return f"-({written(gold)}) = {written(answer.value)}" if answer.is_met_by(-gold) else None

    def _reversal(self, answer: _Answer) -> str | None:
        return self._changed(self._reversals, answer)

    def _partial(self, answer: _Answer) -> str | None:
        for at, step in enumerate(self.solution.steps):
            if answer.is_met_by(step.result):
                return f"{in_words(step.tree)} = {written(answer.value)} (step {at + 1})"
        return None

    def _factor(self, answer: _Answer) -> str | None:
        at = self._factors.first(answer)
        if at is None:
            return None
        factor = FACTORS[at % len(FACTORS)]
        symbol = "x" if at < len(FACTORS) else "/"
        return f"{_term(self.solution.gold)} {symbol} {factor} = {written(answer.value)}"

    def _slip(self, answer: _Answer) -> str | None:
        return self._changed(self._slips, answer)

    def _logic(self, answer: _Answer) -> str | None:
        terms = self._terms
        at = self._pair_values.first(answer)
        if at is not None:
            symbol, left, right, _ = self._pairs[at]
            return f"{_joined(symbol, terms[left], terms[right])} = {written(answer.value)}"
        for symbol, before, pair, third in self._chains_near(answer):
            inner, left, right, value = self._pairs[pair]
            outer = terms[third].value
            total = calculated(symbol, outer, value) if before else calculated(symbol, value, outer)
            if total is not None and answer.is_met_by(total):
                one, other = f"({_joined(inner, terms[left], terms[right])})", _term(outer)
                first, last = (other, one) if before else (one, other)
                return f"{first} {SYMBOLS[symbol]} {last} = {written(answer.value)}"
        return None

    def _chains_near(self, answer: _Answer) -> Iterator[tuple[str, bool, int, int]]:
        """Two operations that come close: operator, whether the third number stands first, index of the pair, the third.

        To be checked exactly, for floating point only narrows the thousands of them down.
        """
        values, pair, third, largest = self._chained
        goal = float(answer.value)
        for at in np.flatnonzero(np.abs(values - goal) <= _reach(answer, max(abs(goal), largest))):
            chain, place = divmod(int(at), len(pair))
            symbol, before, _ = _CHAINS[chain]
            yield symbol, before, int(pair[place]), int(third[place])

    def _changed(self, changes: "tuple[_Values, list[_Change]]", answer: _Answer) -> str | None:
        """The steps from the changed one to the answer, the first change that meets it."""
        values, all_changes = changes
        at = values.first(answer)
        if at is None:
            return None
        change, solution = all_changes[at], self.solution
        tree = exchanged(solution.steps[change.step].tree, change.operation, change.instead)
        note = f"(step {change.step + 1}: {change.name})"
        lines: list[tuple[str, Exact | None, str]] = []
        given = solution.followed(change.step, tree)
        if isinstance(change.instead, Operand):
            lines.append((in_words(change.operation), change.instead.value, f" {note}"))
        if not isinstance(tree, Operand):
            lines.append((in_words(tree), given[change.step], "" if lines else f" {note}"))
        lines += [
            (in_words(solution.steps[later].tree, given), value, "")
            for later, value in given.items()
            if later != change.step
        ]
        last = len(lines) - 1
        return ", ".join(
            f"{text} = {_result(answer.value if at == last else value)}{said}"
            for at, (text, value, said) in enumerate(lines)
        )

    @cached_property
    def _reversals(self) -> "tuple[_Values, list[_Change]]":
        return self._followed(
            (step, operation, Operation(REVERSED[operation.symbol], operation.left, operation.right), _for(operation))
            for step in self.solution.needed
            for operation in self.solution.steps[step].operations
            if operation.symbol in REVERSED
        )

    @cached_property
    def _slips(self) -> "tuple[_Values, list[_Change]]":
        return self._followed(
            (step, operation, Operand(slip.value), slip.name)
            for step in self.solution.needed
            for operation in self.solution.steps[step].operations
            for slip in slips(operation.symbol, *self._operands_and_result(step, operation))
        )

    def _operands_and_result(self, at: int, operation: Operation) -> tuple[Exact, Exact, Exact]:
        """Of an operation; the last one of a step has the result that the solution states, which may be rounded."""
        step = self.solution.steps[at]
        left, right, value = value_of(operation.left), value_of(operation.right), value_of(operation)
        assert left is not None and right is not None and value is not None
        return left, right, step.result if operation is step.tree else value

    def _followed(self, changes: Iterator[tuple[int, Operation, Node, str]]) -> "tuple[_Values, list[_Change]]":
        """The changes that give an answer."""
        kept = []
        for step, operation, instead, name in changes:
            tree = exchanged(self.solution.steps[step].tree, operation, instead)
            value = self.solution.followed(step, tree)[self.solution.needed[-1]]
            if value is not None:
                kept.append(_Change(value, step, operation, instead, name))
        return _Values(change.value for change in kept), kept

    @cached_property
    def _factors(self) -> _Values:
        gold = Fraction(self.solution.gold)
        return _Values([*(gold * factor for factor in FACTORS), *(gold / factor for factor in FACTORS)])

    @cached_property
    def _terms(self) -> tuple[_Term, ...]:
        """Numbers of the question, then intermediate results."""
        stated = quantities(self.question)
        terms = []
        for place, quantity in enumerate(stated):
            terms.append(_Term(quantity.value, place))
            if quantity.percent:
                terms.append(_Term(plain(Fraction(quantity.value) / 100), place))
        results = [step.result for step in self.solution.steps if step.result != self.solution.gold]
        return (*terms, *(_Term(value, place) for place, value in enumerate(results, start=len(stated))))

    @cached_property
    def _pairs(self) -> list[tuple[str, int, int, Exact]]:
        """One operation on two numbers: operator, indices of the numbers, value. Sums and products in one order only."""
        terms = self._terms
        pairs = []
        for left, one in enumerate(terms):
            for right, other in enumerate(terms):
                if one.place == other.place:
                    continue
                for symbol in "+-*/" if left < right else "-/":
                    value = calculated(symbol, one.value, other.value)
                    if value is not None:
                        pairs.append((symbol, left, right, value))
        return pairs

    @cached_property
    def _pair_values(self) -> _Values:
        return _Values(value for *_, value in self._pairs)

    @cached_property
    def _chained(self) -> tuple[NDArray[np.float64], NDArray[np.int16], NDArray[np.int16], float]:
        """Two operations: values [6 k] by ``_CHAINS``; of each k, indices of pair and third number; the largest of those.

        Pairs and third numbers are all that can be used together.
        """
        terms = self._terms
        places = np.array([term.place for term in terms], dtype=int)
        used = np.array([(left, right) for _, left, right, _ in self._pairs], dtype=int).reshape(-1, 2)
        pair, third = np.nonzero((places[used][:, :, None] != places).all(axis=1))
        paired = np.array([float(value) for *_, value in self._pairs])[pair]
        single = np.array([float(term.value) for term in terms])[third]
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.concatenate([join(paired, single) for *_, join in _CHAINS])
        largest = float(np.abs(paired).max(initial=0) + np.abs(single).max(initial=0))
        return values, pair.astype(np.int16), third.astype(np.int16), largest


def classify(question: str, solution: str, text: str | None) -> Classified:
    """The class of one answer to one problem; `Classifier` is faster for several.

    Errors: ``HarnessError`` when no number follows ``####`` in the solution.
    """
    return Classifier(question, solution).classify(text)


def _answer(numeral: str) -> _Answer:
    decimals = len(numeral.partition(".")[2])
    return _Answer(exact(numeral), Fraction(1, 2 * 10**decimals) if decimals >= 2 else 0)


def _reach(answer: _Answer, involved: float) -> float:
    """How far from an answer a floating-point value may lie whose exact one meets it."""
    return float(answer.margin) * (1 + 1e-9) + _CLOSE * involved


def _for(operation: Operation) -> str:
    return f"{SYMBOLS[REVERSED[operation.symbol]]} for {SYMBOLS[operation.symbol]}"


def _joined(symbol: str, left: _Term, right: _Term) -> str:
    return f"{_term(left.value)} {SYMBOLS[symbol]} {_term(right.value)}"


def _term(value: Exact) -> str:
    """A number within an expression."""
    return in_words(Operation("**", Operand(value), Operand(1))).removesuffix(" ^ 1")


def _result(value: Exact | None) -> str:
    return "undefined" if value is None else written(value)
