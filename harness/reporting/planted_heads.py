"""Heads of the model itself that were given a pattern, and whether scores, rankings and types find them: plots and words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness.documents.phrases import counted, joined, number, percent
from harness.reporting.curves import Plot, shares_plot
from harness.results import CALIBRATION, CalibrationFile, FoundAgain, PatternFoundAgain, PlantedHeads, RunResult

MADE_TO = {
    "chain": "every thought reads the one before it",
    "hub": "thoughts from the third on read the second",
    "skip": "the last thought reads the first three",
}
MULTI_PURPOSE = "Multi-Purpose"


@dataclass(frozen=True)
class Row:
    """One strength, as the table shows it."""

    bias: str
    weight: str
    own_ranks: str
    composite_ranks: str
    others: str
    types: str
    changed: str


@dataclass(frozen=True)
class Pattern:
    """One planted pattern."""

    title: str
    sentence: str
    plot: Plot
    score: str
    rows: list[Row]


@dataclass(frozen=True)
class Shown:
    """What the report shows of one model."""

    lead: str
    together: int
    patterns: list[Pattern]


def planted_heads(result: RunResult, output: Path) -> dict[str, Shown]:
    """By model, what was planted in its heads, for calibration files of ``output`` that this run names and wrote."""
    paths = {path for item in result.criteria for path in item.artifacts if path.endswith(CALIBRATION)}
    files = [
        CalibrationFile.model_validate_json((output / path).read_text(encoding="utf-8"))
        for path in sorted(paths)
        if (output / path).is_file()
    ]
    return {one.model: shown(one.planted_heads) for one in files if one.planted_heads is not None}


def shown(planted: PlantedHeads) -> Shown:
    """Lead, and of each pattern a sentence, a plot and a table."""
    k, choices = planted.heads_together, len(planted.patterns[0].heads)
    lead = (
        f"A bias on attention scores gave {counted(k, 'head')} at a time a known pattern while the model thought about "
        f"{counted(planted.n_problems, 'problem')}; what it then attended to was scored, ranked and typed like its own "
        f"attention. The heads were drawn {counted(choices, 'time')} for each pattern from the lower half of the model's own "
        f"ranking by the pattern's score, so what finds them is the planting. Found: among the first {k} of "
        f"{planted.n_heads}; drawn blindly, {percent(planted.chance)} would be."
    )
    return Shown(lead, k, [_pattern(one, planted) for one in planted.patterns])


def _pattern(pattern: PatternFoundAgain, planted: PlantedHeads) -> Pattern:
    return Pattern(
        title=f"{pattern.pattern.capitalize()}: {MADE_TO[pattern.pattern]}",
        sentence=sentence(pattern, planted),
        plot=_plot(pattern),
        score=pattern.score,
        rows=[_row(one, pattern.expected_type) for one in pattern.found],
    )


def sentence(pattern: PatternFoundAgain, planted: PlantedHeads) -> str:
    """How much bias it takes to find the heads, who stands in their place, and what they are taken for."""
    last = pattern.found[-1]
    said = [
        f"By {pattern.score} score {_found(pattern.found, [one.own_recall for one in pattern.found])}; "
        f"by composite score {_found(pattern.found, [one.composite_recall for one in pattern.found])}."
    ]
    if last.own_false_positives or last.composite_false_positives:
        new = last.own_newcomers + last.composite_newcomers
        before = f"among the model's first {planted.heads_together} without any bias"
        who = f"were {before} too" if new == 0 else f"were not all {before}"
        said.append(f"The heads that keep their places at {_nats(last)} {who}.")
    total, right = sum(last.types.values()), last.types.get(pattern.expected_type, 0)
    others = [f"{count} {name}" for name, count in sorted(last.types.items()) if name != pattern.expected_type]
    said.append(
        f"At {_nats(last)} {right} of {counted(total, 'planted head')} "
        f"{'is' if right == 1 else 'are'} typed {pattern.expected_type}{f' ({joined(others)})' if others else ''}."
    )
    if last.changed_type:
        said.append(
            f"On average {number(last.changed_type)} other heads change their type; {number(last.changed_by_scale)} would if "
            "they attended as before: types are relative to the model's largest scores."
        )
    return " ".join(said)


def _found(found: Sequence[FoundAgain], recalls: Sequence[float]) -> str:
    """From which bias on all are found, or how many at most."""
    sure = [one for place, one in enumerate(found) if min(recalls[place:]) == 1]
    if sure:
        return f"all are found from {_nats(sure[0])} on ({percent(sure[0].weight)} of their attention where planted)"
    most = max(recalls)
    return f"at most {percent(most)} are found (at {_nats(found[list(recalls).index(most)])})"


def _nats(one: FoundAgain) -> str:
    return f"{one.bias:g} {'nat' if one.bias == 1 else 'nats'}"


def _plot(pattern: PatternFoundAgain) -> Plot:
    last = len(pattern.found) - 1
    places = [place / last for place in range(last + 1)]
    values = {
        pattern.pattern: (f"by {pattern.score}", [one.own_recall for one in pattern.found]),
        "composite": ("by composite", [one.composite_recall for one in pattern.found]),
        "none": ("attention", [one.weight for one in pattern.found]),
    }
    said = [
        f"{name}: " + ", ".join(f"{percent(y)} at {one.bias:g}" for one, y in zip(pattern.found, shares, strict=True))
        for name, shares in values.values()
    ]
    return shares_plot(
        f"Share of planted heads found, against the bias in nats. {'; '.join(said)}",
        {kind: (name, list(zip(places, shares, strict=True))) for kind, (name, shares) in values.items()},
        [(place, f"{one.bias:g}") for place, one in zip(places, pattern.found, strict=True)],
        "bias in nats",
        "Share of planted heads found, and of their attention that goes where planted.",
    )


def _row(one: FoundAgain, expected: str) -> Row:
    total = sum(one.types.values())
    right, several = one.types.get(expected, 0), one.types.get(MULTI_PURPOSE, 0)
    return Row(
        bias=f"{one.bias:g}",
        weight=percent(one.weight),
        own_ranks=_ranks(one.own_ranks),
        composite_ranks=_ranks(one.composite_ranks),
        others=f"{number(one.own_false_positives)} / {number(one.composite_false_positives)}",
        types=f"{right} / {several} / {total - right - several}",
        changed=f"{number(one.became_expected)} / {number(one.changed_type)} / {number(one.changed_by_scale)}",
    )


def _ranks(ranks: Sequence[Sequence[int]]) -> str:
    """``3 (1–8)``: the median, the best and the worst."""
    flat = [rank for one in ranks for rank in one]
    return f"{median(flat):g} ({min(flat)}–{max(flat)})"
