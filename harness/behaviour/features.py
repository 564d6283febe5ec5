"""What a problem asks of the one who solves it, in numbers."""

from harness.behaviour.quantities import quantities
from harness.behaviour.solutions import parse_solution
from harness.problems.problem import Problem

FEATURES = (
    "n_tokens",
    "n_operations",
    "n_operation_types",
    "max_number",
    "multi_step",
    "has_division",
    "has_multiplication",
    "has_fractions",
)
"""Names of the features, in the order of `features`."""

MULTI_STEP = 3
"""Operations from which a problem has several steps."""


def features(problem: Problem, n_tokens: int) -> dict[str, float | bool]:
    """The features of a problem whose question has ``n_tokens`` tokens, by the names of ``FEATURES``.

    - ``n_operations``: binary operators in the annotations ``<<...>>`` of its solution; ``n_operation_types``: how many
      different ones of + - x / and powers. ``multi_step``: 3 or more operations. ``has_division``, ``has_multiplication``:
      whether one of them is / or x. Operators of a malformed annotation are not counted, so that a solution without any
      readable annotation has 0 operations and none of these properties.
    - ``max_number``: the largest number that the question states, a percentage as it is written; 0 when it states none.
    - ``has_fractions``: whether the question states a number that is not whole, in digits or words (1/2, 0.5, half, two
      thirds), percentages aside. These two do not depend on annotations.
    """
    symbols = [
        operation.symbol
        for step in parse_solution(problem.solution, problem.answer).steps
        for operation in step.operations
    ]
    stated = quantities(problem.question)
    return {
        "n_tokens": n_tokens,
        "n_operations": len(symbols),
        "n_operation_types": len(set(symbols)),
        "max_number": float(max((quantity.value for quantity in stated), default=0)),
        "multi_step": len(symbols) >= MULTI_STEP,
        "has_division": "/" in symbols,
        "has_multiplication": "*" in symbols,
        "has_fractions": any(quantity.value.denominator > 1 and not quantity.percent for quantity in stated),
    }
