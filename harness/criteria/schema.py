"""The JSON Schema of ``criteria.json``, shipped beside this module: ``python -m harness.criteria.schema`` writes it."""

import json
from pathlib import Path
from typing import Any

from harness.files import write_json
from harness.results import RunResult

PATH = Path(__file__).with_name("criteria.schema.json")


def schema() -> dict[str, Any]:
    """The schema as the models of :mod:`harness.results` define it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RunResult.model_json_schema(by_alias=True)}


def shipped() -> dict[str, Any]:
    """The schema in the file."""
    content: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    write_json(PATH, schema())
