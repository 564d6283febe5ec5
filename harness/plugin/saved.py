"""The gate on results that lie in a folder, or are about to be committed: verdicts are compared, nothing is judged."""

import os
from collections.abc import Iterator, Mapping
from itertools import permutations
from pathlib import Path

from harness.documents.changes import diff
from harness.documents.github import announce
from harness.documents.phrases import counted, one_line
from harness.documents.summary import summary
from harness.plugin.baselines import Baseline, Baselines, Declarations, file_of, on_disk
from harness.plugin.changes import changes_of, edited_declarations, several_models, unchanged
from harness.results import FILE, RunResult, parse_results, read_results
from harness.storage.tracked import is_staged, staged_text

MET, NOT_MET = 0, 1


def gate(folder: Path, baselines: Path, staged: bool) -> int:
    """Print how the verdicts in ``folder`` differ from the approved ones in ``baselines``; 1 where any does, else 0.

    With ``staged``, both are taken as the next commit will have them; a commit without results has nothing to compare.
    Errors: ``HarnessError`` where either is missing or damaged, or they were made with different options.
    """
    path = folder / FILE
    if staged and not is_staged(path):
        print(f"{path} is not in the next commit: nothing to compare")
        return MET
    result = parse_results(staged_text(path), path) if staged else read_results(folder)
    text_of = staged_text if staged else on_disk
    approved = Baselines.of(baselines, _declarations(result), result.run, text_of=text_of)
    beside = Baselines.of(
        baselines, _not_judged(result, baselines, staged), result.run, required=False, text_of=text_of
    )
    changes = changes_of(result.criteria, approved)
    lines = [
        *map(one_line, edited_declarations(approved)),
        *diff(changes, with_models=several_models(result.criteria)),
        *_absent(result, {**approved.by_scope, **beside.by_scope}),
        *map(one_line, beside.unreadable),
        *([] if changes else [unchanged(result.criteria, approved)]),
    ]
    differ = f"{counted(len(changes), 'verdict')} {'differs' if len(changes) == 1 else 'differ'}"
    outcome = f"gate: baseline -> {differ} (exit 1)" if changes else "gate: baseline -> met (exit 0)"
    print("\n".join([*lines, outcome]))
    if changes:
        print(
            f"If they are right, run the same checks again with --approve and add {baselines}; if not, mend what "
            f"changed them and run the checks again before you add {folder}."
        )
    announce(os.environ, print, lambda limit: summary(result, outcome, changes, limit=limit), changes)
    return NOT_MET if changes else MET


def _declarations(result: RunResult) -> Declarations:
    """What each verdict was judged by, as the results have it."""
    digests = result.run["declarations"]
    ids = {scope: [one.id for one in result.criteria if one.model == scope] for scope in _scopes(result)}
    return {scope: {name: digests[name] for name in own if name in digests} for scope, own in ids.items()}


def _scopes(result: RunResult) -> list[str]:
    return list(dict.fromkeys(one.model for one in result.criteria))


def _not_judged(result: RunResult, baselines: Path, staged: bool) -> Declarations:
    """Scopes of the run that the results lack and something is approved of."""
    there = is_staged if staged else Path.is_file
    names = [model["name"] for model in result.run["models"]]
    scopes = ["run", *names, *(f"{one}_vs_{other}" for one, other in permutations(names, 2))]
    dataset = result.run["dataset"]["name"]
    return {one: {} for one in scopes if one not in _scopes(result) and there(file_of(baselines, one, dataset))}


def _absent(result: RunResult, approved: Mapping[str, Baseline]) -> Iterator[str]:
    """What was approved and is not among the results: a run that judged less is no change, but should be seen."""
    judged = {(one.model, one.id) for one in result.criteria}
    for scope, baseline in approved.items():
        if absent := [name for name in baseline.criteria if (scope, name) not in judged]:
            names = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
            lack = f"these results lack {counted(len(absent), 'approved verdict')} on {scope}"
            yield one_line(f"not compared, for {lack}: {names}")
