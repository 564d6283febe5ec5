from typing import Any

import pytest

from harness.documents.full_scale import FullScale
from harness.documents.markdown import plain
from harness.results import CriterionResult


def side(
    verdict: str, measured: Any, low: float | None, high: float | None, confidence: float | None
) -> dict[str, Any]:
    reason = "needs more" if verdict == "skipped" else None
    return {
        "verdict": verdict,
        "measured": measured,
        "ci_low": low,
        "ci_high": high,
        "biased": False,
        "confidence": confidence,
        "reason": reason,
        "marks": [],
    }


def row(name: str, first: dict[str, Any], full: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "statement": f"Claim {name}", "comparator": ">", "threshold": 0.5, "first": first, "full": full}


SAME = row("1.2-max", side("pass", 0.8, 0.7, 0.9, 1.0), side("pass", 0.81, 0.80, 0.82, 1.0))
CHANGED = row("1.3-top", side("pass", 0.52, 0.47, 0.57, 0.8), side("fail", 0.49, 0.485, 0.495, 1.0))
OPEN = row("2.1-gap", side("pass", 0.51, 0.4, 0.6, 0.6), side("pass", 0.501, 0.49, 0.51, 0.7))
MOVED = row("2.2-top", side("pass", 0.7, 0.68, 0.72, 1.0), side("pass", 0.65, 0.648, 0.652, 1.0))
LEFT = row("2.4-causal", side("fail", 0.2, None, None, None), side("skipped", None, None, None, None))


def position(number: int, sample: float, low: float, high: float, full: float) -> dict[str, Any]:
    return {
        "position": number,
        "sample": sample,
        "ci_low": low,
        "ci_high": high,
        "full": full,
        "t": 1.0,
        "p": 0.2,
        "q": 0.2,
        "d": 0.1,
        "size": "small",
    }


def document(*rows: dict[str, Any], **changes: Any) -> FullScale:
    names = ("4.2-correlated", "4.3-overlap", "4.3-confirmed", "4.3-significant", "4.3-hubs", "4.1-count", "4.2-time")
    names += ("4.2-memory", "4.3-intervals", "4.3-hub-se", "4.2-variance", "4.2-resume")
    validation = {
        "n_first": 100,
        "n_full": 7473,
        "heads": 8,
        "top_10_first": [[0, 1], [1, 2]],
        "top_10_full": [[0, 1], [1, 2]],
        "overlap": 1.0,
        "verdicts": list(rows),
        "correlations": [
            {"of": "flow", "r": 0.99, "ci_low": 0.9, "ci_high": 1.0, "p": 1e-4, "q": 1e-4, "size": "large"}
        ],
        "hub": {
            "position": 1,
            "n": 7373,
            "against": [
                {"position": 0, "difference": 0.3, "ci_low": 0.2, "ci_high": 0.4, "d": 1.2, "size": "large", "q": 1e-9}
            ],
        },
        "hub_scores_over_heads": [position(0, 0.8, 0.7, 0.9, 0.81), position(1, 1.2, 1.1, 1.3, 1.25)],
        **changes,
    }
    results = {
        name: CriterionResult(
            id=name,
            story="4.3",
            study="phase4",
            kind="hypothesis",
            model="m",
            statement=f"Statement {name}",
            definition="",
            comparator=">",
            threshold=0.1,
            verdict="pass",
            measured=0.25,
            ci_low=0.2,
            ci_high=0.3,
        )
        for name in names
    }
    phases = {"phase1": "fail", "phase4": "pass (does not discriminate: 4.3-overlap)"}
    return FullScale(
        "m",
        "the train split of gsm8k",
        validation,
        results,
        phases,
        ["../../f/1.png"],
        ["../r.json"],
        "../i.html",
        "By.",
    )


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}")[2].partition("\n## ")[0]


def test_every_hypothesis_stands_there_with_value_interval_and_verdict_on_both() -> None:
    table = section(document(SAME, CHANGED, LEFT).text, "Every hypothesis, on 100 and on 7,473 problems")
    for one, changed in ((SAME, ""), (CHANGED, "**yes**")):
        (line,) = [line for line in table.splitlines() if f"[{one['id']}]" in line]
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        for cell, which in zip(cells[2:4], ("first", "full"), strict=True):
            assert cell.startswith(f"{one[which]['measured']:g} ")
            assert plain("[") in cell
            assert cell.endswith(one[which]["verdict"])
        assert cells[4].strip("| ") == changed
    (line,) = [line for line in table.splitlines() if "[2.4-causal]" in line]
    assert "skipped, needs more | not compared" in line


def test_a_biased_interval_has_an_asterisk() -> None:
    biased = row("1.2-max", {**SAME["first"], "biased": True}, SAME["full"])
    assert r"\[0.7, 0.9\]\* pass | 0.81 \[0.8, 0.82\] pass" in document(biased).text


def test_in_short_counts_what_was_compared_what_changed_and_which_heads_stayed() -> None:
    same, changed = document(SAME, MOVED, LEFT), document(SAME, CHANGED, top_10_full=[[0, 1], [0, 0]])
    assert same.in_short == (
        "Of 2 hypotheses about m, 2 have the same verdict on all 7,473 problems as on 100 (2 pass, 0 fail), 0 another, and 1 "
        "were not compared; 2 of the 2 first heads are the same."
    )
    assert (
        "1 have the same verdict on all 7,473 problems as on 100 (1 pass, 0 fail), 1 another; 1 of" in changed.in_short
    )
    assert "1 of the 2 first heads are the same" in changed.in_short


def test_what_became_sure_and_what_stays_open_is_told_apart() -> None:
    gains = section(document(SAME, CHANGED, OPEN).text, "Gains in confidence")
    assert "1.2-max" not in gains
    assert "the verdict on the sample held in 0.8 of resamples, that on all (fail) in ≥ 0.9995. [1.3-top]" in gains
    assert "even on all problems the verdict (pass) holds in 0.7 of resamples only" in gains


@pytest.mark.parametrize(
    ("rows", "changes", "words"),
    [
        ((CHANGED,), {}, r"- Claim 1.3-top: pass on the sample (0.52 \[0.47, 0.57\]), fail on all (0.49"),
        ((MOVED,), {}, "- Claim 2.2-top: 0.65 lies outside the interval of the sample"),
        ((SAME,), {"top_10_full": [[0, 1], [0, 0]]}, "- L0H0 is among the ten first heads in place of L1H2."),
        (
            (SAME,),
            {"hub_scores_over_heads": [position(0, 0.8, 0.7, 0.9, 1.5), position(1, 1.2, 1.1, 1.3, 1.25)]},
            "- The position read most beyond what causality gives is CT0, not CT1.",
        ),
        (
            (SAME,),
            {"hub_scores_over_heads": [position(0, 0.8, 0.7, 0.9, 0.92), position(1, 1.2, 1.1, 1.3, 1.25)]},
            "- CT0 is read 15 % more than the sample showed: 0.92 times what causality gives, against 0.8 [0.7, 0.9].",
        ),
    ],
)
def test_what_is_new_is_said_and_nothing_else(
    rows: tuple[dict[str, Any], ...], changes: dict[str, Any], words: str
) -> None:
    news = section(document(*rows, **changes).text, "New on all problems")
    assert words in news
    assert "Nothing that the sample did not show" not in news


def test_nothing_new_is_said_too() -> None:
    news = section(document(SAME, OPEN, LEFT).text, "New on all problems")
    assert news.strip() == "Nothing that the sample did not show. [4.3-confirmed]"


def test_every_finding_names_its_criterion() -> None:
    lines = document(SAME, CHANGED, OPEN, MOVED, LEFT).text.splitlines()
    assert all(line.endswith("]") for line in lines if line.startswith("- "))


def test_a_claim_with_marks_of_markdown_stays_text() -> None:
    sly = {**SAME, "statement": "<script> | [a](b) *c*"}
    assert r"\<script\> \| \[a\](b) \*c\* [1.2-max]" in document(sly).text


def test_what_the_report_says_of_a_verdict_stands_beside_it() -> None:
    vacuous = row("1.2-max", {**SAME["first"], "marks": ["vacuous"]}, SAME["full"])
    assert r"\[0.7, 0.9\] pass (vacuous) | 0.81 \[0.8, 0.82\] pass |" in document(vacuous).text


def test_a_q_that_is_next_to_none_is_not_written_as_a_number() -> None:
    hub = document(SAME).validation["hub"]
    far = {**hub, "against": [{**hub["against"][0], "q": 1e-200}]}
    assert "| large | < 1e-100 |" in document(SAME, hub=far).text
