"""What must be known before any number is read: checks that broke, and what limits the reading of a run."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.documents import phrases
from harness.reporting.rows import anchor
from harness.results import CriterionResult, RunResult


@dataclass(frozen=True)
class Broken:
    """A validity check that failed."""

    criterion: CriterionResult
    anchor: str
    measured: str
    rule: str


@dataclass(frozen=True)
class Banner:
    """The checks of one scope that failed, and how many criteria are invalid for it."""

    scope: str
    checks: list[Broken]
    resting: int


def banners(result: RunResult) -> list[Banner]:
    """One per scope whose validity broke: which check, what it found, what rests on it."""
    broken = [item for item in result.criteria if item.kind == "validity" and item.verdict == "fail"]
    found = []
    for scope in dict.fromkeys(item.model for item in broken):
        checks = [item for item in broken if item.model == scope]
        found.append(
            Banner(
                scope="this run" if scope == "run" else phrases.scope_name(scope),
                checks=[Broken(one, anchor(one), phrases.found(one), phrases.asked(one)) for one in checks],
                resting=_resting(result, scope, [one.id for one in checks]),
            )
        )
    return found


def notices(result: RunResult) -> list[str]:
    """What limits the reading of a run whose checks did not break."""
    return list(_notices(result))


def _notices(result: RunResult) -> Iterator[str]:
    run = result.run
    options = run.get("options") or {}
    if run.get("from_results"):
        yield (
            "Judged again from saved results, without a model: what needs the model is skipped, and everything else stands on "
            "what the run saved that computed it."
        )
    yield from _against_the_control_model(result)
    unchecked = [item for item in result.criteria if item.kind == "validity" and item.verdict == "skipped"]
    if unchecked:
        names = dict.fromkeys(item.id for item in unchecked)
        yield (
            f"{phrases.counted(len(unchecked), 'validity check')} could not be evaluated in this run "
            f"({', '.join(names)}); nothing here vouches for what they would have caught."
        )
    if changed := run.get("declarations_changed"):
        listed = f": {', '.join(map(str, changed))}" if isinstance(changed, list | tuple) else ""
        yield f"The criteria's declarations differ from the approved ones{listed}."
    if (run.get("dataset") or {}).get("n") == 1:
        yield "One problem only: nothing can be resampled, and what asks how problems differ has nothing to go by."
    controls = run.get("controls") or options.get("controls")
    if controls == "none":
        yield "No controls were evaluated: whatever passes here may pass for any model."
    elif controls == "cheap":
        yield "Only controls that need no further extraction were evaluated."
    if options.get("quick"):
        yield "A quick run: 10 problems and cheap controls only. Use it to see that things work."


def _against_the_control_model(result: RunResult) -> Iterator[str]:
    """Which hypotheses pass with and without what the matched control model lacks, a sentence for each model."""
    name = str(result.run.get("control_model"))
    compared = [item for item in result.criteria if item.verdict == "pass" and name in item.controls]
    for model in dict.fromkeys(item.model for item in compared):
        own = [item for item in compared if item.model == model and not item.null_should_pass]
        too = [item.id for item in own if item.controls[name].passes]
        alone = [item.id for item in own if not item.controls[name].passes]
        yield (
            f"Of the hypotheses that {model} passes, {name} fails {phrases.counted(len(alone), 'one', 'of them')}"
            f"{f' ({phrases.joined(alone)})' if alone else ''} and passes {len(too)} too"
            f"{f' ({phrases.joined(too)})' if too else ''}; what both pass is not owed to what {name} lacks. This is one "
            "trained model against another: how much either varies with its training seed is not in these numbers."
        )


def _resting(result: RunResult, scope: str, broken: Iterable[str]) -> int:
    """How many invalid criteria name a broken check of this scope, or something that rests on one."""
    causes, resting = set(broken), set[tuple[str, str]]()
    invalid = [
        item
        for item in result.criteria
        if item.verdict == "invalid" and scope in {"run", item.model, *item.model.split("_vs_")}
    ]
    while True:
        found = {
            (item.model, item.id)
            for item in invalid
            if item.reason is None or causes & set(re.findall(r"[\w.-]*\w", item.reason))
        }
        if found == resting:
            return len(found)
        resting = found
        causes |= {name for _, name in found}
