"""``codi-harness gate``: verdicts in a folder against the approved ones, and the hooks that ask it before a commit."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.cli import main
from tests.plugin.inner import FAILING, Checks
from tests.plugin.workflows import ROOT, documented, on_path
from tests.repositories import Repository

pytest_plugins = ("pytester",)

WORSE = {"tiny-llama-1.5-ratio": {"verdict": "fail", "measured": 0.74}}


class TestCommand:
    def test_verdicts_as_approved_meet_the_gate(self, checks: Checks, capsys: pytest.CaptureFixture[str]) -> None:
        checks("--approve", script=FAILING)
        capsys.readouterr()
        assert main(["gate"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "nothing changed: 6 verdicts as approved",
            "gate: baseline -> met (exit 0)",
        ]

    def test_what_changed_is_said_as_a_run_says_it_and_ends_with_1(
        self, checks: Checks, capsys: pytest.CaptureFixture[str]
    ) -> None:
        checks("--approve", script=FAILING)
        run = checks("--gate", "baseline", script=WORSE)
        capsys.readouterr()
        assert main(["gate", "reports", "--baselines", "baselines"]) == 1
        regression, improvement, *rest = capsys.readouterr().out.splitlines()
        assert re.fullmatch(
            r"1\.5-ratio  pass -> fail  regression   \(measured 0\.5 -> 0\.74, threshold ≥ 2; approved .* on 100 problems\)",
            regression,
        )
        assert improvement.startswith("1.2-max    fail -> pass  improvement  (measured 0.05 -> 0.5, threshold ≥ 0.1; ")
        assert {regression, improvement} <= set(run.outlines)
        assert rest[0] == "gate: baseline -> 2 verdicts differ (exit 1)"
        assert "--approve" in rest[1]

    def test_an_edited_declaration_is_named(
        self, checks: Checks, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checks("--approve")
        monkeypatch.setenv("FAKE_THRESHOLD", "0.3")
        checks(script=FAILING)
        capsys.readouterr()
        assert main(["gate"]) == 1
        said = capsys.readouterr().out
        assert "declarations that differ from the approved ones: 1.2-max" in said
        assert "threshold ≥ 0.1 -> ≥ 0.3, declaration edited; approved" in said

    def test_results_of_a_smaller_run_meet_it_and_say_what_they_lack(
        self, checks: Checks, capsys: pytest.CaptureFixture[str]
    ) -> None:
        checks("--approve")
        checks("-k", "1.2-max or 1.1")
        capsys.readouterr()
        assert main(["gate"]) == 0
        assert (
            "not compared, for these results lack 3 approved verdicts on tiny-llama: 1.2-spread, 1.2-sums, 1.5-ratio"
            in (capsys.readouterr().out)
        )

    def test_a_whole_model_and_comparison_that_results_lack_are_named(
        self, checks: Checks, capsys: pytest.CaptureFixture[str]
    ) -> None:
        two = ("--model", "tiny-llama", "--model", "tiny-gpt2")
        checks(*two, "--approve")
        checks(*two, "-k", "run-1.1 or tiny-llama-1")
        capsys.readouterr()
        assert main(["gate"]) == 0
        said = capsys.readouterr().out
        for scope, lack in (("tiny-gpt2", "4 approved verdicts"), ("tiny-llama_vs_tiny-gpt2", "1 approved verdict")):
            assert f"these results lack {lack} on {scope}: " in said

    def test_of_what_results_lack_only_files_that_are_staged_count(
        self, checks: Checks, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
    ) -> None:
        repository = Repository(pytester.path)
        checks("--approve")
        checks("-k", "run-1.1")
        repository.git("add", "--", "reports", "baselines/run.synthetic.json")
        capsys.readouterr()
        assert main(["gate", "--staged"]) == 0
        assert "lack" not in capsys.readouterr().out
        repository.git("add", "--", "baselines")
        assert main(["gate", "--staged"]) == 0
        assert "these results lack 4 approved verdicts on tiny-llama: " in capsys.readouterr().out

    def test_models_are_named_where_there_are_two(self, checks: Checks, capsys: pytest.CaptureFixture[str]) -> None:
        two = ("--model", "tiny-llama", "--model", "tiny-gpt2")
        checks(*two, "--approve")
        checks(*two, script=WORSE)
        capsys.readouterr()
        assert main(["gate"]) == 1
        assert capsys.readouterr().out.startswith("tiny-llama  1.5-ratio  pass -> fail")

    @pytest.mark.parametrize(
        ("break_it", "said"),
        [
            (lambda: shutil.rmtree("reports"), "There is no file reports/criteria.json"),
            (lambda: shutil.rmtree("baselines"), "run.synthetic.json does not exist"),
            (lambda: Path("baselines/run.synthetic.json").write_text("{"), "is not a file of approved verdicts"),
            (lambda: Path("reports/criteria.json").write_text("{"), "is not what this version of the harness writes"),
        ],
        ids=["no-results", "no-baselines", "damaged-baselines", "damaged-results"],
    )
    def test_what_is_missing_or_damaged_is_one_sentence_and_exit_4(
        self, checks: Checks, capsys: pytest.CaptureFixture[str], break_it: object, said: str
    ) -> None:
        checks("--approve")
        break_it()  # type: ignore[operator]
        capsys.readouterr()
        assert main(["gate"]) == 4
        assert said in " ".join(capsys.readouterr().err.split())

    def test_results_of_another_sample_are_not_compared(
        self, checks: Checks, capsys: pytest.CaptureFixture[str]
    ) -> None:
        checks("--approve")
        checks("--n-problems", "10")
        assert main(["gate"]) == 4
        assert "n problems 100 there, 10 here" in " ".join(capsys.readouterr().err.split())

    def test_it_needs_nothing_that_takes_seconds_to_load(self, checks: Checks) -> None:
        checks("--approve")
        program = (
            "import sys; from harness.cli import main; main(['gate']); "
            "print({'torch', 'transformers', 'pandas', 'scipy', 'matplotlib', 'pytest'} & set(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=on_path(Path())
        )
        assert done.stdout.splitlines()[-1] == "set()"


@pytest.fixture
def project(checks: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A user's repository with approved results committed; ``codi-harness`` is on the path."""
    repository = Repository(pytester.path)
    for name, value in on_path(pytester.path.parent / f"{pytester.path.name}-bin").items():
        monkeypatch.setenv(name, value)
    checks("--approve")
    repository.commit("reports", "baselines")
    return repository


def plain_git(repository: Repository) -> None:
    """The lines of the documentation."""
    (lines,) = documented("sh")
    subprocess.run(["sh", "-e", "-c", lines], cwd=repository.folder, check=True)


def hook_of_this_repository() -> dict[str, object]:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    return hook  # type: ignore[no-any-return]


def pre_commit_tool(repository: Repository) -> None:
    """What the tool of that name would run, for a commit of files that the hook asks for."""
    hook = hook_of_this_repository()
    command = [*shlex.split(str(hook["entry"])), *hook["args"]]  # type: ignore[misc]
    path = repository.write(".git/hooks/pre-commit", f"#!/bin/sh\nexec {shlex.join(command)}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("install", [plain_git, pre_commit_tool])
class TestHook:
    def commit(self, repository: Repository, *names: str) -> subprocess.CompletedProcess[str]:
        repository.git("add", "--", *names)
        return subprocess.run(
            ["git", "commit", "--message", "a commit"],
            cwd=repository.folder,
            check=False,
            capture_output=True,
            text=True,
        )

    def test_a_changed_verdict_stops_a_commit_which_says_what_changed_and_when_it_was_approved(
        self, project: Repository, checks: Checks, install: object
    ) -> None:
        install(project)  # type: ignore[operator]
        approved = project.git("rev-parse", "--short", "HEAD")
        checks(script=WORSE)
        done = self.commit(project, "reports")
        assert done.returncode == 1
        said = done.stdout + done.stderr
        assert (
            "1.5-ratio  pass -> fail  regression  "
            f"(measured 0.5 -> 0.74, threshold ≥ 2; approved at {approved} on 100 problems)"
        ) in said
        assert project.git("rev-parse", "--short", "HEAD") == approved
        assert project.git("diff", "--cached", "--name-only")

    def test_an_improvement_is_stopped_too(self, project: Repository, checks: Checks, install: object) -> None:
        checks("--approve", script=FAILING)
        project.commit("reports", "baselines")
        install(project)  # type: ignore[operator]
        checks()
        done = self.commit(project, "reports")
        assert done.returncode == 1
        assert "1.2-max  fail -> pass  improvement" in done.stdout + done.stderr

    def test_the_same_verdicts_approved_go_through(self, project: Repository, checks: Checks, install: object) -> None:
        install(project)  # type: ignore[operator]
        checks("--approve", script=WORSE)
        done = self.commit(project, "reports", "baselines")
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"verdict": "fail"' in project.git("show", "HEAD:baselines/tiny-llama.synthetic.json")

    def test_an_approval_that_is_not_part_of_the_commit_does_not_count(
        self, project: Repository, checks: Checks, install: object
    ) -> None:
        install(project)  # type: ignore[operator]
        checks("--approve", script=WORSE)
        assert self.commit(project, "reports").returncode == 1
        assert self.commit(project, "baselines").returncode == 0

    def test_what_lies_in_the_folder_and_is_not_staged_stops_no_commit(
        self, project: Repository, checks: Checks, install: object
    ) -> None:
        install(project)  # type: ignore[operator]
        checks(script=WORSE)
        project.write("notes.md")
        assert self.commit(project, "notes.md").returncode == 0

    def test_a_commit_of_all_that_changed_is_looked_at_as_it_will_be(
        self, project: Repository, checks: Checks, install: object
    ) -> None:
        install(project)  # type: ignore[operator]
        checks(script=WORSE)
        done = subprocess.run(
            ["git", "commit", "--all", "--message", "all"],
            cwd=project.folder,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert "1.5-ratio  pass -> fail" in done.stdout + done.stderr

    def test_a_repository_without_results_can_commit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: object
    ) -> None:
        for name, value in on_path(tmp_path / "bin").items():
            monkeypatch.setenv(name, value)
        repository = Repository(tmp_path / "new")
        install(repository)  # type: ignore[operator]
        repository.write("notes.md")
        assert self.commit(repository, "notes.md").returncode == 0


class TestHookFile:
    def test_it_asks_for_the_files_that_hold_verdicts(self) -> None:
        files = re.compile(str(hook_of_this_repository()["files"]))
        assert all(files.search(name) for name in ("reports/criteria.json", "baselines/a_vs_b.synthetic.json"))
        assert not files.search("reports/index.html")

    def test_the_documented_configuration_names_the_hook_that_is_there(self) -> None:
        hook = hook_of_this_repository()
        (configured,) = [one for text in documented("yaml") if (one := yaml.safe_load(text)) and "repos" in one]
        (used,) = configured["repos"][0]["hooks"]
        assert (used["id"], used["args"]) == (hook["id"], hook["args"])
        assert hook["pass_filenames"] is False


def test_the_documentation_shows_lines_as_they_are_printed(
    checks: Checks, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids, values and the commit of the example are invented; its words are not."""
    checks("--approve", "-k", "not spread", script={**FAILING, "tiny-llama-1.5-ratio": {"measured": 2.3}})
    monkeypatch.setenv("FAKE_THRESHOLD", "0.3")
    checks(script=WORSE)
    capsys.readouterr()
    assert main(["gate"]) == 1
    printed = re.sub(r"approved 20\d\d-\d\d-\d\d", "approved at 3f1c2ab", capsys.readouterr().out).replace(
        "1.2-spread", "2.4-stable"
    )
    shown = re.findall(r"^    (\d\.\d-\S+ .*\))$", (ROOT / "docs" / "gate.md").read_text("utf-8"), flags=re.MULTILINE)
    assert len(shown) == 3
    lines = printed.splitlines()
    assert lines[1:4] == [shown[0], lines[2], shown[2]]
    assert re.sub(r"\(.*\)", "", lines[2]) == re.sub(r"\(.*\)", "", shown[1])
    assert lines[4] == "gate: baseline -> 3 verdicts differ (exit 1)"
