"""What git is asked about an output folder: every answer is held against a repository made for it."""

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.files import PARTIAL
from harness.storage.tracked import (
    CHECKPOINTS,
    LARGE,
    RAW_PATTERNS,
    RULES,
    ignore_errors,
    is_staged,
    large_files,
    last_commit,
    staged_text,
    write_gitignore,
)
from tests.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "user's project")


@pytest.fixture
def output(repository: Repository) -> Path:
    """An output folder in the repository, with its .gitignore and a file of each kind."""
    for name in (
        "criteria.json",
        "results/m/attention_patterns_raw.npy",
        "results/m/attention_patterns_avg.npy",
        "results/m/patterns_summary.npz",
        "results/m/heads.csv",
        "results/m_full/attention_patterns_full_raw.npy",
        "results/m_full/checkpoints/attention_checkpoint_1000.npy",
    ):
        repository.write(f"out/{name}")
    write_gitignore(repository.folder / "out")
    return repository.folder / "out"


class TestGitignore:
    def test_git_adds_all_but_raw_patterns_and_what_a_killed_run_leaves(
        self, repository: Repository, output: Path
    ) -> None:
        for name in (
            ".lock",
            ".verdicts-0123/a.json",
            "docs/research_journal.lock",
            f"results/.killed{PARTIAL}0123.json",
        ):
            repository.write(f"out/{name}")
        repository.git("add", ".")
        assert repository.git("ls-files").splitlines() == [
            "out/.gitignore",
            "out/criteria.json",
            "out/results/m/attention_patterns_avg.npy",
            "out/results/m/heads.csv",
            "out/results/m/patterns_summary.npz",
        ]

    def test_writing_it_again_changes_nothing(self, output: Path) -> None:
        before = (output / ".gitignore").read_bytes(), (output / ".gitignore").stat().st_mtime_ns
        write_gitignore(output)
        assert ((output / ".gitignore").read_bytes(), (output / ".gitignore").stat().st_mtime_ns) == before

    @pytest.mark.parametrize("own", ["*.log\n", "*.log", f"*.log\n{RULES[0]}\n"])
    def test_rules_of_the_user_stay_and_none_is_doubled(self, tmp_path: Path, own: str) -> None:
        (tmp_path / ".gitignore").write_text(own)
        lines = write_gitignore(tmp_path).read_text().splitlines()
        assert lines[0] == "*.log"
        assert sorted(line for line in lines if line in RULES) == sorted(RULES)


class TestLargeFiles:
    def test_files_that_git_tracks_or_would_take_are_listed_the_largest_first(
        self, repository: Repository, output: Path
    ) -> None:
        repository.write("out/figures/small.png", "x" * 10)
        repository.write("out/figures/a new one.png", "x" * 3000)
        repository.write("out/data/known.json", "x" * 2000)
        repository.commit("out/data/known.json")
        repository.write("out/results/m/attention_patterns_raw.npy", "x" * 5000)
        repository.write("elsewhere.bin", "x" * 5000)
        assert large_files(output, 1000) == [("figures/a new one.png", 3000), ("data/known.json", 2000)]

    def test_a_tracked_file_counts_although_it_is_ignored(self, repository: Repository, output: Path) -> None:
        raw = "out/results/m/attention_patterns_raw.npy"
        repository.write(raw, "x" * 5000)
        repository.git("add", "--force", raw)
        assert large_files(output, 1000) == [("results/m/attention_patterns_raw.npy", 5000)]

    def test_exactly_100_mb_is_not_too_large_and_one_byte_more_is(self, repository: Repository, output: Path) -> None:
        assert LARGE == 100_000_000
        for name, size in (("at.bin", 100_000_000), ("over.bin", 100_000_001)):
            with (output / name).open("wb") as file:
                file.truncate(size)
        assert large_files(output) == [("over.bin", 100_000_001)]

    def test_a_file_that_was_deleted_is_no_longer_large(self, repository: Repository, output: Path) -> None:
        large = repository.write("out/gone.bin", "x" * 5000)
        repository.commit("out/gone.bin")
        large.unlink()
        assert large_files(output, 1000) == []

    def test_in_no_repository_the_rules_of_the_folder_decide(self, tmp_path: Path) -> None:
        write_gitignore(tmp_path)
        for name in ("attention_patterns_raw.npy", "page.html"):
            (tmp_path / name).write_text("x" * 5000)
        assert large_files(tmp_path, 1000) == [("page.html", 5000)]


class TestIgnoreErrors:
    def test_the_rules_that_are_written_are_right_in_a_repository(self, output: Path) -> None:
        assert ignore_errors(output) == []

    def test_they_are_right_in_no_repository(self, tmp_path: Path) -> None:
        write_gitignore(tmp_path)
        assert ignore_errors(tmp_path) == []

    def test_in_no_repository_what_its_user_ignores_everywhere_does_not_matter(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "everywhere").write_text("*.csv\n")
        (tmp_path / "config").write_text(f"[core]\n\texcludesFile = {tmp_path / 'everywhere'}\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
        (tmp_path / "out").mkdir()
        write_gitignore(tmp_path / "out")
        assert ignore_errors(tmp_path / "out") == []

    def test_a_repository_that_ignores_the_folder_as_a_whole_leaves_the_decision_to_the_folder(
        self, repository: Repository, output: Path
    ) -> None:
        repository.write(".gitignore", "/out/\n")
        assert ignore_errors(output) == []
        (output / ".gitignore").write_text("*.csv\n")
        assert "results/m/heads.csv is ignored" in ignore_errors(output)
        assert "results/m/attention_patterns_raw.npy is not ignored" in ignore_errors(output)

    @pytest.mark.parametrize("rule", [*RAW_PATTERNS, f"{CHECKPOINTS}/"])
    def test_a_rule_that_is_missing_is_found_even_before_anything_is_written(self, tmp_path: Path, rule: str) -> None:
        path = write_gitignore(tmp_path)
        path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines() if line != rule))
        errors = ignore_errors(tmp_path)
        assert errors
        assert all(rule.strip("/") in error and error.endswith(" is not ignored") for error in errors)

    @pytest.mark.parametrize(
        ("rule", "named"),
        [
            ("*.npy", "results/model/attention_patterns_avg.npy is ignored"),
            ("*.npz", "results/model/patterns_summary.npz is ignored"),
            ("*.csv", "results/model/ranked_heads.csv is ignored"),
            ("data/", "data/attention_dataset_100_train.json is ignored"),
            ("/out/results/m/heads.csv", "results/m/heads.csv is ignored"),
        ],
    )
    def test_a_rule_of_the_repository_that_leaves_out_what_should_be_kept_is_found(
        self, repository: Repository, output: Path, rule: str, named: str
    ) -> None:
        repository.write(".gitignore", f"{rule}\n")
        assert named in ignore_errors(output)

    def test_a_raw_file_of_any_model_that_git_would_take_is_named(self, repository: Repository, output: Path) -> None:
        repository.write("out/results/other/attention_patterns_raw.npy")
        repository.write("out/results/other/.gitignore", "!attention_patterns_raw.npy\n")
        assert ignore_errors(output) == ["results/other/attention_patterns_raw.npy is not ignored"]

    def test_files_that_are_tracked_are_judged_by_the_rules_too(self, repository: Repository, output: Path) -> None:
        repository.git("add", "--force", ".")
        assert ignore_errors(output) == []


@pytest.mark.parametrize("ask", [large_files, ignore_errors])
class TestQuestions:
    def test_no_question_leaves_a_trace(self, repository: Repository, output: Path, ask: object) -> None:
        repository.commit("out")
        before = repository.state(), sorted(path for path in output.rglob("*"))
        ask(output)  # type: ignore[operator]
        assert (repository.state(), sorted(path for path in output.rglob("*"))) == before

    def test_a_folder_that_is_not_there_is_named(self, tmp_path: Path, ask: object) -> None:
        with pytest.raises(HarnessError, match=r"no folder .*nowhere"):
            ask(tmp_path / "nowhere")  # type: ignore[operator]

    def test_without_git_the_reason_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: object) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(HarnessError, match="git is not installed"):
            ask(tmp_path)  # type: ignore[operator]

    def test_a_repository_that_git_refuses_to_read_is_no_answer(
        self, repository: Repository, output: Path, ask: object
    ) -> None:
        (repository.folder / ".git" / "config").write_text("[core\n")
        with pytest.raises(HarnessError, match=r"git says nothing of .*config"):
            ask(output)  # type: ignore[operator]

    def test_in_a_hook_of_another_repository_the_folder_s_own_is_asked(
        self, repository: Repository, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: object
    ) -> None:
        repository.write(".gitignore", "*.csv\n*.bin\n")
        with (output / "large.bin").open("wb") as file:
            file.truncate(LARGE + 1)
        before = ask(output)  # type: ignore[operator]
        monkeypatch.setenv("GIT_DIR", str(Repository(tmp_path / "other").folder / ".git"))
        monkeypatch.setenv("GIT_INDEX_FILE", "index")
        assert ask(output) == before  # type: ignore[operator]


class TestLastCommit:
    def test_it_is_the_one_that_touched_the_file_last(self, repository: Repository) -> None:
        path = repository.write("a.json", "1\n")
        first = repository.commit("a.json")
        repository.write("b.json")
        repository.commit("b.json")
        assert last_commit(path) == first
        repository.write("a.json", "2\n")
        assert last_commit(path) is None
        repository.git("add", "a.json")
        assert last_commit(path) is None
        assert repository.commit("a.json") == last_commit(path) != first

    def test_there_is_none_of_a_file_that_is_new_or_ignored_or_in_no_repository(
        self, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new = repository.write("new.json")
        assert last_commit(new) is None
        repository.write(".gitignore", "new.json\n")
        repository.commit(".gitignore")
        assert last_commit(new) is None
        outside = tmp_path / "outside.json"
        outside.write_text("")
        assert last_commit(outside) is None
        monkeypatch.setenv("PATH", str(tmp_path))
        assert last_commit(new) is None

    def test_a_clone_without_history_names_no_commit_that_did_something_else(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        commits = {name: repository.write(name) and repository.commit(name) for name in ("first", "a.json", "b.json")}
        for depth, known in (("1", None), ("3", commits["a.json"])):
            clone = tmp_path / f"clone-{depth}"
            repository.git("clone", "--quiet", "--depth", depth, repository.folder.as_uri(), str(clone))
            assert last_commit(clone / "a.json") == known


class TestStaged:
    def test_it_is_what_was_added_whatever_lies_in_the_folder(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = repository.write("out/a.json", "staged: ä\n")
        repository.git("add", ".")
        path.write_text("later\n")
        monkeypatch.chdir(repository.folder)
        assert (is_staged(Path("out/a.json")), staged_text(Path("out/a.json"))) == (True, "staged: ä\n")
        monkeypatch.chdir(repository.folder / "out")
        assert staged_text(Path("a.json")) == staged_text(Path("../out/a.json")) == staged_text(path) == "staged: ä\n"
        path.unlink()
        assert is_staged(path)

    def test_a_file_that_is_not_added_is_named_with_the_remedy(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository.write("a.json")
        monkeypatch.chdir(repository.folder)
        assert not is_staged(Path("a.json"))
        with pytest.raises(HarnessError, match=r"a\.json is not in the next commit.*git add a\.json"):
            staged_text(Path("a.json"))

    def test_the_index_that_a_hook_is_given_counts(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository.write("a.json", "of the hook\n")
        monkeypatch.chdir(repository.folder)
        monkeypatch.setenv("GIT_INDEX_FILE", ".git/another")
        repository.git("add", "a.json")
        assert staged_text(Path("a.json")) == "of the hook\n"
        monkeypatch.delenv("GIT_INDEX_FILE")
        assert not is_staged(Path("a.json"))

    def test_outside_of_a_repository_nothing_can_be_staged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for ask in (is_staged, staged_text):
            with pytest.raises(HarnessError, match="Nothing can be staged"):
                ask(Path("a.json"))
