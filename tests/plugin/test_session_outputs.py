"""What a session of the checks writes."""

from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from filelock import FileLock

from harness.errors import HarnessError
from harness.results import RunResult
from tests.plugin.inner import ALL, FAILING, Checks, calls, criteria_json, judged, left_over

pytest_plugins = ("pytester",)


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
        assert calls(pytester).count("created") == calls(pytester).count("closed") == 3
        alone, together = criteria_json(pytester, "alone"), criteria_json(pytester, "together")
        jsonschema.validate(together, RunResult.model_json_schema(by_alias=True))
        assert alone["run"].pop("time") != together["run"].pop("time")
        assert alone == together
        assert [path.name for path in (pytester.path / "together").glob(".*")] == [".gitignore"]

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
