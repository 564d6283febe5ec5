"""Measurements kept on disk, so that what was measured once is read the next time.

What they depend on is named by content, the code included, but for the rules in it: an edited threshold leaves all that it
does not decide where it is.
"""

import ast
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

from harness.criteria.criterion import ControlValue, Measurement
from harness.errors import HarnessError
from harness.extraction.cached import sources_digest
from harness.files import digest, write_json

_DECLARING = ("Criterion", "hypothesis", "_of_pairs")
_CODE = ("behaviour/*.py", "measures/*.py", "statistics/*.py", "criteria/*.py")


def remembered(path: Path, measure: Callable[[], Measurement]) -> Measurement:
    """What ``path`` holds, or what ``measure`` gives, which is then kept there.

    The name of ``path`` must stand for everything the measurement depends on.
    """
    known = _read(path)
    if known is not None:
        return known
    measured = measure()
    # A cache that cannot be written costs time at the next run, not this run's result.
    with suppress(HarnessError):
        write_json(path, _as_json(measured))
    return measured


def _as_json(measured: Measurement) -> dict[str, Any]:
    controls = {name: {"measured": one.measured, "draws": one.draws} for name, one in measured.controls.items()}
    return {**measured.__dict__, "controls": controls}


def _read(path: Path) -> Measurement | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        controls = {
            name: ControlValue(one["measured"], None if one["draws"] is None else tuple(one["draws"]))
            for name, one in content.pop("controls").items()
        }
        low, high = content["attainable"] or (0.0, 0.0)
        ends = {
            "interval": None if content["interval"] is None else tuple(content["interval"]),
            "resampled": content["resampled"] and tuple(content["resampled"]),
            # JSON has no infinity: an end without a limit is null there.
            "attainable": content["attainable"] and (-inf if low is None else low, inf if high is None else high),
        }
        return Measurement(**{**content, **ends, "artifacts": tuple(content["artifacts"]), "controls": controls})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


@cache
def statistics_code() -> str:
    """Digest of all code that decides a measurement, given the patterns and the rule."""
    return sources_digest(_CODE, ("numpy", "scipy", "statsmodels"), without_rules)


def without_rules(path: Path) -> str:
    """Digest of what a source file says, rules and comments left out."""
    return digest(ast.dump(_NoRules().visit(ast.parse(path.read_text(encoding="utf-8")))))


class _NoRules(ast.NodeTransformer):
    """Only where a criterion is declared: a rule that is given to a measure as well decides what it gives."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _called(node) in _DECLARING:
            node.args = [ast.Constant("a rule") if _is_rule(one) else one for one in node.args]
        return self.generic_visit(node)


def _is_rule(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _called(node) == "Rule"


def _called(node: ast.Call) -> str | None:
    """``hypothesis`` of ``hypothesis(...)`` and of ``own.hypothesis(...)``."""
    match node.func:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return None
