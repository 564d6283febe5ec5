"""A session that judges results again: no model, no torch, the gate, the report, and wrong inputs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.criteria.patterns_summary import NAME
from tests.criteria.recorded import N, record

pytest_plugins = ("pytester",)

ROOT = Path(__file__).parents[2]
STORIES = ("1.1", "1.2", "1.3", "2.4")
MODEL = "tiny-llama"
SELECTED = ("--story", "1.2", "--story", "2.4")
WATCH = """

def pytest_unconfigure(config):
    import sys
    from pathlib import Path
    loaded = [name for name in ("torch", "transformers", "peft", "datasets", "ray") if name in sys.modules]
    Path("loaded.txt").write_text(" ".join(loaded), "utf-8")
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run on one model."""
    folder = tmp_path_factory.mktemp("recorded")
    record(folder / "reports", folder / "cache", models=(MODEL,), stories=STORIES)
    return folder / "reports"


class Project:
    """A project with the checks and committed results, and nothing else."""

    def __init__(self, folder: Path, recorded: Path) -> None:
        self.folder = folder
        self.results = Path(shutil.copytree(recorded, folder / "reports"))
        shutil.copytree(ROOT / "checks", folder / "checks", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "conftest.py").write_text((ROOT / "conftest.py").read_text("utf-8") + WATCH, "utf-8")
        (folder / "pyproject.toml").write_text(
            "[tool.pytest.ini_options]\n"
            'addopts = "--strict-markers --import-mode=importlib -p no:hypothesispytest -p no:benchmark -p no:anyio"\n'
            f'pythonpath = [".", "{ROOT}"]\n',
            "utf-8",
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pytest there, with a cache of its own that holds no extraction."""
        command = [sys.executable, "-m", "pytest", "checks", "--cache-dir", "cache", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def criteria(self, folder: str = "reports-from-results") -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / folder / "criteria.json").read_text("utf-8"))
        return content

    def approve(self) -> None:
        """Approve what the models gave, as it was recorded."""
        from harness.criteria.registry import find
        from harness.files import write_json

        recorded = json.loads((self.results / "criteria.json").read_text("utf-8"))
        run = recorded["run"]
        conditions = {
            "dataset": run["dataset"]["name"],
            "dataset_fingerprint": run["dataset"]["fingerprint"],
            "n_problems": run["dataset"]["n"],
            "seed": run["seed"],
            "controls": run["controls"],
            "sweep_problems": run["sweep_problems"],
        }
        for scope in ("run", MODEL):
            own = [one for one in recorded["criteria"] if one["model"] == scope]
            write_json(
                self.folder / "baselines" / f"{scope}.synthetic.json",
                {
                    "schema": 1,
                    "scope": scope,
                    "conditions": conditions,
                    "declarations_sha256": run["declarations_sha256"],
                    "approved": "2026-01-02",
                    "criteria": {
                        one["id"]: {
                            "verdict": one["verdict"],
                            "measured": one["measured"],
                            "rule": "",
                            "declaration": find(one["id"]).digest(),
                        }
                        for one in own
                    },
                },
            )


@pytest.fixture
def project(tmp_path: Path, recorded: Path) -> Project:
    return Project(tmp_path, recorded)


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def paragraph(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = [line for line in done.stderr.splitlines() if line]
    return line


def test_results_are_judged_without_a_model_into_a_folder_beside_them(project: Project) -> None:
    before = content(project.results)
    done = project.run("--from-results", "reports", "--gate", "validity", *SELECTED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project.folder / "loaded.txt").read_text("utf-8") == ""
    assert content(project.results) == before
    assert not list((project.folder / "cache").rglob("*.npy"))
    judged = project.criteria()
    verdicts = {one["id"]: (one["verdict"], one["reason"]) for one in judged["criteria"]}
    recorded = {
        one["id"]: one["verdict"] for one in json.loads((project.results / "criteria.json").read_bytes())["criteria"]
    }
    assert verdicts["1.2-oracle"] == ("skipped", "needs the model")
    assert verdicts["2.4-top10"][0] == recorded["2.4-top10"] == "fail"
    assert verdicts["2.4-stable"][0] == recorded["2.4-stable"]
    assert "Judged again from the results in" in done.stdout
    assert judged["run"]["from_results"]["folder"].endswith("reports")
    page = (project.folder / "reports-from-results/index.html").read_text("utf-8")
    assert "not from the models: what needs a model was skipped" in page


def test_workers_judge_the_same(project: Project) -> None:
    alone, together = (
        project.run("--from-results", "reports", "--gate", "validity", "--story", "1.2", "--output", name, *more)
        for name, more in (("alone", ()), ("together", ("-n", "2")))
    )
    assert (alone.returncode, together.returncode) == (0, 0), together.stdout + together.stderr
    assert project.criteria("together")["criteria"] == project.criteria("alone")["criteria"]


def test_the_gate_compares_what_results_allow_and_nothing_else(project: Project) -> None:
    project.approve()
    done = project.run("--from-results", "reports", "--gate", "baseline", "--story", "2.4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing changed: 9 verdicts as approved, 2 not compared" in done.stdout
    path = project.folder / "baselines" / f"{MODEL}.synthetic.json"
    approved = json.loads(path.read_text("utf-8"))
    approved["criteria"]["2.4-top10"]["verdict"] = "pass"
    path.write_text(json.dumps(approved), "utf-8")
    changed = project.run("--from-results", "reports", "--gate", "baseline", "--story", "2.4")
    assert changed.returncode == 1
    assert "pass -> fail" in changed.stdout


def test_results_of_other_conditions_than_the_approved_ones_are_a_usage_error(project: Project) -> None:
    project.approve()
    path = project.folder / "baselines" / f"{MODEL}.synthetic.json"
    approved = json.loads(path.read_text("utf-8"))
    approved["conditions"]["seed"] = 7
    path.write_text(json.dumps(approved), "utf-8")
    done = project.run("--from-results", "reports", "--gate", "baseline", "--story", "2.4")
    assert done.returncode == 4
    assert "seed 7 there, 42 here" in paragraph(done)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from-results", "nowhere"], "There is no folder"),
        (["--from-results", "checks"], "There is no file"),
        (["--from-results", "reports", "--seed", "7"], "--seed 7 is asked for, 42 was run"),
        (["--from-results", "reports", "--model", "tiny-gpt2"], "--model tiny-gpt2 is asked for, tiny-llama was run"),
        (["--from-results", "reports", "--quick"], f"--n-problems 10 is asked for, {N} was run"),
        (["--from-results", "reports", "--approve"], "--approve is about running a model"),
        (["--from-results", "reports", "--refresh"], "--refresh is about running a model"),
        (["--from-results", "reports", "--engine", "ray"], "--engine ray is about running a model"),
        (["--from-results", "reports", "--output", "reports"], "would overwrite the results that are judged again"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_input_is_one_paragraph_and_exit_4(project: Project, arguments: list[str], said: str) -> None:
    before = content(project.results)
    done = project.run(*arguments)
    assert done.returncode == 4, done.stdout + done.stderr
    assert paragraph(done).startswith("ERROR: ")
    assert said in paragraph(done)
    assert content(project.results) == before


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_a_damaged_summary_is_one_paragraph_and_exit_4(project: Project, workers: list[str]) -> None:
    path = project.results / "results" / MODEL / NAME
    path.write_bytes(path.read_bytes()[:-1000])
    done = project.run("--from-results", "reports", *workers)
    assert done.returncode == 4
    assert f"{NAME} is damaged" in paragraph(done)
