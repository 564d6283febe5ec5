"""A whole pytest session of the checks, on a run that needs no model."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from filelock import FileLock

from harness.criteria.results import RunResult
from harness.errors import HarnessError

pytest_plugins = ("pytester",)

Checks = Callable[..., pytest.RunResult]

FAILING = {"tiny-llama-1.2-max": {"verdict": "fail", "measured": 0.05, "reason": "too even"}}
ALL = [
    "run-1.1-count",
    "run-1.1-unique",
    "tiny-llama-1.2-sums",
    "tiny-llama-1.2-max",
    "tiny-llama-1.2-spread",
    "tiny-llama-1.5-ratio",
]
LARGE = "run-4.1-clean"
"""What is judged only where it is asked for."""


def calls(pytester: pytest.Pytester) -> list[str]:
    log = pytester.path / "calls.log"
    return log.read_text("utf-8").splitlines() if log.exists() else []


def criteria_json(pytester: pytest.Pytester, folder: str = "reports") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((pytester.path / folder / "criteria.json").read_text("utf-8"))
    return content


def judged(pytester: pytest.Pytester, folder: str = "reports") -> list[str]:
    return [f"{one['model']}-{one['id']}" for one in criteria_json(pytester, folder)["criteria"]]


def left_over(pytester: pytest.Pytester) -> list[str]:
    return [path.name for path in (pytester.path / "reports").glob(".*")]


class TestSelection:
    def test_node_ids_are_those_of_the_interface(self, checks: Checks) -> None:
        result = checks("--collect-only", "-q", "--model", "tiny-llama", "--model", "tiny-gpt2", "--story", "1.2")
        assert [line for line in result.outlines if "::" in line] == [
            f"checks/test_story_1_2_attention.py::test_criterion[{model}-{name}]"
            for model in ("tiny-llama", "tiny-gpt2")
            for name in ("1.2-sums", "1.2-max", "1.2-spread")
        ]

    def test_collect_only_lists_and_touches_nothing(self, checks: Checks, pytester: pytest.Pytester) -> None:
        result = checks("--collect-only", "-q")
        assert [line.rpartition("[")[2].rstrip("]") for line in result.outlines if "::" in line] == ALL
        assert calls(pytester) == ["created"]
        assert not (pytester.path / "reports").exists()
        assert result.ret == 0

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["--story", "1.2"], ALL[2:5]),
            (["--story", "1.1", "--story", "1.5"], [ALL[0], ALL[1], ALL[5]]),
            (["-k", "1.2-sums"], [ALL[2]]),
            (["--full"], [*ALL, LARGE]),
            (["--study", "phase4"], [LARGE]),
            (["--story", "4.1"], [LARGE]),
            (["--study", "phase1", "--full", "-k", "1.2-sums or 4.1"], [ALL[2], LARGE]),
            (["--study", "phase1", "-m", "phase1", "-k", "ratio or unique"], [ALL[1], ALL[5]]),
            (["checks/test_story_1_2_attention.py::test_criterion[tiny-llama-1.2-max]"], [ALL[3]]),
            (["checks/test_story_1_5_hubs.py", "checks/test_story_1_1_problems.py"], [ALL[0], ALL[1], ALL[5]]),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else None,
    )
    def test_only_what_is_selected_is_judged(
        self, checks: Checks, pytester: pytest.Pytester, arguments: list[str], expected: list[str]
    ) -> None:
        assert checks(*arguments).ret == 0
        assert [call.removeprefix("judged ") for call in calls(pytester)[2:]] == expected
        assert judged(pytester) == expected

    def test_last_failed_judges_only_what_failed(self, checks: Checks, pytester: pytest.Pytester) -> None:
        checks(script=FAILING)
        result = checks("--lf", script=FAILING)
        result.assert_outcomes(failed=1)
        assert judged(pytester) == ["tiny-llama-1.2-max"]

    def test_works_without_the_cache_plugin(self, checks: Checks) -> None:
        checks("-p", "no:cacheprovider").assert_outcomes(passed=6)


class TestOutcome:
    def test_a_run_whose_gate_is_met_exits_0(self, checks: Checks, pytester: pytest.Pytester) -> None:
        result = checks()
        assert result.ret == 0
        result.stdout.fnmatch_lines(["codi-harness 0.1.0*tiny-llama: 4 layers x 4 heads*100 of 7,473, seed 42"])
        result.stdout.fnmatch_lines(["Phase 1 * tiny-llama", "* 1.2-max *0.5*≥ 0.1*PASS"])
        result.stdout.fnmatch_lines(
            ["Phase 1 tiny-llama: PASS", "report: reports/index.html*gate: all -> met (exit 0)"]
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


class TestPairs:
    TWO = ("--model", "tiny-llama", "--model", "tiny-gpt2")
    PAIR = "tiny-llama_vs_tiny-gpt2-2.6-differ"

    def test_two_models_add_the_comparison(self, checks: Checks) -> None:
        result = checks("--collect-only", "-q", *self.TWO)
        module = "checks/test_story_2_6_comparison.py"
        assert [line for line in result.outlines if "2_6" in line] == [f"{module}::test_criterion[{self.PAIR}]"]
        assert not [line for line in checks("--collect-only", "-q").outlines if "2_6" in line]

    def test_the_comparison_has_a_table_of_its_own(self, checks: Checks) -> None:
        result = checks("--story", "2.6", *self.TWO)
        result.stdout.fnmatch_lines(["Phase 2 * tiny-llama vs tiny-gpt2", "* 2.6-differ *PASS"])

    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_the_comparison_has_approved_verdicts_of_its_own(
        self, checks: Checks, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        checks("--approve", *self.TWO, *workers)
        assert {path.name for path in (pytester.path / "baselines").iterdir()} == {
            f"{scope}.synthetic.json" for scope in ("run", "tiny-llama", "tiny-gpt2", "tiny-llama_vs_tiny-gpt2")
        }
        assert checks("--gate", "baseline", *self.TWO, *workers).ret == 0
        changed = checks("--gate", "baseline", *self.TWO, *workers, script={self.PAIR: {"verdict": "fail"}})
        assert changed.ret == 1
        changed.stdout.fnmatch_lines(["tiny-llama_vs_tiny-gpt2  2.6-differ  pass -> fail*"])
        assert checks("--gate", "baseline").ret == 0


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
        assert left_over(pytester) == []


class TestOutputs:
    def test_what_was_judged_is_calibrated_before_it_is_written(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        checks()
        assert all(one["artifacts"] == ["results/calibration.json"] for one in criteria_json(pytester)["criteria"])

    def test_a_calibration_that_cannot_be_written_fails_the_run_and_loses_no_verdict(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        result = checks(script={"calibration": "Cannot write calibration.json: No space left on device."})
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*did not come to its end: Cannot write calibration.json: No space left*"])
        assert judged(pytester) == ALL

    def test_workers_judge_everything_once_and_write_the_same_criteria_json(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        two = ("--model", "tiny-llama", "--model", "tiny-gpt2")
        checks(*two, "--output", "alone", script=FAILING)
        judged_alone = sorted(call for call in calls(pytester) if call.startswith("judged"))
        (pytester.path / "calls.log").unlink()
        parallel = checks(*two, "--output", "together", "-n", "2", script=FAILING)
        assert parallel.ret == 1
        assert sorted(call for call in calls(pytester) if call.startswith("judged")) == judged_alone
        assert calls(pytester).count("preflight") == 1
        alone, together = criteria_json(pytester, "alone"), criteria_json(pytester, "together")
        jsonschema.validate(together, RunResult.model_json_schema(by_alias=True))
        assert alone["run"].pop("time") != together["run"].pop("time")
        assert alone == together
        assert [path.name for path in (pytester.path / "together").glob(".*")] == []

    def test_a_report_that_cannot_be_replaced_leaves_the_last_one_whole_and_fails(
        self, checks: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checks()
        index = pytester.path / "reports" / "index.html"
        before = index.read_bytes()

        def full(path: Path, text: str) -> Path:
            raise HarnessError(f"Cannot write {path}: No space left on device.")

        monkeypatch.setattr("harness.plugin.html.write_text", full)
        result = checks()
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*did not come to its end: Cannot write *index.html: No space left on device.*"])
        assert index.read_bytes() == before
        assert judged(pytester) == ALL

    def test_a_second_run_into_the_same_folder_is_refused(self, checks: Checks, pytester: pytest.Pytester) -> None:
        (pytester.path / "reports" / ".verdicts-of-a-killed-run").mkdir(parents=True)
        with FileLock(pytester.path / "reports" / ".lock"):
            result = checks()
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*Another run is writing to *reports*--output*"])
        assert checks().ret == 0
        assert left_over(pytester) == []

    def test_a_damaged_approval_stops_only_what_needs_it(self, checks: Checks, pytester: pytest.Pytester) -> None:
        checks("--approve")
        (pytester.path / "baselines" / "tiny-llama.synthetic.json").write_text("{", encoding="utf-8")
        result = checks()
        assert result.ret == 0
        result.stdout.fnmatch_lines(["*tiny-llama.synthetic.json is not a file of approved verdicts*"])
        for arguments in (["--gate", "baseline"], ["--approve"]):
            assert checks(*arguments).ret == pytest.ExitCode.USAGE_ERROR

    def test_the_report_is_always_in_the_output_folder_and_html_is_a_copy(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        checks("--html", "elsewhere/copy.html", "--output", "out")
        page = (pytester.path / "out" / "index.html").read_text("utf-8")
        assert "Statement of 1.2-max" in page
        assert (pytester.path / "elsewhere" / "copy.html").read_text("utf-8") == page

    def test_verdicts_travel_to_junit_xml(self, checks: Checks, pytester: pytest.Pytester) -> None:
        checks("--junitxml", "junit.xml", script=FAILING)
        cases = ElementTree.parse(pytester.path / "junit.xml").getroot().iter("testcase")
        verdicts = {
            case.attrib["name"]: {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}["verdict"]
            for case in cases
        }
        assert verdicts["test_criterion[tiny-llama-1.2-max]"] == "fail"
        assert verdicts["test_criterion[run-1.1-count]"] == "pass"

    @pytest.mark.parametrize(
        "arguments", [["-k", "nothing"], ["checks/test_story_1_2_attention.py::nothing"]], ids=["deselected", "missing"]
    )
    def test_a_session_that_judges_nothing_leaves_the_last_report_alone(
        self, checks: Checks, pytester: pytest.Pytester, arguments: list[str]
    ) -> None:
        checks()
        before = {path.name: path.read_bytes() for path in (pytester.path / "reports").iterdir()}
        assert checks(*arguments).ret in (4, 5)
        assert {path.name: path.read_bytes() for path in (pytester.path / "reports").iterdir()} == before


class TestUsageErrors:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--model", "nope"], "No model is called 'nope'. Known models: gpt2, llama, tiny-gpt2, tiny-llama"),
            (["--control-model", "nope"], "No model is called 'nope'"),
            (["--story", "9.9"], "No story is called '9.9'. --story takes one of: 1.1, 1.2, 1.5, 2.6, 4.1."),
            (["--story", "2.6"], "Story 2.6 compares models: name two or more of them with --model."),
            (["--study", "phase9"], "No study is called 'phase9'. --study takes one of: phase1, phase2, phase4."),
            (["--n-problems", "0"], "--n-problems is 0; a sample needs at least 1 problem."),
            (["--sweep-problems", "0"], "--sweep-problems is 0; a sample needs at least 1 problem."),
            (["--seed", "-1"], "--seed is -1; a seed is a whole number from 0 on."),
            (["--batch-size", "many"], "--batch-size is 'many'; it takes auto or a number of problems"),
            (["--batch-size", "0"], "--batch-size is '0'"),
            (["--checkpoint", "here"], "--checkpoint is 'here'; it takes NAME=PATH"),
            (["--checkpoint", "llama=here"], "--checkpoint names 'llama', which this run does not use"),
            (["--model", "tiny-llama", "--model", "tiny-llama"], "--model tiny-llama is given more than once"),
            (["--control-model", "tiny-llama"], "is one of the models under study"),
            (["--models", "none.toml"], "none.toml does not exist"),
            (["--gate", "baseline"], "run.synthetic.json does not exist"),
            (["checks/none.py"], "file or directory not found"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else None,
    )
    def test_a_wrong_input_is_one_paragraph_and_exit_4(
        self, checks: Checks, pytester: pytest.Pytester, arguments: list[str], said: str
    ) -> None:
        result = checks(*arguments)
        assert result.ret == 4
        (paragraph,) = [line for line in result.errlines if line]
        assert paragraph.startswith("ERROR: ")
        assert said in paragraph
        assert not any(call.startswith("judged") for call in calls(pytester))
        assert not (pytester.path / "reports").exists()

    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_preflight_fails_before_workers_start(
        self, checks: Checks, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        result = checks(*workers, script={"preflight": "No problems in data.json. Give a file with rows."})
        assert result.ret == 4
        assert [line for line in result.errlines if line] == ["ERROR: No problems in data.json. Give a file with rows."]
        assert calls(pytester) == ["created", "preflight"]

    def test_help_shows_the_options_even_beside_wrong_ones(self, checks: Checks, pytester: pytest.Pytester) -> None:
        result = checks("checks", "--help", "--model", "nope")
        assert result.ret == 0
        result.stdout.fnmatch_lines(["codi-harness:*", "*--model=NAME*", "*--quick, --test_mode*"])
        assert not (pytester.path / "reports").exists()


class TestBaselines:
    def test_approved_verdicts_meet_the_baseline_gate_and_only_changes_are_told(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        approving = checks("--approve", script=FAILING)
        assert approving.ret == 0
        approving.stdout.fnmatch_lines(["*approved 6 verdicts (exit 0)", "approved: *run.synthetic.json: 2 verdicts*"])
        assert {path.name for path in (pytester.path / "baselines").iterdir()} == {
            "run.synthetic.json",
            "tiny-llama.synthetic.json",
        }
        same = checks("--gate", "baseline", script=FAILING)
        assert same.ret == 0
        same.stdout.fnmatch_lines(["nothing changed: 6 verdicts as approved"])
        same.stdout.no_fnmatch_line("*Statement of*")

    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_a_changed_verdict_fails_the_baseline_gate_an_improvement_too(
        self, checks: Checks, workers: list[str]
    ) -> None:
        checks("--approve", script=FAILING)
        worse = {"tiny-llama-1.5-ratio": {"verdict": "fail", "measured": 0.74}}
        result = checks("--gate", "baseline", *workers, script=worse)
        assert result.ret == 1
        result.assert_outcomes(passed=4, failed=2)
        result.stdout.fnmatch_lines(
            [
                "*1.2-max  fail -> pass  (0.05 -> 0.5, rule ≥ 0.1; approved 20* on 100 problems)",
                "*1.5-ratio  pass -> fail  (0.5 -> 0.74, rule ≥ 2; approved 20* on 100 problems)",
                "*gate: baseline -> 2 criteria fail (exit 1)*",
            ]
        )

    def test_a_new_criterion_fails_the_baseline_gate(self, checks: Checks) -> None:
        checks("--approve", "-k", "not spread")
        result = checks("--gate", "baseline")
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*1.2-spread  new: approve it"])

    def test_an_edited_declaration_is_named(
        self, checks: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checks("--approve")
        monkeypatch.setenv("FAKE_THRESHOLD", "0.3")
        result = checks("--gate", "baseline", script=FAILING)
        result.stdout.fnmatch_lines(
            [
                "declarations that differ from the approved ones: 1.2-max",
                "*1.2-max  pass -> fail  (0.5 -> 0.05, rule ≥ 0.1 -> ≥ 0.3; approved*",
            ]
        )
        assert criteria_json(pytester)["run"]["declarations_changed"] == ["1.2-max"]

    @pytest.mark.parametrize(
        ("arguments", "script", "said"),
        [
            (["--n-problems", "10"], {}, "n problems 100 there, 10 here"),
            (["--seed", "7"], {}, "seed 42 there, 7 here"),
            (["--controls", "none"], {}, "controls all there, none here"),
            ([], {"fingerprint": "a" * 64}, "dataset fingerprint ffffffffffff… there, aaaaaaaaaaaa… here"),
        ],
        ids=["n", "seed", "controls", "dataset"],
    )
    def test_a_baseline_of_other_options_is_exit_4_naming_both(
        self, checks: Checks, arguments: list[str], script: dict[str, str], said: str
    ) -> None:
        checks("--approve")
        result = checks("--gate", "baseline", *arguments, script=script)
        assert result.ret == 4
        assert said in result.stderr.str()
        assert "run.synthetic.json" in result.stderr.str()

    def test_nothing_is_approved_while_a_validity_criterion_fails(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        result = checks("--approve", script={"tiny-llama-1.2-sums": {"verdict": "fail", "measured": 0.5}})
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*nothing approved: the run is not in order (exit 1)"])
        assert not (pytester.path / "baselines").exists()

    def test_baselines_lie_where_they_are_told_to(self, checks: Checks, pytester: pytest.Pytester) -> None:
        assert checks("--approve", "--baselines", "mine").ret == 0
        assert (pytester.path / "mine" / "tiny-llama.synthetic.json").exists()
        assert checks("--gate", "baseline", "--baselines", "mine").ret == 0


class TestNotAskedFor:
    def test_other_tests_of_the_repository_see_nothing_of_the_plug_in(
        self, checks: Checks, pytester: pytest.Pytester
    ) -> None:
        folder = pytester.mkdir("tests")
        (folder / "test_other.py").write_text(
            "def test_one(pytestconfig):\n    assert not pytestconfig.option.htmlpath\n"
        )
        result = checks("tests", "--model", "nope")
        assert result.ret == 0
        result.stdout.no_fnmatch_line("*codi-harness*")
        assert calls(pytester) == []
        assert not (pytester.path / "reports").exists()

    def test_nothing_heavy_is_imported_for_other_tests(self, checks: Checks, pytester: pytest.Pytester) -> None:
        folder = pytester.mkdir("tests")
        heavy = ("torch", "numpy", "pydantic", "matplotlib", "harness.judging")
        (folder / "test_other.py").write_text(
            f"import sys\ndef test_one():\n    assert not set(sys.modules) & set({heavy!r})\n"
        )
        # The fake run imports the harness at once; the real plug-in must not.
        pytester.makeconftest('pytest_plugins = ("harness.plugin.options", "harness.plugin.session")')
        assert checks("tests", apart=True).ret == 0

    def test_the_checks_beside_other_tests_come_after_them(self, checks: Checks, pytester: pytest.Pytester) -> None:
        folder = pytester.mkdir("tests")
        (folder / "test_other.py").write_text("def test_one():\n    pass\n")
        result = checks("checks", "tests", "--collect-only", "-q")
        assert next(line for line in result.outlines if "::" in line) == "tests/test_other.py::test_one"
        checks(".").assert_outcomes(passed=7)
        assert judged(pytester) == ALL
