"""What a criterion says of a saved file that was changed."""

import json
from collections.abc import Callable
from typing import Any

from harness.criteria.evidence import ModelStudy
from harness.criteria.registry import find


def changed(study: ModelStudy, path: str, change: Callable[[Any], object], criterion: str) -> str:
    """The verdict once a saved file was changed; the file is then restored."""
    file = study.absolute(path)
    before = file.read_text(encoding="utf-8")
    content = json.loads(before)
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    try:
        declared = find(criterion)
        return "pass" if declared.rule.holds(declared.measure(study).value) else "fail"
    finally:
        file.write_text(before, encoding="utf-8")
