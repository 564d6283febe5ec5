"""What is said when code of a user's own fails: which criterion, in which line of which file."""

import traceback
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

from harness.criteria.criterion import Measurement, NotMeasured
from harness.errors import HarnessError
from harness.measures import NotApplicable, NotFinite

_MEANT = (HarnessError, NotApplicable, NotFinite, NotMeasured)
"""Exceptions that say what they mean."""


def guarded_measure(measure: Any, where: str, file: Path) -> Any:
    """A measure, all functions of which, and of what it is made of, are :func:`guarded`."""
    parts = {
        one.name: guarded_measure(value, where, file) if is_dataclass(value) else guarded(value, where, file)
        for one in fields(measure)
        if callable(value := getattr(measure, one.name)) or is_dataclass(value)
    }
    return replace(measure, **parts)


def guarded(function: Callable[..., Any], where: str, file: Path) -> Callable[..., Any]:
    """A function that fails with one paragraph. Errors: ``HarnessError`` for anything but what says that it is not measured."""

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except _MEANT:
            raise
        except Exception as error:
            raise HarnessError(f"{where} cannot be measured: {failure(error, file)}.") from error

    return call


def measuring(function: Callable[[Any], Any]) -> Callable[[Any], Measurement]:
    """A function that gives a measurement. Errors: ``TypeError`` when it gives anything else."""

    @wraps(function)
    def call(study: Any) -> Measurement:
        found = function(study)
        if not isinstance(found, Measurement):
            raise TypeError(f"its measure gave {type(found).__name__}; it must give a Measurement")
        return found

    return call


def failure(error: Exception, file: Path) -> str:
    """``ZeroDivisionError: division by zero (line 7: return 1 / 0)``, the line being the last one of ``file``."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    place = f" (line {lines[-1].lineno}: {lines[-1].line})" if lines else ""
    return f"{type(error).__name__}: {error}{place}"
