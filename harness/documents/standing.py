"""How a model stands: what it does in plain sentences, and which of its verdicts can be believed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from re import findall

from harness.documents.phrases import (
    asked,
    confidence,
    counted,
    found,
    interval,
    joined,
    marks,
    misses,
    number,
    study_of,
)
from harness.results import Calibration, CriterionResult

SIGNIFICANT = 0.05
"""Largest q of a thought whose loss counts as shown."""

DOUBTS = {
    "pass": {
        "vacuous": "a control passes too",
        "not particular": "others pass in its place",
        "cannot fail": "no model could miss it",
        "expected to pass": "any model would pass",
        "no controls": "no control was evaluated",
        "false positives": "samples with nothing planted pass",
        "another sample disagrees": "other problems miss it",
        "unsure": "resamples disagree",
        "selection-biased": "problems that did not choose it miss it",
    },
    "fail": {
        "unattainable": "no model could pass",
        "no power": "planted patterns fail too",
        "unsure": "resamples disagree",
    },
}
"""By verdict, the marks that make it shaky, the gravest first, and why in a few words."""


@dataclass(frozen=True)
class Doubt:
    """What makes a verdict shaky: its mark, why in a few words, and the whole explanation."""

    mark: str
    why: str
    explanation: str


@dataclass(frozen=True)
class Finding:
    """One sentence about a model or a pair, with the ids of the criteria it rests on and what makes it shaky."""

    study: str
    text: str
    criteria: tuple[str, ...]
    doubts: tuple[Doubt, ...] = ()

    @property
    def solid(self) -> bool:
        """Whether nothing known makes it doubtful."""
        return not self.doubts


@dataclass(frozen=True)
class Standing:
    """The findings on one model or pair, and its judged hypotheses by what they are worth.

    ``shaky`` is by verdict and then by mark, in the order of `DOUBTS`.
    """

    findings: list[Finding]
    solid_passes: list[CriterionResult]
    solid_fails: list[CriterionResult]
    shaky: dict[str, dict[str, list[CriterionResult]]]

    @property
    def passes(self) -> int:
        """How many hypotheses pass."""
        return len(self.solid_passes) + sum(map(len, self.shaky["pass"].values()))

    @property
    def fails(self) -> int:
        """How many hypotheses fail."""
        return len(self.solid_fails) + sum(map(len, self.shaky["fail"].values()))

    @property
    def solid_sentence(self) -> str:
        """What can be believed, in numbers; empty where nothing was judged."""
        groups = [(self.solid_passes, self.passes, "pass", "passes"), (self.solid_fails, self.fails, "fail", "fails")]
        said = [f"{len(group)} of {counted(total, one, many)}" for group, total, one, many in groups if total]
        return f"{joined(said)} can be believed." if said else ""

    @property
    def shaky_sentence(self) -> str:
        """What cannot, and why; empty where everything can."""
        said = []
        for verdict, one, many in (("pass", "pass", "passes"), ("fail", "fail", "fails")):
            whys = [f"{DOUBTS[verdict][mark]}: {len(items)}" for mark, items in self.shaky[verdict].items()]
            count = sum(map(len, self.shaky[verdict].values()))
            said += [f"{counted(count, one, many)} ({', '.join(whys)})"] if whys else []
        return f"Shaky: {joined(said)}." if said else ""


def standing(results: Iterable[CriterionResult], entries: Mapping[str, Calibration] | None = None) -> Standing:
    """How one model, or one pair, stands by all its results; ``entries`` are calibrations by criterion."""
    own = {result.id: result for result in results}
    known = entries or {}
    judged = [one for one in own.values() if one.kind == "hypothesis" and one.verdict in DOUBTS]
    solid: dict[str, list[CriterionResult]] = {"pass": [], "fail": []}
    shaky: dict[str, dict[str, list[CriterionResult]]] = {
        verdict: {mark: [] for mark in whys} for verdict, whys in DOUBTS.items()
    }
    for result in judged:
        first = next(iter(doubts(result, known.get(result.id))), None)
        (shaky[result.verdict][first.mark] if first else solid[result.verdict]).append(result)
    return Standing(
        findings=findings(own, known),
        solid_passes=solid["pass"],
        solid_fails=solid["fail"],
        shaky={verdict: {mark: items for mark, items in groups.items() if items} for verdict, groups in shaky.items()},
    )


def doubts(result: CriterionResult, entry: Calibration | None = None) -> list[Doubt]:
    """What makes this verdict shaky, the gravest first; empty for one to be believed, and for what was not judged."""
    whys = DOUBTS.get(result.verdict, {})
    said = {word: why for word, why in marks(result, entry) if word in whys}
    if "selection-biased" in said and not misses(result, result.cross_fitted):
        del said["selection-biased"]
    return [Doubt(word, whys[word], said[word]) for word in whys if word in said]


def findings(own: Mapping[str, CriterionResult], entries: Mapping[str, Calibration] | None = None) -> list[Finding]:
    """What is known of one model or pair, a sentence each, from its judged results by criterion.

    A hypothesis of the user's own is a sentence by itself.
    """
    judged = {name: one for name, one in own.items() if one.verdict in DOUBTS}
    known = entries or {}
    said = []
    for topic in TOPICS:
        results = [judged[name] for name in topic.rests_on if name in judged]
        if topic.rests_on[0] in judged and (text := topic.sentence(*results)):
            said.append(_finding(text, results, known, topic))
    return said + [
        _finding(f"{one.statement}: {one.verdict} (measured {found(one)}, asked {asked(one)}).", [one], known)
        for one in judged.values()
        if one.study == "own" and one.kind == "hypothesis"
    ]


def _finding(
    text: str, results: Sequence[CriterionResult], entries: Mapping[str, Calibration], topic: "Topic | None" = None
) -> Finding:
    untouched = topic.untouched_by if topic else ()
    raised = {
        one.mark: one
        for result in results
        for one in doubts(result, entries.get(result.id))
        if one.mark not in untouched
    }
    study = "" if topic and topic.overall else study_of(results[0])
    return Finding(study, text, tuple(result.id for result in results), tuple(raised.values()))


def _solves(baseline: CriterionResult) -> str:
    spread = "" if baseline.ci_low is None else f" {interval(baseline.ci_low, baseline.ci_high)}"
    without = baseline.controls.get("contentless")
    other = f", {_said(without.measured)} with every thought replaced by its mean" if without else ""
    return f"Accuracy {_said(baseline.measured)}{spread}{other}."


def _hub(adjusted: CriterionResult) -> str:
    ratios = [one for name in ("enrichment", "hub_enrichment") if isinstance(one := adjusted.beside.get(name), list)]
    both = [-inf if None in pair else min(pair) for pair in zip(*ratios, strict=False)]
    which = f"CT{both.index(max(both))}" if both else "the thought read most"
    said = f"{which} is a hub: it" if adjusted.verdict == "pass" else f"No hub: {which}"
    return f"{said} gets {_said(adjusted.measured)} times the attention that causality gives ({_said(adjusted.threshold)} asked)."


def _answered(yes: str, no: str, what: str) -> Callable[[CriterionResult], str]:
    """A sentence on a question that was answered with yes or no, ``what`` saying where attention goes."""

    def sentence(result: CriterionResult) -> str:
        if "verdict" not in result.beside:
            return ""
        said = yes if result.beside["verdict"] == "yes" else no
        value, limit = (_said(result.beside[name]) for name in ("value", "limit"))
        return f"{said}: {value} {what} ({limit} asked)."

    return sentence


def _heads(named: CriterionResult, critical: CriterionResult | None = None) -> str:
    heads = findall(r"\bL\d+H\d+\b", named.answer or "")
    if not heads:
        return ""
    said = f"{joined(heads)} {'score' if len(heads) > 1 else 'scores'} highest"
    if critical is None or not isinstance(critical.measured, int | float):
        return f"{said}."
    count = int(critical.measured)
    enough = f"{count} enough to be critical" if count else "none enough to be critical"
    return f"{said}, {enough}."


def _without_heads(causal: CriterionResult) -> str:
    lost, random = (causal.beside.get(f"accuracy_lost{which}_mean") for which in ("", "_random"))
    if lost is None or random is None:
        return ""
    sure = "finds" if causal.verdict == "pass" else "is not shown to find"
    falls = f"without the highest accuracy falls by {_said(lost)}, without others by {_said(random)}"
    return f"The score {sure} what matters: {falls}."


def _falls(when: str) -> Callable[[CriterionResult], str]:
    """Which thoughts accuracy needs: the losses that are shown, the largest first."""

    def sentence(result: CriterionResult) -> str:
        drops, q = result.beside.get("accuracy_drop"), result.beside.get("q")
        if not (isinstance(drops, list) and isinstance(q, list)):
            return ""
        shown = sorted(
            (place for place, drop in enumerate(drops) if drop > 0 and q[place] < SIGNIFICANT),
            key=lambda place: -drops[place],
        )
        if not shown:
            return f"{when} no thought is shown to be needed."
        others = len(drops) - len(shown)
        rest = f"; no loss is shown for {'the other' if others == 1 else f'the other {others}'}" if others else ""
        return f"{when} accuracy falls by {joined([f'{_said(drops[place])} (CT{place})' for place in shown])}{rest}."

    return sentence


def _attention_says(predicts: CriterionResult) -> str:
    r = predicts.beside.get("r")
    if r is None:
        return ""
    says = "says" if predicts.verdict == "pass" else "is not shown to say"
    return f"Where the answer attends {says} which matter (r = {_said(r)})."


def _worth(early: CriterionResult, design: CriterionResult | None = None) -> str:
    more = "matter" if early.verdict == "pass" else "are not shown to matter"
    said = f"Early thoughts {more} more than late ones"
    shapley = design.beside.get("shapley") if design is not None else None
    if not isinstance(shapley, list):
        return f"{said}."
    first = max(range(len(shapley)), key=lambda place: shapley[place])
    others = [worth for place, worth in enumerate(shapley) if place != first]
    return (
        f"{said}: over all orders of losing them CT{first} is worth {_said(shapley[first])} of accuracy, the others "
        f"{_said(min(others))} to {_said(max(others))}."
    )


def _roles(roles: CriterionResult) -> str:
    supported = [role for role, said in roles.beside.items() if said == "supported"]
    if not supported:
        return "No claimed role is supported."
    are = "is" if len(supported) == 1 else "are"
    return f"Of {counted(len(roles.beside), 'claimed role')} {joined(supported)} {are} supported."


def _answer(result: CriterionResult) -> str:
    sure = "" if result.confidence is None else f" (confidence {confidence(result.confidence)})"
    return f"{result.answer}{sure}." if result.answer else ""


def _said(value: object) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


@dataclass(frozen=True)
class Topic:
    """What a sentence is made of.

    Attributes:
        sentence: makes it of the results, in order, of those criteria that were judged; empty where they do not tell.
        rests_on: the criteria, the first of which must have been judged.
        overall: whether it is about the model as a whole and not about what one study asks.
        untouched_by: marks of those criteria that do not make this sentence shaky.
    """

    sentence: Callable[..., str]
    rests_on: tuple[str, ...]
    overall: bool = False
    untouched_by: tuple[str, ...] = ()


# A sentence that gives every thought its own test is not touched by what holds of other thoughts as well.
TOPICS = (
    Topic(_solves, ("I.2-baseline",), overall=True),
    Topic(_solves, ("S.1-baseline",), overall=True),
    Topic(_hub, ("1.5-hub-adjusted",)),
    Topic(_answered("A chain", "No chain", "goes to the thought before"), ("1.5-sequential",)),
    Topic(_answered("Skips", "No skips", "goes from the last to each early one"), ("1.5-skip",)),
    Topic(_heads, ("2.4-named", "2.4-critical")),
    Topic(_without_heads, ("2.4-causal",)),
    Topic(_falls("With one thought zeroed"), ("I.2-matters",), untouched_by=("not particular",)),
    Topic(_attention_says, ("I.4-mid",)),
    Topic(_worth, ("S.1-early-late", "S.1-design")),
    Topic(_falls("With one thought hidden from all that follows"), ("B.1-ct0",), untouched_by=("not particular",)),
    Topic(_roles, ("B.7-roles",)),
    Topic(_answer, ("4.3-confirmed",)),
    Topic(_answer, ("4.3-hubs",)),
    Topic(_answer, ("2.6-answers",)),
    Topic(_answer, ("2.6-differ",)),
    Topic(_answer, ("2.6-capacity",)),
)
"""All sentences, in the order in which they are said."""
