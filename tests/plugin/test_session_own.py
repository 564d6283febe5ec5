"""A user's own criteria beside the study's: collected, judged, told, approved and gated like these."""

from pathlib import Path

import pytest

# What an inner session imports must be imported before: pytester forgets its imports, and numpy loads only once.
import harness.declared.read
import harness.own  # noqa: F401
from tests.plugin.inner import ALL, Checks, calls, criteria_json, judged

pytest_plugins = ("pytester",)

DECLARED = """
from harness.own import MeanMeasure, Rule, hypothesis, within
MEASURE = MeanMeasure(lambda mean: mean[..., -1, 0].mean(axis=(-2, -1)), within(0, 1))
CRITERIA = [
    hypothesis("X.1-first", "The last reads the first", "Mean weight.", Rule(">", 0.25), MEASURE),
    hypothesis("X.2-again", "It does so again", "Mean weight.", Rule(">", 0.5), MEASURE),
]
"""
OWN = ["tiny-llama-X.1-first", "tiny-llama-X.2-again"]
NODES = [f"mine/test_first.py::test_criterion[{name}]" for name in OWN]


@pytest.fixture
def mine(pytester: pytest.Pytester) -> Path:
    file = pytester.mkdir("mine") / "test_first.py"
    file.write_text(DECLARED, encoding="utf-8")
    return file


class TestSelection:
    def test_checks_come_first_and_own_ones_after_them(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester
    ) -> None:
        assert checks("mine", "checks").ret == 0
        assert judged(pytester) == [*ALL, *OWN]

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["mine"], OWN),
            (["mine/test_first.py"], OWN),
            ([NODES[1]], OWN[1:]),
            (["checks", "mine", "--study", "own"], OWN),
            (["checks", "mine", "--story", "X.2", "--story", "1.2"], [*ALL[2:5], OWN[1]]),
            (["checks", "mine", "-k", "X.1 or sums"], [ALL[2], OWN[0]]),
            (["checks", "mine", "-m", "own"], OWN),
            (["checks", "mine", "--study", "phase1"], ALL),
            (["."], [*ALL, *OWN]),
        ],
        ids=" ".join,
    )
    def test_only_what_is_named_is_judged(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester, arguments: list[str], expected: list[str]
    ) -> None:
        assert checks(*arguments).ret == 0
        assert judged(pytester) == expected

    def test_without_the_folder_nothing_of_it_is_known(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester
    ) -> None:
        checks("checks")
        assert judged(pytester) == ALL
        assert checks("checks", "--study", "own").ret == 4

    def test_collect_only_lists_them_without_a_model(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester
    ) -> None:
        result = checks("mine", "--collect-only", "-q")
        assert [line for line in result.outlines if "::" in line] == NODES
        assert calls(pytester) == ["created", "closed"]
        assert not (pytester.path / "reports").exists()

    def test_two_models_judge_each_one(self, checks: Checks, mine: Path, pytester: pytest.Pytester) -> None:
        checks("mine", "--model", "tiny-llama", "--model", "tiny-gpt2", "--story", "X.1")
        assert judged(pytester) == [OWN[0], "tiny-gpt2-X.1-first"]

    def test_tests_in_the_same_file_run_before_and_have_no_row(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester
    ) -> None:
        with mine.open("a", encoding="utf-8") as file:
            file.write("\ndef test_planted():\n    assert len(CRITERIA) == 2\n")
        result = checks("mine", "-v")
        result.assert_outcomes(passed=3)
        passed = [line.split()[0] for line in result.outlines if "PASSED" in line]
        assert passed == ["mine/test_first.py::test_planted", *NODES]
        assert judged(pytester) == OWN

    def test_pytest_says_that_they_stand_in_their_own_file(self, checks: Checks, mine: Path) -> None:
        assert "<-" not in checks("mine", "-v").stdout.str()


class TestOutcome:
    def test_they_have_a_table_and_a_row_in_the_report(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester
    ) -> None:
        result = checks("mine", script={OWN[0]: {"verdict": "fail", "measured": 0.2}})
        assert result.ret == 1
        result.stdout.fnmatch_lines(["Own hypotheses · tiny-llama", "*X.1-first *0.2 *FAIL", "*X.2-again *0.5 *PASS"])
        page = (pytester.path / "reports" / "index.html").read_text("utf-8")
        assert "The last reads the first" in page and "Own hypotheses" in page
        assert [one["study"] for one in criteria_json(pytester)["criteria"]] == ["own", "own"]

    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_they_are_approved_and_gated(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        checks("mine", "--approve", *workers)
        assert [path.name for path in (pytester.path / "baselines").iterdir()] == ["tiny-llama.synthetic.json"]
        assert checks("mine", "--gate", "baseline").ret == 0
        changed = checks("mine", "--gate", "baseline", *workers, script={OWN[0]: {"verdict": "fail", "measured": 0.2}})
        assert changed.ret == 1
        changed.stdout.fnmatch_lines(
            ["X.1-first  pass -> fail  regression  (measured 0.5 -> 0.2, threshold > 0.25; approved *"]
        )

    def test_without_approved_verdicts_the_gate_asks_for_those_of_the_model_alone(
        self, checks: Checks, mine: Path
    ) -> None:
        missing = checks("mine", "--gate", "baseline")
        assert missing.ret == 4 and "tiny-llama.synthetic.json" in missing.stderr.str()

    def test_a_new_one_is_to_be_approved_beside_those_of_the_study(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester
    ) -> None:
        checks("checks", "--approve")
        result = checks("checks", "mine", "--gate", "baseline")
        assert result.ret == 1
        result.stdout.fnmatch_lines(["*X.1-first  new: approve it *", "*X.2-again  new: approve it *"])
        assert checks("checks", "--gate", "baseline").ret == 0

    def test_an_edited_threshold_is_named(self, checks: Checks, mine: Path) -> None:
        checks("mine", "--approve")
        mine.write_text(DECLARED.replace("0.25", "0.75"), encoding="utf-8")
        result = checks("mine", "--gate", "baseline", script={OWN[0]: {"verdict": "fail"}})
        result.stdout.fnmatch_lines(["declarations that differ from the approved ones: X.1-first"])
        result.stdout.fnmatch_lines(
            ["X.1-first  pass -> fail  regression  (measured 0.5, threshold > 0.25 -> > 0.75, declaration edited; *"]
        )


class TestWrongInput:
    @pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
    def test_it_is_a_usage_error_in_one_paragraph(
        self, checks: Checks, mine: Path, pytester: pytest.Pytester, workers: list[str]
    ) -> None:
        mine.write_text(DECLARED.replace("X.1-first", "1.2-first"), encoding="utf-8")
        result = checks("mine", *workers, apart=True)
        assert result.ret == 4
        assert result.stderr.lines[0].startswith("ERROR: '1.2-first' in mine/test_first.py takes a story of the study")
        assert "Traceback" not in result.stderr.str() and not (pytester.path / "reports").exists()

    def test_a_study_that_is_not_named_is_not_known(self, checks: Checks, mine: Path) -> None:
        result = checks("mine", "--study", "phase1")
        assert result.ret == 4
        result.stderr.fnmatch_lines(["*No study is called 'phase1'. --study takes one of: own."])
