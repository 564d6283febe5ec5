"""Sessions of the checks against approved verdicts."""

import pytest

from tests.plugin.inner import FAILING, Checks, criteria_json

pytest_plugins = ("pytester",)


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
                "1.5-ratio  pass -> fail  regression   (measured 0.5 -> 0.74, threshold ≥ 2; approved 20* on 100 problems)",
                "1.2-max    fail -> pass  improvement  (measured 0.05 -> 0.5, threshold ≥ 0.1; approved 20* on 100 problems)",
                "*gate: baseline -> 2 criteria fail (exit 1)*",
            ]
        )

    def test_a_new_criterion_fails_the_baseline_gate(self, checks: Checks) -> None:
        checks("--approve", "-k", "not spread")
        result = checks("--gate", "baseline")
        assert result.ret == 1
        result.stdout.fnmatch_lines(["1.2-spread  new: approve it  (measured 0.5, threshold > 0.15)"])

    def test_an_edited_declaration_is_named(
        self, checks: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checks("--approve")
        monkeypatch.setenv("FAKE_THRESHOLD", "0.3")
        result = checks("--gate", "baseline", script=FAILING)
        result.stdout.fnmatch_lines(
            [
                "declarations that differ from the approved ones: 1.2-max",
                "1.2-max  pass -> fail  regression  (measured 0.5 -> 0.05, threshold ≥ 0.1 -> ≥ 0.3, declaration edited; *",
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
