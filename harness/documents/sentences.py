"""One judged criterion in one sentence of Markdown, with the id it rests on."""

from harness.documents.markdown import plain
from harness.documents.phrases import NOTHING, confidence, interval, marks, rule, scalar
from harness.results import Calibration, CriterionResult


def said(result: CriterionResult, entry: Calibration | None = None) -> str:
    """The statement with its verdict, what else must be said of it, value, interval, rule and answer.

    ``entry`` is the criterion's calibration, where there is one.
    """
    words = f"{plain(result.statement)}: {verdict(result, entry)}"
    if result.verdict == "skipped" or result.measured is None:
        return f"{words}{', ' + plain(result.reason) if result.reason else ''}. [{result.id}]"
    answer = f". {plain(_answer(result)[0].upper() + _answer(result)[1:])}" if result.answer else ""
    return f"{words} ({plain(value(result))}, rule {plain(rule(result.comparator, result.threshold))}){answer}. [{result.id}]"


def answered(result: CriterionResult, entry: Calibration | None = None) -> str:
    """The answer alone where the criterion asks for one, with its confidence; otherwise as :func:`said`."""
    if result.kind == "hypothesis" or not result.answer or result.verdict not in ("pass", "fail"):
        return said(result, entry)
    sure = "" if result.confidence is None else f" (confidence {confidence(result.confidence)})"
    return f"{plain(_answer(result))}{sure}. [{result.id}]"


def verdict(result: CriterionResult, entry: Calibration | None = None) -> str:
    """``**pass** (vacuous)``: the verdict, and in brackets what else must be said of it."""
    also = ", ".join(word for word, _ in marks(result, entry))
    return f"**{result.verdict}**{f' ({also})' if also else ''}"


def value(result: CriterionResult) -> str:
    """``0.21 [0.19, 0.23]``, with a star where the same problems chose what is measured."""
    ends = interval(result.ci_low, result.ci_high)
    spread = "" if ends == NOTHING else f" {ends}"
    return f"{scalar(result.measured, result.threshold)}{spread}{'*' if result.biased else ''}"


def _answer(result: CriterionResult) -> str:
    """The answer, without the stop that a sentence gets here."""
    return (result.answer or "").rstrip(".")
