from typing import Any

import pytest

from harness.documents.commit_message import commit_message
from harness.results import CriterionResult, PhaseResult, RunResult


def judged(name: str, model: str, **more: Any) -> CriterionResult:
    given = {"verdict": "pass", "kind": "hypothesis", "statement": f"Statement {name}", **more}
    return CriterionResult(id=name, story=name[:3], study="phase1", model=model, definition="", comparator=">", **given)


def result(models: tuple[str, ...] = ("tiny-llama",), data: str = "gsm8k", *more: CriterionResult) -> RunResult:
    found = [
        one
        for model in models
        for one in (
            judged("1.5-hub-confidence", model, answer="CT1 receives most attention (0.039 of each query's)"),
            judged("1.5-sequential", model, answer="Sequential flow? no (0.244 against 0.5)"),
            judged("1.5-skip", model, verdict="invalid", answer="Skip connections? no (0.0469 against 0.3)"),
            judged("2.4-critical", model, verdict="fail", measured=2.0),
            judged("2.4-named", model, answer="Most critical: L2H5 (0.516), L1H1 (0.446), L2H4 (0.421)"),
            judged("4.3-confirmed", model, verdict="skipped", reason="needs all problems"),
        )
    ]
    run = {
        "models": [{"name": model, "n_layers": 4, "n_heads": 8} for model in models],
        "dataset": {"name": data, "split": "train", "split_size": 7473, "n": 100},
        "seed": 42,
    }
    phases = [PhaseResult(id="phase1", scope=model, verdict="fail", conditions=[], answers=[]) for model in models]
    return RunResult(run=run, phases=phases, criteria=[*found, *more])


def test_it_is_a_conventional_commit_within_72_columns() -> None:
    text = commit_message(result())
    lines = text.splitlines()
    assert lines[0] == "docs(results): tiny-llama on gsm8k"
    assert lines[1] == ""
    assert max(map(len, lines)) <= 72
    assert text.endswith("\n")


def test_it_has_hub_flow_heads_size_and_shape_each_with_its_criterion() -> None:
    text = " ".join(commit_message(result()).split())
    for words in (
        "100 of 7,473 problems (train, seed 42); tiny-llama 4 layers x 8 heads.",
        "CT1 receives most attention (0.039 of each query's) [1.5-hub-confidence]",
        "Sequential flow? no (0.244 against 0.5) [1.5-sequential]",
        "Most critical: L2H5 (0.516), L1H1 (0.446), L2H4 (0.421) [2.4-named]",
        "2 heads above the study's threshold for a critical head [2.4-critical]",
        "phase1 fail",
    ):
        assert words in text


def test_what_is_invalid_says_so_instead_of_its_answer_and_what_was_skipped_is_left_out() -> None:
    text = " ".join(commit_message(result()).split())
    assert "Statement 1.5-skip: invalid [1.5-skip]" in text
    assert "Skip connections?" not in text
    assert "4.3-confirmed" not in text


def test_pairs_are_compared_at_the_end() -> None:
    pair = judged("2.6-answers", "a_vs_b", answer="Same hub? yes")
    text = commit_message(result(("a", "b"), "gsm8k", pair))
    assert text.splitlines()[0] == "docs(results): a and b on gsm8k"
    assert text.endswith("Comparison a_vs_b:\n- Same hub? yes [2.6-answers]\n")


@pytest.mark.parametrize("name", ["a\n# b", "Signed-off-by: x\nCloses #1", "m" * 90])
def test_names_begin_no_line_of_their_own_and_leave_the_subject_short(name: str) -> None:
    text = commit_message(result((name,), name))
    subject, _, body = text.partition("\n\n")
    assert "\n" not in subject
    assert len(subject) <= 72
    assert not [line for line in body.splitlines() if line.startswith(("#", "Signed-off-by", "Closes"))]
