"""Every block of the page on hypotheses of one's own is run, in order, in a project of its own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own-hypotheses.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?P<before>(?:[^\n]+\n)*)\n```(?P<language>\w+)\n(?P<body>.*?)```\n", re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block of console, and the lines shown below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def alike(shown: str, found: str) -> bool:
    """Whether two lines say the same: words alike, numbers within a fiftieth; ``...`` stands for any words."""
    words = [".*" if word == "..." else _with_any_number(word) for word in shown.split()]
    match = re.fullmatch(r"\s+".join(words), found.strip())
    numbers = [float(one) for word in shown.split() for one in NUMBER.findall(word)]
    return match is not None and all(
        abs(one - float(other)) <= max(0.02 * abs(one), 5e-4)
        for one, other in zip(numbers, match.groups(), strict=True)
    )


def _with_any_number(word: str) -> str:
    return f"({NUMBER.pattern})".join(map(re.escape, NUMBER.split(word)))


@pytest.mark.parametrize(
    ("shown", "found", "same"),
    [
        ("X.1-first  0.102  > 0.25", "  X.1-first 0.1021    > 0.25", True),
        ("X.1-first  0.102", "X.1-first  0.2", False),
        ("X.1-first  0.102", "X.1-other  0.102", False),
        ("a b", "a b c", False),
        ("a b ...", "a b c d", True),
        ("a ... d", "a b c d", True),
        ("X.1-first", "X.2-first", False),
        ("approved ... on 10 problems)", "approved 2026-01-01 on 10 problems)", True),
        ("[-0.0341, 0.0022]", "[-0.0341, 0.0024]", True),
        ("[-0.0341, 0.0022]", "[0.0341, 0.0022]", False),
    ],
)
def test_lines_are_alike_up_to_rounding(shown: str, found: str, same: bool) -> None:
    assert alike(shown, found) == same


def missing(shown: list[str], found: str) -> list[str]:
    """The lines shown that are not found, in order."""
    lines = iter(found.splitlines())
    return [line for line in shown if line not in ("", "...") and not any(alike(line, other) for other in lines)]


def exit_code(shown: list[str]) -> int:
    """What a command that shows these lines ends with."""
    if any(line.startswith("ERROR:") for line in shown):
        return 4
    return 1 if any("FAIL" in line or "(exit 1)" in line for line in shown) else 0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "checks", tmp_path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_page_does_what_it_says(project: Path) -> None:
    shell = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(project / "cache"),
        "COLUMNS": "120",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }
    seen = {"python": 0, "console": 0}
    for block in BLOCK.finditer(PAGE):
        seen[block["language"]] += 1
        named = re.findall(r"`(my_checks/\w+\.py)`", block["before"])
        if block["language"] == "python" and named:
            file = project / named[-1]
            file.parent.mkdir(exist_ok=True)
            written = file.read_text(encoding="utf-8") if "Add to" in block["before"] else ""
            file.write_text(written + block["body"], encoding="utf-8")
        elif block["language"] == "python":
            subprocess.run([sys.executable, "-c", block["body"]], cwd=project, env=shell, check=True)
        else:
            for command, shown in commands(block["body"]):
                done = subprocess.run(
                    command, check=False, shell=True, cwd=project, env=shell, capture_output=True, text=True
                )
                said = done.stdout + done.stderr
                assert not missing(shown, said), f"{command}\n{said}"
                assert done.returncode == exit_code(shown), said
    assert seen == {"python": PAGE.count("```python\n"), "console": PAGE.count("```console\n")}
