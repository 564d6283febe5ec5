"""Conditions that a model can run: what cannot act on it is refused by name, before anything runs."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from math import isfinite
from typing import Any, NamedTuple, get_args

from harness.errors import HarnessError
from harness.interventions.values import Condition, Fill, Intervention, Noise


class Sizes(NamedTuple):
    """L layers, H query heads, T latents."""

    layers: int
    heads: int
    latents: int


def as_conditions(given: Iterable[Intervention | Condition], name: str, sizes: Sizes) -> list[Condition]:
    """Conditions of what was given: a lone intervention is a condition of one.

    Errors: ``HarnessError`` naming the first that the model ``name`` of these sizes cannot run, and why.
    """
    if not isinstance(given, Iterable):
        raise HarnessError(f"Conditions come as a list, not as {given!r}.")
    conditions: list[Condition] = []
    for one in given:
        condition = tuple(one) if isinstance(one, list | tuple) else (one,)
        for intervention in condition:
            if problem := _problem(intervention, sizes):
                raise HarnessError(f"{intervention!r} cannot act on {name}: {problem}.")
        conditions.append(condition)
    return conditions


def _problem(intervention: Any, sizes: Sizes) -> str | None:
    if not isinstance(intervention, get_args(Intervention)):
        named = ", ".join(kind.__name__ for kind in get_args(Intervention))
        return f"it is not an intervention, such as {named} (with parentheses)"
    values = {field.name: getattr(intervention, field.name) for field in fields(intervention)}
    for name, value in values.items():
        if problem := _wrong_value(name, value, sizes):
            return problem
    return None


def _wrong_value(name: str, value: Any, sizes: Sizes) -> str | None:
    match name:
        case "positions" | "keys" | "queries":
            if value is None and name == "positions":
                return None
            if isinstance(value, str) and name == "queries":
                return (
                    None
                    if value in ("latents", "answer", "both")
                    else 'queries are "latents", "answer", "both" or thoughts'
                )
            return _not_among(name, value, sizes.latents, "thoughts")
        case "layers":
            return None if value is None else _not_among(name, value, sizes.layers, "layers")
        case "heads":
            return _wrong_heads(value, sizes)
        case "fill":
            if not isinstance(value, get_args(Fill)):
                return f"fill is one of {', '.join(f'{kind.__name__}()' for kind in get_args(Fill))}"
            wrong = isinstance(value, Noise) and not (isfinite(value.sigma) and value.sigma >= 0)
            return "the noise's sigma is a finite number, 0 or more" if wrong else None
        case "bias":
            return None if isfinite(value) else "the bias is a finite number"
        case "n_latents":
            whole = isinstance(value, int) and 0 <= value <= sizes.latents
            return None if whole else f"it has {sizes.latents} thoughts, of which 0 to {sizes.latents} can be kept"
    return None


def _not_among(name: str, value: Any, count: int, what: str) -> str | None:
    if not isinstance(value, Sequence) or not value or not all(isinstance(one, int) for one in value):
        return f"{name} are {what} in a tuple with at least one, such as (0,)"
    if all(0 <= one < count for one in value):
        return None
    return f"its {what} are 0 to {count - 1}"


def _wrong_heads(value: Any, sizes: Sizes) -> str | None:
    pairs = isinstance(value, Sequence) and all(isinstance(one, Sequence) and len(one) == 2 for one in value)
    if not pairs or not value:
        return "heads are pairs of layer and head in a tuple with at least one, such as ((1, 3),)"
    if all(0 <= layer < sizes.layers and 0 <= head < sizes.heads for layer, head in value):
        return None
    return f"its layers are 0 to {sizes.layers - 1}, its heads 0 to {sizes.heads - 1}"
