"""How a session of the checks ends and what it says."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.plugin.inner import ALL, FAILING, Checks, calls, criteria_json, judged, left_over

pytest_plugins = ("pytester",)


class TestOutcome:
    def test_a_run_whose_gate_is_met_exits_0(self, checks: Checks, pytester: pytest.Pytester) -> None:
        result = checks()
        assert result.ret == 0
        result.stdout.fnmatch_lines(["codi-harness 0.1.0*tiny-llama: 4 layers x 4 heads*100 of 7,473, seed 42"])
        result.stdout.fnmatch_lines(["Phase 1 * tiny-llama", "* 1.2-max *0.5*≥ 0.1*PASS"])
        result.stdout.fnmatch_lines(
            ["tiny-llama: Phase 1 PASS", "report: reports/index.html*gate: all -> met (exit 0)"]
        )
        assert judged(pytester) == ALL
        assert left_over(pytester) == []

    def test_a_failing_criterion_exits_1_and_is_told_once(self, checks: Checks) -> None:
        result = checks(script=FAILING)
        assert result.ret == 1
        result.assert_outcomes(passed=5, failed=1)
        result.stdout.fnmatch_lines(
            ["* 1.2-max *0.05*≥ 0.1*FAIL", "*gate: all -> 1 criterion fails (exit 1)*--approve"]
        )
        result.stdout.no_fnmatch_line("*FAILURES*")

    def test_verbose_explains_a_failure_in_a_paragraph_without_traceback(self, checks: Checks) -> None:
        result = checks("-v", "-k", "1.2-max", script=FAILING)
        result.stdout.fnmatch_lines(
            [
                "1.2-max on tiny-llama: the verdict is fail",
                "  Statement of 1.2-max",
                "  measured 0.05, rule ≥ 0.1",
                "  controls: uniform 0.02 fails",
                "  reason: too even",
            ]
        )
        result.stdout.no_fnmatch_line("*def test_criterion*")

    def test_a_broken_validity_criterion_comes_first_with_the_next_step(self, checks: Checks) -> None:
        script = {
            "tiny-llama-1.2-sums": {"verdict": "fail", "measured": 0.5},
            "tiny-llama-1.2-max": {"verdict": "invalid", "reason": "rests on 1.2-sums, which failed"},
        }
        result = checks("--model", "tiny-llama", script=script)
        result.stdout.fnmatch_lines(
            [
                "1.2-sums fails on tiny-llama: the run does not hold what it must*What rests on it is invalid.",
                "Look at this one first: pytest --model tiny-llama -k tiny-llama-1.2-sums",
                "Phase 1 *",
                "*1.2-max*INVALID*",
            ]
        )
        result.stdout.no_fnmatch_line("*--approve*")

    @pytest.mark.parametrize(("kind", "code"), [("1.2-sums", 1), ("1.2-max", 0)])
    def test_gate_validity_minds_validity_only(self, checks: Checks, kind: str, code: int) -> None:
        assert checks("--gate", "validity", script={f"tiny-llama-{kind}": {"verdict": "fail"}}).ret == code

    def test_an_error_of_the_harness_keeps_its_traceback_and_the_other_verdicts(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        result = checks(script={"tiny-llama-1.2-max": {"bug": "unforeseen"}})
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*ZeroDivisionError: unforeseen", "*1 criterion without a verdict (exit 1)"])
        assert judged(pytester) == [one for one in ALL if one != "tiny-llama-1.2-max"]

    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_an_input_that_breaks_on_the_way_stops_the_run_with_one_message(
        self, checks: Checks, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        full = {"error": "The disk is full. Free some space."}
        result = checks(*workers, script={"tiny-llama-1.2-max": full, "tiny-llama-1.2-spread": full})
        assert result.ret == 1
        assert result.parseoutcomes()["failed"] <= (2 if workers else 1)
        assert "The run did not come to its end: The disk is full. Free some space." in result.outlines
        assert "Traceback" not in result.stdout.str() + result.stderr.str()
        assert "During handling" not in result.stdout.str()
        assert "run-1.1-count" in judged(pytester)
        assert "tiny-llama-1.2-max" not in judged(pytester)
        assert left_over(pytester) == []

    def test_stopping_at_the_first_failure_still_reports_what_there_is(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        result = checks("-x", script=FAILING)
        assert judged(pytester) == ALL[:4]
        assert (pytester.path / "reports" / "index.html").exists()
        result.stdout.fnmatch_lines(["The run did not come to its end*", "4 criteria were judged before*"])

    def test_long_work_inside_a_test_is_seen_while_other_output_stays_captured(self, checks: Checks) -> None:
        result = checks("-k", "1.2-max", apart=True, script={"tiny-llama-1.2-max": {"slow": 0.6}})
        (line,) = [line for line in result.errlines if line]
        assert line.startswith("extracting: 100/100 in 0.")
        result.stdout.no_fnmatch_line("*noise*")

    def test_a_skipped_verdict_skips_the_item_with_its_reason(self, checks: Checks) -> None:
        result = checks("-rs", script={"tiny-llama-1.2-max": {"verdict": "skipped", "reason": "needs 6 latents"}})
        assert result.ret == 0
        result.assert_outcomes(passed=5, skipped=1)
        result.stdout.fnmatch_lines(["SKIPPED*needs 6 latents"])


class TestInterruption:
    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_an_interrupted_run_keeps_and_reports_what_it_judged(
        self, checks: Checks, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        checks("--collect-only", script={"tiny-llama-1.2-spread": {"slow": 600}})
        process = pytester.popen(
            [sys.executable, "-m", "pytest", *workers],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell's background job ignores interrupts, and so would what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        while "judged tiny-llama-1.2-spread" not in calls(pytester):
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 2
        assert "The run did not come to its end: interrupted" in output
        assert "The same command goes on where this one stopped." in output
        assert "run-1.1-count" in judged(pytester)
        assert not any(one["artifacts"] for one in criteria_json(pytester)["criteria"])
        assert calls(pytester).count("created") == calls(pytester).count("closed") > 1
        assert left_over(pytester) == []
