"""The notebook runs, and what it shows is what its cells give."""

import base64
import re
from typing import Any

import pytest

from tests.documents.notebook import outputs, read
from tests.documents.test_tutorial import alike

CELLS: list[dict[str, Any]] = read()["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def text(output: dict[str, Any]) -> list[str]:
    lines = "".join(output.get("text") or output["data"]["text/plain"]).splitlines()
    # How small a rounding error is differs from processor to processor.
    return [re.sub(r"\de-\d\d", "...", line) for line in lines if line.strip()]


@pytest.fixture(scope="module")
def shown() -> list[list[dict[str, Any]]]:
    return list(outputs(CELLS))


@pytest.mark.parametrize("number", range(len(CODE)))
def test_every_cell_shows_what_it_gives(shown: list[list[dict[str, Any]]], number: int) -> None:
    kept, found = CODE[number]["outputs"], shown[number]
    assert [one["output_type"] for one in kept] == [one["output_type"] for one in found]
    for one, other in zip(kept, found, strict=True):
        assert len(text(one)) == len(text(other))
        for line, again in zip(text(one), text(other), strict=True):
            assert alike(line, again), f"kept: {line}\nfound: {again}"


def test_it_uses_the_whole_of_the_public_functions() -> None:
    import harness

    code = "".join(line for cell in CODE for line in cell["source"])
    functions = {name for name in harness.__all__ if name.islower()}
    assert functions <= set(re.findall(r"harness\.(\w+)", code))
    assert {"Sham", "BlockAttention"} <= set(re.findall(r"harness\.(\w+)", code)) and "model.generate(" in code


def test_it_is_a_small_notebook_of_the_format_that_readers_know() -> None:
    content = read()
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in CELLS]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[\w-]{1,64}", one) for one in ids)
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    images = [
        one["data"]["image/png"] for cell in CODE for one in cell["outputs"] if "image/png" in one.get("data", {})
    ]
    assert len(images) == 1 and len(base64.b64decode(images[0])) < 40_000
