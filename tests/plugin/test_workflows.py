"""The workflows of this repository and of its documentation, run without GitHub on a run without models."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.plugin.inner import FAILING, Checks
from tests.plugin.workflows import ROOT, Job, Step, documented, environment_of, jobs, run_step

pytest_plugins = ("pytester",)

OWN = (ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
(TEMPLATE,) = [text for text in documented("yaml") if "jobs" in yaml.safe_load(text)]
TWO = ("--model", "tiny-gpt2", "--model", "tiny-llama")
WORSE = {**FAILING, "tiny-llama-1.5-ratio": {"verdict": "fail", "measured": 0.74}}


@pytest.fixture(params=["own", "template"])
def verdicts(request: pytest.FixtureRequest) -> Job:
    return jobs({"own": OWN, "template": TEMPLATE}[request.param])["verdicts"]


class TestFiles:
    @pytest.mark.parametrize("text", [OWN, TEMPLATE], ids=["own", "template"])
    def test_they_run_on_every_push_and_proposal_with_the_right_to_read_only(self, text: str) -> None:
        # YAML 1.1, which PyYAML reads, takes the key "on" for a boolean.
        content = yaml.safe_load(text)
        assert set(content[True]) == {"push", "pull_request"}
        assert content["permissions"] == {"contents": "read"}
        assert "secrets" not in text

    @pytest.mark.parametrize("text", [OWN, TEMPLATE], ids=["own", "template"])
    def test_every_action_is_named_with_its_major_version(self, text: str) -> None:
        used = re.findall(r"uses: (.*)", text)
        assert len(used) > 3
        assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", one) for one in used)

    @pytest.mark.parametrize("target", re.findall(r"run: make (?:-C harness )?(\S+)", OWN + TEMPLATE))
    def test_every_target_that_a_step_makes_is_there(self, target: str) -> None:
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_files_that_steps_name_are_there(self) -> None:
        for job in jobs(OWN).values():
            assert (ROOT / job.uses("actions/setup-python")["with"]["cache-dependency-path"]).is_file()

    def test_the_history_is_fetched_the_report_kept_whatever_came_of_it_and_raw_patterns_are_not(
        self, verdicts: Job
    ) -> None:
        assert any(step.get("with", {}).get("fetch-depth") == 0 for step in verdicts.steps)
        kept = verdicts.uses("actions/upload-artifact")
        assert kept["if"] == "${{ !cancelled() }}"
        assert kept["with"]["path"].split()[0] in ("reports/", "judged/")


def assert_annotated_and_summed_up(step: Step) -> None:
    (error,) = step.annotations
    assert error.startswith("::error file=baselines/tiny-llama.synthetic.json,line=")
    assert "1.5-ratio on tiny-llama%3A pass -> fail::" in error
    assert "### What changed" in step.summary
    assert len(step.summary.encode()) < 1024 * 1024


class TestOwn:
    def check(self, pytester: pytest.Pytester, name: str) -> Step:
        shutil.copy(ROOT / "Makefile", pytester.path / "Makefile")
        shutil.copy(ROOT / "constraints.txt", pytester.path / "constraints.txt")
        environment_of(pytester.path)
        *_, command = jobs(OWN)["verdicts"].commands
        return run_step(command, pytester.path, pytester.path.parent / f"{pytester.path.name}-{name}")

    def test_the_same_verdicts_pass_and_a_changed_one_fails_the_job(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        checks(*TWO, "--approve", script=FAILING)
        same = self.check(pytester, "same")
        assert (same.status, same.annotations) == (0, []), same.log
        assert "every verdict compared is the approved one" in same.summary
        # The stand-in for models reads what it is to find from a file, as a changed model would bring it.
        checks("--collect-only", script=WORSE)
        changed = self.check(pytester, "changed")
        assert changed.status not in (0, 4), changed.log
        assert_annotated_and_summed_up(changed)

    def test_what_it_keeps_is_where_the_report_is(self, checks: Checks, pytester: pytest.Pytester) -> None:
        checks(*TWO, "--approve")
        self.check(pytester, "kept")
        first, *_ = jobs(OWN)["verdicts"].uses("actions/upload-artifact")["with"]["path"].split()
        assert (pytester.path / first / "index.html").is_file()


class TestTemplate:
    @pytest.fixture
    def project(self, checks: Checks, pytester: pytest.Pytester) -> Path:
        """A user's repository: results, approved verdicts, and the harness checked out beside them."""
        checks("--approve", script=FAILING)
        harness = pytester.path / "harness"
        harness.mkdir()
        for name in ("checks", "conftest.py", "fake_run.py", "pyproject.toml"):
            shutil.move(pytester.path / name, harness / name)
        environment_of(harness)
        return pytester.path

    def judge(self, project: Path, name: str) -> Step:
        *_, command = jobs(TEMPLATE)["verdicts"].commands
        return run_step(command, project, project.parent / f"{project.name}-{name}")

    def test_the_same_verdicts_pass_and_a_changed_one_fails_the_job(self, project: Path, checks: Checks) -> None:
        same = self.judge(project, "same")
        assert (same.status, same.annotations) == (0, []), same.log
        assert (project / "judged" / "index.html").is_file()
        (project / "verdicts.json").write_text(
            (project / "verdicts.json")
            .read_text("utf-8")
            .replace("{", '{"tiny-llama-1.5-ratio": {"verdict": "fail"}, ', 1),
            encoding="utf-8",
        )
        changed = self.judge(project, "changed")
        assert changed.status == 1, changed.log
        assert_annotated_and_summed_up(changed)
