"""The report on behaviour in plain language: no sentence without the criterion it rests on, none that goes further than it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.criteria.behaviour import drop_interval, drop_intervals
from harness.criteria.roles import CLAIMS, ROLES, Judged, RoleVerdict, Standing, judge_role, standing
from harness.documents.markdown import plain
from harness.files import write_text
from harness.interventions.designs import ALL_BLOCKED, READERS, SEQUENTIAL, Readers, block_name
from harness.results import ControlResult, CriterionResult

if TYPE_CHECKING:
    from harness.criteria.evidence import ModelStudy

Array = NDArray[Any]
DESCRIBED = ("B.2-files", "B.5-redistribution", "B.6-divergence", "B.4-cases")
"""Criteria whose answers describe, and claim nothing."""
ENOUGH = 0.1
"""Baseline accuracy below which losing nothing says nothing."""
TRUSTED = ("B.1-complete", "B.1-sham", "B.1-readback")
SECTIONS: Sequence[tuple[Standing, str, str]] = (
    ("supported", "What was found", "These hold for the model and for no control."),
    (
        "empty",
        "What holds for a control as well",
        "Where other thoughts in CT0's place do the same, CT0 is not the only one: the table above says which. Where the model "
        "fed its mean thoughts does the same, it says nothing about what was thought.",
    ),
    ("unchecked", "What holds, as far as it was looked at", "Not all controls were run for these."),
    ("expected", "What nothing speaks against", "These should hold wherever there is no effect, and they do."),
    ("not found", "What was not shown", "These were tested and not shown to hold; that is no proof of the opposite."),
    ("untested", "What could not be tested", "For these there is nothing to go by."),
)
"""Of each standing: the heading, and what it means."""
HEADINGS = {of: heading for of, heading, _ in SECTIONS}
MUCH_LONGER = 1.5
"""Times the baseline's length that an answer has when the model has gone over to another way of answering."""
_LONG = {
    ALL_BLOCKED: "all thoughts",
    SEQUENTIAL: "for each thought all others but the one before; the answer reads all",
}
CONTROLS = {
    "sham": "a sham",
    "random": "other thoughts in its place",
    "uniform-context": "a model that reads everything alike",
    "contentless": "the model fed its mean thoughts",
    "control-model": "the control model",
}
"""What is behind each control."""


class BehaviourReport:
    """Writes docs/experiments/{MM-DD}_{model}_{dataset}_behaviour.md from verdicts; the path is relative to the output folder."""

    def __init__(self, study: "ModelStudy", judged: Judged):
        self._study, self._judged = study, judged

    @cached_property
    def roles(self) -> list[RoleVerdict]:
        """What is said of each role."""
        return [judge_role(role, self._judged) for role in ROLES]

    @cached_property
    def path(self) -> str:
        """Where it is written."""
        study = self._study
        name = f"{study.provenance['time'][5:10]}_{study.name}_{study.intervened.problems('test').name}_behaviour.md"
        relative = f"docs/experiments/{name}"
        write_text(study.absolute(relative), self.text)
        return relative

    @cached_property
    def text(self) -> str:
        """What it says."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        problems = self._study.intervened.problems("test")
        conditions = len(self._study.intervened.blocks_design())
        yield f"# What CT0 does in {plain(self._study.name)}"
        yield ""
        yield (
            f"{len(problems)} problems, the whole {problems.split} split of {plain(problems.name)}, answered under {conditions} "
            "conditions: a thought is blocked when no later thought and no answer token can read it. In brackets stand the "
            "criteria that a sentence rests on; they are defined in the [report](../../index.html)."
        )
        yield ""
        yield f"- {self._solved()} [B.1-ct0]"
        for name in TRUSTED:
            result = self._judged(name)
            yield f"- {plain(result.statement)}: {_verdict(result)}. [{name}]"
        yield from self._thoughts()
        yield from self._claims()
        yield from self._of_roles()
        yield from self._described()
        yield from self._cases()
        yield from self._came_from()

    def _solved(self) -> str:
        """How much there is to lose."""
        right = self._study.intervened.blocks().of("right", "baseline")
        words = f"Without anything blocked {int(right.sum())} of {len(right)} answers are right ({right.mean():.3g})"
        if right.mean() >= ENOUGH:
            return f"{words}."
        return (
            f"{words}: so few that blocking a thought can lose next to nothing, and that it loses nothing says nothing."
        )

    def _thoughts(self) -> Iterator[str]:
        """What every thought costs, not the ones alone that the claims are about."""
        trials, T = self._study.intervened.blocks(), self._study.n_latents
        lengths = self._lengths()
        yield from ("", "## What blocking each thought costs", "")
        yield (
            "Share of all answers lost, with its 95 % interval over problems. Some thoughts have more readers than others: "
            "blocked for the last thought and the answer, all but the last lose the same two. [B.1-ct0]"
        )
        yield ""
        yield (
            "| blocked | for all that comes later | for later thoughts alone | for the last thought and the answer | "
            "tokens per answer |"
        )
        yield "|---|---|---|---|---|"
        costs = {
            readers: (trials.impact(readers), *drop_intervals(trials.impact(readers), trials.seed))
            for readers in READERS
        }
        for position in range(T):
            cells = [
                f"{drop[:, position].mean():.3g} [{low[position]:.3g}, {high[position]:.3g}]"
                if block_name(readers, position, T) != "sham"
                else "no thought is later"
                for readers, (drop, low, high) in costs.items()
            ]
            name = block_name("both", position, T)
            yield f"| CT{position} | {' | '.join(map(plain, cells))} | {lengths[name]:.3g} |"
        for name in (ALL_BLOCKED, SEQUENTIAL):
            drop = trials.right[:, 0].astype(int) - trials.of("right", name)
            low, high = drop_interval(drop, trials.seed)
            cell = plain(f"{drop.mean():.3g} [{low:.3g}, {high:.3g}]")
            yield f"| {_LONG[name]} | {cell} | | | {lengths[name]:.3g} |"
        yield from ("", f"{_dearest(*costs['both'])} [B.1-ct0]")
        if T > 1:
            yield f"{_through_thoughts(costs)} [B.1-ct0]"
        yield f"Without anything blocked an answer has {lengths['baseline']:.3g} tokens. [B.1-complete]"
        longer = [name for name, length in lengths.items() if length > MUCH_LONGER * lengths["baseline"]]
        if longer:
            yield (
                f"Answers are much longer under: {', '.join(longer)}. There the model answers in another way, and what "
                "is lost is not what it loses without thoughts. [B.1-complete]"
            )

    def _lengths(self) -> dict[str, float]:
        """Tokens of an answer, mean over problems, by condition."""
        answered = self._study.intervened.answered_blocks()
        tokens = (answered.tokens > 0).sum(axis=2).mean(axis=0)
        return dict(zip(self._study.intervened.blocks_design(), map(float, tokens), strict=True))

    def _claims(self) -> Iterator[str]:
        results = {name: self._judged(name) for name in CLAIMS}
        for wanted, heading, meaning in SECTIONS:
            own = {name: result for name, result in results.items() if standing(result) == wanted}
            if own:
                yield from ("", f"## {heading}", "", meaning, "")
                yield from (f"- {_said(name, result, wanted)} [{name}]" for name, result in own.items())

    def _of_roles(self) -> Iterator[str]:
        yield from ("", "## Three roles claimed for CT0", "")
        yield "| role | taken to mean | verdict | because |"
        yield "|---|---|---|---|"
        for one in self.roles:
            yield f"| {one.role.name} | {one.role.meaning} | **{one.verdict}** | {one.reasons} |"

    def _described(self) -> Iterator[str]:
        yield from ("", "## What happens when CT0 is blocked", "")
        for name in DESCRIBED:
            result = self._judged(name)
            words = (
                result.answer if result.verdict == "pass" and result.answer else f"no description: {_verdict(result)}"
            )
            yield f"- {plain(words)}. [{name}]"
            yield from (
                f"  ![{PurePosixPath(path).stem}](../../{path})"
                for path in result.artifacts
                if path.endswith(".png") and "case_studies" not in path
            )

    def _cases(self) -> Iterator[str]:
        if self._judged("B.4-cases").verdict != "pass":
            return
        yield from ("", "## Cases", "")
        yield "They were chosen by a rule, illustrate what was measured, and prove nothing. [B.4-cases]"
        for number, case in enumerate(self._study.case_files.content, start=1):
            yield from (
                "",
                f"### {number}. Problem {case['problem_id']}, {case['difficulty']} step{'' if case['difficulty'] == 1 else 's'}",
                "",
            )
            yield f"> {plain(case['question'])}"
            yield ""
            # Solutions are calculations line by line.
            yield "  \n".join(f"> {plain(line)}" for line in case["solution"].splitlines() if line.strip())
            yield from ("", f"Gold answer {case['gold']:.15g}. {plain(case['narrative'])} [B.4-cases]", "")
            yield f"![case {number}](../../{case['figure'][0]})"

    def _came_from(self) -> Iterator[str]:
        about = self._study.provenance
        yield from ("", "---", "")
        yield (
            f"Written by codi-harness {about['harness']}, {about['time']}; model {about['model_fingerprint'][:12]}, problems "
            f"{self._study.intervened.problems('test').fingerprint[:12]}, seed {about['seed']}."
        )


def _dearest(drop: Array, low: Array, high: Array) -> str:
    """Which thoughts answers are lost without, the dearest first."""
    means = drop.mean(axis=0)
    lost = [int(position) for position in np.argsort(-means, kind="stable") if low[position] > 0]
    if not lost:
        return "No thought can be said to cost answers: every interval includes 0."
    named = [f"CT{position} ({means[position]:.3g})" for position in lost]
    rest = [f"CT{position}" for position in range(len(means)) if position not in lost]
    others = f"; of {', '.join(rest)} the interval includes 0 or less" if rest else ""
    return f"Answers are lost with {', '.join(named)} blocked, the dearest first{others}."


def _through_thoughts(costs: Mapping[Readers, tuple[Array, Array, Array]]) -> str:
    """Whether what is lost is lost through other thoughts."""
    (drop, _, _), (through, low, high) = costs["both"], costs["latents"]
    dearest, most = int(drop.mean(axis=0).argmax()), int(high.argmax())
    words = (
        f"Blocked for later thoughts alone, none costs more than CT{most}, {through[:, most].mean():.3g} "
        f"[{low[most]:.3g}, {high[most]:.3g}]"
    )
    if drop[:, dearest].mean() > 0 and high[most] < drop[:, dearest].mean() / 2:
        return f"{plain(words)}: most of what is lost is lost where the answer reads the thoughts, not from thought to thought."
    return f"{plain(words)}."


def _said(name: str, result: CriterionResult, how: Standing) -> str:
    """A claim with its number, no stronger than its standing."""
    claim = CLAIMS[name]
    number = f" ({plain(result.answer)})" if result.answer else f" ({_measured(result)})"
    match how:
        case "supported" | "expected":
            return f"{claim}{number}."
        case "unchecked":
            return f"{claim}{number}; whether the controls that were not run would show the same is open."
        case "empty":
            passing = " and ".join(_control(name, one) for name, one in result.controls.items() if one.passes)
            return f"{claim}{number}; but the same holds for {passing}."
        case "not found":
            return f'Not shown: "{claim}"{number}{"; " + result.reason if result.reason else ""}.'
        case "untested":
            why = result.reason or "no outcome on these problems could show it: they are too few, or too few are solved"
            return f'Not tested: "{claim}" ({plain(why)}).'


def _control(name: str, control: ControlResult) -> str:
    """What is behind a control that passes."""
    often = "" if control.pass_rate is None else f" (in {control.pass_rate:.0%} of the draws)"
    return f"{CONTROLS[name]}{often}"


def _measured(result: CriterionResult) -> str:
    value: Any = result.measured
    shown = f"{value:.3g}" if isinstance(value, float) else str(value)
    ends = (
        ""
        if result.ci_low is None or result.ci_high is None
        else f", 95 % interval {result.ci_low:.3g} to {result.ci_high:.3g}"
    )
    return f"measured {shown}, rule {result.comparator} {result.threshold}{ends}"


def _verdict(result: CriterionResult) -> str:
    return f"{result.verdict}{', ' + plain(result.reason) if result.reason else ''}"
