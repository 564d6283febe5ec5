"""What holds for all tests, and GSM8K for those that look at the real data."""

import os
from pathlib import Path

import pytest

# Threads of tests side by side wait for one another actively, which takes ten times as long; set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What sessions inside of tests find is not what a job on GitHub has found.
for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(name, None)


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
