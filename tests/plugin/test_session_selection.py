"""Which criteria a session of the checks judges."""

import pytest

from tests.plugin.inner import ALL, FAILING, LARGE, Checks, calls, judged

pytest_plugins = ("pytester",)


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
        assert calls(pytester) == ["created", "closed"]
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
        assert [call.removeprefix("judged ") for call in calls(pytester)[2:-1]] == expected
        assert judged(pytester) == expected

    def test_last_failed_judges_only_what_failed(self, checks: Checks, pytester: pytest.Pytester) -> None:
        checks(script=FAILING)
        result = checks("--lf", script=FAILING)
        result.assert_outcomes(failed=1)
        assert judged(pytester) == ["tiny-llama-1.2-max"]

    def test_works_without_the_cache_plugin(self, checks: Checks) -> None:
        checks("-p", "no:cacheprovider").assert_outcomes(passed=6)


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
