import json
import shutil
from pathlib import Path
from typing import Any

import pytest

# What an inner session imports must be imported before: pytester forgets its imports, and numpy loads only once.
import harness.models.registry
import harness.plugin.html
import harness.plugin.terminal
import harness.reporting.html  # noqa: F401
from tests.plugin.inner import Checks

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@pytest.fixture
def checks(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Checks:
    """A project with the real checks and plug-in and a run that needs no model; calling it runs pytest there."""
    monkeypatch.setenv("COLUMNS", "100")
    shutil.copytree(ROOT / "checks", pytester.path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "fake_run.py", pytester.path / "fake_run.py")
    pytester.makeconftest(
        (ROOT / "conftest.py").read_text("utf-8")
        + "\nfrom fake_run import pytest_harness_criteria, pytest_harness_run\n"
    )
    pytester.makepyprojecttoml(
        f"""
        [tool.pytest.ini_options]
        testpaths = ["checks"]
        addopts = "--strict-markers --import-mode=importlib -p no:hypothesispytest -p no:benchmark -p no:anyio"
        pythonpath = [".", "{ROOT}"]
        """
    )

    def run(*arguments: str, apart: bool = False, script: dict[str, Any] | None = None) -> pytest.RunResult:
        (pytester.path / "verdicts.json").write_text(json.dumps(script or {}), encoding="utf-8")
        start = pytester.runpytest_subprocess if apart or "-n" in arguments else pytester.runpytest_inprocess
        return start(*arguments)

    return run


@pytest.fixture
def phased(checks: Checks, pytester: pytest.Pytester) -> Checks:
    """The same with a run that judges what decides phases 1 and 2, and a little of phase 4."""
    return _with_run(checks, pytester, "tests.plugin.phased_run")


@pytest.fixture
def concluded(checks: Checks, pytester: pytest.Pytester) -> Checks:
    """The same with two criteria that look at what the others left."""
    return _with_run(checks, pytester, "tests.plugin.concluded_run")


def _with_run(checks: Checks, pytester: pytest.Pytester, module: str) -> Checks:
    conftest = pytester.path / "conftest.py"
    conftest.write_text(conftest.read_text("utf-8").replace("from fake_run", f"from {module}"), "utf-8")
    return checks
