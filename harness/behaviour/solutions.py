"""The calculations marked in a worked solution, as expressions that can be changed and followed through."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from harness.behaviour.exact import LONGEST, SYMBOLS, Exact, calculated, exact, plain, written
from harness.problems.problem import ANNOTATION
from harness.problems.rows import gold_answer

LONGEST_ANNOTATION = 200
"""Characters; a longer annotation is left out."""

_TOKEN = re.compile(
    r"(?P<numeral>(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d*)?|\.\d+)\s*(?P<percent>%?)"
    r"|(?P<sign>\*\*|[-+*/^x×÷()−–])|(?P<idle>[\s$])",
    re.ASCII | re.IGNORECASE,
)
_SIGNS = {"^": "**", "x": "*", "×": "*", "÷": "/", "−": "-", "–": "-"}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 3}
_TIGHT = 4


@dataclass(frozen=True, eq=False, slots=True)
class Operand:
    """A number of a calculation; ``source`` is the index of the step whose result it takes up, if of any."""

    value: Exact
    source: int | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Negation:
    """A minus sign before an expression."""

    of: "Node"


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    """A binary operation; ``symbol`` is + - * / or **. Two are the same only when they stand at the same place."""

    symbol: str
    left: "Node"
    right: "Node"


Node = Operand | Negation | Operation


@dataclass(frozen=True, eq=False)
class Step:
    """One calculation: what is calculated and the result that the solution states, which may be rounded or wrong."""

    tree: Node
    result: Exact

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Its binary operations, in the order they are calculated."""
        return tuple(node for node in nodes(self.tree) if isinstance(node, Operation))

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """Its numbers, from left to right."""
        return tuple(node for node in nodes(self.tree) if isinstance(node, Operand))

    @cached_property
    def sources(self) -> frozenset[int]:
        """Indices of the steps whose results it takes up."""
        return frozenset(one.source for one in self.operands if one.source is not None)


@dataclass(frozen=True, eq=False)
class Solution:
    """The calculations of a worked solution, and the gold answer."""

    steps: tuple[Step, ...]
    """Those that could be read, in order. A step is named by its index here, in words by index + 1."""
    malformed: int
    """How many annotations were left out."""
    gold: Exact

    @cached_property
    def answer(self) -> int | None:
        """Index of the last step whose stated result is the gold answer; None when there is none."""
        return max((at for at, step in enumerate(self.steps) if step.result == self.gold), default=None)

    @cached_property
    def needed(self) -> tuple[int, ...]:
        """Indices of the steps that the answer is calculated from, its own included, in order."""
        if self.answer is None:
            return ()
        needed = {self.answer}
        for at in range(self.answer, -1, -1):
            if at in needed:
                needed |= self.steps[at].sources
        return tuple(sorted(needed))

    def followed(self, at: int, tree: Node) -> dict[int, Exact | None]:
        """What needed steps give when step ``at``, one of them, is calculated as ``tree``: itself and those that rest on it.

        They are in order, the answer's last. What does not rest on the step keeps its stated result. None where a step is then
        undefined, and for all that rests on it.
        """
        given: dict[int, Exact | None] = {at: value_of(tree)}
        for later in self._resting[at]:
            given[later] = value_of(self.steps[later].tree, given)
        return given

    @cached_property
    def _resting(self) -> dict[int, list[int]]:
        """Of each needed step, the needed ones that rest on it, itself left out."""
        resting: dict[int, list[int]] = {}
        for at in self.needed:
            resting[at] = []
            for later in self.needed:
                if later > at and not self.steps[later].sources.isdisjoint((at, *resting[at])):
                    resting[at].append(later)
        return resting


def parse_solution(solution: str, gold: float | None = None) -> Solution:
    """The calculations ``<<a+b=c>>`` of a solution, and its gold answer, or ``gold`` where that is given.

    An annotation that cannot be read (not exactly one "=", no arithmetic, undefined, a number of more than 15 digits, more
    than 200 characters) is left out and counted.

    A number that equals the stated result of an earlier step is taken to be that result; of several such steps the latest, and
    where a step takes such a number up more than once (``90+90``), the steps in turn.
    Errors: ``HarnessError`` when no gold answer is given and none stands after ``####``.
    """
    steps: list[Step] = []
    malformed = 0
    stated: dict[Exact, list[int]] = {}
    for annotation in ANNOTATION.findall(solution):
        try:
            step = _step(annotation[2:-2], stated)
        except _Malformed:
            malformed += 1
            continue
        stated.setdefault(step.result, []).append(len(steps))
        steps.append(step)
    answer = gold_answer(solution) if gold is None else gold
    return Solution(tuple(steps), malformed, plain(Fraction(repr(float(answer)))))


def value_of(tree: Node, given: Mapping[int, Exact | None] | None = None) -> Exact | None:
    """What an expression gives, with the results ``given`` for some steps; None when it is undefined."""
    if isinstance(tree, Operand):
        return tree.value if given is None or tree.source is None else given.get(tree.source, tree.value)
    if isinstance(tree, Negation):
        return calculated("-", 0, value_of(tree.of, given))
    return calculated(tree.symbol, value_of(tree.left, given), value_of(tree.right, given))


def exchanged(tree: Node, old: Node, new: Node) -> Node:
    """The expression with ``new`` where ``old`` stands."""
    if tree is old:
        return new
    if isinstance(tree, Negation):
        return Negation(exchanged(tree.of, old, new))
    if isinstance(tree, Operation):
        return Operation(tree.symbol, exchanged(tree.left, old, new), exchanged(tree.right, old, new))
    return tree


def nodes(tree: Node) -> Iterator[Node]:
    """Every part of an expression, each after its own parts."""
    if isinstance(tree, Negation):
        yield from nodes(tree.of)
    elif isinstance(tree, Operation):
        yield from nodes(tree.left)
        yield from nodes(tree.right)
    yield tree


def in_words(tree: Node, given: Mapping[int, Exact | None] | None = None) -> str:
    """The expression as a person writes it, with the results ``given`` for some steps."""
    return _in_words(tree, given, 0)


def _in_words(tree: Node, given: Mapping[int, Exact | None] | None, binding: int) -> str:
    """`binding` is that of what stands around: an expression that binds less is put in parentheses."""
    if isinstance(tree, Operand):
        value = value_of(tree, given)
        text = "undefined" if value is None else written(value)
        return f"({text})" if binding and ("-" in text or "/" in text) else text
    if isinstance(tree, Negation):
        own, text = _BINDING["-"], f"-{_in_words(tree.of, given, _TIGHT)}"
    else:
        own = _BINDING[tree.symbol]
        # Powers of powers are read in both ways, so they are never left without parentheses.
        left = _in_words(tree.left, given, own + (tree.symbol == "**"))
        right = _in_words(tree.right, given, own + 1)
        text = f"{left} {SYMBOLS[tree.symbol]} {right}"
    return f"({text})" if own < binding else text


class _Malformed(Exception):
    """An annotation is no calculation."""


def _step(annotation: str, stated: Mapping[Exact, Sequence[int]]) -> Step:
    if len(annotation) > LONGEST_ANNOTATION or annotation.count("=") != 1:
        raise _Malformed
    calculation, _, outcome = annotation.partition("=")
    tree, result = _expression(calculation), value_of(_expression(outcome))
    if result is None or value_of(tree) is None:
        raise _Malformed
    return Step(_linked(tree, stated), result)


def _linked(tree: Node, stated: Mapping[Exact, Sequence[int]]) -> Node:
    """The expression with numbers that are results of earlier steps taken to be these; ``stated`` are steps by result."""
    operands = [node for node in nodes(tree) if isinstance(node, Operand)]
    left = Counter(one.value for one in operands)
    for operand in operands:
        left[operand.value] -= 1
        steps = stated.get(operand.value)
        if steps:
            source = steps[max(0, len(steps) - 1 - left[operand.value])]
            tree = exchanged(tree, operand, Operand(operand.value, source))
    return tree


def _expression(text: str) -> Node:
    """The expression that a text writes; numbers are kept from Python's parser, which would round them."""
    numbers: list[Exact] = []
    tokens = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _Malformed
        at = token.end()
        if token["numeral"]:
            tokens.append(f"n{len(numbers)}")
            numbers.append(_number(token["numeral"], bool(token["percent"])))
        elif token["sign"]:
            tokens.append(_SIGNS.get(token["sign"].lower(), token["sign"]))
    try:
        parsed = ast.parse(" ".join(tokens), mode="eval")
    except SyntaxError as error:
        raise _Malformed from error
    return _node(parsed.body, numbers)


def _number(numeral: str, percent: bool) -> Exact:
    if sum(map(str.isdigit, numeral)) > LONGEST:
        raise _Malformed
    value = exact(numeral)
    return plain(Fraction(value) / 100) if percent else value


def _node(parsed: ast.expr, numbers: list[Exact]) -> Node:
    match parsed:
        case ast.Name(id=name):
            return Operand(numbers[int(name[1:])], None)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _node(operand, numbers)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id=name)):
            return Operand(-numbers[int(name[1:])], None)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Negation(_node(operand, numbers))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return Operation(_OPERATORS[type(op)], _node(left, numbers), _node(right, numbers))
    raise _Malformed
