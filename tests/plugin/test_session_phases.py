"""What a session says, and does, where phase 4 comes after phases 1 and 2 that did not all pass."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.plugin.inner import Checks, calls, criteria_json

pytest_plugins = ("pytester",)

Script = dict[str, Any]
Lines = Callable[..., list[str]]

TWO = ("--model", "tiny-llama", "--model", "tiny-gpt2")
STOP = ("--full", "--stop-unless-passed")
BROKEN = {
    "tiny-llama-1.2-max": {"verdict": "fail"},
    "tiny-llama-1.5-skip": {"verdict": "fail"},
    "tiny-llama-1.4-squint": {"verdict": "invalid"},
    "tiny-llama-2.4-stable": {"verdict": "skipped", "reason": "needs a second sample of problems"},
}
FIRST = "Phase 1 did not pass (failed: 1.2-max, 1.5-skip; invalid: 1.4-squint)"
SECOND = "Phase 2 did not pass (skipped: 2.4-stable)"
VACUOUS = {"tiny-llama-2.4-types": {"discriminates": False}}
BUT = "Phase 2 passed, but does not discriminate: 2.4-types"
NEEDS = "needs phase1 and phase2 to pass (--stop-unless-passed): "
BOTH = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])


@pytest.fixture
def lines(phased: Checks, capfd: pytest.CaptureFixture[str]) -> Lines:
    """Runs a session and gives what came around its capture, whichever process it came from."""

    def run(*arguments: str, script: Script | None = None) -> list[str]:
        capfd.readouterr()
        phased(*arguments, script=script)
        return [re.sub(r"^\[gw\d\] ", "", line) for line in capfd.readouterr().err.splitlines() if line]

    return run


@pytest.fixture
def told(lines: Lines) -> Lines:
    """Runs a session and gives what it told before phase 4."""
    return lambda *arguments, script=None: [
        line for line in lines(*arguments, script=script) if "before phase4" in line
    ]


def answers(pytester: pytest.Pytester) -> dict[str, list[str]]:
    """The answers of phase 4, by model."""
    return {one["scope"]: one["answers"] for one in criteria_json(pytester)["phases"] if one["id"] == "phase4"}


def full_scale(pytester: pytest.Pytester) -> dict[str, str | None]:
    """Phase 4's criteria about models, with the reason of those that were skipped."""
    return {
        f"{one['model']}-{one['id']}": one["reason"] if one["verdict"] == "skipped" else None
        for one in criteria_json(pytester)["criteria"]
        if one["study"] == "phase4" and one["model"] != "run"
    }


def reasons(pytester: pytest.Pytester) -> set[str | None]:
    return set(full_scale(pytester).values())


def judged_of_phase_4(pytester: pytest.Pytester) -> list[str]:
    return sorted(call.removeprefix("judged ") for call in calls(pytester) if re.search(r"-4\.[23]-", call))


class TestTelling:
    @BOTH
    def test_what_did_not_pass_is_told_once_for_each_model_with_what_decided(
        self, told: Lines, workers: list[str]
    ) -> None:
        script = {**BROKEN, "tiny-gpt2-2.4-top10": {"verdict": "fail"}}
        assert sorted(told("--full", *TWO, *workers, script=script)) == [
            "tiny-gpt2, before phase4: Phase 2 did not pass (failed: 2.4-top10).",
            f"tiny-llama, before phase4: {FIRST}. {SECOND}.",
        ]

    def test_it_is_told_before_the_first_check_of_phase_4_even_when_quiet(self, lines: Lines) -> None:
        script = {**BROKEN, "tiny-llama-4.2-shape": {"slow": 0.6}}
        first, second = lines("--full", script=script)
        assert first.startswith("tiny-llama, before phase4: ")
        assert second.startswith("extracting: ")
        assert lines("--full", "-q", script=BROKEN) == [first]

    def test_the_report_and_criteria_json_say_it_where_phase_4_has_its_answers(
        self, phased: Checks, pytester: pytest.Pytester
    ) -> None:
        phased("--full", script=BROKEN)
        assert answers(pytester) == {"tiny-llama": [FIRST, SECOND]}
        page = (pytester.path / "reports" / "index.html").read_text("utf-8")
        lines = page.split('<article class="ch-line')
        (line,) = [one for one in lines if "Phase 4" in one.partition("</h3>")[0] and FIRST in one]
        assert f"<li>{FIRST}</li>" in line
        assert f"<li>{SECOND}</li>" in line

    def test_phase_4_alone_says_that_the_others_were_not_run(self, told: Lines, pytester: pytest.Pytester) -> None:
        expected = ["Phase 1 was not run in this session", "Phase 2 was not run in this session"]
        assert told("--study", "phase4") == [f"tiny-llama, before phase4: {'. '.join(expected)}."]
        assert answers(pytester)["tiny-llama"] == expected

    def test_what_is_deselected_is_said_not_to_have_been_run(self, told: Lines, pytester: pytest.Pytester) -> None:
        expected = "Phase 1 did not pass (not run: 1.2-max). Phase 2 was not run in this session"
        assert told("--full", "-k", "not 1.2-max and not 2.4") == [f"tiny-llama, before phase4: {expected}."]
        assert ". ".join(answers(pytester)["tiny-llama"]) == expected
        assert not any("1.2-max" in call for call in calls(pytester))

    def test_a_pass_that_does_not_discriminate_is_a_pass_and_is_named(self, told: Lines) -> None:
        assert told("--full", script=VACUOUS) == [f"tiny-llama, before phase4: {BUT}."]

    def test_nothing_is_said_where_both_pass_or_phase_4_is_not_judged(
        self, told: Lines, pytester: pytest.Pytester
    ) -> None:
        assert told("--full") == []
        assert answers(pytester)["tiny-llama"] == []
        assert told(script=BROKEN) == []
        assert told("--story", "4.1", script=BROKEN) == []


class TestStopping:
    @BOTH
    def test_phase_4_of_a_model_is_left_out_unless_phases_1_and_2_of_it_passed(
        self, told: Lines, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        assert told(*STOP, *TWO, *workers, script=BROKEN) == [
            f"tiny-llama, before phase4: {FIRST}. {SECOND}. phase4 is not run (--stop-unless-passed)."
        ]
        assert set(judged_of_phase_4(pytester)) == {"tiny-gpt2-4.2-shape", "tiny-gpt2-4.3-overlap"}
        assert "judged run-4.1-clean" in calls(pytester)
        reason = f"{NEEDS}{FIRST}. {SECOND}"
        assert full_scale(pytester) == {
            "tiny-llama-4.2-shape": reason,
            "tiny-llama-4.3-overlap": reason,
            "tiny-gpt2-4.2-shape": None,
            "tiny-gpt2-4.3-overlap": None,
        }

    def test_a_pass_that_does_not_discriminate_lets_phase_4_go_on(self, told: Lines, pytester: pytest.Pytester) -> None:
        assert told(*STOP, script=VACUOUS) == [f"tiny-llama, before phase4: {BUT}."]
        assert judged_of_phase_4(pytester) == ["tiny-llama-4.2-shape", "tiny-llama-4.3-overlap"]

    def test_the_reason_names_only_what_did_not_pass(self, phased: Checks, pytester: pytest.Pytester) -> None:
        phased(*STOP, script={**VACUOUS, "tiny-llama-1.2-max": {"verdict": "fail"}})
        assert reasons(pytester) == {f"{NEEDS}Phase 1 did not pass (failed: 1.2-max)"}

    @BOTH
    def test_what_is_deselected_did_not_pass(
        self, phased: Checks, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        phased(*STOP, *workers, "-k", "not 1.2-max")
        assert judged_of_phase_4(pytester) == []
        assert reasons(pytester) == {f"{NEEDS}Phase 1 did not pass (not run: 1.2-max)"}

    def test_a_verdict_that_another_worker_reaches_later_is_not_waited_for(
        self, phased: Checks, pytester: pytest.Pytester
    ) -> None:
        script = {"tiny-llama-2.4-named": {"verdict": "fail", "slow": 1.0}}
        phased(*STOP, "-n", "2", "--dist", "loadfile", script=script)
        assert judged_of_phase_4(pytester) == []
        assert reasons(pytester) == {f"{NEEDS}Phase 2 did not pass (failed: 2.4-named)"}

    def test_what_is_left_out_is_not_compared_with_what_was_approved(self, phased: Checks) -> None:
        failing = {"tiny-llama-1.2-max": {"verdict": "fail"}}
        phased("--full", "--approve", script=failing)
        result = phased(*STOP, "--gate", "baseline", "-rs", script=failing)
        assert result.ret == 0
        result.stdout.fnmatch_lines(["SKIPPED*not compared: needs phase1 and phase2 to pass (--stop-unless-passed)*"])

    @pytest.mark.parametrize(
        ("arguments", "parts"),
        [
            ([], ["nothing of phase4 that is about a model is selected", "Add --full"]),
            (["--full", "--story", "4.1"], ["nothing of phase4 that is about a model is selected"]),
            (["--study", "phase4"], ["1.2-max", "2.4-named", "Add --study phase1 --study phase2"]),
            (["--study", "phase1", "--full"], ["what decides them 2.4-top10, 2.4-types, 2.4-stable, 2.4-named is not"]),
            (["--full", "--story", "4.2", "--story", "1.2", "--story", "2.4"], ["1.3-consistent", "leave out --story"]),
        ],
        ids=" ".join,
    )
    def test_where_it_could_never_be_fulfilled_it_is_one_paragraph_and_exit_4(
        self, phased: Checks, pytester: pytest.Pytester, arguments: list[str], parts: list[str]
    ) -> None:
        result = phased("--stop-unless-passed", *arguments)
        assert result.ret == 4
        (paragraph,) = [line for line in result.errlines if line]
        assert paragraph.startswith("ERROR: --stop-unless-passed is given, but ")
        assert all(part in paragraph for part in parts)
        assert calls(pytester) == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--full", "--story", "1.2"], ["--full asks for phase4, and --story 1.2 leaves it out", "4.1"]),
        (["--store", "float16"], ["--store is about phase4, which is not judged here", "Add --full"]),
        (["--store", "float16", "--study", "phase1"], ["--store is about phase4"]),
    ],
    ids=" ".join,
)
def test_options_about_all_problems_are_refused_where_they_are_not_judged(
    phased: Checks, pytester: pytest.Pytester, arguments: list[str], parts: list[str]
) -> None:
    result = phased(*arguments)
    assert result.ret == 4
    (paragraph,) = [line for line in result.errlines if line]
    assert all(part in paragraph for part in parts)
    assert calls(pytester) == []


@pytest.mark.parametrize("arguments", [["--story", "4.2"], ["--study", "phase4"], ["--full"]], ids=" ".join)
def test_where_they_are_judged_half_precision_may_be_asked_for(phased: Checks, arguments: list[str]) -> None:
    assert phased("--store", "float16", *arguments).ret == 0
