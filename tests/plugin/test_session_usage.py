"""What a session of the checks says to a wrong input."""

import pytest

from tests.plugin.inner import Checks, calls

pytest_plugins = ("pytester",)


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
            (["--ray-workers", "2"], "--ray-workers is given, but this run is not on Ray; add --engine ray."),
            (["--ray-address", "here:1"], "--ray-address is given, but this run is not on Ray; add --engine ray."),
            (["--engine", "ray", "--workers", "0"], "--ray-workers is 0; it takes a number of workers, at least 1."),
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
        assert calls(pytester) == ["created", "preflight", "closed"]

    def test_help_shows_the_options_even_beside_wrong_ones(self, checks: Checks, pytester: pytest.Pytester) -> None:
        result = checks("checks", "--help", "--model", "nope")
        assert result.ret == 0
        result.stdout.fnmatch_lines(["codi-harness:*", "*--model=NAME*", "*--quick, --test_mode*"])
        assert not (pytester.path / "reports").exists()
