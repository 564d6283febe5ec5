"""Which files count as declaring criteria."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.declared.find import declaring_files

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("text", "declares"),
    [
        ("CRITERIA = []", True),
        ("x = 1\nCRITERIA: list = [\n]", True),
        ("CRITERIA = (", True),
        ("# CRITERIA = []", False),
        ("def f():\n    CRITERIA = []", False),
        ('"""\nCRITERIA = []\n"""', False),
        ("from other import CRITERIA", False),
        ("CRITERIA_OF_MINE = []", False),
        ("", False),
    ],
)
def test_a_file_declares_criteria_that_says_so_at_its_top_level(write: Write, text: str, declares: bool) -> None:
    file = write(text=text)
    assert declaring_files([file]) == ((file,) if declares else ())


def test_in_a_folder_files_count_that_pytest_would_collect(write: Write) -> None:
    text = "CRITERIA = []"
    counted = [write(f"mine/{name}", text) for name in ("deep/er/test_c.py", "test_a.py", "x_test.py")]
    for name in ("plain.py", ".hidden/test_d.py", "venv/test_e.py", "__pycache__/test_f.py", "test_g.txt"):
        write(f"mine/{name}", text)
    assert declaring_files([Path("mine")]) == tuple(counted)


def test_a_file_that_is_named_needs_no_special_name(write: Write) -> None:
    file = write("mine/plain.py", "CRITERIA = []")
    assert declaring_files([file]) == (file,)


def test_every_file_counts_once_however_often_it_is_named(write: Write) -> None:
    file = write()
    assert declaring_files([file, file.parent, Path("mine")]) == (file,)


def test_names_of_files_and_of_folders_to_skip_can_be_others(write: Write) -> None:
    write("mine/test_a.py")
    write("mine/apart/claim_a.py")
    file = write("mine/claim_b.py")
    assert declaring_files([Path("mine")], ["claim_*.py"], ["apart"]) == (file,)
