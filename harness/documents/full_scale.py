"""The document on a model's attention over all problems: what the sample showed, what all show, and how large it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.documents.markdown import plain, table
from harness.documents.phrases import (
    NOTHING,
    SURE,
    confidence,
    interval,
    joined,
    marks,
    number,
    percent,
    rule,
    scalar,
    study_name,
)
from harness.results import CriterionResult

CONCLUSIONS = ("4.2-correlated", "4.3-overlap", "4.3-confirmed", "4.3-significant", "4.3-hubs")
COSTS = ("4.1-count", "4.2-time", "4.2-memory")


@dataclass(frozen=True)
class FullScale:
    """What the document is made of (spec 04, 4.4-report).

    Attributes:
        model: its name.
        dataset: name and split of the problems.
        validation: the content of 100_vs_{N}_validation.json.
        results: verdicts on the criteria of phase 4, by id.
        phases: verdict on each phase, by id.
        figures: paths relative to the folder of the document.
        data: the same, of result files.
        report: the same, of the HTML report.
        origin: a line on what wrote it, and from what.
    """

    model: str
    dataset: str
    validation: Mapping[str, Any]
    results: Mapping[str, CriterionResult]
    phases: Mapping[str, str]
    figures: Sequence[str]
    data: Sequence[str]
    report: str
    origin: str

    @property
    def text(self) -> str:
        """As Markdown."""
        return "\n".join(self._lines()) + "\n"

    @property
    def in_short(self) -> str:
        """One sentence: how much of what the sample showed all problems show."""
        changed, compared = len(self._changed), len(self._compared)
        first, full = ({tuple(head) for head in self.validation[f"top_10_{which}"]} for which in ("first", "full"))
        same = len(first & full)
        kept = [row["full"]["verdict"] for row in self._compared if row not in self._changed]
        left = len(self.validation["verdicts"]) - compared
        return (
            f"Of {compared} hypotheses about {plain(self.model)}, {len(kept)} have the same verdict on all {self._all:,} "
            f"problems as on {self._few} ({kept.count('pass')} pass, {kept.count('fail')} fail), {changed} another"
            f"{f', and {left} were not compared' if left else ''}; {same} of the {len(first)} first heads are the same."
        )

    @property
    def conclusions(self) -> list[str]:
        """A sentence for each criterion that concludes, with its number, its verdict and its id."""
        return [self._said(self.results[name]) for name in CONCLUSIONS]

    @property
    def _few(self) -> int:
        return int(self.validation["n_first"])

    @property
    def _all(self) -> int:
        return int(self.validation["n_full"])

    @property
    def _compared(self) -> list[Mapping[str, Any]]:
        """Hypotheses judged on both."""
        return [
            row
            for row in self.validation["verdicts"]
            if row["first"]["verdict"] in ("pass", "fail") and row["full"]["verdict"] != "skipped"
        ]

    @property
    def _changed(self) -> list[Mapping[str, Any]]:
        return [row for row in self._compared if row["first"]["verdict"] != row["full"]["verdict"]]

    def _lines(self) -> Iterator[str]:
        yield f"# Attention flow of {plain(self.model)} on all {self._all:,} problems"
        yield ""
        yield (
            f"Does what {self._few} problems showed hold on all problems of {plain(self.dataset)}? Every hypothesis of phases 1 "
            f"and 2 about one model is judged a second time on all {self._all:,}, by the same rule. The sample is part of all "
            "problems; where that matters, the comparison is with the problems outside it. In brackets stand the criteria that "
            f"a sentence rests on; they are defined in the [report]({self.report})."
        )
        yield from ("", "## Conclusions", "", self.in_short, "")
        yield from (f"- {sentence}" for sentence in self.conclusions)
        yield ""
        yield from (
            f"- {study_name(phase)}: **{plain(verdict)}** [phase verdict]" for phase, verdict in self.phases.items()
        )
        yield ""
        yield (
            f"With {self._all:,} problems almost every difference is significant; what counts is how large it is. All of it is "
            "about one model and one set of problems: intervals are over problems, and say nothing about other models or data."
        )
        yield from self._hypotheses()
        yield from self._gains()
        yield from self._sizes()
        yield from self._new()
        yield from self._cost()
        yield from ("", "## Figures and data", "")
        yield from (f"![{path.rsplit('/', 1)[-1].removesuffix('.png')}]({path})" for path in self.figures)
        yield ""
        yield from (f"- [{plain(path.rsplit('/', 1)[-1])}]({path}) [4.3-report]" for path in self.data)
        yield from ("", "---", "", self.origin)

    def _hypotheses(self) -> Iterator[str]:
        yield from ("", f"## Every hypothesis, on {self._few} and on {self._all:,} problems", "")
        yield (
            "Value, 95 % interval and verdict. An asterisk stands where the same problems chose what is measured, so that the "
            "interval does not cover what fresh problems would give; in brackets what else must be said of a verdict, as the "
            "report explains it."
        )
        yield ""
        rows = []
        for row in self.validation["verdicts"]:
            threshold = row["threshold"]
            cells = [_cell(row[which], threshold) for which in ("first", "full")]
            rows.append(
                [
                    f"{plain(row['statement'])} [{row['id']}]",
                    plain(rule(row["comparator"], threshold)),
                    *cells,
                    "**yes**" if row in self._changed else "" if row in self._compared else "not compared",
                ]
            )
        yield from table(["hypothesis", "rule", f"on {self._few}", f"on {self._all:,}", "changed"], rows)

    def _gains(self) -> Iterator[str]:
        yield from ("", "## Gains in confidence", "")
        yield f"- {self._said(self.results['4.3-intervals'])}"
        yield f"- {self._said(self.results['4.3-hub-se'])}"
        yield f"- {self._said(self.results['4.2-variance'])}"
        settled = [row for row in self._compared if _unsure(row["first"]) and not _unsure(row["full"])]
        open_still = [row for row in self._compared if _unsure(row["full"])]
        for row in settled:
            yield (
                f"- {plain(row['statement'])}: the verdict on the sample held in {confidence(row['first']['confidence'])} of "
                f"resamples, that on all ({row['full']['verdict']}) in {confidence(row['full']['confidence'])}. [{row['id']}]"
            )
        for row in open_still:
            yield (
                f"- {plain(row['statement'])}: even on all problems the verdict ({row['full']['verdict']}) holds in "
                f"{confidence(row['full']['confidence'])} of resamples only; the value lies next to the threshold. [{row['id']}]"
            )

    def _sizes(self) -> Iterator[str]:
        yield from ("", "## How large, not only how sure", "")
        heads = self.validation["heads"]
        yield (
            f"Sample against all problems, over {heads} heads. The interval is what 95 % of samples as large give; q is that of "
            "random pairings of the heads, and cannot be less than 1.0e-04. [4.3-significant]"
        )
        yield ""
        yield from table(
            ["of", "r", "95 % interval", "q", "size"],
            [
                [
                    one["of"],
                    number(one["r"], 1.0),
                    interval(one["ci_low"], one["ci_high"]),
                    _least(one["q"]),
                    one["size"],
                ]
                for one in self.validation["correlations"]
            ],
        )
        hub = self.validation["hub"]
        yield ""
        yield (
            f"CT{hub['position']}, the hub of the sample, against the other positions on the {hub['n']:,} problems that did not "
            "choose it: the mean over problems of each one's own enrichment (attention in shares of what reading evenly gives), "
            "as a difference and in standard deviations (d), with a paired t-test; q is corrected over positions. [4.3-hubs]"
        )
        yield ""
        yield from table(
            ["against", "difference", "95 % interval", "d", "size", "q"],
            [
                [
                    f"CT{one['position']}",
                    number(one["difference"]),
                    interval(one["ci_low"], one["ci_high"]),
                    number(one["d"]),
                    one["size"],
                    _least(one["q"]),
                ]
                for one in hub["against"]
            ],
        )
        yield ""
        yield (
            "Enrichment of each position, mean over heads, on the sample (with its interval over problems) and on all; paired "
            "over heads. It is that of the mean pattern, and so another number than the mean over problems above. All heads saw "
            "the same problems, so that a small q says less than the interval. [4.3-hubs-paired]"
        )
        yield ""
        yield from table(
            ["position", f"on {self._few}", f"on {self._all:,}", "d", "size", "q"],
            [
                [
                    f"CT{one['position']}",
                    f"{number(one['sample'])} {interval(one['ci_low'], one['ci_high'])}",
                    number(one["full"]),
                    number(one["d"]),
                    one["size"],
                    _least(one["q"]),
                ]
                for one in self.validation["hub_scores_over_heads"]
            ],
        )

    def _new(self) -> Iterator[str]:
        yield from ("", "## New on all problems", "")
        found = list(self._news())
        yield from found or ["Nothing that the sample did not show. [4.3-confirmed]"]

    def _news(self) -> Iterator[str]:
        for row in self._changed:
            first, full = row["first"], row["full"]
            yield (
                f"- {plain(row['statement'])}: {first['verdict']} on the sample ({_value(first, row['threshold'])}), "
                f"{full['verdict']} on all ({_value(full, row['threshold'])}; rule "
                f"{plain(rule(row['comparator'], row['threshold']))}). [{row['id']}]"
            )
        before, after = ([tuple(head) for head in self.validation[f"top_10_{which}"]] for which in ("first", "full"))
        come, gone = ([head for head in one if head not in other] for one, other in ((after, before), (before, after)))
        if come:
            yield f"- {_named(come)} {_are(come)} among the ten first heads in place of {_named(gone)}. [4.3-overlap]"
        scores = self.validation["hub_scores_over_heads"]
        largest, hub = max(scores, key=lambda one: one["full"])["position"], self.validation["hub"]["position"]
        if largest != hub:
            yield f"- The position read most beyond what causality gives is CT{largest}, not CT{hub}. [4.3-hubs-paired]"
        for one in scores:
            if not one["ci_low"] <= one["full"] <= one["ci_high"]:
                change = one["full"] / one["sample"] - 1
                yield (
                    f"- CT{one['position']} is read {percent(abs(change))} {'more' if change > 0 else 'less'} than the sample "
                    f"showed: {number(one['full'])} times what causality gives, against {number(one['sample'])} "
                    f"{interval(one['ci_low'], one['ci_high'])}. [4.3-hubs-paired]"
                )
        for row in self._compared:
            if row not in self._changed and _outside(row):
                yield (
                    f"- {plain(row['statement'])}: {scalar(row['full']['measured'])} lies outside the interval of the sample, "
                    f"{_value(row['first'], row['threshold'])}; the verdict is the same ({row['full']['verdict']}). [{row['id']}]"
                )

    def _cost(self) -> Iterator[str]:
        yield from ("", "## Problems and cost", "")
        yield from (f"- {self._said(self.results[name])}" for name in COSTS)
        yield (
            "- Checkpoints are written every 1,000 problems; a run that is cut goes on where it stopped, and the same command "
            f"ends with the same bytes: **{self.results['4.2-resume'].verdict}**. [4.2-resume]"
        )

    def _said(self, result: CriterionResult) -> str:
        also = [word for word, _ in marks(result)]
        said = f" ({', '.join(also)})" if also else ""
        words = f"{plain(result.statement)}: **{result.verdict}**{said}"
        if result.verdict == "skipped" or result.measured is None:
            return f"{words}{', ' + plain(result.reason) if result.reason else ''}. [{result.id}]"
        ends = interval(result.ci_low, result.ci_high)
        value = f"{scalar(result.measured, result.threshold)}{'' if ends == NOTHING else f' {ends}'}"
        answer = f". {plain(result.answer[0].upper() + result.answer[1:])}" if result.answer else ""
        return (
            f"{words} ({plain(value)}, rule {plain(rule(result.comparator, result.threshold))}){answer}. [{result.id}]"
        )


def _value(row: Mapping[str, Any], threshold: Any) -> str:
    ends = interval(row["ci_low"], row["ci_high"])
    return plain(f"{scalar(row['measured'], threshold)}{'' if ends == NOTHING else f' {ends}'}")


def _cell(row: Mapping[str, Any], threshold: Any) -> str:
    if row["measured"] is None:
        return f"{row['verdict']}{', ' + plain(row['reason']) if row['reason'] else ''}"
    also = f" ({', '.join(row['marks'])})" if row["marks"] else ""
    return f"{_value(row, threshold)}{plain('*') if row['biased'] else ''} {row['verdict']}{also}"


def _unsure(row: Mapping[str, Any]) -> bool:
    return row["confidence"] is not None and row["confidence"] < SURE


def _outside(row: Mapping[str, Any]) -> bool:
    """Whether the value on all problems lies outside the sample's interval."""
    low, high, value = row["first"]["ci_low"], row["first"]["ci_high"], row["full"]["measured"]
    return low is not None and high is not None and isinstance(value, float) and not low <= value <= high


def _named(heads: Sequence[tuple[int, ...]]) -> str:
    return joined([f"L{layer}H{head}" for layer, head in heads])


def _are(heads: Sequence[tuple[int, ...]]) -> str:
    return "are" if len(heads) > 1 else "is"


def _least(q: float | None) -> str:
    """A q, as far as it can be told from none at all."""
    return "< 1e-100" if q is not None and q < 1e-100 else number(q)
