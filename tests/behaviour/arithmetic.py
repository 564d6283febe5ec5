"""An evaluator of written arithmetic that shares nothing with the harness: tokens to a stack machine."""

import re
from fractions import Fraction

RANK = {"+": 1, "-": 1, "x": 2, "/": 2, "^": 3}


def evaluated(text: str) -> Fraction:
    tokens = re.findall(r"\d+(?:\.\d+)?|[-+x/^()]", text)
    assert "".join(tokens) == re.sub(r"\s", "", text), f"not arithmetic: {text}"
    output: list[Fraction] = []
    waiting: list[str] = []

    def calculate() -> None:
        symbol = waiting.pop()
        if symbol == "negate":
            output.append(-output.pop())
            return
        right, left = output.pop(), output.pop()
        output.append(
            {"+": left + right, "-": left - right, "x": left * right}[symbol]
            if symbol in "+-x"
            else left / right
            if symbol == "/"
            else left ** int(right)
        )

    before = "("
    for token in tokens:
        if token == "-" and before in ("(", *RANK):
            waiting.append("negate")
        elif token in RANK:
            while waiting and waiting[-1] != "(" and (waiting[-1] == "negate" or RANK[waiting[-1]] >= RANK[token]):
                calculate()
            waiting.append(token)
        elif token == "(":
            waiting.append(token)
        elif token == ")":
            while waiting[-1] != "(":
                calculate()
            waiting.pop()
        else:
            output.append(Fraction(token))
        before = token
    while waiting:
        calculate()
    (value,) = output
    return value


def lines(evidence: str) -> list[tuple[str, str, str]]:
    """(left side, right side, remark) of each calculation in an evidence."""
    found = []
    for line in evidence.split(", "):
        match = re.fullmatch(r"(?P<left>.+) = (?P<right>[-\d./]+)(?: \((?P<remark>step .*)\))?", line)
        assert match, evidence
        found.append((match["left"], match["right"], match["remark"] or ""))
    return found
