"""What tests say to a session of the checks, and what it left behind."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Checks = Callable[..., pytest.RunResult]

FAILING = {"tiny-llama-1.2-max": {"verdict": "fail", "measured": 0.05, "reason": "too even"}}
ALL = [
    "run-1.1-count",
    "run-1.1-unique",
    "tiny-llama-1.2-sums",
    "tiny-llama-1.2-max",
    "tiny-llama-1.2-spread",
    "tiny-llama-1.5-ratio",
]
LARGE = "run-4.1-clean"
"""What is judged only where it is asked for."""


def calls(pytester: pytest.Pytester) -> list[str]:
    log = pytester.path / "calls.log"
    return log.read_text("utf-8").splitlines() if log.exists() else []


def criteria_json(pytester: pytest.Pytester, folder: str = "reports") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((pytester.path / folder / "criteria.json").read_text("utf-8"))
    return content


def judged(pytester: pytest.Pytester, folder: str = "reports") -> list[str]:
    return [f"{one['model']}-{one['id']}" for one in criteria_json(pytester, folder)["criteria"]]


def left_over(pytester: pytest.Pytester) -> list[str]:
    return [path.name for path in (pytester.path / "reports").glob(".*") if path.name != ".gitignore"]
