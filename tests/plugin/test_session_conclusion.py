"""Criteria on what a run leaves: judged by the controller when all others are, and no tests of pytest's."""

import json

import pytest

from tests.plugin.inner import ALL, FAILING, Checks, calls, criteria_json, judged

pytest_plugins = ("pytester",)

LAST = ["run-3.1-rows", "run-3.1-shown"]
BOTH = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])


@BOTH
def test_they_are_rows_and_lines_but_no_items(concluded: Checks, pytester: pytest.Pytester, workers: list[str]) -> None:
    result = concluded(*workers)
    result.assert_outcomes(passed=len(ALL))
    assert result.ret == 0
    assert judged(pytester) == [*ALL, *LAST]
    rows = {one["id"]: one["measured"] for one in criteria_json(pytester)["criteria"]}
    assert (rows["3.1-rows"], rows["3.1-shown"]) == (len(ALL), 1)
    result.stdout.fnmatch_lines(["*Phase 3*", "*3.1-rows*PASS*"])
    page = (pytester.path / "reports" / "index.html").read_text("utf-8")
    assert all(f'id="c-{name}"' in page for name in LAST)


@BOTH
def test_one_that_fails_fails_the_run(
    concluded: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    monkeypatch.setenv("FAKE_ROWS", "100")
    result = concluded(*workers, apart=True)
    result.assert_outcomes(passed=len(ALL))
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*3.1-rows*FAIL*", "*gate: all -> 1 criterion fails (exit 1)*"])
    assert concluded("--gate", "validity", *workers, apart=True).ret == 0


@BOTH
@pytest.mark.parametrize(
    "arguments",
    [
        ("--story", "3.1"),
        ("--study", "phase3"),
        ("-m", "phase3"),
        ("-k", "3.1"),
        ("checks/test_story_3_1_documents.py",),
    ],
    ids=" ".join,
)
def test_alone_they_look_at_what_an_earlier_run_left(
    concluded: Checks, pytester: pytest.Pytester, arguments: tuple[str, ...], workers: list[str]
) -> None:
    concluded("--story", "1.2", script=FAILING)
    before = criteria_json(pytester)
    result = concluded(*arguments, *workers, script=FAILING)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*gate: all -> met (exit 0)*"])
    assert "1.2-max" not in result.stdout.str()
    assert judged(pytester) == [*ALL[2:5], *LAST]
    after = criteria_json(pytester)
    assert {name: before[name] for name in ("run", "phases")} == {name: after[name] for name in ("run", "phases")}
    assert 'id="c-tiny-llama-1.2-max"' in (pytester.path / "reports" / "index.html").read_text("utf-8")


def test_alone_and_again_they_replace_their_own_rows_only(concluded: Checks, pytester: pytest.Pytester) -> None:
    concluded("--story", "1.2", "--story", "3.1")
    assert concluded("-k", "3.1-rows").ret == 0
    assert sorted(judged(pytester)) == sorted([*ALL[2:5], *LAST])


def test_without_an_earlier_run_there_is_nothing_to_look_at(concluded: Checks, pytester: pytest.Pytester) -> None:
    result = concluded("--story", "3.1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*There is no file *criteria.json*"])
    assert "preflight" not in calls(pytester)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--n-problems", "50"), "n problems 100 there, 50 here"),
        (("--model", "tiny-gpt2"), "models tiny-llama there, tiny-gpt2 here"),
        (("--controls", "none"), "controls all there, none here"),
    ],
)
@pytest.mark.parametrize("selection", [("--story", "3.1"), ("-k", "3.1")], ids=" ".join)
def test_results_of_another_run_are_not_taken_for_those_asked_about(
    concluded: Checks,
    pytester: pytest.Pytester,
    options: tuple[str, ...],
    named: str,
    selection: tuple[str, ...],
) -> None:
    concluded("--story", "1.2")
    before = (pytester.path / "reports" / "criteria.json").read_bytes()
    result = concluded(*selection, *options)
    assert result.ret != 0
    assert named in result.stdout.str() + result.stderr.str()
    assert (pytester.path / "reports" / "criteria.json").read_bytes() == before


@pytest.mark.parametrize("arguments", [("--story", "1.2"), ("-k", "1.2"), ("checks/test_story_1_2_attention.py",)])
def test_only_what_is_selected_is_judged(
    concluded: Checks, pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    assert concluded(*arguments).ret == 0
    assert judged(pytester) == ALL[2:5]


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_collect_only_lists_them_after_the_items(concluded: Checks, quiet: tuple[str, ...]) -> None:
    result = concluded("--collect-only", *quiet)
    listed = [line for line in result.outlines if "3.1-" in line]
    assert listed == [f"checks/test_story_3_1_documents.py::test_criterion[{name}]" for name in LAST]
    assert result.outlines.index(listed[0]) > max(
        number for number, line in enumerate(result.outlines) if "1.5-ratio" in line
    )


def test_a_run_that_does_not_come_to_its_end_is_not_concluded(concluded: Checks, pytester: pytest.Pytester) -> None:
    concluded("-x", script={ALL[1]: {"verdict": "fail"}})
    assert judged(pytester) == ALL[:2]
    concluded(script={ALL[3]: {"error": "the disk is gone"}})
    assert judged(pytester) == ALL[:3]


def test_they_are_approved_and_compared_like_all_others(
    concluded: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert concluded("--approve", apart=True).ret == 0
    approved = json.loads((pytester.path / "baselines" / "run.synthetic.json").read_text("utf-8"))["criteria"]
    assert {"3.1-rows", "3.1-shown", "1.1-count"} <= approved.keys()
    assert concluded("--gate", "baseline", apart=True).ret == 0
    monkeypatch.setenv("FAKE_ROWS", "100")
    result = concluded("--gate", "baseline", apart=True)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*3.1-rows  pass -> fail*"])


@pytest.mark.parametrize("gate", ["all", "baseline"])
def test_alone_the_gate_is_about_them_and_not_about_what_an_earlier_run_left(
    concluded: Checks, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, gate: str
) -> None:
    concluded("--approve")
    concluded(script={ALL[3]: {"verdict": "fail"}})
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = concluded("--story", "3.1", "--gate", gate)
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"*gate: {gate} -> met (exit 0)*"])
    result.stdout.no_fnmatch_line("::*")
    result.stdout.no_fnmatch_line("*1.2-max*")


def test_nothing_is_approved_where_one_of_them_fails_as_a_validity_check(
    concluded: Checks, pytester: pytest.Pytester
) -> None:
    result = concluded("--approve", "-k", "3.1-shown or 1.2")
    assert result.ret == 1
    assert not (pytester.path / "baselines").exists()
