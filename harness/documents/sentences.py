"""One judged criterion in one sentence of Markdown, with the id it rests on."""

from harness.documents.markdown import plain
from harness.documents.phrases import NOTHING, confidence, interval, marks, rule, scalar
from harness.results import CriterionResult


def said(result: CriterionResult) -> str:
    """The statement with its verdict, what else must be said of it, value, interval, rule and answer."""
    words = f"{plain(result.statement)}: {verdict(result)}"
    if result.verdict == "skipped" or result.measured is None:
        return f"{words}{', ' + plain(result.reason) if result.reason else ''}. [{result.id}]"
    answer = f". {plain(result.answer[0].upper() + result.answer[1:])}" if result.answer else ""
    return f"{words} ({plain(value(result))}, rule {plain(rule(result.comparator, result.threshold))}){answer}. [{result.id}]"


def answered(result: CriterionResult) -> str:
    """The answer alone where the criterion asks for one, with its confidence; otherwise as :func:`said`."""
    if result.kind == "hypothesis" or not result.answer or result.verdict not in ("pass", "fail"):
        return said(result)
    sure = "" if result.confidence is None else f" (confidence {confidence(result.confidence)})"
    return f"{plain(result.answer)}{sure}. [{result.id}]"


def verdict(result: CriterionResult) -> str:
    """``**pass** (vacuous)``: the verdict, and in brackets what else must be said of it."""
    also = ", ".join(word for word, _ in marks(result))
    return f"**{result.verdict}**{f' ({also})' if also else ''}"


def value(result: CriterionResult) -> str:
    """``0.21 [0.19, 0.23]``, with a star where the same problems chose what is measured."""
    ends = interval(result.ci_low, result.ci_high)
    spread = "" if ends == NOTHING else f" {ends}"
    return f"{scalar(result.measured, result.threshold)}{spread}{'*' if result.biased else ''}"
