"""GSM8K for the tests that look at the real data."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def gsm8k() -> Path:
    """The folder named by HARNESS_GSM8K. Unset skips; a folder that is not there is a failure, not a skip."""
    name = os.environ.get("HARNESS_GSM8K")
    if not name:
        pytest.skip("HARNESS_GSM8K is not set: name a folder with GSM8K's train.jsonl and test.jsonl")
    folder = Path(name)
    absent = [file for file in ("train.jsonl", "test.jsonl") if not (folder / file).is_file()]
    if absent:
        pytest.fail(f"HARNESS_GSM8K is {folder}, which has no {' and no '.join(absent)}")
    return folder
