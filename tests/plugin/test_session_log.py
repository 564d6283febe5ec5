"""A session that is logged: what the log hears of, and that nothing about it changes the session."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from harness.plugin import tracking
from harness.tracking import run_log
from harness.tracking.run_log import read_log
from tests.plugin.inner import ALL, FAILING, Checks, criteria_json

pytest_plugins = ("pytester",)

OFFLINE = ("--wandb", "offline")
SLOW = {"tiny-llama-1.2-sums": {"slow": 0.2}}


def last(pytester: pytest.Pytester) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((pytester.path / "reports/wandb/last_run.json").read_text("utf-8"))
    return content


def verdicts(pytester: pytest.Pytester) -> list[tuple[str, str, str]]:
    return [(one["model"], one["id"], one["verdict"]) for one in criteria_json(pytester)["criteria"]]


class TestLogged:
    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_the_log_has_the_work_of_every_process_and_every_verdict(
        self, checks: Checks, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        pytest.importorskip("wandb")
        result = checks(*OFFLINE, *workers, script=SLOW | FAILING)
        assert result.ret == 1
        log = read_log(pytester.path / "reports" / last(pytester)["file"])
        done = [row for row in log.history if row.get("progress/work") == "extracting"]
        assert [(row["progress/processed"], row["progress/eta_s"]) for row in done] == [(100, 0)]
        rows = [dict(zip(log.tables["criteria"].columns, row, strict=True)) for row in log.tables["criteria"].rows]
        assert [(row["model"], row["criterion"], row["verdict"]) for row in rows] == verdicts(pytester)
        assert set(log.tags) == {"attention-flow", "synthetic", "tiny-llama", "100-samples", "phase1"}
        assert (log.finished, log.config["model_name"], log.config["seed"]) == (True, "tiny-llama", 42)
        result.stdout.fnmatch_lines(["W&B: *reports/wandb/offline-run-*"])
        assert not (pytester.path / "reports/wandb/.notes").exists()


class TestUnlogged:
    def test_a_session_that_is_not_to_be_logged_leaves_no_trace_of_it(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        assert checks().ret == 0
        assert not (pytester.path / "reports/wandb").exists()

    def test_not_installed_is_told_and_changes_nothing(
        self, checks: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_log, "is_installed", lambda: False)
        result = checks(*OFFLINE, script=SLOW)
        assert result.ret == 0
        result.assert_outcomes(passed=len(ALL))
        result.stdout.fnmatch_lines(["W&B: not logged: not installed: pip install 'codi-harness?wandb?'"])
        assert last(pytester)["file"] is None

    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_a_file_in_the_place_of_its_folder_is_told_and_changes_nothing(
        self, checks: Checks, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        (pytester.path / "reports").mkdir()
        (pytester.path / "reports/wandb").write_text("mine", "utf-8")
        result = checks(*OFFLINE, *workers, script=SLOW)
        assert result.ret == 0
        result.assert_outcomes(passed=len(ALL))
        result.stdout.fnmatch_lines(["W&B: not logged: *reports/wandb*"])
        assert (pytester.path / "reports/wandb").read_text("utf-8") == "mine"
        assert len(criteria_json(pytester)["criteria"]) == len(ALL)

    def test_a_full_disk_is_told_and_changes_nothing(
        self, checks: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(run_log, "is_installed", lambda: False)
        monkeypatch.setattr(tracking.LastLog, "write", full)
        result = checks(*OFFLINE)
        assert result.ret == 0
        result.assert_outcomes(passed=len(ALL))
        result.stdout.fnmatch_lines(["W&B: not logged: *No space left on device*"])

    def test_a_log_that_fails_is_told_and_changes_nothing(
        self, checks: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError("a table that cannot be made")

        monkeypatch.setattr(tracking, "contents", broken)
        result = checks(*OFFLINE, script=FAILING)
        assert result.ret == 1
        result.stdout.fnmatch_lines(["W&B: not logged: a table that cannot be made"])
        assert [verdict for *_, verdict in verdicts(pytester)].count("fail") == 1

    def test_a_server_out_of_reach_changes_nothing_and_costs_seconds(
        self, checks: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("wandb")
        plain = checks("--output", "plain", script=FAILING, apart=True)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
        begun = time.monotonic()
        result = checks("--wandb", "online", script=FAILING, apart=True)
        assert time.monotonic() - begun < 60
        assert result.ret == plain.ret == 1
        assert criteria_json(pytester)["criteria"] == criteria_json(pytester, "plain")["criteria"]
        assert Path(pytester.path / "reports" / last(pytester)["file"]).is_file()
        result.stdout.fnmatch_lines([f"W&B: *127.0.0.1:{port} does not answer*kept offline*wandb sync*"])
