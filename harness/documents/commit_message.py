"""A commit message made of what was found; committing stays with the user."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.documents.phrases import counted, joined
from harness.results import CriterionResult, RunResult

WIDTH = 72
SUBJECT = 72
FINDINGS = (
    "1.5-hub-confidence",
    "1.5-sequential",
    "1.5-skip",
    "2.4-named",
    "2.4-causal",
    "I.4-stats",
    "S.1-design",
    "B.7-roles",
    "4.3-confirmed",
    "4.3-hubs",
)
"""Criteria whose answers are said of each model."""
OF_PAIRS = ("2.6-answers", "2.6-differ")
CRITICAL = "2.4-critical"
COUNTED = {"pass": "pass", "fail": "fail", "invalid": "are invalid", "skipped": "were skipped"}


def commit_message(result: RunResult) -> str:
    """Conventional commit text (spec 04, 3.3-message): what each model does, how they differ, on how many problems.

    Every sentence names its criterion; a criterion that failed a validity check says so instead.
    """
    run = result.run
    models = [_line(model["name"]) for model in run["models"]]
    data = run["dataset"]
    subject = f"docs(results): {joined(models)} on {_line(data['name'])}"
    if len(subject) > SUBJECT:
        subject = f"docs(results): {counted(len(models), 'model')} on {_line(data['name'])}"
    paragraphs = [subject[:SUBJECT].rstrip(), "\n".join(_wrapped(_about(run)))]
    for model in run["models"]:
        own = {one.id: one for one in result.criteria if one.model == model["name"]}
        hypotheses = [one.verdict for one in own.values() if one.kind == "hypothesis"]
        counts = [f"{hypotheses.count(name)} {words}" for name, words in COUNTED.items() if name in hypotheses]
        phases = [f"{one.id} {one.verdict}" for one in result.phases if one.scope == model["name"]]
        said = [*(["hypotheses: " + ", ".join(counts)] if counts else []), *phases]
        paragraphs.append("\n".join([*_wrapped(f"Model {_line(model['name'])}:"), *findings(own, said)]))
    for pair in dict.fromkeys(one.model for one in result.criteria if "_vs_" in one.model):
        found = {one.id: one for one in result.criteria if one.model == pair}
        paragraphs.append("\n".join([*_wrapped(f"Comparison {_line(pair)}:"), *_said(found, OF_PAIRS)]))
    return "\n\n".join(paragraphs) + "\n"


def findings(results: Mapping[str, CriterionResult], phases: Sequence[str] = ()) -> list[str]:
    """What is said of one model, wrapped: its answers, how many heads are critical, and verdicts on phases."""
    lines = list(_said(results, FINDINGS))
    critical = results.get(CRITICAL)
    if critical is not None and critical.verdict in ("pass", "fail"):
        above = counted(int(critical.measured), "head")  # type: ignore[arg-type]
        lines += _wrapped(f"- {above} above the study's threshold for a critical head [{CRITICAL}]")
    return [*lines, *(_wrapped(f"- {'; '.join(phases)}") if phases else [])]


def _said(results: Mapping[str, CriterionResult], names: Sequence[str]) -> Iterator[str]:
    for name in names:
        found = results.get(name)
        if found is None or found.verdict == "skipped":
            continue
        words = found.answer if found.verdict != "invalid" and found.answer else f"{found.statement}: {found.verdict}"
        yield from _wrapped(f"- {_line(words)} [{name}]")


def _about(run: Mapping[str, Any]) -> str:
    """On what: the sample, and the complete set where that was looked at."""
    data = run["dataset"]
    shapes = joined(
        [f"{_line(model['name'])} {model['n_layers']} layers x {model['n_heads']} heads" for model in run["models"]]
    )
    complete = [one["n"] for one in run.get("samples", ()) if one.get("complete")]
    also = f", and on all {complete[0]:,}" if complete else ""
    sample = f"{data['n']:,} of {data['split_size']:,} problems ({data['split']}, seed {run['seed']})"
    return f"Attention on {sample}{also}; {shapes}."


def _line(text: str) -> str:
    """On one line: a model's name begins no line of its own, and so none that git takes for a comment or a trailer."""
    return " ".join(str(text).split())


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
