"""Sessions of the checks on GitHub Actions, and what they leave of a repository."""

from pathlib import Path

import pytest

from harness.storage.tracked import ignore_errors, large_files
from tests.plugin.inner import FAILING, Checks
from tests.repositories import Repository

pytest_plugins = ("pytester",)


@pytest.fixture
def summary(tmp_path: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a step's summary; the session is on GitHub."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step-summary.md"))
    return tmp_path / "step-summary.md"


def annotated(run: pytest.RunResult) -> list[str]:
    return [line for line in run.outlines + run.errlines if line.startswith(("::error", "::warning"))]


class TestOnGitHub:
    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_a_changed_verdict_is_annotated_where_it_was_approved_and_in_the_summary(
        self, checks: Checks, pytester: pytest.Pytester, summary: Path, workers: list[str]
    ) -> None:
        checks("--approve", script=FAILING)
        assert annotated(checks("--gate", "baseline", script=FAILING)) == []
        assert "every verdict compared is the approved one" in summary.read_text("utf-8")
        summary.unlink()
        run = checks("--gate", "baseline", *workers, script={"tiny-llama-1.5-ratio": {"verdict": "fail"}})
        error, warning = annotated(run)
        assert error.startswith("::error file=baselines/tiny-llama.synthetic.json,line=")
        assert (
            ",title=1.5-ratio on tiny-llama%3A pass -> fail::Statement of 1.5-ratio: pass -> fail, regression ("
            in error
        )
        assert warning.startswith("::warning file=")
        line = int(error.partition("line=")[2].partition(",")[0])
        approved = (pytester.path / "baselines" / "tiny-llama.synthetic.json").read_text("utf-8")
        assert approved.splitlines()[line - 1].strip() == '"1.5-ratio": {'
        text = summary.read_text("utf-8")
        assert text.startswith("## Success criteria")
        assert "### What changed" in text
        assert text.index("| 1.5-ratio | tiny-llama |") < text.index("| 1.2-max | tiny-llama |")

    def test_with_another_gate_there_is_a_summary_and_nothing_to_annotate(self, checks: Checks, summary: Path) -> None:
        assert annotated(checks(script=FAILING)) == []
        text = summary.read_text("utf-8")
        assert "### Hypotheses: tiny-llama (2 pass, 1 fail)" in text
        assert "What changed" not in text

    def test_a_run_that_stops_early_says_so_beside_what_it_has(self, checks: Checks, summary: Path) -> None:
        run = checks(script={"tiny-llama-1.2-max": {"error": "The disk is full."}})
        assert annotated(run) == ["::error title=The checks did not come to their end::The disk is full."]
        text = summary.read_text("utf-8")
        assert "**The run did not come to its end:** The disk is full." in text

    def test_a_run_that_judges_nothing_before_it_stops_says_so(self, checks: Checks, summary: Path) -> None:
        run = checks("-k", "1.2-max", script={"tiny-llama-1.2-max": {"error": "The disk is full."}})
        assert annotated(run) == ["::error title=The checks did not come to their end::The disk is full."]
        assert summary.read_text("utf-8").startswith("## The checks did not come to their end")

    def test_an_input_that_is_wrong_is_annotated_too(self, checks: Checks, summary: Path) -> None:
        run = checks("--gate", "baseline")
        assert run.ret == 4
        (line,) = annotated(run)
        assert line.startswith("::error title=The checks did not come to their end::")
        assert "run.synthetic.json does not exist" in line
        assert "run.synthetic.json does not exist" in summary.read_text("utf-8")

    @pytest.mark.parametrize(
        "script",
        [
            {"run-1.1-unique": {"verdict": "fail", "measured": "1\n::error::a", "reason": "b\n::error::c"}},
            {"tiny-llama-1.2-max": {"verdict": "skipped", "reason": "d\n::error::e"}},
            {"tiny-llama-1.2-max": {"verdict": "fail", "measured": "f\n::error::g", "reason": "h\n::error::i"}},
            {"tiny-llama-1.2-max": {"error": "j\n::error::k"}},
        ],
        ids=["validity", "skipped", "changed", "stopped"],
    )
    @pytest.mark.parametrize("gate", [("--gate", "baseline"), ("-v", "-rs")], ids=["diff", "table"])
    def test_no_line_of_data_is_a_command(
        self, checks: Checks, summary: Path, script: dict[str, object], gate: tuple[str, ...]
    ) -> None:
        checks("--approve")
        result = checks(*gate, script=script)
        assert [line for line in result.outlines if line.lstrip().startswith("::error::")] == []

    def test_away_from_github_no_line_is_a_command(self, checks: Checks) -> None:
        checks("--approve", script=FAILING)
        assert annotated(checks("--gate", "baseline")) == []


class TestRepository:
    @pytest.fixture
    def repository(self, checks: Checks, pytester: pytest.Pytester) -> Repository:
        """The project of the checks, committed; what the stand-in for models writes of itself is ignored."""
        repository = Repository(pytester.path)
        repository.write(".gitignore", "verdicts.json\ncalls.log\n__pycache__/\n.pytest_cache/\n")
        repository.commit(".")
        return repository

    @pytest.mark.parametrize(
        ("arguments", "new"), [([], ["?? reports/"]), (["--approve"], ["?? baselines/", "?? reports/"])]
    )
    def test_a_run_commits_stages_and_stashes_nothing(
        self, checks: Checks, repository: Repository, arguments: list[str], new: list[str]
    ) -> None:
        before = repository.state()
        assert checks(*arguments).ret == 0
        assert repository.state() == before
        assert repository.git("status", "--porcelain").splitlines() == new

    def test_git_takes_the_output_folder_without_raw_patterns(self, checks: Checks, repository: Repository) -> None:
        checks()
        output = repository.folder / "reports"
        assert ignore_errors(output) == large_files(output) == []

    def test_a_gitignore_of_the_user_in_the_output_folder_is_added_to(
        self, checks: Checks, repository: Repository
    ) -> None:
        path = repository.write("reports/.gitignore", "*.pdf\n")
        checks()
        assert path.read_text("utf-8").startswith("*.pdf\n")
        assert ignore_errors(repository.folder / "reports") == []

    def test_a_change_names_the_commit_of_its_approval(self, checks: Checks, repository: Repository) -> None:
        checks("--approve", script=FAILING)
        commit = repository.commit("baselines")
        run = checks("--gate", "baseline")
        run.stdout.fnmatch_lines([f"1.2-max  fail -> pass  improvement  (*; approved at {commit} on 100 problems)"])

    def test_a_failing_test_says_the_same(self, checks: Checks, repository: Repository) -> None:
        checks("--approve")
        commit = repository.commit("baselines")
        run = checks("-v", "--gate", "baseline", script=FAILING)
        run.stdout.fnmatch_lines(
            [
                "1.2-max on tiny-llama: pass -> fail, regression "
                f"(measured 0.5 -> 0.05, threshold ≥ 0.1; approved at {commit} on 100 problems)"
            ]
        )
