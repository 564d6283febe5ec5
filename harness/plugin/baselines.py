"""Approved verdicts on disk: one committed JSON file per scope and dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.documents import phrases
from harness.errors import HarnessError
from harness.files import write_json
from harness.plugin.gate import could_be_evaluated
from harness.results import CriterionResult, VerdictName
from harness.storage.tracked import last_commit

if TYPE_CHECKING:
    from harness.criteria.criterion import Criterion
    from harness.plugin.collection import Case

Declarations = Mapping[str, Mapping[str, str]]
"""SHA-256 of each criterion's declaration, by scope and id."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ApprovedVerdict(_Strict):
    """What was approved about one criterion."""

    verdict: VerdictName
    measured: Any = None
    rule: str
    declaration: str
    """SHA-256 of the criterion's declaration at the time."""


class Conditions(_Strict):
    """What two runs must share for their verdicts to be comparable."""

    dataset: str
    dataset_fingerprint: str
    n_problems: int
    seed: int
    controls: str
    sweep_problems: int = 1000

    def differences(self, other: Conditions) -> list[str]:
        """One phrase per condition in which ``other``, the run at hand, differs from these approved ones."""
        return [
            f"{name.replace('_', ' ')} {_short(theirs)} there, {_short(ours)} here"
            for name, theirs in self.model_dump().items()
            if (ours := getattr(other, name)) != theirs
        ]


class Baseline(BaseModel):
    """One file of approved verdicts."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal[1] = Field(1, alias="schema")
    scope: str
    conditions: Conditions
    declarations_sha256: str
    approved: date
    criteria: dict[str, ApprovedVerdict]

    def changed_declarations(self, digests: Mapping[str, str]) -> list[str]:
        """Ids of criteria that were approved under another declaration than the one in ``digests``."""
        return [
            name
            for name, digest in digests.items()
            if name in self.criteria and self.criteria[name].declaration != digest
        ]


TextOf = Callable[[Path], str]
"""Reads a file. Errors: ``HarnessError`` or, for files on disk, what the system says."""


def on_disk(path: Path) -> str:
    """The text of a file as it lies there."""
    return path.read_text(encoding="utf-8")


class Baselines(BaseModel):
    """The approved verdicts a run is compared with, by scope."""

    by_scope: dict[str, Baseline] = {}
    changed: dict[str, list[str]] = {}
    """Criteria, by scope, whose declaration is not the one that was approved."""
    unreadable: list[str] = []
    """What is wrong with the files that could not be read."""
    files: dict[str, Path] = {}
    """The file of each scope."""
    commits: dict[str, str] = {}
    """The commit that last touched the file of a scope, where there is one."""

    @classmethod
    def read(cls, folder: Path, cases: Sequence[Case], provenance: Mapping[str, Any], required: bool) -> Baselines:
        """The baseline of every scope among ``cases``.

        Errors, if ``required``: ``HarnessError`` for a file that is missing, is no baseline, or was recorded under
        other conditions than this run's.
        """
        declarations: dict[str, dict[str, str]] = {}
        for case in cases:
            declarations.setdefault(case.scope, {})[case.criterion.id] = case.criterion.digest()
        return cls.of(folder, declarations, provenance, required)

    @classmethod
    def of(
        cls,
        folder: Path,
        declarations: Declarations,
        provenance: Mapping[str, Any],
        required: bool = True,
        text_of: TextOf = on_disk,
    ) -> Baselines:
        """The baseline of every scope in ``declarations``; ``text_of`` reads its file. Errors: as for ``read``."""
        conditions = conditions_of(provenance)
        by_scope, changed, unreadable, files, commits = {}, {}, [], {}, {}
        for scope, digests in declarations.items():
            path = file_of(folder, scope, conditions.dataset)
            if not required and not path.exists():
                continue
            try:
                baseline = read(path, text_of)
            except HarnessError as error:
                if required:
                    raise
                unreadable.append(str(error))
                continue
            if required and (differences := baseline.conditions.differences(conditions)):
                raise HarnessError(
                    f"{path} was recorded with other options than this run: {'; '.join(differences)}. "
                    "Run with the recorded options, or look at the verdicts and approve them with --approve."
                )
            by_scope[scope], files[scope] = baseline, path
            if edited := baseline.changed_declarations(digests):
                changed[scope] = edited
            if required and (commit := last_commit(path)):
                commits[scope] = commit
        return cls(by_scope=by_scope, changed=changed, unreadable=unreadable, files=files, commits=commits)

    @property
    def edited(self) -> list[str]:
        """Ids of all criteria that were approved under another declaration than today's."""
        return list(dict.fromkeys(criterion for ids in self.changed.values() for criterion in ids))

    def approved(self, result: CriterionResult) -> ApprovedVerdict | None:
        """What was approved about the criterion of ``result``."""
        baseline = self.by_scope.get(result.model)
        return baseline.criteria.get(result.id) if baseline else None

    def approval_of(self, result: CriterionResult) -> str:
        """Where in history, or else when, and on how much the verdict was approved."""
        baseline = self.by_scope[result.model]
        commit = self.commits.get(result.model)
        place = f"at {commit}" if commit else f"{baseline.approved}"
        return f"approved {place} on {baseline.conditions.n_problems} problems"


def conditions_of(provenance: Mapping[str, Any]) -> Conditions:
    """The comparable part of a run's provenance."""
    dataset = provenance["dataset"]
    return Conditions(
        dataset=dataset["name"],
        dataset_fingerprint=dataset["fingerprint"],
        n_problems=dataset["n"],
        seed=provenance["seed"],
        controls=provenance["controls"],
        sweep_problems=provenance["sweep_problems"],
    )


def file_of(folder: Path, scope: str, dataset: str) -> Path:
    """Where the approved verdicts of one scope on one dataset are."""
    return folder / f"{scope}.{dataset}.json"


def read(path: Path, text_of: TextOf = on_disk) -> Baseline:
    """Read one baseline file. Errors: ``HarnessError`` when it is missing or not a baseline."""
    try:
        return Baseline.model_validate_json(text_of(path))
    except FileNotFoundError:
        raise HarnessError(
            f"{path} does not exist, so there are no approved verdicts to compare with. Look at the verdicts, then "
            "approve them with --approve, or name another folder with --baselines."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"The approved verdicts in {path} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise HarnessError(
            f"{path} is not a file of approved verdicts: {where}: {first['msg']}. "
            "Restore it from version control, or delete it and approve the verdicts anew with --approve."
        ) from error


def approve(
    folder: Path,
    judged: Sequence[tuple[Criterion, CriterionResult]],
    conditions: Conditions,
    declarations_sha256: str,
    day: date,
) -> dict[Path, str]:
    """Write the verdicts of ``judged``; returns each file written with a sentence on what became of it.

    Approved verdicts this run did not evaluate, or could not, stay, unless they were recorded under other conditions:
    verdicts of one file are all from the same conditions.
    """
    written = {}
    for scope in dict.fromkeys(result.model for _, result in judged):
        path = file_of(folder, scope, conditions.dataset)
        before = read(path) if path.exists() else None
        fresh = {
            one.id: _approved(one, result)
            for one, result in judged
            if result.model == scope and could_be_evaluated(result)
        }
        comparable = before is not None and before.conditions == conditions
        kept = before.criteria if before and comparable else {}
        criteria = {**kept, **fresh}
        baseline = Baseline(
            scope=scope,
            conditions=conditions,
            declarations_sha256=declarations_sha256,
            approved=day,
            criteria=dict(sorted(criteria.items())),
        )
        write_json(path, baseline.model_dump(mode="json", by_alias=True))
        written[path] = _account(before, fresh, comparable)
    return written


def _approved(criterion: Criterion, result: CriterionResult) -> ApprovedVerdict:
    return ApprovedVerdict(
        verdict=result.verdict,
        measured=result.measured,
        rule=phrases.rule(result.comparator, result.threshold),
        declaration=criterion.digest(),
    )


def _account(before: Baseline | None, fresh: dict[str, ApprovedVerdict], comparable: bool) -> str:
    if before is None:
        return f"{len(fresh)} verdicts, new file"
    if not comparable:
        dropped = len(before.criteria.keys() - fresh.keys())
        return f"{len(fresh)} verdicts; {len(before.criteria)} recorded with other options replaced, {dropped} dropped"
    changed = [name for name, verdict in fresh.items() if _verdict_in(before, name) != verdict.verdict]
    return f"{len(fresh)} verdicts, {len(changed)} changed" + (f" ({', '.join(changed)})" if changed else "")


def _verdict_in(baseline: Baseline, criterion: str) -> str | None:
    approved = baseline.criteria.get(criterion)
    return approved.verdict if approved else None


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:12]}…" if len(text) > 20 else text
